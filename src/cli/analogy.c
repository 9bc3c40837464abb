/* analogy.c: `loci analogy`, a is to b as c is to what. A nearest word there always is; so the answer never stands alone:
 * with it come its rank and cosine, what nothing excluded would give, random triples, and the accuracy of its kind.
 */
#include "cli.h"

typedef struct values {
  uint64_t limit, most, seed;
  const char *expect;
  loci__number control;
  int method, json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"limit", 'n', LOCI__OPTION_COUNT, AT(limit), "N", LOCI__OFFER_NOTHING, "how many answers, up to 16 (5)"},
    {"expect", 0, LOCI__OPTION_TEXT, AT(expect), "WORD", LOCI__OFFER_NOTHING, "say the rank and cosine of this word"},
    {"method", 0, LOCI__OPTION_CHOICE, AT(method), "3cosadd|3cosmul|pairdistance", LOCI__OFFER_NOTHING,
     "default: 3cosadd"},
    {"most", 0, LOCI__OPTION_COUNT, AT(most), "N", LOCI__OFFER_NOTHING,
     "only the first N words may be answers (files stand in the order of frequency)"},
    {"control", 0, LOCI__OPTION_NUMBER, AT(control), "N", LOCI__OFFER_NOTHING, "how many random triples (1000)"},
    {"seed", 0, LOCI__OPTION_COUNT, AT(seed), "N", LOCI__OFFER_NOTHING, "of the random triples (1)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

static const char *const methods[] = {"3CosAdd", "3CosMul", "PairDistance"};

/* Relations that the question is of: those that have the pair, else those that have one of the words. */
typedef struct kinds {
  size_t items[3], n;
} kinds;

static bool has_pair(size_t relation, const char *from, const char *to) {
  const char *a, *b;
  for (size_t i = 0; loci_relation_pair(relation, i, &a, &b); i++)
    if ((!strcmp(a, from) && !strcmp(b, to)) || (!strcmp(a, to) && !strcmp(b, from))) return true;
  return false;
}

static bool has_word(size_t relation, const char *word) {
  const char *a, *b;
  for (size_t i = 0; loci_relation_pair(relation, i, &a, &b); i++)
    if (!strcmp(a, word) || !strcmp(b, word)) return true;
  return false;
}

static kinds kinds_of(char const *const *words) {
  kinds k = {0};
  for (size_t r = 0; r < loci_relations(); r++)
    if (k.n < LOCI__COUNT(k.items) && (has_pair(r, words[0], words[1]) || has_pair(r, words[0], words[2])))
      k.items[k.n++] = r;
  for (size_t r = 0; k.n == 0 && r < loci_relations(); r++)
    if (has_word(r, words[0]) || has_word(r, words[1])) k.items[k.n++] = r;
  return k;
}

typedef struct sheet {
  loci__cli *cli;
  const loci__space *space;
  const loci_vectors *vectors;
  const char *const *words; /* a, b, c */
  loci_analogy_question question;
  loci_analogy answer;
  kinds kinds;
  loci_relation_score scores[3];
} sheet;

static const char *word_of(const sheet *s, size_t row) {
  return loci_vectors_word(s->vectors, row, NULL);
}

static size_t shown(const sheet *s) {
  const values *v = s->cli->values;
  const size_t limit = v->limit && v->limit < LOCI__COUNT(s->answer.answers) ? (size_t)v->limit : v->limit ? 16 : 5;
  return s->answer.n < limit ? s->answer.n : limit;
}

static double percent(size_t part, size_t whole) {
  return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_table(const sheet *s, loci__buffer *out) {
  static const char *const headings[] = {"what", ">rank", "word", ">score", "remark"};
  const loci_analogy *a = &s->answer;
  const char *method = methods[s->question.method];
  loci__table t;
  loci__table_init(&t, headings, LOCI__COUNT(headings));
  for (size_t i = 0; i < shown(s); i++) {
    loci__table_add(&t, "answer");
    loci__table_addf(&t, "%zu", i + 1);
    loci__table_add(&t, word_of(s, a->answers[i].index));
    loci__table_addf(&t, "%.4f", a->answers[i].score);
    loci__table_add(&t, method);
  }
  for (size_t i = 0; i < a->n_all && i < 2; i++) {
    loci__table_add(&t, "nothing excluded");
    loci__table_addf(&t, "%zu", i + 1);
    loci__table_add(&t, word_of(s, a->answers_all[i].index));
    loci__table_addf(&t, "%.4f", a->answers_all[i].score);
    loci__table_add(&t, method);
  }
  if (a->rank) {
    loci__table_add(&t, "expected");
    loci__table_addf(&t, "%zu", a->rank);
    loci__table_add(&t, word_of(s, (size_t)s->question.expected));
    loci__table_addf(&t, "%.4f", a->cosine_expected);
    loci__table_addf(&t, "cosine; rank %zu with nothing excluded; the nearest has %.4f", a->rank_all, a->cosine);
  }
  if (a->n_control) {
    loci__table_add(&t, "random triples");
    loci__table_add(&t, "");
    loci__table_addf(&t, "%zu", a->n_control);
    loci__table_addf(&t, "%.4f", a->control_median);
    loci__table_addf(&t, "cosine of their nearest word, median; 95 %% below %.4f; %.1f %% are at least as near",
                     a->control_95, 100 * a->control_share);
  }
  for (size_t i = 0; i < s->kinds.n; i++) {
    const loci_relation_score *score = &s->scores[i];
    loci__table_add(&t, "its kind");
    loci__table_add(&t, "");
    loci__table_add(&t, loci_relation_name(s->kinds.items[i]));
    loci__table_addf(&t, "%.1f %%", percent(score->n_right, score->n_questions));
    loci__table_addf(&t, "right of %zu questions; %.1f %% with nothing excluded", score->n_questions,
                     percent(score->n_right_all, score->n_questions));
  }
  if (!s->kinds.n) {
    for (int i = 0; i < 4; i++) loci__table_add(&t, i == 0 ? "its kind" : "");
    loci__table_add(&t, "none of the relations that loci brings has these words: one answer proves nothing");
  }
  loci__table_put(&t, out, s->cli);
  loci__table_release(&t);
}

static void put_key_double(loci__json_writer *json, const char *key, double value) {
  loci__json_key(json, key);
  loci__json_put_double(json, value);
}

static void put_key_u64(loci__json_writer *json, const char *key, uint64_t value) {
  loci__json_key(json, key);
  loci__json_put_u64(json, value);
}

static void put_answers(const sheet *s, loci__json_writer *json, const char *key, const loci_neighbor *answers,
                        size_t n) {
  loci__json_key(json, key);
  loci__json_open(json, '[');
  for (size_t i = 0; i < n; i++) {
    loci__json_open(json, '{');
    loci__json_key(json, "word");
    loci__json_put_text(json, word_of(s, answers[i].index));
    put_key_double(json, "score", answers[i].score);
    loci__json_close(json, '}');
  }
  loci__json_close(json, ']');
}

static void put_json(const sheet *s, loci__buffer *out) {
  const loci_analogy *a = &s->answer;
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "method");
  loci__json_put_text(&json, methods[s->question.method]);
  put_answers(s, &json, "answers", a->answers, shown(s));
  put_answers(s, &json, "nothing_excluded", a->answers_all, a->n_all);
  put_key_double(&json, "cosine", a->cosine);
  if (a->rank) {
    loci__json_key(&json, "expected");
    loci__json_open(&json, '{');
    loci__json_key(&json, "word");
    loci__json_put_text(&json, word_of(s, (size_t)s->question.expected));
    put_key_u64(&json, "rank", a->rank);
    put_key_u64(&json, "rank_nothing_excluded", a->rank_all);
    put_key_double(&json, "cosine", a->cosine_expected);
    loci__json_close(&json, '}');
  }
  loci__json_key(&json, "random_triples");
  loci__json_open(&json, '{');
  put_key_u64(&json, "n", a->n_control);
  put_key_double(&json, "median", a->control_median);
  put_key_double(&json, "percentile_95", a->control_95);
  put_key_double(&json, "share_as_near", a->control_share);
  loci__json_close(&json, '}');
  loci__json_key(&json, "kinds");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < s->kinds.n; i++) {
    loci__json_open(&json, '{');
    loci__json_key(&json, "name");
    loci__json_put_text(&json, loci_relation_name(s->kinds.items[i]));
    put_key_u64(&json, "questions", s->scores[i].n_questions);
    put_key_u64(&json, "right", s->scores[i].n_right);
    put_key_u64(&json, "right_nothing_excluded", s->scores[i].n_right_all);
    loci__json_close(&json, '}');
  }
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

static loci_status find(const sheet *s, const char *word, size_t *row, loci_error *error) {
  return loci__space_find(s->space, word, strlen(word), row, error);
}

static loci_status solve(sheet *s, loci_error *error) {
  const values *v = s->cli->values;
  loci_analogy_question *q = &s->question;
  *q = (loci_analogy_question){.expected = -1,
                               .method = v->method ? (loci_analogy_method)(v->method - 1) : LOCI_ANALOGY_3COSADD,
                               .most = (size_t)v->most,
                               .n_control = v->control.given ? (size_t)v->control.value : 1000,
                               .seed = v->seed ? v->seed : 1};
  if (q->n_control > 1000000) return loci__fail(error, LOCI_ERROR_USAGE, "--control is at most 1000000");
  LOCI__TRY(find(s, s->words[0], &q->a, error));
  LOCI__TRY(find(s, s->words[1], &q->b, error));
  LOCI__TRY(find(s, s->words[2], &q->c, error));
  if (v->expect) {
    size_t row;
    LOCI__TRY(find(s, v->expect, &row, error));
    q->expected = (int64_t)row;
  }
  LOCI__TRY(loci_analogy_solve(s->vectors, q, &s->answer, error));
  s->kinds = kinds_of(s->words);
  for (size_t i = 0; i < s->kinds.n; i++)
    LOCI__TRY(loci_relation_accuracy(s->vectors, s->kinds.items[i], q->most, &s->scores[i], error));
  return LOCI_OK;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  loci__space space;
  LOCI__TRY(loci__space_open(cli, &space, error));
  sheet s = {.cli = cli, .space = &space, .vectors = space.vectors, .words = cli->arguments.items};
  loci_status status = solve(&s, error);
  if (status == LOCI_OK) {
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    if (v->json) put_json(&s, &out);
    else put_table(&s, &out);
    status = loci__output_flush(cli, &out, error);
    loci__buffer_release(&out);
  }
  loci__space_close(&space);
  return status;
}

const loci__command loci__command_analogy = {
    .name = "analogy",
    .summary = "Ask: A is to B as C is to what?",
    .arguments = "VECTORS A B C",
    .about =
        "`loci analogy V man king woman` asks for king − man + woman. The three given words are left out of the "
        "answers, as is the custom; what they would hide stands below.\n\n"
        "A nearest word there always is, so a single hit proves nothing. That is why random triples of the more "
        "frequent words are asked too, and why the share of right answers among all questions of the same kind "
        "stands beside it, with pairs of words that loci brings along (English).",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci analogy vectors.bin man king woman --expect queen", "and where queen stands"},
                 {"loci analogy vectors.bin france paris italy --method 3cosmul", "another way to combine"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS | LOCI__USES_THREADS,
    .least = 4,
    .most = 4,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
