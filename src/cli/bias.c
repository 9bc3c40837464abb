/* bias.c: `loci bias`, the word embedding association test on lists of words.
 */
#include "cli.h"

typedef struct values {
  uint64_t seed;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"seed", 0, LOCI__OPTION_COUNT, AT(seed), "N", LOCI__OFFER_NOTHING, "of the permutations that are drawn (1)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON array"},
};

/* ---- lists that loci brings along: our own choice of common words -------------------------------------- */

#define WORDS(...) ((const char *const[]){__VA_ARGS__})
#define SET(name, ...) \
  { name, WORDS(__VA_ARGS__), sizeof WORDS(__VA_ARGS__) / sizeof(char *) }

typedef struct test {
  loci_weat_set sets[4];
} test;

static const test brought_along[] = {
    {{SET("flowers", "rose", "lily", "tulip", "daisy", "orchid", "violet", "lotus", "iris", "poppy", "blossom"),
      SET("insects", "ant", "wasp", "fly", "spider", "mosquito", "cockroach", "beetle", "moth", "locust", "termite"),
      SET("pleasant", "love", "peace", "joy", "beautiful", "happy", "friend", "gift", "honest", "paradise", "lovely"),
      SET("unpleasant", "hatred", "war", "pain", "ugly", "sad", "enemy", "disease", "cruel", "hell", "terrible")}},
    {{SET("male words", "man", "he", "his", "father", "brother", "son", "boy", "uncle"),
      SET("female words", "woman", "she", "her", "mother", "sister", "daughter", "girl", "aunt"),
      SET("career", "office", "business", "salary", "manager", "company", "career", "professional", "corporation"),
      SET("family", "home", "parents", "children", "family", "cousins", "marriage", "wedding", "relatives")}},
    {{SET("science", "physics", "chemistry", "engineering", "mathematics", "technology", "experiment", "laboratory",
          "astronomy"),
      SET("arts", "poetry", "dance", "literature", "novel", "sculpture", "drama", "painting", "music"),
      SET("male words", "man", "he", "his", "father", "brother", "son", "boy", "uncle"),
      SET("female words", "woman", "she", "her", "mother", "sister", "daughter", "girl", "aunt")}},
};

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

static loci_status one_test(sheet *s, const test *t, loci_error *error) {
  const values *v = s->cli->values;
  loci_weat_report r;
  loci_error refusal;
  const loci_status status = loci_weat(s->vectors, t->sets, v->seed ? v->seed : 1, &r, &refusal);
  if (status != LOCI_OK && status != LOCI_ERROR_LIMIT) {
    if (error) *error = refusal;
    return status;
  }
  size_t n = 0, seen = 0;
  for (size_t i = 0; i < 4; i++) n += r.n[i], seen += r.n_seen[i];
  if (v->json) {
    static const char *const keys[] = {"targets", "against", "attributes", "or"};
    loci__json_open(&s->json, '{');
    for (size_t i = 0; i < 4; i++) loci__json_key(&s->json, keys[i]), loci__json_put_text(&s->json, t->sets[i].name);
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
  loci__table_addf(&s->table, "%s, %s", t->sets[0].name, t->sets[1].name);
  loci__table_addf(&s->table, "%s, %s", t->sets[2].name, t->sets[3].name);
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
    for (size_t i = 0; i < LOCI__COUNT(brought_along); i++) LOCI__TRY(one_test(s, &brought_along[i], error));
    return LOCI_OK;
  }
  for (size_t i = 0; i < s->cli->arguments.n; i++) {
    read_test read = {0};
    loci_status status = read_lists(s->cli, s->cli->arguments.items[i], &read, error);
    if (status == LOCI_OK) status = one_test(s, &read.test, error);
    loci__arena_release(&read.arena);
    LOCI__TRY(status);
  }
  return LOCI_OK;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  static const char *const headings[] = {"targets", "attributes", ">words", ">unknown", ">effect d", ">p", "remark"};
  const values *v = cli->values;
  loci__space space;
  LOCI__TRY(loci__space_open(cli, &space, error));
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
        "about men and women. Vectors mirror their corpus; a figure near 0 does not make them neutral.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci bias vectors.bin", "the lists that loci brings along"},
                 {"loci bias vectors.bin weat1.json weat7.json", "lists of your own"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS,
    .least = 1,
    .most = SIZE_MAX,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
