/* cluster.c: `loci cluster`, groups of words that nobody named, told by their words.
 */
#include "cli.h"

#include <math.h>

typedef struct values {
  uint64_t clusters, limit, most, seed, starts, min_size, min_samples;
  loci__words words;
  int method, metric, leaf, members, json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"clusters", 'k', LOCI__OPTION_COUNT, AT(clusters), "N", LOCI__OFFER_NOTHING,
     "kmeans: how many clusters (the root of half the words, at most 50)"},
    {"method", 0, LOCI__OPTION_CHOICE, AT(method), "kmeans|hdbscan", LOCI__OFFER_NOTHING,
     "N groups around means, or as many dense ones as there are; default: kmeans"},
    {"words", 0, LOCI__OPTION_LIST, AT(words), "FILE", LOCI__OFFER_FILE,
     "cluster the words of this file, one a line (- is standard input)"},
    {"most", 0, LOCI__OPTION_COUNT, AT(most), "N", LOCI__OFFER_NOTHING,
     "cluster only the first N words of VECTORS, which are the most frequent ones in most files; default: all"},
    {"metric", 0, LOCI__OPTION_CHOICE, AT(metric), "cosine|l2", LOCI__OFFER_NOTHING, "default: cosine"},
    {"limit", 'n', LOCI__OPTION_COUNT, AT(limit), "N", LOCI__OFFER_NOTHING,
     "how many words tell a cluster (5, at most 16)"},
    {"members", 0, LOCI__OPTION_FLAG, AT(members), NULL, LOCI__OFFER_NOTHING, "every word and its cluster instead"},
    {"starts", 0, LOCI__OPTION_COUNT, AT(starts), "N", LOCI__OFFER_NOTHING,
     "kmeans: how often it begins anew, the best run counts (10 up to 20,000 words, else 1)"},
    {"seed", 0, LOCI__OPTION_COUNT, AT(seed), "N", LOCI__OFFER_NOTHING, "kmeans: of where it begins (1)"},
    {"min-size", 0, LOCI__OPTION_COUNT, AT(min_size), "N", LOCI__OFFER_NOTHING,
     "hdbscan: what has fewer words is no cluster (5)"},
    {"min-samples", 0, LOCI__OPTION_COUNT, AT(min_samples), "N", LOCI__OFFER_NOTHING,
     "hdbscan: words that must lie near for a place to be dense (as --min-size)"},
    {"leaf", 0, LOCI__OPTION_FLAG, AT(leaf), NULL, LOCI__OFFER_NOTHING,
     "hdbscan: the finest clusters instead of those that last longest"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object with every word's cluster"},
};

typedef struct clustering {
  loci__cli *cli;
  loci__space space;
  size_t *rows, n, capacity; /* NULL: all */
  bool *taken;               /* a row each, while words are gathered */
  size_t n_unknown;
  loci_clusters clusters;
  loci_cluster_words *told; /* k */
  loci__buffer out;
  loci__json_writer json;
} clustering;

/* ---- which words ----------------------------------------------------------------------------------------- */

static loci_status add_row(clustering *c, size_t row, loci_error *error) {
  if (c->taken[row]) return LOCI_OK;
  if (!loci__grow(NULL, &c->rows, &c->capacity, c->n + 1, sizeof *c->rows))
    return loci__fail_memory(error, c->n * sizeof *c->rows, "the words");
  c->taken[row] = true;
  c->rows[c->n++] = row;
  return LOCI_OK;
}

static loci_status find(const clustering *c, const char *word, size_t length, size_t *row, loci_error *error) {
  char lower[256];
  if (loci__space_find(&c->space, word, length, row, error) == LOCI_OK) return LOCI_OK;
  bool other = false;
  for (size_t i = 0; i < length && length < sizeof lower; i++) {
    lower[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] | 0x20 : word[i]);
    other |= lower[i] != word[i];
  }
  if (!other) return LOCI_ERROR_NOT_FOUND;
  const int64_t at = loci_vectors_find(c->space.vectors, lower, length);
  if (at < 0) return LOCI_ERROR_NOT_FOUND;
  *row = (size_t)at;
  return LOCI_OK;
}

