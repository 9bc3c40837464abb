/* search.c: `loci search`, the passages nearest to a question.
 */
#include "cli.h"

typedef struct values {
  uint64_t limit;
  int mode, fusion; /* 1 + enum, 0 = not given */
  const char *path, *queries, *model;
  int json, explain, all;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"limit", 'n', LOCI__OPTION_COUNT, AT(limit), "N", LOCI__OFFER_NOTHING, "how many results at most (10)"},
    {"mode", 0, LOCI__OPTION_CHOICE, AT(mode), "hybrid|vector|text", LOCI__OFFER_NOTHING,
     "by meaning and words (hybrid), by meaning, or by words"},
    {"path", 0, LOCI__OPTION_TEXT, AT(path), "GLOB", LOCI__OFFER_NOTHING, "only documents whose path matches"},
    {"all", 0, LOCI__OPTION_FLAG, AT(all), NULL, LOCI__OFFER_NOTHING,
     "every passage is a result: several of a document, and those that are alike"},
    {"fusion", 0, LOCI__OPTION_CHOICE, AT(fusion), "standard|rrf", LOCI__OFFER_NOTHING,
     "how meaning and words are put together: standardised scores, or reciprocal ranks"},
    {"model", 'm', LOCI__OPTION_TEXT, AT(model), "MODEL", LOCI__OFFER_MODEL,
     "the model for the question; must give the vectors that the collection holds"},
    {"queries", 0, LOCI__OPTION_TEXT, AT(queries), "FILE", LOCI__OFFER_FILE,
     "each line of FILE (- is standard input) is a question; answers in JSON, one object a line"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
    {"explain", 0, LOCI__OPTION_FLAG, AT(explain), NULL, LOCI__OFFER_NOTHING,
     "ranks and scores of either side, and how far the cosine stands out among random pairs"},
};

enum { QUERIES_AT_ONCE = 1024 };

static loci_status answer(loci__cli *cli, loci_collection *collection, const char *query, size_t length,
                          loci__buffer *out, loci_error *error) {
  const values *v = cli->values;
  loci_search_options o;
  loci_search_options_init(&o);
  if (v->limit) o.limit = v->limit > SIZE_MAX ? SIZE_MAX : (size_t)v->limit;
  if (v->mode) o.mode = (loci_search_mode)(v->mode - 1);
  if (v->fusion) o.fusion = (loci_fusion)(v->fusion - 1);
  o.path_glob = v->path;
  o.model = v->model;
  o.all = v->all;
  o.explain = v->explain;
  o.progress = loci__progress_cancel;
  loci_results results = {0};
  loci_status status = loci_collection_search(collection, query, length, &o, &results, error);
  if (status == LOCI_ERROR_CANCELLED) return loci__fail(error, status, "interrupted");
  if (status != LOCI_OK) return status;
  if (results.query_truncated)
    loci__note(cli, "the question is longer than the model takes; only its beginning was looked for");
  if (!results.n) {
    cli->nothing = true;
    if (!v->json && !v->queries) loci__note(cli, "nothing found; `loci status` says what the collection holds");
  }
  loci__results_put(out, cli, query, length, &results,
                    (loci__results_style){.json = v->json || v->queries, .explain = v->explain, .excerpt = true});
  loci_results_release(&results);
  return loci__output_flush(cli, out, error);
}

static bool is_blank(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (!strchr(" \t\r\n\f\v", text[i])) return false;
  return true;
}

static loci_status answer_lines(loci__cli *cli, loci_collection *collection, loci__buffer *out, loci_error *error) {
  const values *v = cli->values;
  loci__input input;
  loci_text *texts = NULL;
  size_t capacity = 0, n = 0;
  loci_status status = loci__input_open(&input, cli->context, v->queries, error);
  while (status == LOCI_OK) {
    status = loci__input_lines(&input, QUERIES_AT_ONCE, &texts, &capacity, &n, error);
    if (status != LOCI_OK || !n) break;
    for (size_t i = 0; i < n && status == LOCI_OK; i++) {
      if (is_blank(texts[i].data, texts[i].length)) {
        /* A line in, a line out: whoever pairs them by number may rely on it. */
        loci__results_put(out, cli, texts[i].data, texts[i].length, &(loci_results){0},
                          (loci__results_style){.json = true});
        continue;
      }
      status = answer(cli, collection, texts[i].data, texts[i].length, out, error);
      if (status != LOCI_OK)
        loci__error_prefix(error, "%s, line %llu", input.name, (unsigned long long)(input.n_read - n + i + 1));
    }
  }
  if (status == LOCI_OK) status = loci__output_flush(cli, out, error);
  loci__free(NULL, texts);
  loci__input_close(&input);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  if (!v->queries == !cli->arguments.n)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "give a question or --queries FILE, one of them: loci search \"how to fix a slow laptop\"");
  loci__buffer out, query;
  loci__buffer_init(&out, NULL, 0);
  loci__buffer_init(&query, NULL, 0);
  /* loci search fix slow laptop: several words are one question. */
  for (size_t i = 0; i < cli->arguments.n; i++) {
    if (i) loci__buffer_putc(&query, ' ');
    loci__buffer_puts(&query, cli->arguments.items[i]);
  }
  loci_status status = loci__buffer_status(&query, "the question", error);
  loci_collection *collection = NULL;
  if (status == LOCI_OK && !v->queries && is_blank(query.data, query.length))
    status = loci__fail(error, LOCI_ERROR_USAGE, "the question is empty; write it in words");
  if (status == LOCI_OK) status = loci__collection_open(cli, LOCI_COLLECTION_READ, &collection, error);
  if (status == LOCI_OK && v->queries) status = answer_lines(cli, collection, &out, error);
  if (status == LOCI_OK && !v->queries) status = answer(cli, collection, query.data, query.length, &out, error);
  if (collection) loci_collection_close(collection);
  loci__buffer_release(&query);
  loci__buffer_release(&out);
  return status;
}

const loci__command loci__command_search = {
    .name = "search",
    .summary = "Find the passages nearest to a question, in meaning and words",
    .arguments = "QUERY…",
    .about =
        "The question is compared with every passage in two ways: by the cosine of the vectors, which finds what "
        "means the same in other words, and by BM25, which finds names and exact words. The two are put together. "
        "A document counts once, by its best passage, and passages that are alike are folded into one (--all shows "
        "them).\n\n"
        "Outside of a terminal the results are tab-separated: rank, score, path, first and last line, page, heading, "
        "best sentence; with --explain also cosine, its percentile among random pairs, rank by meaning, BM25, rank by "
        "words.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci search \"how to fix a slow laptop\"", "the ten best"},
                 {"loci search \"refund policy\" -n 3 --path '*.md'", "three, from Markdown files only"},
                 {"loci search ENOSPC --mode text", "an exact word"},
                 {"loci search --queries questions.txt > answers.jsonl", "many questions at once"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_COLLECTION | LOCI__USES_INTERRUPT,
    .most = SIZE_MAX,
    .values_size = sizeof(values),
    .run = run,
};
