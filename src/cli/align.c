/* align.c: `loci align`, one language's vectors turned into another's space by a dictionary.
 */
#include "cli.h"

typedef struct values {
  const char *output, *dictionary, *test;
  loci__number held_out, refine;
  uint64_t csls_k, most;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"output", 'o', LOCI__OPTION_TEXT, AT(output), "FILE", LOCI__OFFER_FILE,
     "write SOURCE's words in TARGET's space here (.bin, .txt, .vec, .npy)"},
    {"dictionary", 0, LOCI__OPTION_TEXT, AT(dictionary), "FILE", LOCI__OFFER_FILE,
     "pairs of words, a pair a line: SOURCE's word, a tab or space, TARGET's"},
    {"held-out", 0, LOCI__OPTION_NUMBER, AT(held_out), "PERCENT", LOCI__OFFER_NOTHING,
     "of the dictionary's words, kept back to measure with (20); 0 = learn from all"},
    {"test", 0, LOCI__OPTION_TEXT, AT(test), "FILE", LOCI__OFFER_FILE,
     "measure on this dictionary instead of keeping words back"},
    {"refine", 0, LOCI__OPTION_NUMBER, AT(refine), "N", LOCI__OFFER_NOTHING,
     "rounds in which words that are each other's nearest join the dictionary (5)"},
    {"csls-k", 0, LOCI__OPTION_COUNT, AT(csls_k), "N", LOCI__OFFER_NOTHING, "neighbours that CSLS scales by (10)"},
    {"most", 0, LOCI__OPTION_COUNT, AT(most), "N", LOCI__OFFER_NOTHING,
     "only the first N words of either side take part in the rounds (15000)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

/* ---- the dictionary --------------------------------------------------------------------------------------- */

typedef struct pairs {
  size_t *rows;                       /* two a pair */
  size_t n, capacity, n_all, n_words; /* n_all: lines; n_words: distinct words of the source */
} pairs;

typedef struct job {
  loci__cli *cli;
  loci_vectors *source, *target, *mapped, *plain;
  pairs dictionary, learn, test;
  loci_align_options options;
} job;

static bool pairs_add(pairs *p, size_t from, size_t to) {
  if (!loci__grow(NULL, &p->rows, &p->capacity, 2 * p->n + 2, sizeof *p->rows)) return false;
  p->rows[2 * p->n] = from;
  p->rows[2 * p->n + 1] = to;
  p->n++;
  return true;
}

/* With a tab in it a line has two words parted by it, each of which may hold spaces; else by the first space. */
static bool cut_line(const char *text, size_t length, const char **to, size_t *n_from, size_t *n_to) {
  const char *tab = memchr(text, '\t', length), *space = tab ? NULL : memchr(text, ' ', length);
  const char *end = text + length, *at = tab ? tab : space;
  if (!at || at == text) return false;
  *n_from = (size_t)(at - text);
  for (*to = at; *to < end && (**to == '\t' || (!tab && **to == ' '));) ++*to;
  while (end > *to && (end[-1] == ' ' || end[-1] == '\t')) end--;
  const char *second = memchr(*to, '\t', (size_t)(end - *to)); /* further columns mean nothing here */
  if (second) end = second;
  *n_to = (size_t)(end - *to);
  return *n_to > 0;
}

static loci_status read_dictionary(job *j, const char *path, pairs *out, loci_error *error) {
  loci__input input;
  LOCI__TRY(loci__input_open(&input, j->cli->context, path, error));
  loci_text *lines = NULL;
  size_t capacity = 0, n = 0;
  loci_status status = loci__input_lines(&input, SIZE_MAX, &lines, &capacity, &n, error);
  for (size_t i = 0; status == LOCI_OK && i < n; i++) {
    const char *to;
    size_t n_from, n_to;
    if (lines[i].length == 0 || lines[i].data[0] == '#') continue;
    if (!cut_line(lines[i].data, lines[i].length, &to, &n_from, &n_to)) {
      status = loci__fail(error, LOCI_ERROR_FORMAT, "%s, line %zu: a pair is two words with a tab or a space between",
                          path, i + 1);
      continue;
    }
    out->n_all++;
    const int64_t a = loci_find_folded(j->source, lines[i].data, n_from), b = loci_find_folded(j->target, to, n_to);
    if (a >= 0 && b >= 0 && !pairs_add(out, (size_t)a, (size_t)b))
      status = loci__fail_memory(error, out->n * 2 * sizeof *out->rows, "the dictionary");
  }
  loci__free(j->cli->context, lines);
  loci__input_close(&input);
  LOCI__TRY(status);
  if (out->n == 0)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "%s: of %zu pairs there is none whose words both have a vector: is it from the first language to "
                      "the second, and are the words written alike (capitals, accents)?",
                      path, out->n_all);
  return LOCI_OK;
}

