/* train/trainer.h: what the trainers of words share: corpus and vocabulary at the start, checkpoints on the way, vectors,
 * counts and model card at the end.
 *
 *   trainer.c      loci__trainer_open/close: options → vocabulary → encoded corpus
 *   checkpoint.c   arrays to a file and back, atomically, checked
 *   probe.c        a look at the vectors on the way
 *   card.c         OUTPUT.card.md
 *
 * A run: init → set, for each setting → open (checks the output, makes and locks OUTPUT.checkpoint, counts or reads the
 * vocabulary, tells the memory estimate, refuses beyond max_memory, encodes the corpus into OUTPUT.checkpoint/stream) →
 * loci__checkpoint_load → the trainer's own loop, which calls loci__trainer_tick between its steps (or
 * loci__trainer_due and loci__checkpoint_save) → loci__trainer_finish (vectors, OUTPUT.vocab, card; then the
 * checkpoint's folder is removed) → close. Close after init is right whatever happened in between; it removes a folder in
 * which no checkpoint was saved.
 *
 * OUTPUT.checkpoint holds: lock, state (the checkpoint), stream (the encoded corpus), and what a trainer puts there.
 *
 * Ownership: the trainer owns vocabulary and stream. Threads: one thread drives it; vocabulary and stream are shared.
 */
#ifndef LOCI_TRAIN_TRAINER_H
#define LOCI_TRAIN_TRAINER_H

#include "../base/base.h"
#include "../base/file.h"
#include "../format/vectors.h"
#include "../text/corpus.h"
#include "loci/train.h"

typedef struct loci__trainer loci__trainer;

struct loci__trainer {
  loci_context *context;
  const char *corpus;
  const char *asked;  /* the output as it was named */
  char *output;       /* the same without a slash at its end */
  const char *method; /* "word2vec" */
  const loci_train_common *common;
  /* How the words are counted (and corpus_hash found) when not by the corpus reader; set between init and open. */
  loci_status (*count)(loci__trainer *trainer, loci_error *error);
  char *folder;               /* OUTPUT.checkpoint */
  int lock;                   /* descriptor; −1 = none */
  bool saved;                 /* a checkpoint of this run lies in the folder */
  bool finished;              /* the outputs are written */
  loci_vectors_format format; /* by the output's ending */
  loci_tokenizer *split_tokenizer;
  loci__splitter splitter;
  loci_vocabulary *vocabulary;
  loci__stream stream;
  loci__meter meter;
  loci__buffer settings; /* "dim: 300\nwindow: 5\n…": the trainer's own, in the order they were put */
  loci__buffer bias;     /* the card's part about associations (card_bias.c), once there are vectors */
  loci__buffer about;    /* what a checkpoint belongs to, "name: value" a line; its key is the hash of this */
  double began, last_checkpoint;
  char item[48]; /* "loss 1.234" */
  char corpus_hash[33];
  uint64_t corpus_bytes;
  loci_vocabulary_info counts;
};

/* The defaults of loci_train_common, for the options_init of each trainer. */
void loci__train_common_init(loci_train_common *common);
/* `corpus`, `output` and `common` must live as long as the trainer. */
void loci__trainer_init(loci__trainer *trainer, loci_context *context, const char *method, const char *corpus,
                        const char *output, const loci_train_common *common);
/* The trainer's own settings, one call each, before loci__trainer_open: they go into the card and, hashed with corpus,
 * vocabulary and seed, into the checkpoint's key. Values are YAML scalars. */
void loci__trainer_set(loci__trainer *trainer, const char *name, const char *format, ...) LOCI_PRINTF(3, 4);

/* Counts, checks the output's ending and that it can be written (before hours are spent), makes the folder, encodes.
 * `bytes_per_word`, `bytes_fixed`: of the trainer's arrays, for the estimate. stream false: no encoded corpus is made. */
loci_status loci__trainer_open(loci__trainer *trainer, size_t bytes_per_word, size_t bytes_fixed, bool stream,
                               loci_error *error);
void loci__trainer_close(loci__trainer *trainer);
/* For a `count` of one's own: corpus_hash and corpus_bytes. */
loci_status loci__trainer_hash_corpus(loci__trainer *trainer, loci_error *error);

/* ---- checkpoints: named arrays whose sizes both sides know ---- */

typedef struct loci__part {
  const char *name;
  void *data;
  size_t size; /* bytes */
} loci__part;

/* More than common.checkpoint_seconds since the last one. */
bool loci__trainer_due(const loci__trainer *trainer);
/* Between steps, in one call: tells the progress (`done` of the meter's stage, with the loss beside it unless NAN); saves
 * when due (a disk that is full then is a warning: the old checkpoint stays and the run goes on); saves when the caller
 * wants to stop, and gives CANCELLED with what to do next. */
loci_status loci__trainer_tick(loci__trainer *trainer, uint64_t done, double loss, const loci__part *parts, size_t n,
                               loci_error *error);
/* Written beside the old one, fsynced, renamed: there is always a whole one. A checksum a part. */
loci_status loci__checkpoint_save(loci__trainer *trainer, const loci__part *parts, size_t n, loci_error *error);
/* *there false: there is none, or common.resume is 0 (then an old one is removed). USAGE when it belongs to other
 * settings (the message says which), FORMAT when it is damaged; what the parts hold is undefined then. */
loci_status loci__checkpoint_load(loci__trainer *trainer, const loci__part *parts, size_t n, bool *there,
                                  loci_error *error);

/* ---- a look at the vectors on the way (probe.c) ---- */

/* Calls `probe` with the rows as a table of the vocabulary's words. */
loci_status loci__trainer_probe(const loci__trainer *trainer, loci_probe_fn probe, void *user, double share,
                                const float *rows, size_t stride, size_t dim, loci_error *error);

/* ---- the end ---- */

/* Writes the vectors by the output's ending (a folder: a static model that opens with the corpus's splitter), OUTPUT.vocab
 * and the card, and removes the checkpoint. `more`: further lines for the card ("loss: 1.23\n…"), or NULL. */
loci_status loci__trainer_finish(loci__trainer *trainer, const float *rows, size_t stride, size_t dim, const char *more,
                                 loci_error *error);
/* The card, .vocab and the removal of the checkpoint alone, for trainers that write a file of their own (fastText). */
loci_status loci__trainer_finish_written(loci__trainer *trainer, size_t dim, const char *more, loci_error *error);

#endif
