/* neighbors.c: `loci neighbors`, what lies around a word.
 */
#include "cli.h"

typedef struct values {
  uint64_t limit;
  const char *from;
  int metric, csls, json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"limit", 'n', LOCI__OPTION_COUNT, AT(limit), "N", LOCI__OFFER_NOTHING, "how many neighbours (10)"},
    {"metric", 0, LOCI__OPTION_CHOICE, AT(metric), "cosine|dot|l2", LOCI__OFFER_NOTHING, "default: cosine"},
    {"from", 0, LOCI__OPTION_TEXT, AT(from), "VECTORS", LOCI__OFFER_FILE,
     "take the words' vectors from this file, and their neighbours from VECTORS"},
    {"csls", 0, LOCI__OPTION_FLAG, AT(csls), NULL, LOCI__OFFER_NOTHING,
     "with --from: scale cosines by how near everything is to a word (Conneau et al. 2018)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object a word"},
};

typedef struct answer {
  loci__cli *cli;
  loci__space space, from; /* from.vectors NULL: the same */
  const loci_vectors *vectors;
  loci_vectors_info info;
  float *query;
  loci_neighbor *found;
  loci__table table;
  loci__buffer out;
} answer;

static void put_json(answer *a, const char *word, size_t n, const char *metric) {
  loci__json_writer json;
  loci__json_writer_init(&json, &a->out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "word");
  loci__json_put_text(&json, word);
  loci__json_key(&json, "metric");
  loci__json_put_text(&json, metric);
  loci__json_key(&json, "neighbors");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < n; i++) {
    loci__json_open(&json, '{');
    loci__json_key(&json, "word");
    loci__json_put_text(&json, loci_vectors_word(a->vectors, a->found[i].index, NULL));
    loci__json_key(&json, "score");
    loci__json_put_double(&json, a->found[i].score);
    loci__json_close(&json, '}');
  }
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
  loci__buffer_putc(&a->out, '\n');
}

static loci_status one_word(answer *a, const char *word, loci_error *error) {
  const values *v = a->cli->values;
  const loci_metric metric = v->metric ? (loci_metric)(v->metric - 1) : LOCI_METRIC_COSINE;
  LOCI__TRY(loci__space_get(a->from.vectors ? &a->from : &a->space, word, strlen(word), a->query, error));
  size_t exclude = 0, n;
  const bool itself = !a->from.vectors && loci__space_find(&a->space, word, strlen(word), &exclude, NULL) == LOCI_OK;
  const size_t limit = v->limit ? (size_t)v->limit : 10;
  const char *name = v->csls ? "CSLS" : loci_metric_name(metric);
  if (v->csls) LOCI__TRY(loci_csls(a->vectors, a->from.vectors, a->query, limit, 0, a->found, &n, error));
  else LOCI__TRY(loci_neighbors(a->vectors, a->query, limit, metric, &exclude, itself, a->found, &n, error));
  if (v->json) {
    put_json(a, word, n, name);
    return LOCI_OK;
  }
  for (size_t i = 0; i < n; i++) {
    size_t length;
    const char *found = loci_vectors_word(a->vectors, a->found[i].index, &length);
    loci__table_add(&a->table, word);
    loci__table_addn(&a->table, found, length);
    loci__table_addf(&a->table, "%.4f", a->found[i].score);
    loci__table_add(&a->table, name);
  }
  return LOCI_OK;
}

static loci_status all_words(answer *a, loci_error *error) {
  static const char *const headings[] = {"word", "neighbour", ">score", "metric"};
  const values *v = a->cli->values;
  if (v->csls && !v->from)
    return loci__fail(error, LOCI_ERROR_USAGE, "--csls is between two languages: it wants --from VECTORS");
  if (v->csls && v->metric > 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "--csls is made of cosines: leave --metric out");
  if (v->limit > a->info.n) return loci__fail(error, LOCI_ERROR_USAGE, "there are only %zu words", a->info.n);
  if (a->from.vectors && a->from.info.dim != a->info.dim)
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' has vectors of %zu numbers, '%s' of %zu: not one space",
                      a->from.info.path, a->from.info.dim, a->info.path, a->info.dim);
  a->query = loci__alloc_array(NULL, a->info.dim, sizeof *a->query);
  a->found = loci__alloc_array(NULL, v->limit ? (size_t)v->limit : 10, sizeof *a->found);
  if (!a->query || !a->found) return loci__fail_memory(error, a->info.dim * sizeof *a->query, "a vector");
  loci__table_init(&a->table, headings, LOCI__COUNT(headings));
  loci__buffer_init(&a->out, NULL, 0);
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < a->cli->arguments.n && status == LOCI_OK; i++)
    status = one_word(a, a->cli->arguments.items[i], error);
  if (status == LOCI_OK) {
    if (!v->json) loci__table_put(&a->table, &a->out, a->cli);
    status = loci__output_flush(a->cli, &a->out, error);
  }
  loci__table_release(&a->table);
  loci__buffer_release(&a->out);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  answer a = {.cli = cli};
  LOCI__TRY(loci__space_open(cli, &a.space, error));
  a.vectors = a.space.vectors;
  a.info = a.space.info;
  loci_status status = LOCI_OK;
  if (v->from) {
    a.from.cli = cli;
    status = loci_vectors_open(cli->context, v->from, NULL, &a.from.vectors, error);
    a.from.info.struct_size = sizeof a.from.info;
    if (status == LOCI_OK) loci_vectors_get_info(a.from.vectors, &a.from.info);
  }
  if (status == LOCI_OK) status = all_words(&a, error);
  loci__free(NULL, a.query);
  loci__free(NULL, a.found);
  loci__space_close(&a.from);
  loci__space_close(&a.space);
  return status;
}

const loci__command loci__command_neighbors = {
    .name = "neighbors",
    .summary = "Find the words whose vectors are nearest to a word's",
    .arguments = "VECTORS WORD…",
    .about =
        "VECTORS is a file of word vectors (word2vec, GloVe, fastText, .npy), or a static model's folder or name, "
        "whose "
        "words are its tokens; or it is left out, and -c or --store names a collection, whose passages are the words, "
        "each called FILE:LINE. A word is not its own neighbour. With a fastText model a word that was never seen "
        "is taken by its n-grams.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci neighbors vectors.bin king", "what the corpus puts near \"king\""},
                 {"loci neighbors vectors.bin king queen -n 5 --json", "of two words, as JSON"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS | LOCI__USES_THREADS,
    .least = 2,
    .most = SIZE_MAX,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
