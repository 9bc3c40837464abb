/* path.c: `loci path`, from one word to another by near neighbours.
 */
#include "cli.h"

typedef struct values {
  uint64_t k, most;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"nearest", 'k', LOCI__OPTION_COUNT, AT(k), "N", LOCI__OFFER_NOTHING,
     "a step goes to one of the N nearest of a word (10)"},
    {"most", 0, LOCI__OPTION_COUNT, AT(most), "N", LOCI__OFFER_NOTHING,
     "only the first N words may be steps (files stand in the order of frequency)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

static const char *word_of(const loci__space *space, size_t row) {
  return loci_vectors_word(space->vectors, row, NULL);
}

static void put_table(const loci__space *space, const loci_path *path, size_t k, loci__buffer *out) {
  static const char *const headings[] = {"what", "word", ">cosine", "remark"};
  loci__table t;
  loci__table_init(&t, headings, LOCI__COUNT(headings));
  for (size_t i = 0; i < path->n; i++) {
    loci__table_add(&t, i == 0 ? "from" : i + 1 == path->n ? "to" : "by");
    loci__table_add(&t, word_of(space, path->rows[i]));
    if (i > 0) loci__table_addf(&t, "%.4f", path->cosines[i - 1]);
    else loci__table_add(&t, "");
    loci__table_add(&t, i == 0 ? "" : path->cosines[i - 1] == path->weakest ? "the weakest step" : "");
  }
  loci__table_add(&t, "directly");
  loci__table_addf(&t, "%s, %s", word_of(space, path->rows[0]), word_of(space, path->rows[path->n - 1]));
  loci__table_addf(&t, "%.4f", path->direct);
  loci__table_add(&t, "");
  loci__buffer shared;
  loci__buffer_init(&shared, NULL, 0);
  for (size_t i = 0; i < path->n_shared; i++)
    loci__buffer_printf(&shared, "%s%s", i ? ", " : "", word_of(space, path->shared[i]));
  loci__table_add(&t, "shared neighbours");
  loci__table_add(&t, shared.data ? shared.data : "");
  loci__table_add(&t, "");
  loci__table_addf(&t, "%zu of the %zu nearest of either", path->n_shared, k);
  loci__buffer_release(&shared);
  loci__table_put(&t, out, space->cli);
  loci__table_release(&t);
}

static void put_json(const loci__space *space, const loci_path *path, loci__buffer *out) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "metric"), loci__json_put_text(&json, loci_metric_name(LOCI_METRIC_COSINE));
  loci__json_key(&json, "path");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < path->n; i++) {
    loci__json_open(&json, '{');
    loci__json_key(&json, "word"), loci__json_put_text(&json, word_of(space, path->rows[i]));
    if (i > 0) loci__json_key(&json, "cosine"), loci__json_put_double(&json, path->cosines[i - 1]);
    loci__json_close(&json, '}');
  }
  loci__json_close(&json, ']');
  loci__json_key(&json, "length"), loci__json_put_double(&json, path->length);
  loci__json_key(&json, "weakest"), loci__json_put_double(&json, path->weakest);
  loci__json_key(&json, "direct"), loci__json_put_double(&json, path->direct);
  loci__json_key(&json, "shared");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < path->n_shared; i++) loci__json_put_text(&json, word_of(space, path->shared[i]));
  loci__json_close(&json, ']');
  loci__json_key(&json, "expanded"), loci__json_put_u64(&json, path->n_expanded);
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

static loci_status find(const loci__space *space, loci_path *path, loci_error *error) {
  const loci__cli *cli = space->cli;
  const values *v = cli->values;
  size_t ends[2];
  const size_t k = v->k ? (size_t)v->k : 10;
  if (k > 10000) return loci__fail(error, LOCI_ERROR_USAGE, "--nearest is at most 10000");
  for (size_t i = 0; i < 2; i++) {
    const char *word = cli->arguments.items[i];
    LOCI__TRY(loci__space_find(space, word, strlen(word), &ends[i], error));
  }
  LOCI__TRY(loci_path_find(space->vectors, ends[0], ends[1], k, (size_t)v->most, path, error));
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  if (v->json) put_json(space, path, &out);
  else put_table(space, path, k < space->info.n ? k : space->info.n, &out);
  const loci_status status = loci__output_flush(space->cli, &out, error);
  loci__buffer_release(&out);
  if (!v->json)
    loci__note(space->cli,
               "a way there is between most words: that it exists says nothing about what they have in common");
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  loci__space space;
  LOCI__TRY(loci__space_open(cli, &space, error));
  loci_path path = {0};
  const loci_status status = find(&space, &path, error);
  loci_path_release(&path);
  loci__space_close(&space);
  return status;
}

const loci__command loci__command_path = {
    .name = "path",
    .summary = "Go from one word to another by near neighbours",
    .arguments = "VECTORS FROM TO",
    .about =
        "Every step goes between two words one of which is among the other's nearest, and costs 1 − cosine; of all "
        "ways "
        "the cheapest is told, which has many near steps rather than a few far ones. The weakest step is marked. With "
        "it "
        "come the cosine of the two words themselves and the neighbours that they share.\n\n"
        "Why is a raven like a writing desk? Some way there nearly always is; no answer is implied.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci path vectors.bin raven desk", "by which words one gets there"},
                 {"loci path vectors.bin raven desk -k 5 --most 20000", "by near steps and frequent words only"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_THREADS | LOCI__USES_VECTORS,
    .least = 3,
    .most = 3,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
