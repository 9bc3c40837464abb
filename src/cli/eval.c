/* eval.c: `loci eval`, a model's figures on benchmarks. Those of word vectors are in eval_words.c and
 * eval_cluster.c, those of classifiers in eval_classify.c.
 */
#include "eval.h"
#include "cli.h"

typedef loci__eval_values values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"model", 'm', LOCI__OPTION_TEXT, AT(model), "MODEL", LOCI__OFFER_MODEL,
     "a folder, a file or a name; default: the built-in model"},
    {"mode", 0, LOCI__OPTION_CHOICE, AT(mode), "hybrid|vector|text", LOCI__OFFER_NOTHING,
     "retrieval: one way of searching; default: all three beside each other"},
    {"fusion", 0, LOCI__OPTION_CHOICE, AT(fusion), "standard|rrf", LOCI__OFFER_NOTHING,
     "retrieval: how hybrid puts meaning and words together"},
    {"split", 0, LOCI__OPTION_TEXT, AT(split), "NAME", LOCI__OFFER_NOTHING,
     "retrieval: qrels/NAME.tsv; default: test, else train, else dev"},
    {"chunks", 0, LOCI__OPTION_FLAG, AT(chunks), NULL, LOCI__OFFER_NOTHING,
     "retrieval: cut documents into passages as index does, the best one counts"},
    {"most", 0, LOCI__OPTION_COUNT, AT(most), "N", LOCI__OFFER_NOTHING,
     "analogy: only the first N words of the file are asked about and can be answers; default: all"},
    {"best", 'k', LOCI__OPTION_COUNT, AT(best), "N", LOCI__OFFER_NOTHING,
     "classify: precision and recall of the N most probable labels (1); cluster: how many clusters (as many as "
     "classes)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

enum { N_MODES = 3 };
static const char *const mode_names[N_MODES] = {"hybrid", "vector", "text"}; /* enum loci_search_mode */

typedef loci__eval_sheet sheet;

static loci_status eval_sts(sheet *s, const loci_model *model, const char *data, loci_error *error) {
  loci_sts_score score = {0};
  LOCI__TRY(loci_eval_sts(model, data, &score, error));
  if (s->as_json) {
    loci__json_open(&s->json, '{');
    loci__put_key_text(&s->json, "data", data);
    loci__put_key_u64(&s->json, "pairs", score.n_pairs);
    loci__put_key_u64(&s->json, "truncated", score.n_truncated);
    loci__put_key_double(&s->json, "spearman", score.spearman);
    loci__put_key_double(&s->json, "pearson", score.pearson);
    loci__json_close(&s->json, '}');
    return LOCI_OK;
  }
  loci__table_add(&s->table, data);
  loci__table_addf(&s->table, "%llu", (unsigned long long)score.n_pairs);
  loci__table_addf(&s->table, "%.4f", score.spearman);
  loci__table_addf(&s->table, "%.4f", score.pearson);
  return LOCI_OK;
}

static loci_status eval_retrieval_mode(sheet *s, loci__cli *cli, const loci_model *model, const char *data, int mode,
                                       loci_error *error) {
  const values *v = cli->values;
  loci_retrieval_options o;
  loci_retrieval_options_init(&o);
  o.split = v->split;
  o.mode = mode;
  if (v->fusion) o.fusion = v->fusion - 1;
  o.chunks = v->chunks;
  o.progress = loci__progress_show;
  o.progress_user = cli;
  loci_retrieval_score score = {0};
  LOCI__TRY(loci_eval_retrieval(cli->context, model, data, &o, &score, error));
  if (s->as_json) {
    loci__json_open(&s->json, '{');
    loci__put_key_text(&s->json, "data", data);
    loci__put_key_text(&s->json, "mode", mode_names[mode]);
    loci__put_key_u64(&s->json, "documents", score.n_documents);
    loci__put_key_u64(&s->json, "queries", score.n_queries);
    loci__put_key_double(&s->json, "ndcg_10", score.ndcg_10);
    loci__put_key_double(&s->json, "map", score.map);
    loci__put_key_double(&s->json, "recall_100", score.recall_100);
    loci__put_key_double(&s->json, "mrr_10", score.mrr_10);
    loci__json_close(&s->json, '}');
    return LOCI_OK;
  }
  loci__table_add(&s->table, data);
  loci__table_add(&s->table, mode_names[mode]);
  loci__table_addf(&s->table, "%llu", (unsigned long long)score.n_documents);
  loci__table_addf(&s->table, "%llu", (unsigned long long)score.n_queries);
  loci__table_addf(&s->table, "%.4f", score.ndcg_10);
  loci__table_addf(&s->table, "%.4f", score.map);
  loci__table_addf(&s->table, "%.4f", score.recall_100);
  loci__table_addf(&s->table, "%.4f", score.mrr_10);
  return LOCI_OK;
}

static loci_status eval_each(sheet *s, loci__cli *cli, const loci_model *model, bool sts, loci_error *error) {
  const values *v = cli->values;
  for (size_t i = 1; i < cli->arguments.n; i++) {
    const char *data = cli->arguments.items[i];
    if (sts) {
      LOCI__TRY(eval_sts(s, model, data, error));
      continue;
    }
    for (int mode = 0; mode < N_MODES; mode++)
      if (!v->mode || v->mode - 1 == mode) LOCI__TRY(eval_retrieval_mode(s, cli, model, data, mode, error));
  }
  return LOCI_OK;
}

static loci_status eval_with(loci__cli *cli, const loci_model *model, bool sts, loci_error *error) {
  static const char *const sts_headings[] = {"data", ">pairs", ">Spearman", ">Pearson"};
  static const char *const retrieval_headings[] = {"data",     "mode", ">documents", ">queries",
                                                   ">nDCG@10", ">MAP", ">R@100",     ">MRR@10"};
  const values *v = cli->values;
  sheet s = {.as_json = v->json};
  loci__buffer_init(&s.out, NULL, 0);
  if (sts) loci__table_init(&s.table, sts_headings, LOCI__COUNT(sts_headings));
  else loci__table_init(&s.table, retrieval_headings, LOCI__COUNT(retrieval_headings));
  if (s.as_json) {
    loci_model_info info = {.struct_size = sizeof info};
    if (model) loci_model_get_info(model, &info);
    loci__json_writer_init(&s.json, &s.out);
    loci__json_open(&s.json, '{');
    loci__json_key(&s.json, "model");
    if (model) loci__json_put_text(&s.json, info.name);
    else loci__json_put_null(&s.json);
    loci__json_key(&s.json, "results");
    loci__json_open(&s.json, '[');
  }
  loci_status status = eval_each(&s, cli, model, sts, error);
  if (status == LOCI_OK) {
    if (s.as_json) {
      loci__json_close(&s.json, ']');
      loci__json_close(&s.json, '}');
      loci__buffer_putc(&s.out, '\n');
    } else {
      loci__table_put(&s.table, &s.out, cli);
    }
    status = loci__output_flush(cli, &s.out, error);
  }
  loci__table_release(&s.table);
  loci__buffer_release(&s.out);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  const char *kind = cli->arguments.items[0];
  bool sts = !strcmp(kind, "sts");
  if (!strcmp(kind, "classify")) return loci__eval_classify(cli, error);
  if (!strcmp(kind, "cluster")) return loci__eval_cluster(cli, error);
  if (v->best) return loci__fail(error, LOCI_ERROR_USAGE, "--best is for `loci eval classify` and `loci eval cluster`");
  if (!strcmp(kind, "analogy") || !strcmp(kind, "similarity")) return loci__eval_words(cli, error);
  if (!sts && strcmp(kind, "retrieval") != 0)
    return loci__fail(
        error, LOCI_ERROR_USAGE,
        "there is no evaluation '%s'; it is one of sts, retrieval, analogy, similarity, cluster, classify", kind);
  if (cli->arguments.n < 2)
    return loci__fail(error, LOCI_ERROR_USAGE, "name the data: loci eval %s %s", kind,
                      sts ? "stsb-dev.tsv" : "scifact/");
  if (sts && (v->mode || v->fusion || v->split || v->chunks))
    return loci__fail(error, LOCI_ERROR_USAGE, "--mode, --fusion, --split and --chunks are for `loci eval retrieval`");
  if (v->most) return loci__fail(error, LOCI_ERROR_USAGE, "--most is for `loci eval analogy`");
  loci_model *model = NULL;
  if (v->mode != 1 + LOCI_SEARCH_TEXT || v->chunks) /* words alone over whole documents need no model */
    LOCI__TRY(loci_model_open(cli->context, v->model, &model, error));
  loci_status status = eval_with(cli, model, sts, error);
  if (model) loci_model_close(model);
  return status;
}

const loci__command loci__command_eval = {
    .name = "eval",
    .summary = "Measure a model on sentences, retrieval or words",
    .arguments = "sts|retrieval|analogy|similarity|cluster|classify [VECTORS|MODEL] DATA…",
    .about =
        "`sts`: DATA is a file of sentence pairs with scores (the STS-B and SICK layouts, or score and two sentences "
        "by tabs); the figure is Spearman's rank correlation of the cosine with the scores.\n\n"
        "`retrieval`: DATA is a folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels); the figures are nDCG@10, "
        "MAP, recall@100 and MRR@10, by meaning and words, by meaning, and by words alone on the same rows.\n\n"
        "`analogy`: VECTORS is a file of word vectors or a static model's folder, DATA a file like "
        "questions-words.txt; "
        "the figures are questions, those whose words are all there, and how many of these are right, the three given "
        "words excluded from the answers and not.\n\n"
        "`similarity`: DATA is a file of two words and a score a line (WordSim-353, SimLex-999, MEN, RG-65 …), or a "
        "folder "
        "of such files; the figure is Spearman's rank correlation of the cosine with the scores, over the pairs whose "
        "words are both there and over all.\n\n"
        "`cluster`: VECTORS as before, DATA files of words with their classes (\"class word\" a line, columns named "
        "category "
        "and word, or \": class\" with its words below); the figures are how well k-means with as many clusters as "
        "classes agrees with them: purity, V-measure and its two parts, the adjusted Rand index.\n\n"
        "`classify`: MODEL is a classifier, DATA a file of labelled lines as `loci train classify` takes them; the "
        "figures are the lines that have a label the model knows, those that have not, and precision and recall of the "
        "most probable label.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci eval sts stsb-dev.tsv", "the built-in model on STS-B"},
                 {"loci eval retrieval -m ~/models/all-MiniLM-L6-v2 scifact", "a model on SciFact, three ways"},
                 {"loci eval analogy vectors.bin questions-words.txt", "3CosAdd, a row a section"},
                 {"loci eval similarity vectors.bin EN-WS-353-ALL.txt --json", "pairs of words, for a program"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_INTERRUPT,
    .least = 1,
    .most = SIZE_MAX,
    .offer = LOCI__OFFER_FILE,
    .words = "sts|retrieval|analogy|similarity|cluster|classify",
    .values_size = sizeof(values),
    .run = run,
};
