/* diagnose.c: `loci diagnose`, what is odd about a space of vectors.
 */
#include "cli.h"

typedef struct values {
  uint64_t near, most, seed;
  loci__number top;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"near", 'k', LOCI__OPTION_COUNT, AT(near), "N", LOCI__OFFER_NOTHING,
     "hubness: so many neighbours of each word (10)"},
    {"most", 0, LOCI__OPTION_COUNT, AT(most), "N", LOCI__OFFER_NOTHING,
     "hubness: of the first N words among each other (20000)"},
    {"all-but-the-top", 0, LOCI__OPTION_NUMBER, AT(top), "D", LOCI__OFFER_NOTHING,
     "beside each figure that of the vectors without their mean and their top D directions"},
    {"seed", 0, LOCI__OPTION_COUNT, AT(seed), "N", LOCI__OFFER_NOTHING, "of the random pairs (1)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

static const char *source_name(loci_frequency_source source) {
  return source == LOCI_FREQUENCY_COUNTS ? "counts" : source == LOCI_FREQUENCY_ORDER ? "order of the file" : "unknown";
}

/* ---- JSON -------------------------------------------------------------------------------------------------- */

static void key_double(loci__json_writer *json, const char *key, double value) {
  loci__json_key(json, key);
  loci__json_put_double(json, value);
}

static void key_u64(loci__json_writer *json, const char *key, uint64_t value) {
  loci__json_key(json, key);
  loci__json_put_u64(json, value);
}

static void put_object(loci__json_writer *json, const loci_vectors *vectors, const loci_diagnosis *d) {
  loci__json_open(json, '{');
  key_u64(json, "words", d->n);
  key_u64(json, "dim", d->dim);
  key_u64(json, "zero", d->n_zero);
  key_u64(json, "not_finite", d->n_not_finite);
  key_double(json, "length_mean", d->length_mean);
  key_double(json, "length_deviation", d->length_deviation);
  key_double(json, "mean_cosine", d->mean_cosine);
  key_u64(json, "random_pairs", d->n_pairs);
  key_double(json, "cosine_deviation", d->cosine_deviation);
  key_double(json, "cosine_95", d->cosine_95);
  key_double(json, "cosine_99", d->cosine_99);
  loci__json_key(json, "variance_shares");
  loci__json_open(json, '[');
  for (size_t i = 0; i < d->n_directions; i++) loci__json_put_double(json, d->shares[i]);
  loci__json_close(json, ']');
  loci__json_key(json, "frequency");
  loci__json_put_text(json, source_name(d->frequency));
  key_double(json, "frequency_length", d->frequency_length);
  key_double(json, "frequency_center", d->frequency_center);
  key_u64(json, "hubness_words", d->n_hub_rows);
  key_u64(json, "hubness_neighbors", d->k);
  key_double(json, "hubness_skewness", d->skewness);
  key_u64(json, "orphans", d->n_orphans);
  loci__json_key(json, "hubs");
  loci__json_open(json, '[');
  for (size_t i = 0; i < d->n_hubs; i++) {
    size_t length;
    const char *word = loci_vectors_word(vectors, d->hubs[i].index, &length);
    loci__json_open(json, '{');
    loci__json_key(json, "word");
    loci__json_put_textn(json, word, length);
    key_u64(json, "times", (uint64_t)d->hubs[i].score);
    loci__json_close(json, '}');
  }
  loci__json_close(json, ']');
  loci__json_close(json, '}');
}

/* ---- a table ----------------------------------------------------------------------------------------------- */

typedef struct sheet {
  loci__table table;
  const loci_vectors *vectors;
  const loci_diagnosis *of[2];
  size_t n;
} sheet;

typedef double (*figure_fn)(const loci_diagnosis *d);

static void row(sheet *s, const char *what, const char *format, figure_fn figure) {
  loci__table_add(&s->table, what);
  for (size_t i = 0; i < s->n; i++) {
    char text[64];
    const double value = figure(s->of[i]);
    if (!strcmp(format, "%zu")) snprintf(text, sizeof text, "%zu", (size_t)value);
    else if (!strcmp(format, "%.1f")) snprintf(text, sizeof text, "%.1f", value);
    else snprintf(text, sizeof text, "%.4f", value);
    loci__table_add(&s->table, text);
  }
}

#define FIGURE(name, expression)                \
  static double name(const loci_diagnosis *d) { \
    return (double)(expression);                \
  }
FIGURE(words, d->n)
FIGURE(dim, d->dim)
FIGURE(zero, d->n_zero)
FIGURE(not_finite, d->n_not_finite)
FIGURE(length, d->length_mean)
FIGURE(length_deviation, d->length_deviation)
FIGURE(mean_cosine, d->mean_cosine)
FIGURE(cosine_deviation, d->cosine_deviation)
FIGURE(cosine_95, d->cosine_95)
FIGURE(cosine_99, d->cosine_99)
FIGURE(first_share, d->n_directions ? d->shares[0] : 0)
FIGURE(frequency_length, d->frequency_length)
FIGURE(frequency_center, d->frequency_center)
FIGURE(skewness, d->skewness)
FIGURE(orphans, d->n_hub_rows ? 100.0 * (double)d->n_orphans / (double)d->n_hub_rows : 0)

static double all_shares(const loci_diagnosis *d) {
  double sum = 0;
  for (size_t i = 0; i < d->n_directions; i++) sum += d->shares[i];
  return sum;
}

static void hubs(sheet *s) {
  loci__table_add(&s->table, "greatest hubs (in so many words' neighbours)");
  for (size_t i = 0; i < s->n; i++) {
    loci__buffer line;
    loci__buffer_init(&line, NULL, 0);
    for (size_t h = 0; h < s->of[i]->n_hubs && h < 5; h++) {
      size_t length;
      const char *word = loci_vectors_word(s->vectors, s->of[i]->hubs[h].index, &length);
      if (h > 0) loci__buffer_putc(&line, ' ');
      loci__buffer_append(&line, word, length);
      loci__buffer_printf(&line, " (%zu)", (size_t)s->of[i]->hubs[h].score);
    }
    loci__table_addn(&s->table, line.data ? line.data : "", line.length);
    loci__buffer_release(&line);
  }
}

static void put_table(sheet *s, loci__buffer *out, const loci__cli *cli) {
  static const char *const headings[] = {"measure", ">value", ">without the top"};
  const loci_diagnosis *d = s->of[0];
  char text[128];
  loci__table_init(&s->table, headings, 1 + s->n);
  row(s, "words", "%zu", words);
  row(s, "numbers of a vector", "%zu", dim);
  row(s, "zero vectors", "%zu", zero);
  row(s, "vectors that are not finite", "%zu", not_finite);
  row(s, "length: mean", "%.4f", length);
  row(s, "length: standard deviation", "%.4f", length_deviation);
  row(s, "cosine of two words: mean over all pairs", "%.4f", mean_cosine);
  row(s, "cosine of two words: standard deviation", "%.4f", cosine_deviation);
  row(s, "cosine that 95 % of random pairs do not pass", "%.4f", cosine_95);
  row(s, "cosine that 99 % of random pairs do not pass", "%.4f", cosine_99);
  row(s, "variance along the top direction", "%.4f", first_share);
  snprintf(text, sizeof text, "variance along the top %zu directions", d->n_directions);
  row(s, text, "%.4f", all_shares);
  if (d->frequency != LOCI_FREQUENCY_UNKNOWN) {
    snprintf(text, sizeof text, "frequency (%s) with length: Spearman", source_name(d->frequency));
    row(s, text, "%.4f", frequency_length);
    snprintf(text, sizeof text, "frequency (%s) with nearness to the mean: Spearman", source_name(d->frequency));
    row(s, text, "%.4f", frequency_center);
  }
  snprintf(text, sizeof text, "hubness: skewness of %zu-occurrence (first %zu words)", d->k, d->n_hub_rows);
  row(s, text, "%.4f", skewness);
  row(s, "hubness: words that are nobody's neighbour, %", "%.1f", orphans);
  hubs(s);
  loci__table_put(&s->table, out, cli);
  loci__table_release(&s->table);
}

/* ---- the command ------------------------------------------------------------------------------------------- */

static loci_status diagnose(loci__cli *cli, const loci_vectors *vectors, loci_error *error) {
  const values *v = cli->values;
  loci_diagnosis plain, without;
  loci_diagnose_options o;
  loci_diagnose_options_init(&o);
  o.k = (size_t)v->near;
  o.most = (size_t)v->most;
  o.seed = v->seed ? v->seed : 1;
  LOCI__TRY(loci_diagnose(vectors, &o, &plain, error));
  if (v->top.given) {
    o.all_but_the_top = 1;
    o.n_top = (size_t)v->top.value;
    LOCI__TRY(loci_diagnose(vectors, &o, &without, error));
  }
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  if (v->json) {
    loci__json_writer json;
    loci__json_writer_init(&json, &out);
    loci__json_open(&json, '{');
    loci__json_key(&json, "vectors");
    put_object(&json, vectors, &plain);
    if (v->top.given) {
      key_u64(&json, "directions_taken_away", v->top.value);
      loci__json_key(&json, "all_but_the_top");
      put_object(&json, vectors, &without);
    }
    loci__json_close(&json, '}');
    loci__buffer_putc(&out, '\n');
  } else {
    sheet s = {.vectors = vectors, .of = {&plain, &without}, .n = v->top.given ? 2 : 1};
    put_table(&s, &out, cli);
  }
  const loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  loci__space space;
  LOCI__TRY(loci__space_open(cli, &space, error));
  const loci_status status = diagnose(cli, space.vectors, error);
  loci__space_close(&space);
  return status;
}

const loci__command loci__command_diagnose = {
    .name = "diagnose",
    .summary = "Say what is odd about vectors: hubs, a common direction, lengths that tell frequency",
    .arguments = "VECTORS",
    .about =
        "Anisotropy: the mean cosine of two words is near 0 when vectors use all directions alike, near 1 when they "
        "fill "
        "one narrow cone; then every two words look similar, and a cosine says little by itself. The 95 and 99 % rows "
        "say "
        "what a cosine must pass to be more than chance.\n\n"
        "Frequency: how far a vector's length, and its nearness to the mean of all, follow from how often the word "
        "stood "
        "in the corpus.\n\n"
        "Hubness: in many dimensions a few words are among the neighbours of very many, and many are in nobody's. The "
        "skewness of how often each is a neighbour is 0 when that is even.\n\n"
        "--all-but-the-top shows the same of vectors without their mean and top directions, which `loci convert "
        "--all-but-the-top` writes.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci diagnose vectors.bin", "all figures"},
                 {"loci diagnose vectors.bin --all-but-the-top 3", "what taking away the top three directions does"},
                 {"loci diagnose loci-static-en --json", "the built-in model's tokens, for a program"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS | LOCI__USES_THREADS,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
