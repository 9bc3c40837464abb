/* train/word2vec_text.c: reading and counting by the rules of word2vec_text.h.
 *
 * The program sorts with qsort, which is a stable merge sort in the C library of its time and place (glibc before 2.37):
 * hence the order of equal counts. Its table of words takes 21 million; beyond it drops rare words on the way, by an order
 * of its own, which is refused here. */
#include "word2vec_text.h"

#include <fcntl.h>
#include <stdlib.h>

enum { READER_BLOCK = 1 << 18, MOST_WORDS = 21000000 };

loci_status loci__word2vec_reader_open(loci__word2vec_reader *reader, loci_context *context, const char *path,
                                       loci_error *error) {
  *reader = (loci__word2vec_reader){.context = context, .path = path, .fd = -1};
  reader->block = loci__alloc(context, READER_BLOCK);
  if (!reader->block) return loci__fail_memory(error, READER_BLOCK, "reading the corpus");
  reader->fd = loci__file_open(context, path, O_RDONLY | O_CLOEXEC, 0);
  if (reader->fd >= 0) return LOCI_OK;
  loci_status status = loci__fail_file(error, "open", path, reader->fd);
  reader->fd = -1;
  loci__word2vec_reader_close(reader);
  return status;
}

void loci__word2vec_reader_close(loci__word2vec_reader *reader) {
  if (reader->block == NULL) return;
  if (reader->fd >= 0) loci__file_close(reader->context, reader->fd);
  loci__free(reader->context, reader->block);
  reader->block = NULL;
}

void loci__word2vec_reader_seek(loci__word2vec_reader *reader, int64_t offset) {
  reader->base = offset;
  reader->at = reader->filled = 0;
}

int64_t loci__word2vec_reader_tell(const loci__word2vec_reader *reader) {
  return reader->base + (int64_t)reader->at;
}

/* False at the end of the file or after a failure. */
static bool refill(loci__word2vec_reader *reader, loci_status *status, loci_error *error) {
  reader->base += (int64_t)reader->filled;
  reader->at = reader->filled = 0;
  int64_t n = loci__file_pread(reader->context, reader->fd, reader->block, READER_BLOCK, reader->base);
  if (n < 0) *status = loci__fail_file(error, "read", reader->path, (int)n);
  if (n > 0) reader->filled = (size_t)n;
  return n > 0;
}

loci_status loci__word2vec_reader_next(loci__word2vec_reader *reader, char word[LOCI__WORD2VEC_WORD + 1],
                                       size_t *length, loci_error *error) {
  loci_status status = LOCI_OK;
  size_t n = 0;
  *length = 0;
  for (;;) {
    if (reader->at == reader->filled && !refill(reader, &status, error)) return status;
    unsigned char c = reader->block[reader->at];
    if (c == '\n' && n > 0) break; /* read again, as a word of its own */
    reader->at++;
    if (c == '\n') {
      memcpy(word, "</s>", n = 4);
      break;
    }
    if (c == ' ' || c == '\t') {
      if (n > 0) break;
    } else if (c == '\0') {
      return loci__fail_at(error, LOCI_ERROR_FORMAT, loci__word2vec_reader_tell(reader) - 1,
                           "'%s' has a NUL byte at %lld, which cannot be read as the word2vec program reads it; train "
                           "without --exact",
                           reader->path, (long long)(loci__word2vec_reader_tell(reader) - 1));
    } else if (c != '\r' && n < LOCI__WORD2VEC_WORD) {
      word[n++] = (char)c;
    }
  }
  word[n] = '\0';
  *length = n;
  return LOCI_OK;
}

/* ---- counting ---- */

typedef struct counter {
  loci_context *context;
  loci__arena text;
  const char **words; /* in the order of first appearance */
  uint32_t *lengths;
  uint64_t *counts;
  size_t n, words_capacity, lengths_capacity, counts_capacity;
  uint32_t *slots; /* word + 1; 0 = empty */
  size_t n_slots;
} counter;

static bool rehash(counter *c, size_t n_slots) {
  uint32_t *slots = loci__alloc_zero(c->context, n_slots, sizeof *slots);
  if (!slots) return false;
  for (size_t i = 0; i < c->n; i++) {
    size_t slot = loci__hash64(c->words[i], c->lengths[i], 0) & (n_slots - 1);
    while (slots[slot]) slot = (slot + 1) & (n_slots - 1);
    slots[slot] = (uint32_t)i + 1;
  }
  loci__free(c->context, c->slots);
  c->slots = slots;
  c->n_slots = n_slots;
  return true;
}

