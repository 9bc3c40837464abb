/* explain.c: `loci explain`, the nine words that one needs to speak of embeddings, each with numbers from a loaded model.
 *
 * Every number is computed when it is asked for, from vectors that the model gives for the words below: nothing here knows
 * what will come out, and what comes out may contradict the textbook. The first words have names; all of them together are
 * the pairs that a cosine is held against.
 */
#include "cli.h"

#include <math.h>
#include <stdlib.h>

typedef struct values {
  const char *model;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"model", 'm', LOCI__OPTION_TEXT, AT(model), "MODEL", LOCI__OFFER_MODEL,
     "a folder, a file or a name; default: the built-in model"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

enum { KING, QUEEN, MAN, WOMAN, FATHER, MOTHER, CAT, KITTEN, DOG, BANANA, HOT, COLD, GOOD, BAD, NAMED };
static const char *const words[] = {
    "king",    "queen",  "man",     "woman",    "father",    "mother",  "cat",       "kitten",  "dog",      "banana",
    "hot",     "cold",   "good",    "bad",      "apple",     "arm",     "army",      "autumn",  "baker",    "ball",
    "beach",   "bed",    "bell",    "bird",     "boat",      "bone",    "book",      "bottle",  "bread",    "bridge",
    "brother", "butter", "camera",  "carpet",   "castle",    "chair",   "cheese",    "church",  "city",     "clock",
    "cloud",   "coat",   "coffee",  "colour",   "copper",    "country", "cow",       "dance",   "desert",   "desk",
    "doctor",  "door",   "dream",   "dress",    "engine",    "evening", "farm",      "feather", "field",    "finger",
    "fire",    "fish",   "floor",   "flower",   "forest",    "friend",  "garden",    "glass",   "gold",     "grass",
    "guitar",  "hammer", "hand",    "harbour",  "heart",     "history", "honey",     "horse",   "hospital", "hotel",
    "house",   "ice",    "island",  "jacket",   "journey",   "kitchen", "knife",     "lake",    "language", "law",
    "lawyer",  "leaf",   "letter",  "library",  "lion",      "machine", "market",    "milk",    "minister", "mirror",
    "money",   "moon",   "morning", "mountain", "mouse",     "music",   "newspaper", "night",   "number",   "ocean",
    "office",  "oil",    "orange",  "paint",    "paper",     "peace",   "pencil",    "piano",   "plant",    "poet",
    "police",  "price",  "prince",  "prison",   "queue",     "rabbit",  "radio",     "rain",    "river",    "road",
    "salt",    "school", "science", "sheep",    "ship",      "shoe",    "silver",    "sister",  "snow",     "soldier",
    "song",    "soup",   "spring",  "star",     "station",   "stone",   "storm",     "street",  "student",  "sugar",
    "summer",  "sun",    "table",   "teacher",  "telephone", "theatre", "tiger",     "tower",   "train",    "tree",
    "village", "voice",  "wall",    "war",      "water",     "wheat",   "wheel",     "wind",    "window",   "wine",
    "winter",  "wood",   "writer",  "year"};
enum { N_WORDS = LOCI__COUNT(words) };

typedef struct lesson {
  loci__cli *cli;
  loci_model *model;
  loci_model_info info;
  size_t dim;
  float *vectors;      /* N_WORDS × dim */
  float *scratch;      /* 2 × dim */
  bool asked[N_WORDS]; /* words whose vectors a number is made of */
  loci__buffer live;   /* what is said */
  loci__buffer out;
  loci__json_writer json; /* its numbers */
} lesson;

/* ---- numbers --------------------------------------------------------------------------------------------- */

static const float *vector(lesson *l, size_t word) {
  l->asked[word] = true;
  return l->vectors + word * l->dim;
}

static double cosine(lesson *l, size_t a, size_t b) {
  return loci_measure(vector(l, a), vector(l, b), l->dim, LOCI_METRIC_COSINE);
}

static double length_of(const lesson *l, const float *x) {
  double square = 0;
  for (size_t j = 0; j < l->dim; j++) square += (double)x[j] * x[j];
  return sqrt(square);
}

/* out = unit(a) − unit(b) */
static void difference(lesson *l, size_t a, size_t b, float *out) {
  const float *x = vector(l, a), *y = vector(l, b);
  const double m = length_of(l, x), n = length_of(l, y);
  for (size_t j = 0; j < l->dim; j++) out[j] = (float)((m > 0 ? (double)x[j] / m : 0) - (n > 0 ? (double)y[j] / n : 0));
}

static void number(lesson *l, const char *name, double value) {
  loci__json_key(&l->json, name);
  loci__json_put_double(&l->json, value);
}

static bool is_there(const lesson *l, size_t word) {
  return length_of(l, l->vectors + word * l->dim) > 0;
}

/* The word nearest to x but for `without`, a set of bits of named words. */
static size_t nearest(const lesson *l, const float *x, unsigned without, double *score) {
  size_t best = 0;
  *score = -2;
  for (size_t i = 0; i < N_WORDS; i++) {
    if (!is_there(l, i) || (i < NAMED && without & 1u << i)) continue;
    const double found = loci_measure(x, l->vectors + i * l->dim, l->dim, LOCI_METRIC_COSINE);
    if (found > *score) *score = found, best = i;
  }
  return best;
}

/* The share of all pairs of words whose cosine is smaller, in per cent. */
static double percentile(const lesson *l, double value, size_t *n_pairs) {
  size_t below = 0;
  *n_pairs = 0;
  for (size_t i = 0; i < N_WORDS; i++)
    for (size_t k = 0; k < i && is_there(l, i); k++) {
      if (!is_there(l, k)) continue;
      ++*n_pairs;
      below += loci_measure(l->vectors + i * l->dim, l->vectors + k * l->dim, l->dim, LOCI_METRIC_COSINE) < value;
    }
  return *n_pairs ? 100.0 * (double)below / (double)*n_pairs : 0;
}

/* ---- the nine terms ---------------------------------------------------------------------------------------- */

static void about_vector(lesson *l) {
  const float *x = vector(l, KING);
  const size_t n = l->dim < 5 ? l->dim : 5;
  loci__buffer_puts(&l->live, "Here \"king\" is [");
  for (size_t j = 0; j < n; j++) loci__buffer_printf(&l->live, "%s%.3f", j ? ", " : "", (double)x[j]);
  loci__buffer_printf(&l->live, "%s]: %zu numbers, a vector of length %.3f.", n < l->dim ? ", …" : "", l->dim,
                      length_of(l, x));
  number(l, "numbers", (double)l->dim);
  number(l, "length", length_of(l, x));
}

static void about_embedding(lesson *l) {
  const double near = cosine(l, CAT, KITTEN), far = cosine(l, CAT, BANANA);
  loci__buffer_printf(&l->live, "Here the cosine of \"cat\" and \"kitten\" is %.3f, of \"cat\" and \"banana\" %.3f.",
                      near, far);
  number(l, "cosine_cat_kitten", near);
  number(l, "cosine_cat_banana", far);
}

/* A reflection at a random plane: an orthogonal map, which moves every coordinate and no distance. */
static void reflect(const lesson *l, const float *x, float *out) {
  loci__random random;
  loci__random_init(&random, 1);
  double along = 0, square = 0;
  for (size_t j = 0; j < l->dim; j++) out[j] = (float)loci__random_normal(&random);
  for (size_t j = 0; j < l->dim; j++) {
    along += (double)out[j] * x[j];
    square += (double)out[j] * out[j];
  }
  for (size_t j = 0; j < l->dim; j++) out[j] = (float)((double)x[j] - (square > 0 ? 2 * along / square : 0) * out[j]);
}

static void about_dimension(lesson *l) {
  const float *king = vector(l, KING), *queen = vector(l, QUEEN);
  float *turned_king = l->scratch, *turned_queen = l->scratch + l->dim;
  reflect(l, king, turned_king);
  reflect(l, queen, turned_queen);
  const double before = cosine(l, KING, QUEEN),
               after = loci_measure(turned_king, turned_queen, l->dim, LOCI_METRIC_COSINE);
  loci__buffer_printf(
      &l->live,
      "Here there are %zu. Turn the whole space at random: the first number of \"king\" goes from %.3f to "
      "%.3f, its cosine with \"queen\" from %.6f to %.6f.",
      l->dim, (double)king[0], (double)turned_king[0], before, after);
  number(l, "dimensions", (double)l->dim);
  number(l, "cosine_king_queen", before);
  number(l, "cosine_after_turning", after);
}

static void about_dense(lesson *l) {
  const float *x = vector(l, KING);
  size_t used = 0;
  for (size_t j = 0; j < l->dim; j++) used += x[j] != 0;
  loci__buffer_printf(&l->live, "Here %zu of the %zu numbers of \"king\" are not 0: %zu bytes as 32-bit floats.", used,
                      l->dim, l->dim * sizeof *x);
  number(l, "not_zero", (double)used);
  number(l, "numbers", (double)l->dim);
}

static void about_sparse(lesson *l) {
  const double dense = cosine(l, KING, QUEEN);
  loci__buffer_printf(&l->live,
                      "Here a place a word would be %zu places, of which \"the king saw the queen\" fills 4. As sparse "
                      "vectors \"king\" and \"queen\" share no place, their cosine is 0; as embeddings it is %.3f.",
                      l->info.vocabulary_size, dense);
  number(l, "places", (double)l->info.vocabulary_size);
  number(l, "cosine_dense", dense);
}

static void about_vector_space(lesson *l) {
  double left, all, queen;
  float *sum = l->scratch;
  difference(l, WOMAN, MAN, sum);
  const float *king = vector(l, KING);
  const double length = length_of(l, king);
  for (size_t j = 0; j < l->dim; j++) sum[j] += (float)(length > 0 ? (double)king[j] / length : 0);
  queen = loci_measure(sum, vector(l, QUEEN), l->dim, LOCI_METRIC_COSINE);
  const size_t first = nearest(l, sum, 0, &all), other = nearest(l, sum, 1u << KING | 1u << MAN | 1u << WOMAN, &left);
  loci__buffer_printf(
      &l->live,
      "Here king − man + woman has a cosine of %.3f with \"queen\". Of %d words the nearest is \"%s\" (%.3f); "
      "with the three given words left out, as the famous examples do it, \"%s\" (%.3f).",
      queen, (int)N_WORDS, words[first], all, words[other], left);
  number(l, "cosine_queen", queen);
  number(l, "cosine_nearest", all);
  number(l, "cosine_nearest_but_given", left);
}

static void about_embedding_space(lesson *l) {
  double score;
  const size_t near = nearest(l, vector(l, CAT), 1u << CAT, &score);
  loci__buffer_printf(
      &l->live,
      "Here it is that of %s: %zu dimensions, %zu words or word pieces, fingerprint %.8s…; of %d words \"%s\" "
      "lies nearest to \"cat\" (cosine %.3f). loci refuses vectors with another fingerprint.",
      l->info.name ? l->info.name : "the model", l->dim, l->info.vocabulary_size,
      l->info.fingerprint ? l->info.fingerprint : "?", (int)N_WORDS, words[near], score);
  number(l, "dimensions", (double)l->dim);
  number(l, "vocabulary", (double)l->info.vocabulary_size);
  number(l, "cosine_nearest", score);
}

static void about_latent(lesson *l) {
  float *axis = l->scratch;
  difference(l, WOMAN, MAN, axis);
  static const size_t shown[] = {KING, QUEEN, FATHER, MOTHER};
  loci__buffer_puts(&l->live, "Here, along the direction from \"man\" to \"woman\":");
  for (size_t i = 0; i < LOCI__COUNT(shown); i++) {
    const double along = loci_measure(axis, vector(l, shown[i]), l->dim, LOCI_METRIC_COSINE);
    loci__buffer_printf(&l->live, "%s \"%s\" at %.3f", i ? "," : "", words[shown[i]], along);
    number(l, words[shown[i]], along);
  }
  loci__buffer_puts(&l->live, ". Nobody told the model that there is such a direction.");
}

static void about_similarity(lesson *l) {
  static const size_t pairs[][2] = {{KING, QUEEN}, {HOT, COLD}, {GOOD, BAD}};
  size_t n = 0;
  loci__buffer_puts(&l->live, "Here the cosine of");
  for (size_t i = 0; i < LOCI__COUNT(pairs); i++) {
    const double value = cosine(l, pairs[i][0], pairs[i][1]), share = percentile(l, value, &n);
    char name[64];
    loci__buffer_printf(&l->live, "%s \"%s\" and \"%s\" is %.3f, above %.1f %% of pairs of words", i ? ";" : "",
                        words[pairs[i][0]], words[pairs[i][1]], value, share);
    snprintf(name, sizeof name, "cosine_%s_%s", words[pairs[i][0]], words[pairs[i][1]]);
    number(l, name, value);
    snprintf(name, sizeof name, "percentile_%s_%s", words[pairs[i][0]], words[pairs[i][1]]);
    number(l, name, share);
  }
  loci__buffer_printf(&l->live, " (%zu pairs).", n);
  number(l, "pairs", (double)n);
}

static const struct term {
  const char *name, *text;
  void (*live)(lesson *l);
} terms[] = {
    {"vector",
     "An ordered list of numbers that stands for a thing, a word or a text, and says where that lies. Lists of one "
     "length "
     "can be added, scaled and compared, which words cannot.",
     about_vector},
    {"embedding",
     "A vector that was learned, so that things that are used alike lie near each other. Nobody writes it down: it "
     "mirrors "
     "the texts it was learned from, with what is wrong in them, and one learned from few texts shows little of what "
     "famous examples show.",
     about_embedding},
    {"dimension",
     "One of the numbers of a vector; and how many there are. A single one means nothing by itself: the whole space "
     "can be "
     "turned any way, and every distance stays. What has a meaning is a direction between words, which is spread over "
     "all dimensions.",
     about_dimension},
    {"dense vectors",
     "Vectors in which nearly every number counts, so that a few hundred of them are enough for any word, and words "
     "that "
     "were never compared have something in common.",
     about_dense},
    {"sparse vectors",
     "Vectors with a place for every word, nearly all of them 0. What is equal matches exactly, and nothing else does: "
     "two different words have nothing in common, whatever they mean. Searching by words works on these, and loci does "
     "both.",
     about_sparse},
    {"vector space",
     "Where vectors can be added and scaled, and lengths, angles and distances be measured. Nothing is said of "
     "meaning: "
     "arithmetic has an answer for any words, and some word is always the nearest to it. An answer lies near a word, "
     "not on "
     "it.",
     about_vector_space},
    {"embedding space",
     "The vector space of one model, in which all its embeddings lie, and in which to be near means to be alike. Every "
     "embedding space is a vector space, and not the other way round. Those of two models have nothing to do with each "
     "other, "
     "though their vectors be of one length.",
     about_embedding_space},
    {"latent space",
     "A space whose directions nobody measured or named: what the data only hint at, sex or tense or theme, comes to "
     "lie "
     "along directions in it. They are found by asking, and some of them are prejudices of the texts.",
     about_latent},
    {"semantic similarity",
     "How near two things are in meaning, measured by how near their vectors are: by their cosine mostly. It says that "
     "two "
     "texts are about things of a kind. It does not say that they say the same, or that either is true: words of "
     "opposite "
     "meaning stand in the same places, and come out near.",
     about_similarity},
};

/* ---- the command ------------------------------------------------------------------------------------------- */

/* "Dense-Vector" → the name of a term: case, '-' for ' ' and a plural s are no matter. */
static void fold(const char *text, char out[64]) {
  size_t n = 0;
  for (; *text && n < 63; text++) {
    const char c = *text >= 'A' && *text <= 'Z' ? (char)(*text | 0x20) : *text == '-' || *text == '_' ? ' ' : *text;
    out[n++] = c;
  }
  while (n > 0 && out[n - 1] == ' ') n--;
  if (n > 1 && out[n - 1] == 's') n--;
  out[n] = 0;
}

static const char *term_name(const void *arg, size_t i) {
  (void)arg;
  return i < LOCI__COUNT(terms) ? terms[i].name : NULL;
}

static loci_status find_term(const loci__cli *cli, size_t *out, loci_error *error) {
  loci__buffer asked;
  loci__buffer_init(&asked, NULL, 0);
  for (size_t i = 0; i < cli->arguments.n; i++)
    loci__buffer_printf(&asked, "%s%s", i ? " " : "", cli->arguments.items[i]);
  loci_status status = loci__buffer_status(&asked, "a term", error);
  char wanted[64], name[64];
  *out = LOCI__COUNT(terms);
  if (status == LOCI_OK) fold(asked.data ? asked.data : "", wanted);
  for (size_t i = 0; i < LOCI__COUNT(terms) && status == LOCI_OK; i++) {
    fold(terms[i].name, name);
    if (!strcmp(name, wanted)) *out = i;
  }
  if (status == LOCI_OK && *out == LOCI__COUNT(terms)) {
    const char *near = loci__nearest(wanted, term_name, NULL);
    status =
        near ? loci__fail(error, LOCI_ERROR_USAGE, "there is no term '%.60s'; did you mean '%s'?", asked.data, near)
             : loci__fail(error, LOCI_ERROR_USAGE, "there is no term '%.60s'; `loci explain` lists the nine there are",
                          asked.data ? asked.data : "");
  }
  loci__buffer_release(&asked);
  return status;
}

/* On a terminal lines end between words. */
static void put_paragraph(loci__buffer *out, const loci__cli *cli, const char *text) {
  const size_t width = cli->out_terminal ? (cli->width > 100 ? 100 : cli->width < 40 ? 40 : cli->width) : SIZE_MAX;
  for (size_t column = 0; *text;) {
    const size_t length = strcspn(text, " "), shown = loci__shown_width(text, length);
    if (column > 0 && column + 1 + shown > width) loci__buffer_putc(out, '\n'), column = 0;
    if (column > 0) loci__buffer_putc(out, ' '), column++;
    loci__put_shown(out, text, length, 0);
    column += shown;
    text += length;
    while (*text == ' ') text++;
  }
  loci__buffer_putc(out, '\n');
}

static loci_status list_terms(loci__cli *cli, loci_error *error) {
  static const char *const headings[] = {"term", "what it is"};
  const values *v = cli->values;
  if (v->json) return loci__fail(error, LOCI_ERROR_USAGE, "--json is for a term: loci explain embedding --json");
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__table table;
  loci__table_init(&table, headings, LOCI__COUNT(headings));
  for (size_t i = 0; i < LOCI__COUNT(terms); i++) {
    loci__table_add(&table, terms[i].name);
    const char *end = strstr(terms[i].text, ". "); /* of the first sentence */
    loci__table_addn(&table, terms[i].text, end ? (size_t)(end - terms[i].text) + 1 : strlen(terms[i].text));
  }
  loci__table_put(&table, &out, cli);
  loci__table_release(&table);
  const loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

static void tell_missing(lesson *l) {
  bool any = false;
  for (size_t i = 0; i < N_WORDS; i++) {
    if (!l->asked[i] || is_there(l, i)) continue;
    loci__buffer_printf(&l->live, "%s \"%s\"", any ? "," : " This model has no vector for", words[i]);
    any = true;
  }
  if (any) loci__buffer_puts(&l->live, ", whose cosines stand as 0.");
}

static loci_status explain(lesson *l, size_t term, loci_error *error) {
  const values *v = l->cli->values;
  const struct term *t = &terms[term];
  loci__json_writer_init(&l->json, &l->out);
  loci__json_open(&l->json, '{');
  loci__json_key(&l->json, "term"), loci__json_put_text(&l->json, t->name);
  loci__json_key(&l->json, "text"), loci__json_put_text(&l->json, t->text);
  loci__json_key(&l->json, "model"), loci__json_put_text(&l->json, l->info.name ? l->info.name : "");
  loci__json_key(&l->json, "numbers");
  loci__json_open(&l->json, '{');
  t->live(l);
  loci__json_close(&l->json, '}');
  tell_missing(l);
  LOCI__TRY(loci__buffer_status(&l->live, "an explanation", error));
  loci__json_key(&l->json, "live"), loci__json_put_text(&l->json, l->live.data);
  loci__json_close(&l->json, '}');
  loci__buffer_putc(&l->out, '\n');
  if (!v->json) {
    loci__buffer_clear(&l->out);
    loci__put_style(&l->out, l->cli->colour, LOCI__STYLE_STRONG);
    loci__buffer_puts(&l->out, t->name);
    loci__put_style(&l->out, l->cli->colour, LOCI__STYLE_PLAIN);
    loci__buffer_putc(&l->out, '\n');
    put_paragraph(&l->out, l->cli, t->text);
    put_paragraph(&l->out, l->cli, l->live.data);
  }
  return loci__output_flush(l->cli, &l->out, error);
}

static loci_status load(lesson *l, loci_error *error) {
  char fingerprint[33];
  loci_text texts[N_WORDS];
  LOCI__TRY(loci_model_fingerprint(l->model, fingerprint, error));
  l->info.struct_size = sizeof l->info;
  loci_model_get_info(l->model, &l->info);
  l->dim = l->info.dim;
  l->vectors = loci__alloc_array(NULL, N_WORDS, l->dim * sizeof *l->vectors);
  l->scratch = loci__alloc_array(NULL, 2 * l->dim, sizeof *l->scratch);
  if (!l->vectors || !l->scratch) return loci__fail_memory(error, N_WORDS * l->dim * sizeof *l->vectors, "words");
  for (size_t i = 0; i < N_WORDS; i++) texts[i] = (loci_text){words[i], strlen(words[i])};
  return loci_embed(l->model, texts, N_WORDS, NULL, l->vectors, NULL, error);
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  if (cli->arguments.n == 0) return list_terms(cli, error);
  size_t term;
  LOCI__TRY(find_term(cli, &term, error));
  lesson l = {.cli = cli};
  LOCI__TRY(loci_model_open(cli->context, v->model, &l.model, error));
  loci__buffer_init(&l.live, NULL, 0);
  loci__buffer_init(&l.out, NULL, 0);
  loci_status status = load(&l, error);
  if (status == LOCI_OK) status = explain(&l, term, error);
  loci__free(NULL, l.vectors);
  loci__free(NULL, l.scratch);
  loci__buffer_release(&l.live);
  loci__buffer_release(&l.out);
  loci_model_close(l.model);
  return status;
}

const loci__command loci__command_explain = {
    .name = "explain",
    .summary = "Explain a term of embeddings with numbers from a model",
    .arguments = "[TERM]",
    .about =
        "Nine terms: vector, embedding, dimension, dense vectors, sparse vectors, vector space, embedding space, "
        "latent "
        "space, semantic similarity. Each is said in a few sentences, then shown with numbers that are computed from "
        "the model at that moment. Without TERM, the list.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci explain embedding", "with the built-in model's numbers"},
                 {"loci explain semantic similarity -m vectors.bin", "with those of word vectors of yours"},
                 {"loci explain", "the nine terms"}},
    .uses = LOCI__USES_CONTEXT,
    .most = 3,
    .values_size = sizeof(values),
    .run = run,
};
