/* phrases.c: pairs of words that belong together, joined (Mikolov et al. 2013b, section 4, equation 6).
 *
 * First pass: words and pairs of neighbours are counted in one table, pairs under "a_b". Second pass: a pair is a phrase when
 *   (count(a b) − min_count) / count(a) / count(b) × tokens > threshold,
 * in single precision, and neither word is rarer than min_count; then the space between them becomes "_", unless a was
 * joined to the word before it. Pairs are counted across the ends of lines, but not joined there; a word "a_b" of the text
 * counts as the pair (a, b), and the other way round; keys of pairs are cut after max_word + 1 bytes; each word is put out
 * behind a space or "_", so that lines begin with a space. All of this is what the word2phrase program does.
 *
 * Three things it does not: a last word that no white space follows is not lost, '\r' ends a word, and words are cut
 * between characters.
 *
 * Both passes are one task a block (corpus.c). The word before a block's first is found after the first pass, from what
 * each block noted. The second pass finds what may be joined in parallel, and decides in the order of the file, where each
 * block's text is written (a turnstile).
 */
#include "count.h"

#include <pthread.h>

enum { FULL = 1 << 22 /* bytes of output that a block may keep before its turn */ };

/* What a block tells the next. */
typedef struct block_note {
  char *first, *last; /* words; NULL = it has none. In the block's worker's arena */
  uint32_t first_length, last_length;
  uint64_t first_at;
  bool ends_line; /* its last token is the end of a line */
  bool any;       /* it has tokens at all */
} block_note;

typedef struct phrase_worker {
  loci__counts counts; /* first pass: words and pairs; second: pairs over the threshold */
  loci__arena notes;
  uint64_t n_tokens, n_joined;
  char *last; /* the word before, of max_word bytes and 16 */
  uint32_t last_length;
  bool has_last;
  char *key; /* of a pair */
  /* second pass */
  loci__buffer text;
  size_t *joins; /* where in text a separator may become "_" … */
  size_t n_joins, capacity;
  uint64_t last_count; /* of the word before; 0 = too rare or not there */
  bool line_start;
  size_t n_words;   /* of the block so far */
  size_t last_word; /* the number of the word whose separator was last decided to be "_" (from 1); 0 = none */
  size_t *numbers;  /* … and the number of the word behind it */
  size_t n_capacity;
} phrase_worker;

typedef struct phrases {
  loci_context *context;
  size_t key_most; /* bytes of a pair's key */
  uint64_t min_count;
  float threshold;
  float n_tokens;
  size_t n_workers, n_blocks;
  phrase_worker *workers;
  block_note *blocks;
  loci__counts *counts; /* of all, after the first pass: workers[0]'s, moved here */
  /* second pass */
  loci__file_out *out;
  pthread_mutex_t lock;
  pthread_cond_t turn;
  size_t next;
  bool stopped;
  bool joined; /* the last word that was written had "_" before it */
} phrases;

/* "a_b" in w->key, at most key_most bytes, 16 zeros behind; its length. */
static uint32_t make_key(const phrases *p, phrase_worker *w, const char *a, size_t a_length, const char *b,
                         size_t b_length) {
  size_t n = a_length;
  memcpy(w->key, a, a_length);
  w->key[n++] = '_';
  memcpy(w->key + n, b, b_length);
  n += b_length;
  if (n > p->key_most) n = p->key_most;
  memset(w->key + n, 0, 16);
  return (uint32_t)n;
}

static void keep_last(phrase_worker *w, const loci__token *token) {
  memcpy(w->last, token->word, token->length);
  memset(w->last + token->length, 0, 16);
  w->last_length = token->length;
  w->has_last = true;
}

/* ---- first pass ---- */

static loci_status count_pair(const phrases *p, phrase_worker *w, const char *a, size_t a_length, const char *b,
                              size_t b_length, uint64_t at, loci_error *error) {
  uint32_t n = make_key(p, w, a, a_length, b, b_length);
  return loci__counts_add(&w->counts, w->key, n, loci__word_hash(w->key, n), 1, 2 * at + 1, error);
}

static loci_status note_word(phrase_worker *w, const char *word, size_t length, char **out, uint32_t *out_length,
                             loci_error *error) {
  *out = loci__arena_strndup(&w->notes, word, length);
  *out_length = (uint32_t)length;
  return *out != NULL ? LOCI_OK : loci__fail_memory(error, length, "finding phrases");
}