/* Words of a file that have no vector are told, not fatal: lists are made for no file of vectors in particular. */
static loci_status read_words(clustering *c, const char *path, loci_error *error) {
  loci__input input;
  LOCI__TRY(loci__input_open(&input, c->cli->context, path, error));
  loci_text *lines = NULL;
  size_t capacity = 0, n = 0;
  loci_status status = loci__input_lines(&input, SIZE_MAX, &lines, &capacity, &n, error);
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    const char *word = lines[i].data;
    size_t length = lines[i].length, row;
    while (length > 0 && (*word == ' ' || *word == '\t')) word++, length--;
    while (length > 0 && (word[length - 1] == ' ' || word[length - 1] == '\t')) length--;
    if (length == 0 || *word == '#') continue;
    loci_error unknown;
    if (find(c, word, length, &row, &unknown) == LOCI_OK) {
      status = add_row(c, row, error);
    } else if (c->n_unknown++ < 3) {
      loci__note(c->cli, "left out: %s", unknown.message);
    }
  }
  loci__free(c->cli->context, lines);
  loci__input_close(&input);
  return status;
}

static loci_status choose_words(clustering *c, loci_error *error) {
  const values *v = c->cli->values;
  const loci__words *words = &c->cli->arguments;
  const size_t n_all = c->space.info.n;
  const bool named = words->n > 0 || v->words.n > 0;
  if (named && v->most) return loci__fail(error, LOCI_ERROR_USAGE, "words are named: --most is for all of VECTORS");
  if (!named && (!v->most || v->most >= n_all)) return LOCI_OK;
  c->taken = loci__alloc_zero(NULL, n_all, sizeof *c->taken);
  if (!c->taken) return loci__fail_memory(error, n_all, "the words");
  for (size_t i = 0; !named && i < v->most; i++) LOCI__TRY(add_row(c, i, error));
  for (size_t i = 0; i < words->n; i++) {
    size_t row;
    LOCI__TRY(find(c, words->items[i], strlen(words->items[i]), &row, error));
    LOCI__TRY(add_row(c, row, error));
  }
  for (size_t i = 0; i < v->words.n; i++) LOCI__TRY(read_words(c, v->words.items[i], error));
  if (c->n_unknown > 3) loci__note(c->cli, "and %zu more words without a vector", c->n_unknown - 3);
  if (c->n == 0) return loci__fail(error, LOCI_ERROR_NOT_FOUND, "none of the words has a vector");
  return LOCI_OK;
}

/* ---- what came out --------------------------------------------------------------------------------------- */

static size_t row_of(const clustering *c, size_t i) {
  return c->rows ? c->rows[i] : i;
}

static void key_u64(loci__json_writer *json, const char *key, uint64_t value) {
  loci__json_key(json, key);
  loci__json_put_u64(json, value);
}

static void key_text(loci__json_writer *json, const char *key, const char *value) {
  loci__json_key(json, key);
  loci__json_put_text(json, value);
}

static void put_word(clustering *c, size_t row) {
  size_t length;
  const char *word = loci_vectors_word(c->space.vectors, row, &length);
  loci__json_put_textn(&c->json, word, length);
}

static void put_words(clustering *c, const char *key, const loci_neighbor *list, size_t n) {
  loci__json_key(&c->json, key);
  loci__json_open(&c->json, '[');
  for (size_t i = 0; i < n; i++) {
    loci__json_open(&c->json, '{');
    loci__json_key(&c->json, "word");
    put_word(c, list[i].index);
    loci__json_key(&c->json, "score");
    loci__json_put_double(&c->json, list[i].score);
    loci__json_close(&c->json, '}');
  }
  loci__json_close(&c->json, ']');
}

static void put_json(clustering *c, size_t limit) {
  const values *v = c->cli->values;
  const loci_clusters *found = &c->clusters;
  loci__json_writer *json = &c->json;
  loci__json_writer_init(json, &c->out);
  loci__json_open(json, '{');
  key_text(json, "method", v->method == 2 ? "hdbscan" : "kmeans");
  key_text(json, "metric", v->metric == 2 ? "L2 distance" : "cosine");
  key_u64(json, "words", found->n);
  key_u64(json, "left_out", found->n_left_out);
  loci__json_key(json, "inertia");
  loci__json_put_double(json, found->inertia);
  if (v->method != 2) {
    key_u64(json, "iterations", found->iterations);
    loci__json_key(json, "converged");
    loci__json_put_bool(json, found->converged);
  }
  loci__json_key(json, "clusters");
  loci__json_open(json, '[');
  for (size_t i = 0; i < found->k; i++) {
    const size_t n = c->told[i].n < limit ? c->told[i].n : limit;
    loci__json_open(json, '{');
    key_u64(json, "cluster", i + 1);
    key_u64(json, "size", found->sizes[i]);
    put_words(c, "nearest", c->told[i].nearest, n);
    put_words(c, "typical", c->told[i].typical, n);
    loci__json_close(json, '}');
  }
  loci__json_close(json, ']');
  loci__json_key(json, "members");
  loci__json_open(json, '[');
  for (size_t i = 0; i < found->n; i++) {
    loci__json_open(json, '{');
    loci__json_key(json, "word");
    put_word(c, row_of(c, i));
    loci__json_key(json, "cluster");
    if (found->labels[i] >= 0) loci__json_put_u64(json, (uint64_t)found->labels[i] + 1);
    else loci__json_put_null(json);
    if (found->strength) {
      loci__json_key(json, "strength");
      loci__json_put_double(json, (double)found->strength[i]);
    }
    loci__json_close(json, '}');
  }
  loci__json_close(json, ']');
  loci__json_close(json, '}');
  loci__buffer_putc(&c->out, '\n');
}

