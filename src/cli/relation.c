/* relation.c: `loci relation`, do the offsets of pairs of words point one way; `loci axis`, how far words lie along such a
 * direction.
 */
#include "cli.h"

enum { RESAMPLES = 2000 };

typedef struct values {
  uint64_t permutations, seed;
  int json;
} values;

/* ---- pairs of words → rows --------------------------------------------------------------------------- */

typedef struct pairs {
  char name[80];
  size_t *rows; /* two a pair */
  size_t n, capacity, n_all;
} pairs;

typedef struct relations {
  pairs *items;
  size_t n, capacity;
} relations;

static void relations_release(relations *r) {
  for (size_t i = 0; i < r->n; i++) loci__free(NULL, r->items[i].rows);
  loci__free(NULL, r->items);
}

static pairs *relation_add(relations *r, const char *name, size_t length) {
  if (!loci__grow(NULL, &r->items, &r->capacity, r->n + 1, sizeof *r->items)) return NULL;
  pairs *p = &r->items[r->n++];
  *p = (pairs){0};
  snprintf(p->name, sizeof p->name, "%.*s", (int)(length < 79 ? length : 79), name);
  return p;
}

/* A pair that stands there already is left out (questions-words.txt has each many times). */
static bool pair_add(pairs *p, const loci_vectors *vectors, const char *from, size_t n_from, const char *to,
                     size_t n_to) {
  const int64_t a = loci_find_folded(vectors, from, n_from), b = loci_find_folded(vectors, to, n_to);
  p->n_all++;
  if (a < 0 || b < 0 || a == b) return true;
  for (size_t i = 0; i < p->n; i++)
    if (p->rows[2 * i] == (size_t)a && p->rows[2 * i + 1] == (size_t)b) {
      p->n_all--;
      return true;
    }
  if (!loci__grow(NULL, &p->rows, &p->capacity, 2 * p->n + 2, sizeof *p->rows)) return false;
  p->rows[2 * p->n] = (size_t)a;
  p->rows[2 * p->n + 1] = (size_t)b;
  p->n++;
  return true;
}

static loci_status brought_along(relations *r, const loci_vectors *vectors, loci_error *error) {
  const char *name, *from, *to;
  for (size_t i = 0; (name = loci_relation_name(i)); i++) {
    pairs *p = relation_add(r, name, strlen(name));
    if (!p) return loci__fail_memory(error, sizeof *p, "the relations");
    for (size_t k = 0; loci_relation_pair(i, k, &from, &to); k++)
      if (!pair_add(p, vectors, from, strlen(from), to, strlen(to)))
        return loci__fail_memory(error, k * sizeof *p->rows, "the pairs");
  }
  return LOCI_OK;
}

/* "from to" a line, ": name" begins another relation, four words are two pairs (questions-words.txt). */
static loci_status read_pairs(relations *r, loci__cli *cli, const loci_vectors *vectors, const char *path,
                              loci_error *error) {
  loci__input input;
  LOCI__TRY(loci__input_open(&input, cli->context, path, error));
  loci_text *lines = NULL;
  size_t capacity = 0, n = 0, at = 0;
  loci_status status = loci__input_lines(&input, SIZE_MAX, &lines, &capacity, &n, error);
  for (; status == LOCI_OK && at < n; at++) {
    const char *text = lines[at].data, *end = text + lines[at].length, *words[4];
    size_t lengths[4], count = 0;
    if (text < end && *text == ':') {
      for (text++; text < end && *text == ' ';) text++;
      if (!relation_add(r, text, (size_t)(end - text))) status = loci__fail_memory(error, 128, "the relations");
      continue;
    }
    while (text < end && count < 5) {
      while (text < end && strchr(" \t,", *text)) text++;
      const char *word = text;
      while (text < end && !strchr(" \t,", *text)) text++;
      if (text == word) break;
      if (count < 4) words[count] = word, lengths[count] = (size_t)(text - word);
      count++;
    }
    if (count == 0 || words[0][0] == '#') continue;
    if (count != 2 && count != 4) {
      status =
          loci__fail(error, LOCI_ERROR_FORMAT, "%s, line %zu: two words are a pair, four are two pairs", path, at + 1);
      continue;
    }
    if (!r->n && !relation_add(r, path, strlen(path))) status = loci__fail_memory(error, 128, "the relations");
    for (size_t i = 0; i < count && status == LOCI_OK; i += 2)
      if (!pair_add(&r->items[r->n - 1], vectors, words[i], lengths[i], words[i + 1], lengths[i + 1]))
        status = loci__fail_memory(error, 128, "the pairs");
  }
  loci__free(cli->context, lines);
  loci__input_close(&input);
  return status;
}

static void add_number(loci__table *table, bool known, double value) {
  if (known) loci__table_addf(table, "%.4f", value);
  else loci__table_add(table, "");
}

/* ---- relation ------------------------------------------------------------------------------------------ */