static loci_status count_tokens(void *arg, size_t block, size_t worker, const loci__token *tokens, size_t n,
                                loci_error *error) {
  phrases *p = arg;
  phrase_worker *w = &p->workers[worker];
  block_note *note = &p->blocks[block];
  note->any = note->any || n > 0;
  for (size_t i = 0; i < n; i++) {
    const loci__token *t = &tokens[i];
    note->ends_line = t->length == 0;
    if (t->length == 0) continue;
    w->n_tokens++;
    LOCI__TRY(loci__counts_add(&w->counts, t->word, t->length, t->hash, 1, 2 * t->at, error));
    if (w->has_last) {
      LOCI__TRY(count_pair(p, w, w->last, w->last_length, t->word, t->length, t->at, error));
    } else {
      LOCI__TRY(note_word(w, t->word, t->length, &note->first, &note->first_length, error));
      note->first_at = t->at;
    }
    keep_last(w, t);
  }
  return LOCI_OK;
}

static loci_status count_done(void *arg, size_t block, size_t worker, loci_error *error) {
  phrases *p = arg;
  phrase_worker *w = &p->workers[worker];
  if (w->has_last)
    LOCI__TRY(note_word(w, w->last, w->last_length, &p->blocks[block].last, &p->blocks[block].last_length, error));
  w->has_last = false;
  return LOCI_OK;
}

/* Pairs from block to block; each block is told its predecessor's last word (in `first` from now on) and line's end. */
static loci_status count_seams(phrases *p, loci_error *error) {
  phrase_worker *w = &p->workers[0];
  char *last = NULL;
  uint32_t last_length = 0;
  bool line_start = true;
  for (size_t i = 0; i < p->n_blocks; i++) {
    block_note *b = &p->blocks[i], was = *b;
    if (was.first != NULL && last != NULL)
      LOCI__TRY(count_pair(p, w, last, last_length, was.first, was.first_length, was.first_at, error));
    b->first = last;
    b->first_length = last_length;
    b->ends_line = line_start;
    if (was.any) line_start = was.ends_line;
    if (was.last != NULL) {
      last = was.last;
      last_length = was.last_length;
    }
  }
  return LOCI_OK;
}

/* ---- second pass ---- */

/* The count of a word or pair; 0 when it is rare. */
static uint64_t count_of(const phrases *p, const char *word, uint32_t length) {
  const loci__count_slot *slot = loci__counts_find(p->counts, word, length, loci__word_hash(word, length));
  uint64_t count = slot != NULL ? loci__count_of(slot) : 0;
  return count < p->min_count ? 0 : count;
}

/* Whether the word before, w->last, and this one are a phrase. */
static loci_status is_phrase(const phrases *p, phrase_worker *w, const loci__token *t, uint64_t count, bool *phrase,
                             loci_error *error) {
  float score = 0;
  *phrase = false;
  if (count > 0 && w->last_count > 0 && w->has_last && !w->line_start) {
    uint32_t n = make_key(p, w, w->last, w->last_length, t->word, t->length);
    uint64_t both = count_of(p, w->key, n);
    if (both > 0)
      score =
          (float)(int64_t)(both - p->min_count) / (float)(int64_t)w->last_count / (float)(int64_t)count * p->n_tokens;
    *phrase = score > p->threshold;
    if (*phrase) return loci__counts_add(&w->counts, w->key, n, loci__word_hash(w->key, n), 1, t->at, error);
  }
  return LOCI_OK;
}

/* Decides, in the block's turn, and writes. */
static loci_status put_out(phrases *p, phrase_worker *w, size_t block, bool last, loci_error *error) {
  pthread_mutex_lock(&p->lock);
  while (p->next != block && !p->stopped) pthread_cond_wait(&p->turn, &p->lock);
  if (p->stopped) {
    pthread_mutex_unlock(&p->lock);
    return loci__fail(error, LOCI_ERROR_CANCELLED, "cancelled");
  }
  loci_status status = loci__buffer_status(&w->text, "text with its phrases", error);
  if (status == LOCI_OK) {
    for (size_t i = 0; i < w->n_joins; i++) {
      /* Joined before: word number − 1 has "_", be it of this block or, for the first, of the one before. */
      size_t number = w->numbers[i];
      bool before = number == 1 ? p->joined : w->last_word == number - 1;
      if (before) continue;
      w->text.data[w->joins[i]] = '_';
      w->last_word = number;
      w->n_joined++;
    }
    if (last) {
      if (w->n_words > 0) p->joined = w->last_word == w->n_words;
      p->next++;
      pthread_cond_broadcast(&p->turn);
    }
    loci__file_out_put(p->out, w->text.data, w->text.length);
  }
  pthread_mutex_unlock(&p->lock);
  loci__buffer_clear(&w->text);
  w->n_joins = 0;
  return status;
}