static void add_words(clustering *c, loci__table *table, const loci_neighbor *list, size_t n) {
  loci__buffer line;
  loci__buffer_init(&line, NULL, 0);
  for (size_t i = 0; i < n; i++) {
    size_t length;
    const char *word = loci_vectors_word(c->space.vectors, list[i].index, &length);
    if (i > 0) loci__buffer_putc(&line, ' ');
    loci__buffer_append(&line, word, length);
  }
  loci__table_addn(table, line.data ? line.data : "", line.length);
  loci__buffer_release(&line);
}

static void put_clusters(clustering *c, loci__table *table, size_t limit) {
  for (size_t i = 0; i < c->clusters.k; i++) {
    const size_t n = c->told[i].n < limit ? c->told[i].n : limit;
    loci__table_addf(table, "%zu", i + 1);
    loci__table_addf(table, "%zu", c->clusters.sizes[i]);
    add_words(c, table, c->told[i].nearest, n);
    add_words(c, table, c->told[i].typical, n);
  }
}

static void put_members(clustering *c, loci__table *table) {
  for (size_t i = 0; i < c->clusters.n; i++) {
    size_t length;
    const char *word = loci_vectors_word(c->space.vectors, row_of(c, i), &length);
    loci__table_addn(table, word, length);
    if (c->clusters.labels[i] >= 0) loci__table_addf(table, "%d", c->clusters.labels[i] + 1);
    else loci__table_add(table, "");
    if (c->clusters.strength) loci__table_addf(table, "%.4f", (double)c->clusters.strength[i]);
  }
}

static void tell(const clustering *c) {
  const values *v = c->cli->values;
  const loci_clusters *found = &c->clusters;
  size_t noise = 0;
  for (size_t i = 0; i < found->n; i++) noise += found->labels[i] < 0;
  if (v->method != 2)
    loci__note(c->cli, "k-means: inertia %.6g (squared L2 distance%s), %zu iterations%s", found->inertia,
               v->metric == 2 ? "" : " of unit vectors", found->iterations,
               found->converged ? "" : ", which were not enough");
  else
    loci__note(c->cli, "HDBSCAN (L2 distance%s): %zu cluster%s, %zu of %zu words in none",
               v->metric == 2 ? "" : " of unit vectors", found->k, found->k == 1 ? "" : "s", noise, found->n);
  if (found->n_left_out)
    loci__note(c->cli, "%zu word%s no place among the others: %s", found->n_left_out,
               found->n_left_out == 1 ? " has" : "s have",
               v->metric == 2 ? "numbers that are not finite" : "zero vectors, or numbers that are not finite");
}

static loci_status show(clustering *c, loci_error *error) {
  static const char *const summary[] = {">cluster", ">words", "nearest to the centre", "most typical"};
  static const char *const members[] = {"word", ">cluster", ">strength"};
  const values *v = c->cli->values;
  const size_t limit = v->limit ? (size_t)v->limit : 5;
  if (v->json) {
    put_json(c, limit);
  } else {
    loci__table table;
    if (v->members) loci__table_init(&table, members, c->clusters.strength ? 3 : 2);
    else loci__table_init(&table, summary, LOCI__COUNT(summary));
    if (v->members) put_members(c, &table);
    else put_clusters(c, &table, limit);
    loci__table_put(&table, &c->out, c->cli);
    loci__table_release(&table);
  }
  LOCI__TRY(loci__output_flush(c->cli, &c->out, error));
  tell(c);
  return LOCI_OK;
}

/* ---- the command ----------------------------------------------------------------------------------------- */

