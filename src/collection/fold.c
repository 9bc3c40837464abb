/* fold.c: which passages say the same? A manual that lies there as HTML, text and PDF is one answer, not three.
 *
 * A passage is its set of shingles: hashes of each three consecutive words, lower-cased, punctuation dropped, so that
 * another file format's line breaks and hyphens change little. Two passages are near copies when their resemblance
 * |A∩B| / |A∪B| is at least .6, or when the smaller lies in the greater (containment |A∩B| / min ≥ .8) and is no mere
 * phrase: formats are cut at different places. Both measures are Broder's (1997, "On the resemblance and containment
 * of documents"); they are counted exactly here, as only tens of passages meet in a search.
 *
 * A table leads from a shingle to the passages that have it, so adding a passage costs its shingles times the passages
 * that share them, not a comparison with each.
 */
#include "collection.h"

#include <stdlib.h>

enum {
  WORDS_A_SHINGLE = 3,
  SHORT_PASSAGE = 24, /* fewer shingles than this must resemble; containment of a phrase says nothing */
  NONE = 0            /* links and table entries are stored plus one */
};

/* In per cent. Neighbours in one document, which overlap by 15 % of their length, resemble by 8 %. */
enum { RESEMBLANCE = 60, CONTAINMENT = 80 };

typedef struct posting {
  uint64_t shingle;
  uint32_t passage;
  uint32_t next; /* posting with the same slot, plus one */
} posting;

struct loci__fold {
  loci_context *context;
  uint32_t *sizes;  /* shingles of each passage */
  uint32_t *common; /* scratch: shingles shared with the passage at hand */
  size_t n, sizes_capacity, common_capacity;
  posting *postings;
  size_t n_postings, postings_capacity;
  uint32_t *slots; /* heads of chains, plus one */
  size_t n_slots;  /* a power of two */
  uint64_t *set;   /* scratch: the passage at hand */
  size_t set_capacity;
};

loci__fold *loci__fold_new(loci_context *context) {
  loci__fold *fold = loci__alloc_zero(context, 1, sizeof *fold);
  if (fold == NULL) return NULL;
  fold->context = context;
  fold->n_slots = 4096;
  fold->slots = loci__alloc_zero(context, fold->n_slots, sizeof *fold->slots);
  if (fold->slots == NULL) {
    loci__free(context, fold);
    return NULL;
  }
  return fold;
}

void loci__fold_free(loci__fold *fold) {
  if (fold == NULL) return;
  loci__free(fold->context, fold->sizes);
  loci__free(fold->context, fold->common);
  loci__free(fold->context, fold->postings);
  loci__free(fold->context, fold->slots);
  loci__free(fold->context, fold->set);
  loci__free(fold->context, fold);
}

static bool is_word_byte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80;
}