/* Every so many-th distinct word of the source goes into the test, with all its partners. */
static loci_status split(job *j, size_t percent, loci_error *error) {
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(j->source, &info);
  size_t *number = loci__alloc_array(NULL, info.n, sizeof *number), n_words = 0;
  if (!number) return loci__fail_memory(error, info.n * sizeof *number, "the words of the dictionary");
  memset(number, 0xff, info.n * sizeof *number);
  bool fits = true;
  for (size_t i = 0; i < j->dictionary.n && fits; i++) {
    const size_t from = j->dictionary.rows[2 * i], to = j->dictionary.rows[2 * i + 1];
    if (number[from] == SIZE_MAX) number[from] = n_words++;
    /* Bresenham's way to spread percent of 100: words 4, 9, 14 … for 20 */
    const size_t w = number[from], before = w * percent / 100, after = (w + 1) * percent / 100;
    fits = pairs_add(after > before ? &j->test : &j->learn, from, to);
  }
  loci__free(NULL, number);
  j->dictionary.n_words = n_words;
  return fits ? LOCI_OK : loci__fail_memory(error, j->dictionary.n * 2 * sizeof *number, "the dictionary");
}

static loci_status prepare(job *j, loci_error *error) {
  const values *v = j->cli->values;
  const size_t percent = v->held_out.given ? (size_t)v->held_out.value : v->test ? 0 : 20;
  if (percent > 90) return loci__fail(error, LOCI_ERROR_USAGE, "--held-out is at most 90 percent");
  LOCI__TRY(read_dictionary(j, v->dictionary, &j->dictionary, error));
  LOCI__TRY(split(j, percent, error));
  if (v->test && percent) return loci__fail(error, LOCI_ERROR_USAGE, "--test and --held-out exclude each other");
  if (v->test) LOCI__TRY(read_dictionary(j, v->test, &j->test, error));
  return LOCI_OK;
}

/* A test's words may stand in the dictionary that is learned from: that would be no test. */
static loci_status drop_learned(job *j, size_t *dropped, loci_error *error) {
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(j->source, &info);
  bool *learned = loci__alloc_zero(NULL, info.n, sizeof *learned);
  if (!learned) return loci__fail_memory(error, info.n, "the words of the dictionary");
  for (size_t i = 0; i < j->learn.n; i++) learned[j->learn.rows[2 * i]] = true;
  size_t kept = 0;
  for (size_t i = 0; i < j->test.n; i++) {
    if (learned[j->test.rows[2 * i]]) continue;
    j->test.rows[2 * kept] = j->test.rows[2 * i];
    j->test.rows[2 * kept + 1] = j->test.rows[2 * i + 1];
    kept++;
  }
  *dropped = j->test.n - kept;
  j->test.n = kept;
  loci__free(NULL, learned);
  return LOCI_OK;
}

/* ---- output ------------------------------------------------------------------------------------------------ */

typedef struct outcome {
  loci_alignment alignment;
  loci_align_report first, last; /* without refinement, and with it */
} outcome;

static void put_share(const job *j, loci__table *t, const char *what, loci_share s) {
  (void)j;
  loci__table_add(t, what);
  loci__table_addf(t, "%.1f %%", 100 * s.value);
  loci__table_addf(t, "%.1f…%.1f %% (Wilson, 95 %%), %zu of %zu words", 100 * s.low, 100 * s.high, s.n_right, s.n);
}

