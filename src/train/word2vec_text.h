/* train/word2vec_text.h: a text as the word2vec program of 2013 reads it.
 *
 * Words lie between spaces, tabs and line ends; a line end is itself the word "</s>"; a carriage return is not there; a
 * word keeps its first 98 bytes; what stands behind the last separator of the file is not read (the program meets the end
 * of the file inside the word and drops it). Bytes are bytes: nothing is folded, no encoding is known. A NUL, at which the
 * program would cut a word, is refused.
 *
 * Ownership: a reader owns its block of the file. Threads: one.
 */
#ifndef LOCI_TRAIN_WORD2VEC_TEXT_H
#define LOCI_TRAIN_WORD2VEC_TEXT_H

#include "trainer.h"

enum { LOCI__WORD2VEC_WORD = 98 /* bytes of a word */ };

typedef struct loci__word2vec_reader {
  loci_context *context;
  const char *path;
  int fd;
  unsigned char *block;
  size_t at, filled;
  int64_t base; /* of the block in the file; base + at is the place of the next byte */
} loci__word2vec_reader;

loci_status loci__word2vec_reader_open(loci__word2vec_reader *reader, loci_context *context, const char *path,
                                       loci_error *error);
void loci__word2vec_reader_close(loci__word2vec_reader *reader);
void loci__word2vec_reader_seek(loci__word2vec_reader *reader, int64_t offset);
int64_t loci__word2vec_reader_tell(const loci__word2vec_reader *reader);
/* The next word, NUL-terminated; *length 0 at the end of the file. */
loci_status loci__word2vec_reader_next(loci__word2vec_reader *reader, char word[LOCI__WORD2VEC_WORD + 1],
                                       size_t *length, loci_error *error);

/* trainer->vocabulary as that program counts it: "</s>" first, then by count, equal counts in the order of their first
 * appearance; rarer ones than min_count are dropped, "</s>" never. A vocabulary that was given is sorted the same way,
 * its first word staying first. For trainer->count. */
loci_status loci__word2vec_count(loci__trainer *trainer, loci_error *error);

#endif
