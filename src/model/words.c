/* model/words.c: a file of word vectors as a model. See words.h.
 *
 * Opening: the file (format/vectors.h) → the splitter, from the card beside it → a tokenizer over the file's own words →
 * weights, for "#sif" → the views that the fingerprint hashes. Without subwords a text then goes the way of a static
 * model (static.c: rows, weights, and an id, the unknown one, that takes no part). With subwords a word that is not there
 * has its n-grams' mean, so texts go word by word: loci__words_mean.
 *
 * Threads: everything is read-only once opened; loci__words_mean works in its caller's memory.
 */
#include "words.h"

#include "../base/json.h"
#include "../kernel/kernel.h"

#include <errno.h>

enum { CARD_LIMIT = 4 << 20, DEFAULT_MAX_WORD = 1024, DEFAULT_NGRAM = 2, MOST_NGRAM = 16 };

static const char *const split_names[] = {"words", "space", "chars", "model"}; /* loci_split */
static const char *const fold_names[] = {"lower", "ascii", "none"};            /* loci_fold */

/* ---- the table of words ------------------------------------------------------------------------ */

static int32_t find_word(const void *table, const char *word, size_t length) {
  return (int32_t)loci_vectors_find(table, word, length);
}

static const char *word_at(const void *table, size_t i, size_t *length) {
  return loci_vectors_word(table, i, length);
}

/* ---- the card ---------------------------------------------------------------------------------- */

void loci__words_put_splitter(loci__buffer *out, const loci__splitter *splitter, const char *split_model) {
  loci__buffer_printf(out, "split: %s\nfold: %s\n", split_names[splitter->split], fold_names[splitter->fold]);
  if (splitter->split == LOCI_SPLIT_CHARS) loci__buffer_printf(out, "ngram: %zu\n", splitter->ngram);
  loci__buffer_printf(out, "max_word: %zu\n", splitter->max_word);
  if (splitter->split != LOCI_SPLIT_MODEL || split_model == NULL) return;
  loci__json_writer json;
  loci__buffer_puts(out, "split_model: ");
  loci__json_writer_init(&json, out);
  loci__json_put_text(&json, split_model);
  loci__buffer_putc(out, '\n');
}

/* What is read of a card. Strings are the arena's. */
typedef struct card {
  loci__splitter splitter;
  const char *split_model, *language, *licence;
  bool there; /* a front matter was read */
} card;

/* The value of "key: value", white space and a comment cut; quotes are JSON's. NULL when out of memory. */
static const char *card_text(loci__arena *arena, const char *from, size_t length) {
  if (length >= 2 && from[0] == '"') {
    loci__json_document json;
    if (loci__json_parse(&json, arena->context, from, length, "a value", NULL) == LOCI_OK) {
      const loci__json *v = &json.nodes[0];
      const char *text = v->type == LOCI__JSON_STRING ? loci__arena_strndup(arena, v->text, v->length) : "";
      loci__json_release(&json);
      return text;
    }
  }
  return loci__arena_strndup(arena, from, length);
}

static bool is_text(const char *from, size_t length, const char *text) {
  return strlen(text) == length && memcmp(from, text, length) == 0;
}

static loci_status card_choice(const char *path, const char *key, const char *from, size_t length,
                               const char *const *names, size_t n, int *out, loci_error *error) {
  for (size_t i = 0; i < n; i++)
    if (is_text(from, length, names[i])) {
      *out = (int)i;
      return LOCI_OK;
    }
  return loci__fail(error, LOCI_ERROR_FORMAT, "%s: '%s: %.*s' is nothing that this version knows", path, key,
                    (int)(length < 64 ? length : 64), from);
}

static loci_status card_number(const char *path, const char *key, const char *from, size_t length, size_t most,
                               size_t *out, loci_error *error) {
  char text[24];
  uint64_t number = 0;
  if (length >= sizeof text) length = 0;
  memcpy(text, from, length);
  text[length] = '\0';
  if (!loci__parse_u64(text, &number) || number == 0 || number > most)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: '%s' is not a number from 1 to %zu", path, key, most);
  *out = (size_t)number;
  return LOCI_OK;
}