static void begin_block(const phrases *p, phrase_worker *w, size_t block) {
  const block_note *b = &p->blocks[block];
  loci__token last = {.word = b->first, .length = b->first_length};
  w->n_words = w->last_word = 0;
  w->last_count = 0;
  w->line_start = b->ends_line;
  if (b->first == NULL) return;
  keep_last(w, &last);
  w->last_count = count_of(p, w->last, w->last_length);
}

static loci_status join_tokens(void *arg, size_t block, size_t worker, const loci__token *tokens, size_t n,
                               loci_error *error) {
  phrases *p = arg;
  phrase_worker *w = &p->workers[worker];
  if (w->n_words == 0 && !w->has_last) begin_block(p, w, block);
  if (w->text.length > FULL) LOCI__TRY(put_out(p, w, block, false, error));
  for (size_t i = 0; i < n; i++) {
    const loci__token *t = &tokens[i];
    if (t->length == 0) {
      loci__buffer_putc(&w->text, '\n');
      w->line_start = true;
      continue;
    }
    uint64_t count = count_of(p, t->word, t->length);
    bool phrase;
    LOCI__TRY(is_phrase(p, w, t, count, &phrase, error));
    w->n_words++;
    if (phrase) {
      if (!loci__grow(p->context, &w->joins, &w->capacity, w->n_joins + 1, sizeof *w->joins) ||
          !loci__grow(p->context, &w->numbers, &w->n_capacity, w->n_joins + 1, sizeof *w->numbers))
        return loci__fail_memory(error, w->n_joins * sizeof *w->joins, "finding phrases");
      w->joins[w->n_joins] = w->text.length;
      w->numbers[w->n_joins++] = w->n_words;
    }
    loci__buffer_putc(&w->text, ' ');
    loci__buffer_append(&w->text, t->word, t->length);
    keep_last(w, t);
    w->last_count = count;
    w->line_start = false;
  }
  return LOCI_OK;
}

static loci_status join_done(void *arg, size_t block, size_t worker, loci_error *error) {
  phrases *p = arg;
  phrase_worker *w = &p->workers[worker];
  LOCI__TRY(put_out(p, w, block, true, error));
  w->has_last = false;
  w->n_words = 0;
  return LOCI_OK;
}

static void join_stop(void *arg) {
  phrases *p = arg;
  pthread_mutex_lock(&p->lock);
  p->stopped = true;
  pthread_cond_broadcast(&p->turn);
  pthread_mutex_unlock(&p->lock);
}

/* ---- both ---- */

static void release(phrases *p) {
  for (size_t i = 0; p->workers != NULL && i < p->n_workers; i++) {
    phrase_worker *w = &p->workers[i];
    loci__counts_release(&w->counts);
    loci__arena_release(&w->notes);
    loci__free(p->context, w->last);
    loci__free(p->context, w->key);
    loci__free(p->context, w->joins);
    loci__free(p->context, w->numbers);
    loci__buffer_release(&w->text);
  }
  loci__free(p->context, p->workers);
  loci__free(p->context, p->blocks);
}

static loci_status make_workers(phrases *p, const loci__splitter *splitter, loci__count_budget *budget,
                                loci_error *error) {
  p->workers = loci__alloc_zero(p->context, p->n_workers, sizeof *p->workers);
  p->blocks = loci__alloc_zero(p->context, p->n_blocks + 1, sizeof *p->blocks);
  if (p->workers == NULL || p->blocks == NULL)
    return loci__fail_memory(error, p->n_blocks * sizeof *p->blocks, "finding phrases");
  for (size_t i = 0; i < p->n_workers; i++) {
    phrase_worker *w = &p->workers[i];
    loci__counts_init(&w->counts, p->context, budget);
    loci__arena_init(&w->notes, p->context);
    loci__buffer_init(&w->text, p->context, 0);
    w->last = loci__alloc(p->context, splitter->max_word + 32);
    w->key = loci__alloc(p->context, 2 * splitter->max_word + 32);
    if (w->last == NULL || w->key == NULL) return loci__fail_memory(error, splitter->max_word, "finding phrases");
  }
  return LOCI_OK;
}

static loci_status first_pass(phrases *p, loci__corpus_job *job, loci__counts *all, loci_error *error) {
  loci__corpus_totals totals;
  job->tokens = count_tokens;
  job->done = count_done;
  LOCI__TRY(loci__corpus_run(p->context, job, &totals, error));
  LOCI__TRY(count_seams(p, error));
  uint64_t n_tokens = 0;
  for (size_t i = 0; i < p->n_workers; i++) {
    n_tokens += p->workers[i].n_tokens;
    if (i > 0) LOCI__TRY(loci__counts_merge(&p->workers[0].counts, &p->workers[i].counts, error));
  }
  if (n_tokens == 0) return loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%s' holds no words", job->path);
  *all = p->workers[0].counts;
  p->counts = all;
  loci__counts_init(&p->workers[0].counts, p->context, all->budget);
  p->n_tokens = (float)(int64_t)n_tokens;
  return LOCI_OK;
}

