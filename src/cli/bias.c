/* bias.c: `loci bias`, the word embedding association test on lists of words.
 */
#include "cli.h"

typedef struct values {
  uint64_t seed;
  const char *output, *pairs, *keep;
  int debias, equalize;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"seed", 0, LOCI__OPTION_COUNT, AT(seed), "N", LOCI__OFFER_NOTHING, "of the permutations that are drawn (1)"},
    {"debias", 0, LOCI__OPTION_FLAG, AT(debias), NULL, LOCI__OFFER_NOTHING,
     "take the direction of --pairs out of the vectors, and say what is left of it"},
    {"output", 'o', LOCI__OPTION_TEXT, AT(output), "FILE", LOCI__OFFER_FILE,
     "with --debias: where the changed vectors go (.bin, .txt, .vec, .npy)"},
    {"pairs", 0, LOCI__OPTION_TEXT, AT(pairs), "A:B,…", LOCI__OFFER_NOTHING,
     "with --debias: words that differ in nothing else (English words of women and men)"},
    {"keep", 0, LOCI__OPTION_TEXT, AT(keep), "FILE", LOCI__OFFER_FILE,
     "with --debias: words to leave as they are, one a line (kinship, king, queen …)"},
    {"equalize", 0, LOCI__OPTION_FLAG, AT(equalize), NULL, LOCI__OFFER_NOTHING,
     "with --debias: the two of a pair end equally far from all other words"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON array"},
};

typedef struct test {
  loci_weat_set sets[4];
} test;

/* ---- lists from a file: {"targ1": {"category": …, "examples": […]}, "targ2", "attr1", "attr2"} ------------ */

typedef struct read_test {
  test test;
  loci__arena arena;
} read_test;

static loci_status read_set(loci__arena *arena, const loci__json *root, const char *key, const char *path,
                            loci_weat_set *out, loci_error *error) {
  const loci__json *set = loci__json_get(root, key), *words = loci__json_get(set, "examples");
  const loci__json *name = loci__json_get(set, "category");
  if (!words || words->type != LOCI__JSON_ARRAY || !words->count)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: '%s' has no \"examples\", an array of words", path, key);
  const char **items = loci__arena_alloc(arena, words->count * sizeof *items);
  char *title = name && name->type == LOCI__JSON_STRING ? loci__arena_strndup(arena, name->text, name->length)
                                                        : loci__arena_strndup(arena, key, strlen(key));
  if (!items || !title) return loci__fail_memory(error, words->count * sizeof *items, "a list of words");
  *out = (loci_weat_set){title, items, 0};
  for (const loci__json *w = loci__json_first(words); w; w = loci__json_next(words, w)) {
    if (w->type != LOCI__JSON_STRING)
      return loci__fail(error, LOCI_ERROR_FORMAT, "%s: '%s' has what is no word", path, key);
    items[out->n] = loci__arena_strndup(arena, w->text, w->length);
    if (!items[out->n]) return loci__fail_memory(error, w->length, "a word");
    out->n++;
  }
  return LOCI_OK;
}

static loci_status read_lists(loci__cli *cli, const char *path, read_test *out, loci_error *error) {
  static const char *const keys[] = {"targ1", "targ2", "attr1", "attr2"};
  loci__arena_init(&out->arena, cli->context);
  loci__input input;
  const char *text;
  size_t length;
  LOCI__TRY(loci__input_open(&input, cli->context, path, error));
  loci__json_document json;
  loci_status status = loci__input_all(&input, &text, &length, error);
  if (status == LOCI_OK) {
    status = loci__json_parse(&json, cli->context, text, length, path, error);
    for (size_t i = 0; i < 4 && status == LOCI_OK; i++)
      status = read_set(&out->arena, json.nodes, keys[i], path, &out->test.sets[i], error);
    loci__json_release(&json);
  }
  loci__input_close(&input);
  return status;
}

/* ---- output ---------------------------------------------------------------------------------------------- */

typedef struct sheet {
  loci__cli *cli;
  const loci_vectors *vectors;
  loci__table table;
  loci__buffer out;
  loci__json_writer json;
} sheet;