static loci_status make(clustering *c, loci_error *error) {
  const values *v = c->cli->values;
  const size_t n = c->rows ? c->n : c->space.info.n;
  const loci_metric metric = v->metric == 2 ? LOCI_METRIC_L2 : LOCI_METRIC_COSINE;
  if (v->method == 2) {
    loci_hdbscan_options o;
    loci_hdbscan_options_init(&o);
    o.metric = metric;
    o.min_cluster_size = (size_t)v->min_size;
    o.min_samples = (size_t)v->min_samples;
    o.leaf = v->leaf;
    o.progress = loci__progress_show;
    o.progress_user = c->cli;
    LOCI__TRY(loci_hdbscan(c->space.vectors, c->rows, n, &o, &c->clusters, error));
  } else {
    loci_kmeans_options o;
    loci_kmeans_options_init(&o);
    const size_t usual = (size_t)fmin(50, fmax(1, floor(sqrt((double)n / 2))));
    o.k = v->clusters ? (size_t)v->clusters : usual;
    o.metric = metric;
    o.n_init = (size_t)v->starts;
    o.seed = v->seed ? v->seed : 1;
    o.progress = loci__progress_show;
    o.progress_user = c->cli;
    LOCI__TRY(loci_kmeans(c->space.vectors, c->rows, n, &o, &c->clusters, error));
    if (c->clusters.k < o.k && v->clusters)
      loci__note(c->cli, "%zu clusters, not %zu: no more of the words differ", c->clusters.k, o.k);
  }
  loci__progress_clear(c->cli);
  c->told = loci__alloc_zero(NULL, c->clusters.k ? c->clusters.k : 1, sizeof *c->told);
  if (!c->told) return loci__fail_memory(error, c->clusters.k * sizeof *c->told, "what clusters are about");
  LOCI__TRY(loci_cluster_describe(c->space.vectors, c->rows, c->clusters.labels, n, c->clusters.k, 0, c->told, error));
  return show(c, error);
}

static loci_status check(const values *v, loci_error *error) {
  const bool density = v->method == 2;
  if (density && (v->clusters || v->starts || v->seed))
    return loci__fail(error, LOCI_ERROR_USAGE, "-k, --starts and --seed are for --method kmeans");
  if (!density && (v->min_size || v->min_samples || v->leaf))
    return loci__fail(error, LOCI_ERROR_USAGE, "--min-size, --min-samples and --leaf are for --method hdbscan");
  if (v->limit > LOCI_CLUSTER_WORDS)
    return loci__fail(error, LOCI_ERROR_USAGE, "--limit is at most %d", LOCI_CLUSTER_WORDS);
  if (v->members && v->json) return loci__fail(error, LOCI_ERROR_USAGE, "--json has the members anyway");
  return LOCI_OK;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  clustering c = {.cli = cli};
  LOCI__TRY(check(cli->values, error));
  LOCI__TRY(loci__space_open(cli, &c.space, error));
  loci__buffer_init(&c.out, NULL, 0);
  loci_status status = choose_words(&c, error);
  if (status == LOCI_OK) status = make(&c, error);
  loci__buffer_release(&c.out);
  loci__free(NULL, c.rows);
  loci__free(NULL, c.taken);
  loci__free(NULL, c.told);
  loci_clusters_release(&c.clusters);
  loci__space_close(&c.space);
  return status;
}

const loci__command loci__command_cluster = {
    .name = "cluster",
    .summary = "Sort words into groups by where their vectors lie",
    .arguments = "VECTORS [WORD…]",
    .about =
        "All words of VECTORS, the first so many with --most, or those that are named: behind VECTORS, or in files "
        "with "
        "--words. A cluster is told by its words nearest to its centre (cosine with the mean of its unit vectors) and "
        "by "
        "its most typical ones, which are near to it and far from the other centres. The largest cluster is the "
        "first.\n\n"
        "`kmeans` sorts every word into one of N groups, whether groups are there or not. `hdbscan` finds groups that "
        "are denser than what lies around them, and leaves the rest outside. A whole vocabulary is one large cloud "
        "with "
        "small dense places in it: --leaf finds those.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci cluster vectors.bin -k 20 --most 5000", "twenty groups of the most frequent words"},
                 {"loci cluster vectors.bin cat dog run walk spain italy -k 3 --members", "words of your own"},
                 {"loci cluster -c notes -k 8", "what a collection's passages are about"},
                 {"loci cluster vectors.bin --most 10000 --method hdbscan --leaf", "only what is dense"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS | LOCI__USES_THREADS | LOCI__USES_INTERRUPT,
    .least = 1,
    .most = SIZE_MAX,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
