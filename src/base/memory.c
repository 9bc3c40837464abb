/* base/memory.c: the only door to the context's allocator, and arenas.
 *
 * Sizes multiply through checked helpers: a size from outside can never wrap. */
#include "base.h"

#include <stdlib.h>
#include <sys/mman.h>

bool loci__mul(size_t a, size_t b, size_t *out) {
  return !__builtin_mul_overflow(a, b, out);
}

bool loci__add(size_t a, size_t b, size_t *out) {
  return !__builtin_add_overflow(a, b, out);
}

void *loci__alloc(loci_context *context, size_t size) {
  const loci_context_options *options = loci__context_options(context);
  if (options == NULL || size == 0 || size > PTRDIFF_MAX) return NULL;
  return options->allocator.allocate(options->allocator.user, size);
}

void *loci__alloc_array(loci_context *context, size_t count, size_t size) {
  size_t bytes;
  return loci__mul(count, size, &bytes) ? loci__alloc(context, bytes) : NULL;
}

void *loci__alloc_zero(loci_context *context, size_t count, size_t size) {
  void *memory = loci__alloc_array(context, count, size);
  if (memory != NULL) memset(memory, 0, count * size);
  return memory;
}

void *loci__resize_array(loci_context *context, void *memory, size_t count, size_t size) {
  const loci_context_options *options = loci__context_options(context);
  size_t bytes;
  if (options == NULL || !loci__mul(count, size, &bytes) || bytes == 0 || bytes > PTRDIFF_MAX) return NULL;
  if (memory == NULL) return options->allocator.allocate(options->allocator.user, bytes);
  return options->allocator.resize(options->allocator.user, memory, bytes);
}

void loci__free(loci_context *context, void *memory) {
  const loci_context_options *options = memory == NULL ? NULL : loci__context_options(context);
  if (options != NULL) options->allocator.release(options->allocator.user, memory);
}

void loci_memory_free(loci_context *context, void *memory) {
  loci__free(context, memory);
}

char *loci__strndup(loci_context *context, const char *text, size_t length) {
  size_t size;
  char *copy = loci__add(length, 1, &size) ? loci__alloc(context, size) : NULL;
  if (copy == NULL) return NULL;
  if (length > 0) memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}

char *loci__strdup(loci_context *context, const char *text) {
  return loci__strndup(context, text, strlen(text));
}

/* The start of the real block stands in the word before the aligned one. */
void *loci__alloc_aligned(loci_context *context, size_t size) {
  size_t bytes;
  if (size == 0 || !loci__add(size, 64 + sizeof(void *), &bytes)) return NULL;
  char *block = loci__alloc(context, bytes);
  if (block == NULL) return NULL;
  uintptr_t at = ((uintptr_t)block + sizeof(void *) + 63) & ~(uintptr_t)63;
  char *aligned = block + (at - (uintptr_t)block);
  memcpy(aligned - sizeof(void *), &block, sizeof block);
  return aligned;
}

void loci__free_aligned(loci_context *context, void *memory) {
  if (memory == NULL) return;
  void *block;
  memcpy(&block, (char *)memory - sizeof(void *), sizeof block);
  loci__free(context, block);
}

void loci__advise_large(void *memory, size_t size) {
#if defined(MADV_HUGEPAGE)
  const uintptr_t page = (uintptr_t)2 << 20;
  uintptr_t at = (uintptr_t)memory, begin = (at + page - 1) & ~(page - 1), end = (at + size) & ~(page - 1);
  if (end > begin) (void)madvise((char *)memory + (begin - at), end - begin, MADV_HUGEPAGE);
#else
  (void)memory, (void)size;
#endif
}

bool loci__grow(loci_context *context, void *array_pointer, size_t *capacity, size_t need, size_t size) {
  if (need <= *capacity) return true;
  size_t wanted = *capacity < 8 ? 8 : *capacity;
  while (wanted < need) {
    if (!loci__mul(wanted, 2, &wanted)) return false;
  }
  void *old;
  memcpy(&old, array_pointer, sizeof old);
  void *grown = loci__resize_array(context, old, wanted, size);
  if (grown == NULL) return false;
  memcpy(array_pointer, &grown, sizeof grown);
  *capacity = wanted;
  return true;
}

/* ---- arena: blocks in a list, each headed by the pointer to the one before ---- */

enum { ARENA_FIRST = 4096 - 64, ARENA_LARGEST = 1 << 20, ARENA_HEAD = 16 };

void loci__arena_init(loci__arena *arena, loci_context *context) {
  *arena = (loci__arena){.context = context};
}

void loci__arena_release(loci__arena *arena) {
  char *block = arena->blocks;
  while (block != NULL) {
    char *before;
    memcpy(&before, block, sizeof before);
    loci__free(arena->context, block);
    block = before;
  }
  loci__arena_init(arena, arena->context);
}

void *loci__arena_alloc(loci__arena *arena, size_t size) {
  size_t rounded;
  if (!loci__add(size, 15, &rounded)) return NULL;
  rounded &= ~(size_t)15;
  if (rounded > arena->left) {
    /* Blocks grow with what was used, so that a big document costs few of them. */
    size_t wanted = arena->used < ARENA_FIRST ? ARENA_FIRST : arena->used > ARENA_LARGEST ? ARENA_LARGEST : arena->used;
    if (wanted < rounded) wanted = rounded;
    size_t bytes;
    if (!loci__add(wanted, ARENA_HEAD, &bytes)) return NULL;
    char *block = loci__alloc(arena->context, bytes);
    if (block == NULL) return NULL;
    memcpy(block, &arena->blocks, sizeof arena->blocks);
    arena->blocks = block;
    arena->next = block + ARENA_HEAD;
    arena->left = wanted;
  }
  void *memory = arena->next;
  arena->next += rounded;
  arena->left -= rounded;
  arena->used += rounded;
  return memory;
}

char *loci__arena_strndup(loci__arena *arena, const char *text, size_t length) {
  size_t size;
  char *copy = loci__add(length, 1, &size) ? loci__arena_alloc(arena, size) : NULL;
  if (copy == NULL) return NULL;
  if (length > 0) memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}