static void put_table(const job *j, const outcome *o, loci__buffer *out) {
  static const char *const headings[] = {"what", ">value", "remark"};
  loci__table t;
  loci__table_init(&t, headings, LOCI__COUNT(headings));
  loci__table_add(&t, "pairs");
  loci__table_addf(&t, "%zu", j->dictionary.n);
  loci__table_addf(&t, "of %zu in the dictionary: both words have a vector", j->dictionary.n_all);
  loci__table_add(&t, "learned from");
  loci__table_addf(&t, "%zu", o->alignment.n_pairs);
  if (o->alignment.n_refined) loci__table_addf(&t, "and in the last round %zu more", o->alignment.n_refined);
  else loci__table_add(&t, "");
  loci__table_add(&t, "fit");
  loci__table_addf(&t, "%.4f", o->alignment.fit);
  loci__table_add(&t, "mean cosine of the pairs that were learned from");
  if (j->test.n) {
    if (j->options.refinements) {
      put_share(j, &t, "P@1, cosine, before refinement", o->first.cosine);
      put_share(j, &t, "P@1, CSLS, before refinement", o->first.csls);
    }
    put_share(j, &t, "P@1, cosine", o->last.cosine);
    put_share(j, &t, "P@1, CSLS", o->last.csls);
  }
  loci__table_put(&t, out, j->cli);
  loci__table_release(&t);
}

static void json_share(loci__json_writer *json, const char *key, loci_share s) {
  loci__json_key(json, key);
  loci__json_open(json, '{');
  loci__json_key(json, "p_at_1"), loci__json_put_double(json, s.value);
  loci__json_key(json, "low"), loci__json_put_double(json, s.low);
  loci__json_key(json, "high"), loci__json_put_double(json, s.high);
  loci__json_key(json, "right"), loci__json_put_u64(json, s.n_right);
  loci__json_key(json, "n"), loci__json_put_u64(json, s.n);
  loci__json_close(json, '}');
}

static void put_json(const job *j, const outcome *o, loci__buffer *out) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "dictionary"), loci__json_put_u64(&json, j->dictionary.n_all);
  loci__json_key(&json, "usable"), loci__json_put_u64(&json, j->dictionary.n);
  loci__json_key(&json, "learned_from"), loci__json_put_u64(&json, o->alignment.n_pairs);
  loci__json_key(&json, "refined"), loci__json_put_u64(&json, o->alignment.n_refined);
  loci__json_key(&json, "fit"), loci__json_put_double(&json, o->alignment.fit);
  if (j->test.n) {
    if (j->options.refinements) {
      json_share(&json, "cosine_unrefined", o->first.cosine);
      json_share(&json, "csls_unrefined", o->first.csls);
    }
    json_share(&json, "cosine", o->last.cosine);
    json_share(&json, "csls", o->last.csls);
  }
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

static loci_status write_out(const job *j, const outcome *o, loci_error *error) {
  const values *v = j->cli->values;
  loci__buffer text;
  loci__buffer_init(&text, NULL, 0);
  LOCI__TRY(loci__card_begin(j->cli, j->cli->arguments.items[0], v->output, &text, error));
  loci__buffer_printf(
      &text,
      "\n## Aligned\n\nTurned into the space of `%s` by `loci align`: an orthogonal matrix learned from "
      "%zu pairs of words\n(%zu rounds of refinement). Cosines and lengths among these words are what "
      "they were.\n",
      loci__path_base(j->cli->arguments.items[1]), o->alignment.n_pairs, j->options.refinements);
  if (j->test.n)
    loci__buffer_printf(&text, "Words translated rightly by CSLS, of those kept back: %.1f %% (%.1f…%.1f %%, n %zu).\n",
                        100 * o->last.csls.value, 100 * o->last.csls.low, 100 * o->last.csls.high, o->last.csls.n);
  loci_status status = loci__buffer_status(&text, "the model card", error);
  if (status == LOCI_OK) status = loci_vectors_save(j->mapped, v->output, text.data, error);
  loci__buffer_release(&text);
  return status;
}

/* ---- the whole --------------------------------------------------------------------------------------------- */