static loci_status count_one(counter *c, const char *word, size_t length, uint64_t count, loci_error *error) {
  size_t slot = loci__hash64(word, length, 0) & (c->n_slots - 1);
  for (; c->slots[slot]; slot = (slot + 1) & (c->n_slots - 1)) {
    size_t i = c->slots[slot] - 1;
    if (c->lengths[i] == length && memcmp(c->words[i], word, length) == 0) {
      c->counts[i] += count;
      return LOCI_OK;
    }
  }
  if (c->n == MOST_WORDS)
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "more than %d different words: the word2vec program would drop some on the way; train without "
                      "--exact",
                      MOST_WORDS);
  const char *copy = loci__arena_strndup(&c->text, word, length);
  if (!copy || !loci__grow(c->context, &c->words, &c->words_capacity, c->n + 1, sizeof *c->words) ||
      !loci__grow(c->context, &c->lengths, &c->lengths_capacity, c->n + 1, sizeof *c->lengths) ||
      !loci__grow(c->context, &c->counts, &c->counts_capacity, c->n + 1, sizeof *c->counts))
    return loci__fail_memory(error, c->n * 20, "counting words");
  c->words[c->n] = copy;
  c->lengths[c->n] = (uint32_t)length;
  c->counts[c->n] = count;
  c->slots[slot] = (uint32_t)++c->n;
  if (c->n * 2 > c->n_slots && !rehash(c, c->n_slots * 2))
    return loci__fail_memory(error, c->n_slots * 8, "counting words");
  return LOCI_OK;
}

static loci_status count_corpus(loci__trainer *trainer, counter *c, loci_error *error) {
  loci__word2vec_reader reader;
  loci_file_info info = {0};
  (void)loci__file_stat(trainer->context, trainer->corpus, true, &info);
  LOCI__TRY(loci__meter_stage(&trainer->meter, "counting words", "bytes", (uint64_t)info.size, error));
  LOCI__TRY(loci__word2vec_reader_open(&reader, trainer->context, trainer->corpus, error));
  char word[LOCI__WORD2VEC_WORD + 1];
  size_t length;
  loci_status status = count_one(c, "</s>", 4, 0, error);
  for (uint32_t n = 1; status == LOCI_OK; n++) {
    status = loci__word2vec_reader_next(&reader, word, &length, error);
    if (status != LOCI_OK || length == 0) break;
    status = count_one(c, word, length, 1, error);
    if (status == LOCI_OK && n % 65536 == 0)
      status = loci__meter_at(&trainer->meter, (uint64_t)loci__word2vec_reader_tell(&reader), NULL, error);
  }
  loci__word2vec_reader_close(&reader);
  return status;
}

static loci_status read_given(loci__trainer *trainer, counter *c, loci_error *error) {
  loci_vocabulary *given;
  LOCI__TRY(loci_vocabulary_read(trainer->context, trainer->common->vocabulary, &given, error));
  loci_status status = LOCI_OK;
  for (size_t i = 0, n = loci__vocabulary_size(given); status == LOCI_OK && i < n; i++) {
    size_t length;
    uint64_t count;
    const char *word = loci__vocabulary_word(given, i, &length, &count);
    status = count_one(c, word, length, count, error);
  }
  loci_vocabulary_free(given);
  return status;
}

typedef struct ranked {
  uint64_t count;
  uint32_t word;
} ranked;

static int by_count(const void *left, const void *right) {
  const ranked *a = left, *b = right;
  if (a->count != b->count) return a->count < b->count ? 1 : -1;
  return a->word < b->word ? -1 : a->word > b->word;
}

/* Sorts, drops what is rare and makes the vocabulary. */
static loci_status finish(loci__trainer *trainer, counter *c, loci_error *error) {
  loci_context *context = trainer->context;
  ranked *order = loci__alloc_array(context, c->n, sizeof *order);
  const char **words = loci__alloc_array(context, c->n, sizeof *words);
  uint32_t *lengths = loci__alloc_array(context, c->n, sizeof *lengths);
  uint64_t *counts = loci__alloc_array(context, c->n, sizeof *counts);
  loci_status status = LOCI_OK;
  if (!order || !words || !lengths || !counts) {
    status = loci__fail_memory(error, c->n * 36, "sorting words");
  } else {
    for (size_t i = 0; i < c->n; i++) order[i] = (ranked){c->counts[i], (uint32_t)i};
    qsort(order + 1, c->n - 1, sizeof *order, by_count);
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
      if (i > 0 && order[i].count < trainer->common->corpus.min_count) break;
      size_t word = order[i].word;
      words[n] = c->words[word];
      lengths[n] = c->lengths[word];
      counts[n++] = c->counts[word];
    }
    status = loci__vocabulary_of(context, words, lengths, counts, n, &trainer->vocabulary, error);
  }
  loci__free(context, order);
  loci__free(context, words);
  loci__free(context, lengths);
  loci__free(context, counts);
  return status;
}

loci_status loci__word2vec_count(loci__trainer *trainer, loci_error *error) {
  counter c = {.context = trainer->context};
  loci__arena_init(&c.text, trainer->context);
  trainer->splitter.max_word = LOCI__WORD2VEC_WORD;
  loci_status status = LOCI_OK;
  if (!rehash(&c, 1 << 16)) status = loci__fail_memory(error, 4 << 16, "counting words");
  if (status == LOCI_OK)
    status = trainer->common->vocabulary ? read_given(trainer, &c, error) : count_corpus(trainer, &c, error);
  if (status == LOCI_OK && c.n == 0) status = loci__fail(error, LOCI_ERROR_NOT_FOUND, "the vocabulary is empty");
  if (status == LOCI_OK) status = finish(trainer, &c, error);
  if (status == LOCI_OK) status = loci__trainer_hash_corpus(trainer, error);
  loci__arena_release(&c.text);
  loci__free(c.context, c.words);
  loci__free(c.context, c.lengths);
  loci__free(c.context, c.counts);
  loci__free(c.context, c.slots);
  return status;
}