static loci_status card_line(loci__arena *arena, const char *path, const char *line, size_t length, card *out,
                             loci_error *error) {
  const char *colon = memchr(line, ':', length);
  if (colon == NULL) return LOCI_OK;
  const size_t key = (size_t)(colon - line);
  const char *from = colon + 1, *to = line + length;
  while (from < to && (*from == ' ' || *from == '\t')) from++;
  while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r')) to--;
  const size_t n = (size_t)(to - from);
  int choice = 0;
  if (is_text(line, key, "split")) {
    LOCI__TRY(card_choice(path, "split", from, n, split_names, LOCI__COUNT(split_names), &choice, error));
    out->splitter.split = (loci_split)choice;
  } else if (is_text(line, key, "fold")) {
    LOCI__TRY(card_choice(path, "fold", from, n, fold_names, LOCI__COUNT(fold_names), &choice, error));
    out->splitter.fold = (loci_fold)choice;
  } else if (is_text(line, key, "ngram")) {
    return card_number(path, "ngram", from, n, MOST_NGRAM, &out->splitter.ngram, error);
  } else if (is_text(line, key, "max_word")) {
    return card_number(path, "max_word", from, n, 1 << 30, &out->splitter.max_word, error);
  } else {
    const char **field = is_text(line, key, "split_model") ? &out->split_model
                         : is_text(line, key, "language")  ? &out->language
                         : is_text(line, key, "license")   ? &out->licence
                                                           : NULL;
    if (field == NULL || n == 0) return LOCI_OK;
    *field = card_text(arena, from, n);
    if (*field == NULL) return loci__fail_memory(error, n, "a card's value");
  }
  return LOCI_OK;
}

/* FILE.card.md: what it says in its front matter. *out keeps what is there for a file without one. */
static loci_status read_card(loci__arena *arena, const char *path, card *out, loci_error *error) {
  loci_context *context = arena->context;
  char *text = NULL;
  size_t length = 0;
  bool there;
  LOCI__TRY(loci__file_there(context, path, &there, error));
  if (!there) return LOCI_OK;
  LOCI__TRY(loci__file_read(context, path, CARD_LIMIT, &text, &length, error));
  loci_status status = LOCI_OK;
  if (length > 4 && memcmp(text, "---\n", 4) == 0) {
    out->there = true;
    out->splitter.fold = LOCI_FOLD_LOWER; /* a card of loci; what it does not say is the default of a corpus */
    for (const char *line = text + 4, *end = text + length; line < end && status == LOCI_OK;) {
      const char *stop = memchr(line, '\n', (size_t)(end - line));
      const size_t n = (size_t)((stop != NULL ? stop : end) - line);
      if (is_text(line, n, "---") || is_text(line, n, "---\r")) break;
      status = card_line(arena, path, line, n, out, error);
      line += n + 1;
    }
  }
  loci__free(context, text);
  return status;
}

/* ---- the splitter's tokenizer ------------------------------------------------------------------- */

loci_status loci__split_tokenizer_open(loci_context *context, const char *name, loci_tokenizer **out,
                                       loci_error *error) {
  *out = NULL;
  context = loci__context_of(context);
  char *path = NULL;
  LOCI__TRY(loci__model_find(context, name, &path, NULL, error));
  const loci_status status = loci_tokenizer_open(context, path, out, error);
  loci__free(context, path);
  return status;
}

/* ---- opening ----------------------------------------------------------------------------------- */

/* `path` + `suffix`; allocated. Also notes what is known of that file for the fingerprint's cache. */
static loci_status beside(loci_model *model, const char *path, const char *suffix, loci_file_info *info, char **out,
                          loci_error *error) {
  loci__buffer name;
  loci__buffer_init(&name, model->context, 0);
  loci__buffer_puts(&name, path);
  loci__buffer_puts(&name, suffix);
  *out = loci__buffer_take(&name);
  loci__buffer_release(&name);
  if (*out == NULL) return loci__fail_memory(error, strlen(path) + 16, "a path");
  const int err = loci__file_stat(model->context, *out, true, info);
  if (err >= 0) return LOCI_OK;
  *info = (loci_file_info){0};
  if (err == -ENOENT) return LOCI_OK;
  loci__fail_file(error, "look at", *out, err);
  loci__free(model->context, *out);
  *out = NULL;
  return LOCI_ERROR_IO;
}