static loci_status align(job *j, const loci_align_options *o, loci_alignment *alignment, loci_vectors **mapped,
                         loci_align_report *report, loci_error *error) {
  LOCI__TRY(loci_align(j->source, j->target, j->learn.rows, j->learn.n, o, alignment, error));
  LOCI__TRY(loci_align_vectors(alignment, j->source, mapped, error));
  if (!j->test.n) return LOCI_OK;
  return loci_align_score(*mapped, j->target, j->test.rows, j->test.n, o->csls_k, report, error);
}

static loci_status run_job(job *j, outcome *o, loci_error *error) {
  const values *v = j->cli->values;
  size_t dropped = 0;
  LOCI__TRY(loci_vectors_open(j->cli->context, j->cli->arguments.items[0], NULL, &j->source, error));
  LOCI__TRY(loci_vectors_open(j->cli->context, j->cli->arguments.items[1], NULL, &j->target, error));
  LOCI__TRY(prepare(j, error));
  if (v->test) LOCI__TRY(drop_learned(j, &dropped, error));
  if (dropped)
    loci__note(j->cli, "%zu pairs of the test are left out: their words stand in the dictionary that is learned from",
               dropped);
  loci_align_options_init(&j->options);
  if (v->refine.given) j->options.refinements = (size_t)v->refine.value;
  if (v->csls_k) j->options.csls_k = (size_t)v->csls_k;
  if (v->most) j->options.most = (size_t)v->most;
  if (j->options.refinements > 1000 || j->options.csls_k > 1000)
    return loci__fail(error, LOCI_ERROR_USAGE, "--refine and --csls-k are at most 1000");
  j->options.progress = loci__progress_show;
  j->options.progress_user = j->cli;
  if (j->test.n && j->options.refinements) {
    loci_align_options plain = j->options;
    loci_alignment alignment = {0};
    plain.refinements = 0;
    const loci_status status = align(j, &plain, &alignment, &j->plain, &o->first, error);
    loci_alignment_release(&alignment);
    LOCI__TRY(status);
  }
  LOCI__TRY(align(j, &j->options, &o->alignment, &j->mapped, &o->last, error));
  loci__progress_clear(j->cli);
  if (v->output) LOCI__TRY(write_out(j, o, error));
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  if (v->json) put_json(j, o, &out);
  else put_table(j, o, &out);
  const loci_status status = loci__output_flush(j->cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  if (!v->dictionary)
    return loci__fail(error, LOCI_ERROR_USAGE, "which words mean the same? --dictionary FILE says it, a pair a line");
  job j = {.cli = cli};
  outcome o = {0};
  const loci_status status = run_job(&j, &o, error);
  loci_alignment_release(&o.alignment);
  loci__free(NULL, j.dictionary.rows);
  loci__free(NULL, j.learn.rows);
  loci__free(NULL, j.test.rows);
  loci_vectors_close(j.mapped);
  loci_vectors_close(j.plain);
  loci_vectors_close(j.source);
  loci_vectors_close(j.target);
  return status;
}

const loci__command loci__command_align = {
    .name = "align",
    .summary = "Bring the vectors of two languages into one space",
    .arguments = "SOURCE TARGET",
    .about =
        "SOURCE and TARGET are vectors of two languages, of one width. From the dictionary's pairs an orthogonal "
        "matrix "
        "is learned that turns SOURCE's words to where their translations lie in TARGET; cosines among SOURCE's words "
        "stay what they were. Then rounds of refinement: words that are each other's nearest join the dictionary.\n\n"
        "How good it is, is measured on words that were kept back from the dictionary: P@1 is the share whose nearest "
        "word of TARGET is a translation that the dictionary has, by cosine and by CSLS, which takes from words that "
        "are near to everything (Conneau et al. 2018). With the words' number comes an interval.\n\n"
        "Afterwards `loci neighbors TARGET WORD --from OUTPUT --csls` translates WORD.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci align en.vec fr.vec --dictionary en-fr.txt -o en-in-fr.vec", "English words in French space"},
                 {"loci neighbors fr.vec cat --from en-in-fr.vec --csls", "and what \"cat\" is near to there"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_THREADS | LOCI__USES_INTERRUPT,
    .least = 2,
    .most = 2,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