static int compare_u64(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Fills fold->set with the sorted, distinct shingles of text. A passage of one or two words has one shingle. */
static bool make_set(loci__fold *fold, const char *text, size_t length, size_t *n_out) {
  uint64_t last[WORDS_A_SHINGLE] = {0};
  size_t n_words = 0, n = 0, at = 0;
  while (at < length) {
    while (at < length && !is_word_byte((unsigned char)text[at])) at++;
    if (at == length) break;
    uint64_t word = 14695981039346656037u; /* FNV-1a: words are short and the table is ours */
    for (; at < length && is_word_byte((unsigned char)text[at]); at++) {
      unsigned char c = (unsigned char)text[at];
      if (c >= 'A' && c <= 'Z') c = (unsigned char)(c + 32);
      word = (word ^ c) * 1099511628211u;
    }
    last[0] = last[1];
    last[1] = last[2];
    last[2] = word;
    if (++n_words < WORDS_A_SHINGLE) continue;
    if (!loci__grow(fold->context, &fold->set, &fold->set_capacity, n + 1, sizeof *fold->set)) return false;
    fold->set[n++] = loci__hash64(last, sizeof last, 0);
  }
  if (n == 0) {
    if (!loci__grow(fold->context, &fold->set, &fold->set_capacity, 1, sizeof *fold->set)) return false;
    fold->set[n++] = n_words > 0 ? loci__hash64(last, sizeof last, 0) : loci__hash64(text, length, 1);
  }
  qsort(fold->set, n, sizeof *fold->set, compare_u64);
  size_t distinct = 1;
  for (size_t i = 1; i < n; i++) {
    if (fold->set[i] != fold->set[distinct - 1]) fold->set[distinct++] = fold->set[i];
  }
  *n_out = distinct;
  return true;
}

static bool is_copy(uint64_t common, uint64_t a, uint64_t b) {
  uint64_t smaller = a < b ? a : b;
  if (common * 100 >= (a + b - common) * RESEMBLANCE) return true;
  return smaller >= SHORT_PASSAGE && common * 100 >= smaller * CONTAINMENT;
}

/* Doubles the table while it holds more postings than slots. */
static bool widen(loci__fold *fold, size_t n_postings) {
  size_t n_slots = fold->n_slots;
  while (n_slots < n_postings) n_slots *= 2;
  if (n_slots == fold->n_slots) return true;
  uint32_t *slots = loci__alloc_zero(fold->context, n_slots, sizeof *slots);
  if (slots == NULL) return false;
  for (size_t i = 0; i < fold->n_postings; i++) {
    size_t slot = (size_t)fold->postings[i].shingle & (n_slots - 1);
    fold->postings[i].next = slots[slot];
    slots[slot] = (uint32_t)(i + 1);
  }
  loci__free(fold->context, fold->slots);
  fold->slots = slots;
  fold->n_slots = n_slots;
  return true;
}

loci_status loci__fold_add(loci__fold *fold, const char *text, size_t length, size_t *copy_of, loci_error *error) {
  *copy_of = SIZE_MAX;
  size_t n = 0;
  if (!make_set(fold, text, length, &n)) return loci__fail_memory(error, length, "the shingles of a passage");
  if (n > UINT32_MAX / 2 || fold->n_postings + n > UINT32_MAX / 2) {
    return loci__fail(error, LOCI_ERROR_LIMIT, "too many passages to compare for near copies");
  }
  if (fold->n > 0) memset(fold->common, 0, fold->n * sizeof *fold->common);
  for (size_t i = 0; i < n; i++) {
    uint32_t link = fold->slots[(size_t)fold->set[i] & (fold->n_slots - 1)];
    for (; link != NONE; link = fold->postings[link - 1].next) {
      if (fold->postings[link - 1].shingle == fold->set[i]) fold->common[fold->postings[link - 1].passage]++;
    }
  }
  for (size_t i = 0; i < fold->n; i++) {
    if (fold->common[i] != 0 && is_copy(fold->common[i], n, fold->sizes[i])) {
      *copy_of = i;
      return LOCI_OK;
    }
  }
  if (!loci__grow(fold->context, &fold->sizes, &fold->sizes_capacity, fold->n + 1, sizeof *fold->sizes) ||
      !loci__grow(fold->context, &fold->common, &fold->common_capacity, fold->n + 1, sizeof *fold->common) ||
      !loci__grow(fold->context, &fold->postings, &fold->postings_capacity, fold->n_postings + n,
                  sizeof *fold->postings) ||
      !widen(fold, fold->n_postings + n)) {
    return loci__fail_memory(error, n * sizeof *fold->postings, "the shingles of a passage");
  }
  for (size_t i = 0; i < n; i++) {
    size_t slot = (size_t)fold->set[i] & (fold->n_slots - 1);
    fold->postings[fold->n_postings] = (posting){fold->set[i], (uint32_t)fold->n, fold->slots[slot]};
    fold->slots[slot] = (uint32_t)(++fold->n_postings);
  }
  fold->sizes[fold->n] = (uint32_t)n;
  fold->n++;
  return LOCI_OK;
}