static loci_status put_relations(loci__cli *cli, const loci_vectors *vectors, const relations *r, loci_error *error) {
  static const char *const headings[] = {"relation", ">pairs", ">known", ">mean cosine", ">shuffled", ">p"};
  const values *v = cli->values;
  const uint64_t seed = v->seed ? v->seed : 1;
  const size_t permutations = v->permutations ? (size_t)v->permutations : 1000;
  if (permutations > 10000000) return loci__fail(error, LOCI_ERROR_USAGE, "--permutations is at most 10000000");
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__table table;
  loci__table_init(&table, headings, LOCI__COUNT(headings));
  loci__json_writer json;
  loci__json_writer_init(&json, &out);
  if (v->json) loci__json_open(&json, '[');
  loci_status status = LOCI_OK;
  for (size_t i = 0; i < r->n && status == LOCI_OK; i++) {
    const pairs *p = &r->items[i];
    loci_relation_report report = {.n = p->n};
    const bool enough = p->n >= 2;
    if (enough) status = loci_relation_measure(vectors, p->rows, p->n, permutations, seed, &report, error);
    if (v->json) {
      loci__json_open(&json, '{');
      loci__json_key(&json, "relation"), loci__json_put_text(&json, p->name);
      loci__json_key(&json, "pairs"), loci__json_put_u64(&json, p->n_all);
      loci__json_key(&json, "known"), loci__json_put_u64(&json, p->n);
      if (enough) {
        loci__json_key(&json, "mean_cosine"), loci__json_put_double(&json, report.mean_cosine);
        loci__json_key(&json, "shuffled"), loci__json_put_double(&json, report.shuffled);
        loci__json_key(&json, "p"), loci__json_put_double(&json, report.p);
      }
      loci__json_close(&json, '}');
      continue;
    }
    loci__table_add(&table, p->name);
    loci__table_addf(&table, "%zu", p->n_all);
    loci__table_addf(&table, "%zu", p->n);
    add_number(&table, enough, report.mean_cosine);
    add_number(&table, enough, report.shuffled);
    add_number(&table, enough, report.p);
  }
  if (v->json) {
    loci__json_close(&json, ']');
    loci__buffer_putc(&out, '\n');
  } else {
    loci__table_put(&table, &out, cli);
  }
  if (status == LOCI_OK) status = loci__output_flush(cli, &out, error);
  loci__table_release(&table);
  loci__buffer_release(&out);
  return status;
}

static loci_status run_relation(loci__cli *cli, loci_error *error) {
  loci__space space;
  LOCI__TRY(loci__space_open(cli, &space, error));
  relations r = {0};
  loci_status status = cli->arguments.n > 0 ? read_pairs(&r, cli, space.vectors, cli->arguments.items[0], error)
                                            : brought_along(&r, space.vectors, error);
  if (status == LOCI_OK) status = put_relations(cli, space.vectors, &r, error);
  relations_release(&r);
  loci__space_close(&space);
  return status;
}

#define AT(member) offsetof(values, member)
static const loci__option relation_options[] = {
    {"permutations", 0, LOCI__OPTION_COUNT, AT(permutations), "N", LOCI__OFFER_NOTHING,
     "how often the pairs are shuffled (1000)"},
    {"seed", 0, LOCI__OPTION_COUNT, AT(seed), "N", LOCI__OFFER_NOTHING, "of the shuffling (1)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON array"},
};