static loci_status one_test(sheet *s, const loci_weat_set *sets, loci_error *error) {
  const values *v = s->cli->values;
  loci_weat_report r;
  loci_error refusal;
  const loci_status status = loci_weat(s->vectors, sets, v->seed ? v->seed : 1, &r, &refusal);
  if (status != LOCI_OK && status != LOCI_ERROR_LIMIT) {
    if (error) *error = refusal;
    return status;
  }
  size_t n = 0, seen = 0;
  for (size_t i = 0; i < 4; i++) n += r.n[i], seen += r.n_seen[i];
  if (v->json) {
    static const char *const keys[] = {"targets", "against", "attributes", "or"};
    loci__json_open(&s->json, '{');
    for (size_t i = 0; i < 4; i++) loci__json_key(&s->json, keys[i]), loci__json_put_text(&s->json, sets[i].name);
    loci__json_key(&s->json, "words"), loci__json_put_u64(&s->json, n);
    loci__json_key(&s->json, "known"), loci__json_put_u64(&s->json, seen);
    if (status == LOCI_OK) {
      loci__json_key(&s->json, "effect"), loci__json_put_double(&s->json, r.effect);
      loci__json_key(&s->json, "p"), loci__json_put_double(&s->json, r.p);
      loci__json_key(&s->json, "partitions"), loci__json_put_u64(&s->json, r.n_partitions);
      loci__json_key(&s->json, "exact"), loci__json_put_bool(&s->json, r.exact);
    } else {
      loci__json_key(&s->json, "refused"), loci__json_put_text(&s->json, refusal.message);
    }
    loci__json_close(&s->json, '}');
    return LOCI_OK;
  }
  loci__table_addf(&s->table, "%s, %s", sets[0].name, sets[1].name);
  loci__table_addf(&s->table, "%s, %s", sets[2].name, sets[3].name);
  loci__table_addf(&s->table, "%zu", n);
  loci__table_addf(&s->table, "%zu", n - seen);
  if (status == LOCI_OK) {
    loci__table_addf(&s->table, "%.3f", r.effect);
    loci__table_addf(&s->table, "%.4g", r.p);
    loci__table_addf(&s->table, "%s%llu partitions", r.exact ? "all " : "", (unsigned long long)r.n_partitions);
  } else {
    loci__table_add(&s->table, "");
    loci__table_add(&s->table, "");
    loci__table_addf(&s->table, "refused: %s", refusal.message);
    s->cli->nothing = true;
  }
  return LOCI_OK;
}

static loci_status all_tests(sheet *s, loci_error *error) {
  if (s->cli->arguments.n == 0) {
    for (size_t i = 0; i < loci_weat_tests(); i++) LOCI__TRY(one_test(s, loci_weat_test(i), error));
    return LOCI_OK;
  }
  for (size_t i = 0; i < s->cli->arguments.n; i++) {
    read_test read = {0};
    loci_status status = read_lists(s->cli, s->cli->arguments.items[i], &read, error);
    if (status == LOCI_OK) status = one_test(s, read.test.sets, error);
    loci__arena_release(&read.arena);
    LOCI__TRY(status);
  }
  return LOCI_OK;
}

/* ---- --debias --------------------------------------------------------------------------------------------- */

static const char usual_pairs[] =
    "woman:man,she:he,her:his,mother:father,daughter:son,girl:boy,female:male,herself:himself,women:men,girls:boys";
/* Words that are of one sex by what they mean. */
static const char *const usual_keep[] = {
    "king",     "queen",     "prince",     "princess",    "uncle",       "aunt",      "husband", "wife",
    "brother",  "sister",    "nephew",     "niece",       "grandfather", "grandma",   "grandpa", "actor",
    "actress",  "boyfriend", "girlfriend", "grandmother", "widow",       "widower",   "bride",   "groom",
    "lady",     "gentleman", "ladies",     "gentlemen",   "sons",        "daughters", "mothers", "fathers",
    "brothers", "sisters",   "wives",      "husbands",    "kings",       "queens",    "duke",    "duchess",
    "pregnant", "monk",      "nun",        "mom",         "dad",         "him",       "hers",    "lord",
    "mr",       "mrs",       "ms",         "sir",         "madam"};

typedef struct rows {
  size_t *items, n, capacity;
} rows;

static loci_status rows_add(rows *r, int64_t row, loci_error *error) {
  if (!loci__grow(NULL, &r->items, &r->capacity, r->n + 1, sizeof *r->items))
    return loci__fail_memory(error, r->n * sizeof *r->items, "the words");
  r->items[r->n++] = (size_t)row;
  return LOCI_OK;
}

