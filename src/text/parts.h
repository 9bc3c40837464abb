/* text/parts.h: what a tokenizer is made of, shared by the files that open it, encode with it and describe it. */
#ifndef LOCI_TEXT_PARTS_H
#define LOCI_TEXT_PARTS_H

#include "added.h"
#include "corpus.h"
#include "normalize.h"
#include "text.h"
#include "vocab.h"

/* A token of the post-processor's template. */
typedef struct loci__special {
  int32_t id, type;
} loci__special;

/* What the fast encoder does with an ASCII byte (bytes ≥ 0x80 are SLOW). */
enum { LOCI__BYTE_WORD, LOCI__BYTE_SPACE, LOCI__BYTE_PUNCT, LOCI__BYTE_SLOW };

enum {
  LOCI__MAX_WORD = 100000 /* greatest max_input_chars_per_word: a word costs time (its length) × (longest piece) */
};

/* How a tokenizer of words cuts a text (words.c). */
typedef enum loci__words_cut {
  LOCI__CUT_PIECES = 0, /* it is none: WordPiece */
  LOCI__CUT_SPLITTER,   /* as a corpus */
  LOCI__CUT_WHITE,      /* WhitespaceSplit */
  LOCI__CUT_CLASSES,    /* Whitespace: \w+|[^\w\s]+ */
  LOCI__CUT_BERT        /* BertPreTokenizer: white space, punctuation by itself */
} loci__words_cut;

/* LOWER is the scalar's simple mapping, as loci_fold means it; REFERENCE that of the reference's Lowercase, which makes two
 * of U+0130. */
typedef enum loci__word_fold {
  LOCI__WORD_FOLD_NONE = 0,
  LOCI__WORD_FOLD_ASCII,
  LOCI__WORD_FOLD_LOWER,
  LOCI__WORD_FOLD_REFERENCE
} loci__word_fold;

struct loci_tokenizer {
  loci_context *context;
  loci__rules rules;
  loci__vocab vocab;
  loci__added added;
  int32_t unknown;
  size_t max_chars; /* of a word; longer ones are unknown */
  loci__special *before, *after;
  size_t n_before, n_after;
  int32_t type; /* of the text's own tokens */
  /* a tokenizer of words */
  loci__words_cut cut;
  loci__splitter splitter;
  loci__word_table words;
  loci__word_fold fold, again; /* of every word; of one that is not there, for a second look (NONE: there is none) */
  const char *unknown_piece;   /* when the unknown token is no word of the table */
  /* made by loci__tokenizer_prepare */
  size_t size; /* greatest id + 1, added tokens included */
  uint8_t bytes[256];
  int32_t punct[128]; /* the id of a single ASCII punctuation character */
};

/* Checks what was parsed, finds ids of added tokens, builds the tables. `added` tokens come without ids. */
loci_status loci__tokenizer_prepare(loci_tokenizer *tokenizer, loci_error *error);

/* tokenizer_json.c: fills an empty tokenizer from the text of a tokenizer.json. */
loci_status loci__tokenizer_parse_json(loci_tokenizer *tokenizer, const char *text, size_t length, const char *name,
                                       loci_error *error);
/* tokenizer_vocab.c: from the text of a vocab.txt and, when there is one, of its tokenizer_config.json (else NULL). */
loci_status loci__tokenizer_parse_vocab(loci_tokenizer *tokenizer, const char *text, size_t length, const char *name,
                                        const char *config, size_t config_length, const char *config_name,
                                        loci_error *error);

/* words_json.c: a WordLevel model's part of parse_json: vocabulary, normalizer, pre_tokenizer. */
struct loci__json;
loci_status loci__tokenizer_parse_words(loci_tokenizer *tokenizer, const struct loci__json *root, const char *name,
                                        loci_error *error);
/* loci.json beside a tokenizer.json that loci wrote. */
loci_status loci__tokenizer_parse_more(loci_tokenizer *tokenizer, const char *text, size_t length, const char *name,
                                       loci_error *error);

/* Where tokens go: with offsets (tokens) or without (ids). Exactly one is not NULL. */
typedef struct loci__sink {
  loci_context *context;
  loci_tokens *tokens;
  loci__ids *ids;
} loci__sink;

/* Room for `more` tokens behind the n that are there. */
bool loci__sink_reserve(const loci__sink *sink, size_t n, size_t more);

/* The text's own tokens, from token *n on; *n is moved on. wordpiece.c and plain.c. */
loci_status loci__encode_fast(const loci_tokenizer *tokenizer, const char *text, size_t length, const loci__sink *sink,
                              size_t *n, loci_error *error);
loci_status loci__encode_plain(const loci_tokenizer *tokenizer, const char *text, size_t length, const loci__sink *sink,
                               size_t *n, loci_error *error);

loci_status loci__encode_words(const loci_tokenizer *tokenizer, const char *text, size_t length, const loci__sink *sink,
                               size_t *n, loci_error *error);

/* words.c: makes the tokenizer's own vocabulary its table of words; cuts as a splitter does; questions. */
void loci__tokenizer_words_own(loci_tokenizer *tokenizer);
void loci__tokenizer_set_splitter(loci_tokenizer *tokenizer, const loci__splitter *splitter, bool lower_again);
const char *loci__tokenizer_word(const loci_tokenizer *tokenizer, int32_t id);
int32_t loci__tokenizer_word_id(const loci_tokenizer *tokenizer, const char *piece, size_t length);
void loci__tokenizer_words_fingerprint(const loci_tokenizer *tokenizer, loci__hash *hash);

/* plain.c: text normalised by the rules, as UTF-8. */
loci_status loci__normalize_plain(loci_context *context, loci__rules rules, const char *text, size_t length,
                                  loci__buffer *out, loci_error *error);

#endif
