/* similarity.c: `loci similarity`, how near two words are by each metric; `loci odd-one-out`, which of several fits least.
 */
#include "cli.h"

typedef struct values {
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

/* ---- similarity ---------------------------------------------------------------------------------- */

static const char *const keys[] = {"cosine", "dot", "l2"};

static loci_status put_similarity(loci__cli *cli, const loci__space *space, float *memory, loci_error *error) {
  static const char *const headings[] = {"metric", ">value"};
  const values *v = cli->values;
  const size_t dim = space->info.dim;
  for (size_t i = 0; i < 2; i++) {
    const char *word = cli->arguments.items[i];
    LOCI__TRY(loci__space_get(space, word, strlen(word), memory + i * dim, error));
  }
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__table table;
  loci__table_init(&table, headings, LOCI__COUNT(headings));
  loci__json_writer json;
  loci__json_writer_init(&json, &out);
  if (v->json) loci__json_open(&json, '{');
  for (size_t metric = 0; metric < LOCI__COUNT(keys); metric++) {
    const double value = loci_measure(memory, memory + dim, dim, (loci_metric)metric);
    if (v->json) {
      loci__json_key(&json, keys[metric]);
      loci__json_put_double(&json, value);
    } else {
      loci__table_add(&table, loci_metric_name((loci_metric)metric));
      loci__table_addf(&table, "%.6f", value);
    }
  }
  if (v->json) {
    loci__json_close(&json, '}');
    loci__buffer_putc(&out, '\n');
  } else {
    loci__table_put(&table, &out, cli);
  }
  loci_status status = loci__output_flush(cli, &out, error);
  loci__table_release(&table);
  loci__buffer_release(&out);
  return status;
}

static loci_status run_similarity(loci__cli *cli, loci_error *error) {
  loci__space space;
  LOCI__TRY(loci__space_open(cli, &space, error));
  const size_t n = 2 * space.info.dim;
  float *memory = loci__alloc_array(NULL, n, sizeof *memory);
  loci_status status =
      memory ? put_similarity(cli, &space, memory, error) : loci__fail_memory(error, n * sizeof *memory, "two vectors");
  loci__free(NULL, memory);
  loci__space_close(&space);
  return status;
}

const loci__command loci__command_similarity = {
    .name = "similarity",
    .summary = "Say how near two words are, by cosine, dot product and L2 distance",
    .arguments = "VECTORS A B",
    .about =
        "The cosine with a zero vector is 0. Of unit vectors all three say the same: cosine = dot product = "
        "1 − L2²/2. Nearness is not sameness: words of opposite meaning stand in the same places of a text and come "
        "out near.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci similarity vectors.bin cat kitten", "the three numbers"},
                 {"loci similarity vectors.bin cat kitten --json", "as JSON"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS,
    .least = 3,
    .most = 3,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run_similarity,
};

/* ---- odd one out ----------------------------------------------------------------------------------- */

static loci_status put_odd(loci__cli *cli, const loci__space *space, size_t *rows, double *means, loci_error *error) {
  static const char *const headings[] = {"word", ">mean cosine", "odd"};
  const values *v = cli->values;
  const size_t n = cli->arguments.n;
  for (size_t i = 0; i < n; i++) {
    const char *word = cli->arguments.items[i];
    LOCI__TRY(loci__space_find(space, word, strlen(word), &rows[i], error));
  }
  size_t odd;
  LOCI__TRY(loci_odd_one_out(space->vectors, rows, n, &odd, means, error));
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  if (v->json) {
    loci__json_writer json;
    loci__json_writer_init(&json, &out);
    loci__json_open(&json, '{');
    loci__json_key(&json, "odd");
    loci__json_put_text(&json, cli->arguments.items[odd]);
    loci__json_key(&json, "mean_cosine");
    loci__json_open(&json, '{');
    for (size_t i = 0; i < n; i++) {
      loci__json_key(&json, cli->arguments.items[i]);
      loci__json_put_double(&json, means[i]);
    }
    loci__json_close(&json, '}');
    loci__json_close(&json, '}');
    loci__buffer_putc(&out, '\n');
  } else {
    loci__table table;
    loci__table_init(&table, headings, LOCI__COUNT(headings));
    for (size_t i = 0; i < n; i++) {
      loci__table_add(&table, cli->arguments.items[i]);
      loci__table_addf(&table, "%.4f", means[i]);
      loci__table_add(&table, i == odd ? "odd" : "");
    }
    loci__table_put(&table, &out, cli);
    loci__table_release(&table);
  }
  loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

static loci_status run_odd(loci__cli *cli, loci_error *error) {
  loci__space space;
  LOCI__TRY(loci__space_open(cli, &space, error));
  size_t *rows = loci__alloc_array(NULL, cli->arguments.n, sizeof *rows);
  double *means = loci__alloc_array(NULL, cli->arguments.n, sizeof *means);
  loci_status status = rows && means ? put_odd(cli, &space, rows, means, error)
                                     : loci__fail_memory(error, cli->arguments.n * sizeof *rows, "the words");
  loci__free(NULL, rows);
  loci__free(NULL, means);
  loci__space_close(&space);
  return status;
}

const loci__command loci__command_odd_one_out = {
    .name = "odd-one-out",
    .summary = "Find the word that fits least among others",
    .arguments = "VECTORS WORD WORD WORD…",
    .about = "The word whose mean cosine with the others is smallest. Some word always is: look at the numbers.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci odd-one-out vectors.bin breakfast lunch dinner car", "car"},
                 {"loci odd-one-out vectors.bin cat dog paris --json", "as JSON"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS,
    .least = 4,
    .most = SIZE_MAX,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run_odd,
};