static loci_status read_pairs(const loci_vectors *vectors, const char *text, bool all, rows *out, loci_error *error) {
  for (const char *at = text; *at;) {
    const size_t length = strcspn(at, ",");
    const char *colon = memchr(at, ':', length);
    if (!colon || colon == at || colon + 1 == at + length)
      return loci__fail(error, LOCI_ERROR_USAGE, "--pairs is written one:other,one:other…, not '%s'", text);
    const size_t n_to = (size_t)(at + length - colon - 1);
    const int64_t a = loci_find_folded(vectors, at, (size_t)(colon - at)),
                  b = loci_find_folded(vectors, colon + 1, n_to);
    if (a >= 0 && b >= 0 && a != b) {
      LOCI__TRY(rows_add(out, a, error));
      LOCI__TRY(rows_add(out, b, error));
    } else if (all) {
      return a < 0 ? loci__fail_word(vectors, at, (size_t)(colon - at), error)
                   : loci__fail_word(vectors, colon + 1, n_to, error);
    }
    at += length;
    if (*at) at++;
  }
  if (out->n < 2)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "none of the usual pairs of words has vectors: name some with --pairs one:other,…");
  return LOCI_OK;
}

static loci_status read_keep(loci__cli *cli, const loci_vectors *vectors, const char *path, rows *out,
                             loci_error *error) {
  if (!path) {
    for (size_t i = 0; i < LOCI__COUNT(usual_keep); i++) {
      const int64_t row = loci_find_folded(vectors, usual_keep[i], strlen(usual_keep[i]));
      if (row >= 0) LOCI__TRY(rows_add(out, row, error));
    }
    return LOCI_OK;
  }
  loci__input input;
  LOCI__TRY(loci__input_open(&input, cli->context, path, error));
  loci_text *lines = NULL;
  size_t capacity = 0, n = 0;
  loci_status status = loci__input_lines(&input, SIZE_MAX, &lines, &capacity, &n, error);
  for (size_t i = 0; status == LOCI_OK && i < n; i++) {
    const int64_t row = loci_find_folded(vectors, lines[i].data, lines[i].length);
    if (row >= 0) status = rows_add(out, row, error);
  }
  loci__free(cli->context, lines);
  loci__input_close(&input);
  return status;
}

static loci_status save(loci__cli *cli, const char *source, const loci_vectors *changed, size_t n_pairs,
                        const loci_debias_report *r, loci_error *error) {
  const values *v = cli->values;
  loci__buffer text;
  loci__buffer_init(&text, NULL, 0);
  loci_status status = loci__card_begin(cli, source, v->output, &text, error);
  loci__buffer_printf(
      &text,
      "\n## Debiased\n\nThe mean difference of %zu pairs of words was taken out of %zu words by `loci bias "
      "--debias`. It hides an\nassociation and does not remove it (Gonen and Goldberg 2019): of %zu words that "
      "leaned most to either side before,\ntwo clusters put %.1f %% on their side before and %.1f %% after. "
      "Vectors have unit length now.\n",
      n_pairs, r->n_changed, r->n_words, 100 * r->clusters_before, 100 * r->clusters_after);
  if (status == LOCI_OK) status = loci__buffer_status(&text, "the model card", error);
  if (status == LOCI_OK) status = loci_vectors_save(changed, v->output, text.data, error);
  loci__buffer_release(&text);
  return status;
}

static void put_debias(loci__cli *cli, const loci_debias_report *r, loci__buffer *out) {
  static const char *const headings[] = {"what", ">before", ">after", "remark"};
  const values *v = cli->values;
  if (v->json) {
    loci__json_writer json;
    loci__json_writer_init(&json, out);
    loci__json_open(&json, '{');
    loci__json_key(&json, "changed"), loci__json_put_u64(&json, r->n_changed);
    loci__json_key(&json, "projection_before"), loci__json_put_double(&json, r->projection_before);
    loci__json_key(&json, "projection_after"), loci__json_put_double(&json, r->projection_after);
    loci__json_key(&json, "words"), loci__json_put_u64(&json, r->n_words);
    loci__json_key(&json, "clusters_before"), loci__json_put_double(&json, r->clusters_before);
    loci__json_key(&json, "clusters_after"), loci__json_put_double(&json, r->clusters_after);
    loci__json_close(&json, '}');
    loci__buffer_putc(out, '\n');
    return;
  }
  loci__table t;
  loci__table_init(&t, headings, LOCI__COUNT(headings));
  loci__table_add(&t, "mean |cosine| with the direction");
  loci__table_addf(&t, "%.4f", r->projection_before);
  loci__table_addf(&t, "%.4f", r->projection_after);
  loci__table_addf(&t, "of the %zu words that were changed", r->n_changed);
  loci__table_add(&t, "on their side by two clusters");
  loci__table_addf(&t, "%.1f %%", 100 * r->clusters_before);
  loci__table_addf(&t, "%.1f %%", 100 * r->clusters_after);
  loci__table_addf(&t, "of the %zu words that leaned most; 50 %% is chance", r->n_words);
  loci__table_put(&t, out, cli);
  loci__table_release(&t);
}

