/* Any text through a tokenizer: the fast, the plain and the ids-only way must agree, offsets must lie in the text, and
 * nothing may be touched outside of it. The first byte chooses the rules. */
#include "text/parts.h"

#include <stdio.h>
#include <stdlib.h>

static const char pieces[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\n##a\n##b\n##c\n##d\n##e\nabc\n##abc\n##"
    "abcd\nabcdefghijklmnopqr\n"
    "the\n##ing\n!\n,\n.\n#\n[\n]\n\xE4\xB8\xAD\n##\xCC\x88\n\xD0\xB9\n\xD0\xB8\n0\n1\n##0\n##1\n\xE1\x84\x80\n##"
    "\xE1\x85\xA1\n";

static loci_tokenizer *make(unsigned rules) {
  loci_tokenizer *t = loci__alloc_zero(NULL, 1, sizeof *t);
  loci_error error;
  if (t == NULL) abort();
  t->context = t->added.context = t->vocab.context = loci__context_of(NULL);
  if ((rules & 16) != 0) {
    static const struct {
      const char *content;
      bool single_word, lstrip, rstrip, normalized;
    } added[] = {{"<x>", false, true, true, false},
                 {"word", true, false, false, false},
                 {"\xEF\xBF\xBD!", false, false, false, false},
                 {"Ab", false, true, false, true}};
    for (size_t i = 0; i < LOCI__COUNT(added); i++) {
      char content[16];
      snprintf(content, sizeof content, "%s", added[i].content);
      loci__added_token token = {.content = content,
                                 .length = strlen(content),
                                 .single_word = added[i].single_word,
                                 .lstrip = added[i].lstrip,
                                 .rstrip = added[i].rstrip,
                                 .normalized = added[i].normalized && (rules & 32) != 0};
      if (loci__added_add(&t->added, &token, &error) != LOCI_OK) abort();
    }
  }
  char config[160];
  int length = snprintf(
      config, sizeof config, "{\"do_lower_case\": %s, \"strip_accents\": %s, \"tokenize_chinese_chars\": %s}",
      (rules & 1) != 0 ? "true" : "false", (rules & 2) != 0 ? "true" : "false", (rules & 4) != 0 ? "true" : "false");
  if (loci__tokenizer_parse_vocab(t, pieces, sizeof pieces - 1, "pieces", config, (size_t)length, "config", &error) !=
      LOCI_OK)
    abort();
  t->rules.clean = (rules & 8) == 0; /* bytes[] still sends controls the slow way, which is right for both */
  return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static loci_tokenizer *tokenizers[64];
  if (size == 0) return 0;
  unsigned rules = data[0] & 63;
  if (tokenizers[rules] == NULL) tokenizers[rules] = make(rules);
  const loci_tokenizer *t = tokenizers[rules];
  /* a copy of exactly this size, so that a read behind it is seen */
  size_t length = size - 1;
  char *text = malloc(length + (length == 0));
  if (text == NULL) return 0;
  memcpy(text, data + 1, length);
  loci_tokens fast = {0}, plain = {0};
  loci__ids ids = {0};
  if (loci_tokenizer_encode(t, text, length, 1, &fast, NULL) != LOCI_OK ||
      loci__tokenizer_encode_plain(t, text, length, 1, &plain, NULL) != LOCI_OK ||
      loci__tokenizer_ids(t, text, length, true, SIZE_MAX, &ids, NULL, NULL) != LOCI_OK)
    abort();
  if (fast.n_tokens != plain.n_tokens || fast.n_tokens != ids.n) abort();
  for (size_t i = 0; i < fast.n_tokens; i++) {
    if (fast.ids[i] != plain.ids[i] || fast.ids[i] != ids.items[i] || fast.starts[i] != plain.starts[i] ||
        fast.ends[i] != plain.ends[i] || fast.starts[i] > fast.ends[i] || fast.ends[i] > length)
      abort();
  }
  loci_tokens_release(&fast);
  loci_tokens_release(&plain);
  loci__ids_release(&ids);
  free(text);
  return 0;
}