/* The card and what it says of splitting, the other model's tokenizer opened. */
static loci_status read_splitter(loci__arena *arena, const char *name, card *out, loci_tokenizer **tokenizer,
                                 loci_error *error) {
  *tokenizer = NULL;
  *out = (card){
      .splitter = {
          .split = LOCI_SPLIT_WORDS, .fold = LOCI_FOLD_NONE, .ngram = DEFAULT_NGRAM, .max_word = DEFAULT_MAX_WORD}};
  LOCI__TRY(read_card(arena, name, out, error));
  if (out->splitter.split != LOCI_SPLIT_MODEL) return LOCI_OK;
  if (out->split_model == NULL)
    return loci__fail(error, LOCI_ERROR_FORMAT, "%s: 'split: model' without 'split_model'", name);
  if (loci__split_tokenizer_open(arena->context, out->split_model, tokenizer, error) != LOCI_OK)
    return loci__error_prefix(error, "%s: its words are pieces of another model", name);
  out->splitter.tokenizer = *tokenizer;
  return LOCI_OK;
}

static loci_status open_splitter(loci_model *model, const char *path, loci__splitter *out, loci_error *error) {
  card c;
  char *name;
  LOCI__TRY(beside(model, path, ".card.md", &model->tokenizer_files[1], &name, error));
  const loci_status status = read_splitter(&model->arena, name, &c, &model->split_tokenizer, error);
  loci__free(model->context, name);
  model->language = c.language != NULL && strcmp(c.language, "unknown") != 0 ? c.language : NULL;
  model->licence = c.licence;
  *out = c.splitter;
  return status;
}

loci_status loci__words_splitter(loci_context *context, const char *path, loci__splitter *out,
                                 loci_tokenizer **tokenizer, bool *there, loci_error *error) {
  card c;
  loci__arena arena;
  loci__arena_init(&arena, context);
  loci__buffer name;
  loci__buffer_init(&name, context, 0);
  loci__buffer_puts(&name, path);
  loci__buffer_puts(&name, ".card.md");
  *tokenizer = NULL;
  loci_status status = loci__buffer_status(&name, "a path", error);
  if (status == LOCI_OK) {
    status = read_splitter(&arena, name.data, &c, tokenizer, error);
    *out = c.splitter;
    *there = c.there;
  }
  loci__buffer_release(&name);
  loci__arena_release(&arena);
  return status;
}

/* A table of floats (of any alignment) as a tensor, for the fingerprint. */
static loci_status use_floats(loci_model *model, const char *name, const void *data, size_t n, size_t dim,
                              const char *path, loci_error *error) {
  loci__tensor *t = loci__arena_alloc(&model->arena, sizeof *t);
  if (t == NULL) return loci__fail_memory(error, sizeof *t, "a table");
  *t = (loci__tensor){.name = name,
                      .dtype = LOCI__DTYPE_F32,
                      .dtype_name = "F32",
                      .rank = 2,
                      .shape = {n, dim},
                      .n_elements = n * dim,
                      .n_bytes = n * dim * sizeof(float),
                      .data = data,
                      .path = path};
  return loci__weights_use(model, name, t, error);
}

static loci_status open_weights(loci_model *model, const char *path, loci_error *error) {
  char *counts;
  LOCI__TRY(beside(model, path, ".vocab", &model->tokenizer_files[2], &counts, error));
  const bool there = model->tokenizer_files[2].kind != 0;
  loci_status status =
      loci__words_weights(model->context, model->vectors, there ? counts : NULL, &model->table.owned_weights, error);
  loci__free(model->context, counts);
  if (status != LOCI_OK) return status;
  model->table.weights = model->table.owned_weights;
  return use_floats(model, "weights", model->table.weights, model->vectors->n, 1, model->vectors->path, error);
}