static loci_status debias(loci__cli *cli, const loci_vectors *vectors, const char *source, loci_error *error) {
  const values *v = cli->values;
  rows pairs = {0}, keep = {0};
  loci_vectors *changed = NULL;
  loci_debias_report report = {0};
  loci_debias_options o;
  loci_debias_options_init(&o);
  loci_status status = read_pairs(vectors, v->pairs ? v->pairs : usual_pairs, v->pairs != NULL, &pairs, error);
  if (status == LOCI_OK) status = read_keep(cli, vectors, v->keep, &keep, error);
  if (status == LOCI_OK) {
    o.pairs = pairs.items, o.n_pairs = pairs.n / 2;
    o.keep = keep.items, o.n_keep = keep.n;
    o.equalize = v->equalize;
    if (v->seed) o.seed = v->seed;
    status = loci_debias(vectors, &o, &changed, &report, error);
  }
  if (status == LOCI_OK && v->output) status = save(cli, source, changed, o.n_pairs, &report, error);
  if (status == LOCI_OK) {
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    put_debias(cli, &report, &out);
    status = loci__output_flush(cli, &out, error);
    loci__buffer_release(&out);
    loci__note(
        cli,
        "this hides an association from tests along one direction; it does not remove it from the vectors (Gonen "
        "and Goldberg 2019, \"Lipstick on a Pig\")");
  }
  loci_vectors_close(changed);
  loci__free(NULL, pairs.items);
  loci__free(NULL, keep.items);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  static const char *const headings[] = {"targets", "attributes", ">words", ">unknown", ">effect d", ">p", "remark"};
  const values *v = cli->values;
  if (!v->debias && (v->output || v->pairs || v->keep || v->equalize))
    return loci__fail(error, LOCI_ERROR_USAGE, "-o, --pairs, --keep and --equalize go with --debias");
  const char *source = cli->arguments.n > 0 ? cli->arguments.items[0] : "";
  loci__space space;
  LOCI__TRY(loci__space_open(cli, &space, error));
  if (v->debias) {
    loci_status done;
    if (cli->arguments.n > 0) done = loci__fail(error, LOCI_ERROR_USAGE, "--debias takes pairs of words, not lists");
    else done = debias(cli, space.vectors, source, error);
    loci__space_close(&space);
    return done;
  }
  sheet s = {.cli = cli, .vectors = space.vectors};
  loci__buffer_init(&s.out, NULL, 0);
  loci__table_init(&s.table, headings, LOCI__COUNT(headings));
  loci__json_writer_init(&s.json, &s.out);
  if (v->json) loci__json_open(&s.json, '[');
  loci_status status = all_tests(&s, error);
  if (status == LOCI_OK) {
    if (v->json) {
      loci__json_close(&s.json, ']');
      loci__buffer_putc(&s.out, '\n');
    } else {
      loci__table_put(&s.table, &s.out, cli);
    }
    status = loci__output_flush(cli, &s.out, error);
  }
  loci__table_release(&s.table);
  loci__buffer_release(&s.out);
  loci__space_close(&space);
  return status;
}

const loci__command loci__command_bias = {
    .name = "bias",
    .summary = "Measure what associations the vectors took over from their corpus",
    .arguments = "VECTORS [LISTS…]",
    .about =
        "The word embedding association test (Caliskan, Bryson and Narayanan 2017): how much nearer the first targets "
        "lie to the first attributes than the second targets do, in standard deviations (d, −2…2), and the share p of "
        "partitions of the targets that show more. Less than 80 % known words are refused: the figure would be of "
        "other "
        "lists.\n\n"
        "LISTS are JSON objects with targ1, targ2, attr1, attr2, each with a category and examples. Without them, "
        "three "
        "tests with words of loci's own choice (English): flowers and insects, a check that the measure works, and two "
        "about men and women. Vectors mirror their corpus; a figure near 0 does not make them neutral.\n\n"
        "--debias takes the mean difference of pairs of words out of all others (Bolukbasi et al. 2016). That hides an "
        "association rather than removes it (Gonen and Goldberg 2019), and the command shows it: two clusters of the "
        "words that leaned most before still part them.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci bias vectors.bin", "the lists that loci brings along"},
                 {"loci bias vectors.bin weat1.json weat7.json", "lists of your own"},
                 {"loci bias vectors.bin --debias -o neutral.bin", "a direction taken out, and what is left of it"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS,
    .least = 1,
    .most = SIZE_MAX,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