static loci_status second_pass(phrases *p, loci__corpus_job *job, const char *output, loci_error *error) {
  loci__file_out out;
  LOCI__TRY(loci__file_out_open(&out, p->context, output, error));
  p->out = &out;
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->turn, NULL);
  job->tokens = join_tokens;
  job->done = join_done;
  job->stop = join_stop;
  loci__corpus_totals totals;
  loci_status status = loci__corpus_run(p->context, job, &totals, error);
  if (status == LOCI_OK) status = loci__file_out_close(&out, error);
  else loci__file_out_abandon(&out);
  pthread_cond_destroy(&p->turn);
  pthread_mutex_destroy(&p->lock);
  return status;
}

static loci_status run(loci_context *context, const char *corpus, const loci_phrases_options *options,
                       const loci_tokenizer *tokenizer, const char *output, loci_phrases_info *info,
                       loci_error *error) {
  const loci_corpus_options *o = &options->corpus;
  loci__splitter splitter;
  LOCI__TRY(loci__splitter_of(o, tokenizer, &splitter, error));
  uint64_t size;
  LOCI__TRY(loci__corpus_size(context, corpus, &size, error));
  phrases p = {.context = context,
               .key_most = splitter.max_word + 1,
               .min_count = o->min_count,
               .threshold = (float)options->threshold,
               .n_workers = loci__pool_size(context),
               .n_blocks = (size_t)((size + LOCI__BLOCK - 1) / LOCI__BLOCK)};
  loci__count_budget budget = {.limit = o->max_memory};
  loci__counts all;
  loci__counts_init(&all, context, &budget);
  loci__meter meter;
  loci__meter_init(&meter, o->progress, o->progress_user);
  loci__corpus_job job = {.path = corpus, .splitter = &splitter, .meter = &meter, .arg = &p};
  loci_status status = make_workers(&p, &splitter, &budget, error);
  if (status == LOCI_OK) status = loci__meter_stage(&meter, "counting words and pairs", "bytes", size, error);
  if (status == LOCI_OK) status = first_pass(&p, &job, &all, error);
  if (status == LOCI_OK) status = loci__meter_stage(&meter, "joining phrases", "bytes", size, error);
  if (status == LOCI_OK) status = second_pass(&p, &job, output, error);
  for (size_t i = 1; i < p.n_workers && status == LOCI_OK; i++)
    status = loci__counts_merge(&p.workers[0].counts, &p.workers[i].counts, error);
  if (status == LOCI_OK) status = loci__meter_end(&meter, error);
  if (status == LOCI_OK && info != NULL) {
    *info = (loci_phrases_info){.n_phrases = p.workers[0].counts.n};
    for (size_t i = 0; i < p.n_workers; i++) {
      info->n_tokens += p.workers[i].n_tokens;
      info->n_joined += p.workers[i].n_joined;
    }
  }
  loci__counts_release(&all);
  release(&p);
  return status;
}

void loci_phrases_options_init(loci_phrases_options *options) {
  *options = (loci_phrases_options){.struct_size = sizeof *options, .threshold = 100};
  loci_corpus_options_init(&options->corpus);
  options->corpus.split = LOCI_SPLIT_SPACE;
  options->corpus.fold = LOCI_FOLD_NONE;
  options->corpus.max_word = 58; /* as in word2phrase */
}

loci_status loci_phrases(loci_context *context, const char *corpus, const loci_phrases_options *options,
                         const char *output, loci_phrases_info *info, loci_error *error) {
  loci_phrases_options fallback;
  loci_phrases_options_init(&fallback);
  if (options == NULL) options = &fallback;
  context = loci__context_of(context);
  if (context == NULL) return loci__fail_memory(error, sizeof(void *), "the default context");
  if (options->corpus.min_count == 0) return loci__fail(error, LOCI_ERROR_USAGE, "min_count is at least 1 for phrases");
  if (!(options->threshold >= 0)) return loci__fail(error, LOCI_ERROR_USAGE, "the threshold is not negative");
  loci_tokenizer *tokenizer = NULL;
  LOCI__TRY(loci__split_model_open(context, &options->corpus, &tokenizer, error));
  loci_status status = run(context, corpus, options, tokenizer, output, info, error);
  loci_tokenizer_close(tokenizer);
  return status;
}
