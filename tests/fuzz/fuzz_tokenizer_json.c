/* Any bytes as a tokenizer.json and as a vocab.txt: refused, or a tokenizer that works. */
#include "text/parts.h"

#include <stdlib.h>

static void try_one(const char *data, size_t size, bool json) {
  static const char text[] = "The \xC3\x89lan of [MASK]\xE4\xB8\xAD, un\xCC\x88known <x> words! \xFF";
  loci_tokenizer *t = loci__alloc_zero(NULL, 1, sizeof *t);
  if (t == NULL) return;
  loci_error error;
  t->context = t->added.context = t->vocab.context = loci__context_of(NULL);
  loci_status status = json ? loci__tokenizer_parse_json(t, data, size, "fuzz", &error)
                            : loci__tokenizer_parse_vocab(t, data, size, "fuzz", NULL, 0, NULL, &error);
  if (status == LOCI_OK) {
    loci_tokens tokens = {0};
    if (loci_tokenizer_encode(t, text, sizeof text - 1, 1, &tokens, &error) != LOCI_OK) abort();
    for (size_t i = 0; i < tokens.n_tokens; i++) (void)loci_tokenizer_piece(t, tokens.ids[i]);
    loci_tokens_release(&tokens);
  }
  loci_tokenizer_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *copy = malloc(size + (size == 0));
  if (copy == NULL) return 0;
  memcpy(copy, data, size);
  try_one(copy, size, true);
  try_one(copy, size, false);
  free(copy);
  return 0;
}