const loci__command loci__command_relation = {
    .name = "relation",
    .summary = "Ask whether pairs of words differ in one direction",
    .arguments = "VECTORS [PAIRS]",
    .about =
        "Two words a line, a line \": name\" begins a relation, and four words are two pairs (questions-words.txt). "
        "Without PAIRS, the relations that loci brings along (English).\n\n"
        "The mean cosine of two offsets is 1 when all pairs differ alike. `shuffled` is what remains of it when "
        "every second word goes to another first one, and p how often shuffling reaches the true value.",
    .options = relation_options,
    .n_options = LOCI__COUNT(relation_options),
    .examples = {{"loci relation vectors.bin", "the relations that loci brings along"},
                 {"loci relation vectors.bin questions-words.txt", "those of a file"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS,
    .least = 1,
    .most = 2,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run_relation,
};

/* ---- axis -------------------------------------------------------------------------------------------- */

/* "man:woman,he:she" → pairs, all of which must be there. */
static loci_status parse_axis(pairs *p, const loci_vectors *vectors, const char *text, loci_error *error) {
  for (const char *at = text; *at;) {
    const size_t length = strcspn(at, ",");
    const char *colon = memchr(at, ':', length);
    if (!colon || colon == at || colon + 1 == at + length)
      return loci__fail(error, LOCI_ERROR_USAGE, "an axis is written from:to, or from:to,from:to…, not '%s'", text);
    const size_t before = p->n;
    if (!pair_add(p, vectors, at, (size_t)(colon - at), colon + 1, (size_t)(at + length - colon - 1)))
      return loci__fail_memory(error, 64, "the pairs");
    if (p->n == before)
      return loci__fail(error, LOCI_ERROR_NOT_FOUND,
                        "the pair '%.*s' has a word without a vector, or stands there twice", (int)length, at);
    at += length;
    if (*at) at++;
  }
  return LOCI_OK;
}

static loci_status put_axis(loci__cli *cli, const pairs *p, size_t n, const loci_interval *found, loci_error *error) {
  static const char *const headings[] = {"word", ">projection", ">low", ">high", ">pairs"};
  const values *v = cli->values;
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__table table;
  loci__table_init(&table, headings, LOCI__COUNT(headings));
  loci__json_writer json;
  loci__json_writer_init(&json, &out);
  if (v->json) loci__json_open(&json, '[');
  for (size_t i = 0; i < n; i++) {
    const char *word = cli->arguments.items[1 + i];
    if (v->json) {
      loci__json_open(&json, '{');
      loci__json_key(&json, "word"), loci__json_put_text(&json, word);
      loci__json_key(&json, "projection"), loci__json_put_double(&json, found[i].value);
      if (p->n > 1) {
        loci__json_key(&json, "low"), loci__json_put_double(&json, found[i].low);
        loci__json_key(&json, "high"), loci__json_put_double(&json, found[i].high);
      }
      loci__json_key(&json, "pairs"), loci__json_put_u64(&json, p->n);
      loci__json_close(&json, '}');
      continue;
    }
    loci__table_add(&table, word);
    loci__table_addf(&table, "%.4f", found[i].value);
    add_number(&table, p->n > 1, found[i].low);
    add_number(&table, p->n > 1, found[i].high);
    loci__table_addf(&table, "%zu", p->n);
  }
  if (v->json) {
    loci__json_close(&json, ']');
    loci__buffer_putc(&out, '\n');
  } else {
    loci__table_put(&table, &out, cli);
  }
  loci_status status = loci__output_flush(cli, &out, error);
  loci__table_release(&table);
  loci__buffer_release(&out);
  return status;
}

static loci_status measure_axis(loci__cli *cli, const loci__space *space, pairs *p, size_t *rows, loci_interval *found,
                                loci_error *error) {
  const values *v = cli->values;
  const loci_vectors *vectors = space->vectors;
  const size_t n = cli->arguments.n - 1;
  LOCI__TRY(parse_axis(p, vectors, cli->arguments.items[0], error));
  for (size_t i = 0; i < n; i++) {
    const char *word = cli->arguments.items[1 + i];
    const int64_t row = loci_find_folded(vectors, word, strlen(word));
    if (row >= 0) rows[i] = (size_t)row;
    else LOCI__TRY(loci__space_find(space, word, strlen(word), &rows[i], error));
  }
  LOCI__TRY(loci_axis(vectors, p->rows, p->n, rows, n, RESAMPLES, v->seed ? v->seed : 1, found, error));
  LOCI__TRY(put_axis(cli, p, n, found, error));
  if (p->n == 1)
    loci__note(cli, "one pair has no interval; more pairs of the same difference give one: from:to,from:to");
  return LOCI_OK;
}

static loci_status run_axis(loci__cli *cli, loci_error *error) {
  loci__space space;
  LOCI__TRY(loci__space_open(cli, &space, error));
  pairs p = {0};
  size_t *rows = loci__alloc_array(NULL, cli->arguments.n, sizeof *rows);
  loci_interval *found = loci__alloc_array(NULL, cli->arguments.n, sizeof *found);
  loci_status status = rows && found ? measure_axis(cli, &space, &p, rows, found, error)
                                     : loci__fail_memory(error, cli->arguments.n * sizeof *found, "the words");
  loci__free(NULL, rows);
  loci__free(NULL, found);
  loci__free(NULL, p.rows);
  loci__space_close(&space);
  return status;
}

static const loci__option axis_options[] = {
    {"seed", 0, LOCI__OPTION_COUNT, AT(seed), "N", LOCI__OFFER_NOTHING, "of the resampling (1)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON array"},
};

const loci__command loci__command_axis = {
    .name = "axis",
    .summary = "Say how far words lie along the difference of other words",
    .arguments = "VECTORS FROM:TO[,FROM:TO…] WORD…",
    .about =
        "The projection is the cosine of a word with the mean offset of the pairs: above 0 it lies towards TO, below "
        "towards FROM. With several pairs comes an interval of 95 % (bootstrap over the pairs, 2,000 resamples).\n\n"
        "A direction has a meaning, a dimension has none: the same space turned any way gives the same numbers.",
    .options = axis_options,
    .n_options = LOCI__COUNT(axis_options),
    .examples = {{"loci axis vectors.bin man:woman,he:she,king:queen nurse engineer", "towards which words lean"},
                 {"loci axis vectors.bin small:big ant whale", "one pair, no interval"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS,
    .least = 3,
    .most = SIZE_MAX,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run_axis,
};