loci_status loci__words_open(loci_model *model, const char *path, bool sif, loci_error *error) {
  const int err = loci__file_stat(model->context, path, true, &model->tokenizer_files[0]);
  if (err < 0) return loci__fail_file(error, "look at", path, err);
  LOCI__TRY(loci__vectors_open_file(model->context, path, NULL, &model->vectors, error));
  const loci_vectors *v = model->vectors;
  if (v->n == 0 || v->dim == 0) return loci__fail(error, LOCI_ERROR_FORMAT, "'%s' holds no word vectors", path);
  model->kind = LOCI__MODEL_STATIC;
  model->architecture = "words";
  model->similarity = "cosine";
  model->pooling_text = sif ? "sif" : "mean";
  model->max_tokens = model->max_positions = SIZE_MAX;
  model->dim = model->pooled_dim = model->hidden_size = v->dim;
  model->n_parameters = v->n * v->dim;
  loci__splitter splitter;
  LOCI__TRY(open_splitter(model, path, &splitter, error));
  const loci__word_table table = {.table = v, .n = v->n, .find = find_word, .word = word_at};
  LOCI__TRY(loci__tokenizer_of_words(model->context, &splitter, &table, true, &model->tokenizer, error));
  loci__static *s = &model->table;
  s->n_rows = s->n_tokens = v->n;
  s->dim = v->dim;
  s->rows = v->rows;
  s->dropped = loci__tokenizer_unknown(model->tokenizer);
  LOCI__TRY(use_floats(model, "rows", v->rows, v->n, v->dim, v->path, error));
  if (v->subwords != NULL && v->subwords->args.max_n > 0) {
    const loci__fasttext *f = v->subwords;
    const size_t n = (size_t)f->args.bucket;
    const unsigned char *buckets = f->input_bytes + f->n_words * v->dim * sizeof(float);
    model->n_parameters += n * v->dim;
    LOCI__TRY(use_floats(model, "n-grams", buckets, n, v->dim, v->path, error));
  }
  return sif ? open_weights(model, path, error) : LOCI_OK;
}

/* ---- texts with words that only their n-grams know --------------------------------------------- */

typedef struct mean {
  const loci_model *model;
  const loci__kernels *kernels;
  float *sum, *one;
  size_t n_counted;
} mean;

static loci_status add_word(void *arg, int32_t id, const char *word, size_t length, loci_error *error) {
  mean *m = arg;
  const loci__static *table = &m->model->table;
  if (id != table->dropped) {
    const float weight = table->weights != NULL ? table->weights[id] : 1.0f;
    m->kernels->add_scaled_f32(weight, table->rows + (size_t)id * table->dim, table->dim, m->sum);
  } else {
    loci_error none;
    const loci_status status = loci_vectors_get(m->model->vectors, word, length, m->one, &none);
    if (status == LOCI_ERROR_NOT_FOUND) return LOCI_OK;
    if (status != LOCI_OK) {
      if (error != NULL) *error = none;
      return status;
    }
    m->kernels->add_scaled_f32(1.0f, m->one, table->dim, m->sum); /* p = 0: a / (a + p) = 1 */
  }
  m->n_counted++;
  return LOCI_OK;
}

loci_status loci__words_mean(const loci_model *model, const char *text, size_t length, size_t max_tokens, float *out,
                             float *scratch, size_t *n_tokens, size_t *n_whole, loci_error *error) {
  mean m = {.model = model, .kernels = loci__kernels_of(model->context), .sum = out, .one = scratch};
  memset(out, 0, model->table.dim * sizeof *out);
  LOCI__TRY(loci__tokenizer_each_word(model->tokenizer, text, length, max_tokens, add_word, &m, n_whole, error));
  *n_tokens = *n_whole < max_tokens ? *n_whole : max_tokens;
  if (m.n_counted == 0) return LOCI_OK;
  const float scale = 1.0f / (float)m.n_counted;
  for (size_t j = 0; j < model->table.dim; j++) out[j] *= scale;
  return LOCI_OK;
}
