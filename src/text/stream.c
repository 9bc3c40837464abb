/* stream.c: a corpus as word numbers, in a file that is mapped.
 *
 * The file: a header of 64 bytes (magic, n, n_tokens as little-endian 64-bit numbers, the key), then n int32. The key is a
 * hash over the corpus's bytes, the way of splitting and the words of the vocabulary, in order: another key, and the file
 * is made anew. Word numbers are checked against the vocabulary when the file is opened.
 *
 * Blocks are encoded in parallel; each takes its place in the file when all before it have theirs (a turnstile), and is
 * written outside the lock. A block whose last word goes on for long (a line of 1 GB without a space) writes what it has,
 * in its turn, and goes on.
 */
#include "text.h"
#include "vocabulary.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { HEADER = 64, KEY_AT = 24, FULL = 1 << 20 /* word numbers that a block may keep before its turn */ };
static const char magic[8] = {'L', 'O', 'C', 'I', 'S', 'T', 'R', '1'};

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "streams are written as the machine holds them"
#endif

typedef struct encoder {
  int32_t *ids;
  size_t n, capacity;
  uint64_t n_tokens, n_ends;
} encoder;

typedef struct encoding {
  loci_context *context;
  const loci_vocabulary *vocabulary;
  const char *path; /* of the file that is written */
  int fd;
  encoder *encoders; /* one a worker */
  pthread_mutex_t lock;
  pthread_cond_t turn;
  size_t next;    /* the block whose place is to be given */
  uint64_t n_ids; /* given so far */
  bool stopped;
} encoding;

/* Waits until all blocks before this one have their place. False: somebody failed. */
static bool wait_for_turn(encoding *e, size_t block) {
  while (e->next != block && !e->stopped) pthread_cond_wait(&e->turn, &e->lock);
  return !e->stopped;
}

/* Writes what the worker has for the block; `last`: the block is complete. */
static loci_status put_out(encoding *e, encoder *w, size_t block, bool last, loci_error *error) {
  pthread_mutex_lock(&e->lock);
  if (!wait_for_turn(e, block)) {
    pthread_mutex_unlock(&e->lock);
    return loci__fail(error, LOCI_ERROR_CANCELLED, "cancelled");
  }
  uint64_t at = e->n_ids;
  e->n_ids += w->n;
  if (last) {
    e->next++;
    pthread_cond_broadcast(&e->turn);
  }
  pthread_mutex_unlock(&e->lock);
  int failed = w->n == 0 ? 0
                         : loci__file_pwrite_all(e->context, e->fd, w->ids, w->n * sizeof *w->ids,
                                                 (int64_t)(HEADER + at * sizeof *w->ids));
  w->n = 0;
  return failed < 0 ? loci__fail_file(error, "write", e->path, failed) : LOCI_OK;
}

static loci_status encode_tokens(void *arg, size_t block, size_t worker, const loci__token *tokens, size_t n,
                                 loci_error *error) {
  encoding *e = arg;
  encoder *w = &e->encoders[worker];
  if (w->n >= FULL) LOCI__TRY(put_out(e, w, block, false, error));
  if (!loci__grow(e->context, &w->ids, &w->capacity, w->n + n, sizeof *w->ids))
    return loci__fail_memory(error, (w->n + n) * sizeof *w->ids, "encoding a corpus");
  int32_t *out = w->ids + w->n;
  uint64_t n_ends = 0;
  for (size_t i = 0; i < n; i++) {
    if (tokens[i].length == 0) {
      *out++ = LOCI__LINE_END;
      n_ends++;
      continue;
    }
    int32_t id = loci__vocabulary_probe(e->vocabulary, tokens[i].word, tokens[i].length, tokens[i].hash)->id;
    *out = id;
    out += id >= 0; /* −1, not there, is written over */
  }
  size_t now = (size_t)(out - w->ids);
  w->n_tokens += now - w->n - n_ends;
  w->n_ends += n_ends;
  w->n = now;
  return LOCI_OK;
}

static loci_status encode_done(void *arg, size_t block, size_t worker, loci_error *error) {
  encoding *e = arg;
  return put_out(e, &e->encoders[worker], block, true, error);
}

static void encode_stop(void *arg) {
  encoding *e = arg;
  pthread_mutex_lock(&e->lock);
  e->stopped = true;
  pthread_cond_broadcast(&e->turn);
  pthread_mutex_unlock(&e->lock);
}

/* ---- the key ---- */

static loci_status key_of(loci_context *context, const char corpus_hash[33], const loci__splitter *splitter,
                          const loci_vocabulary *vocabulary, char key[33], loci_error *error) {
  loci__hash *hash = loci__hash_new(context);
  if (hash == NULL) return loci__fail_memory(error, 64, "a hash");
  loci__hash_add_text(hash, "loci stream 1");
  loci__hash_add_text(hash, corpus_hash);
  loci__hash_add_u64(hash, splitter->split);
  loci__hash_add_u64(hash, splitter->fold);
  loci__hash_add_u64(hash, splitter->split == LOCI_SPLIT_CHARS ? splitter->ngram : 0);
  loci__hash_add_u64(hash, splitter->max_word);
  if (splitter->split == LOCI_SPLIT_MODEL) loci__tokenizer_fingerprint(splitter->tokenizer, hash);
  loci__hash_add_u64(hash, vocabulary->n);
  for (size_t i = 0; i < vocabulary->n; i++)
    loci__hash_add(hash, vocabulary->words[i], (size_t)vocabulary->lengths[i] + 1);
  loci__hash_hex(hash, key);
  loci__hash_free(context, hash);
  return LOCI_OK;
}

/* XXH3-128 of a file's bytes. */
static loci_status hash_file(loci_context *context, const char *path, char out[33], loci_error *error) {
  uint64_t size;
  LOCI__TRY(loci__corpus_size(context, path, &size, error));
  int fd = loci__file_open(context, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return loci__fail_file(error, "open the corpus", path, fd);
  loci__hash *hash = loci__hash_new(context);
  char *bytes = loci__alloc(context, LOCI__BLOCK);
  loci_status status =
      hash == NULL || bytes == NULL ? loci__fail_memory(error, LOCI__BLOCK, "reading a corpus") : LOCI_OK;
  for (uint64_t at = 0; at < size && status == LOCI_OK;) {
    size_t n = size - at < LOCI__BLOCK ? (size_t)(size - at) : LOCI__BLOCK;
    int failed = loci__file_pread_all(context, fd, bytes, n, (int64_t)at);
    if (failed < 0) status = loci__fail_file(error, "read", path, failed);
    else loci__hash_add(hash, bytes, n);
    at += n;
  }
  if (status == LOCI_OK) loci__hash_hex(hash, out);
  loci__free(context, bytes);
  loci__hash_free(context, hash);
  loci__file_close(context, fd);
  return status;
}

/* ---- opening ---- */

/* Maps the file when it has this key and is sound. *fits false: it is to be made anew. */
static loci_status open_stream(loci_context *context, const char *path, const char key[33], size_t n_words,
                               loci__stream *out, bool *fits, loci_error *error) {
  *fits = false;
  LOCI__TRY(loci__mapping_open(&out->mapping, context, path, error));
  const char *data = out->mapping.data;
  uint64_t n = 0, n_tokens = 0;
  bool good =
      out->mapping.length >= HEADER && memcmp(data, magic, sizeof magic) == 0 && memcmp(data + KEY_AT, key, 32) == 0;
  if (good) {
    memcpy(&n, data + 8, 8);
    memcpy(&n_tokens, data + 16, 8);
    good = n <= (SIZE_MAX - HEADER) / 4 && out->mapping.length == HEADER + n * 4;
  }
  if (good) {
    const int32_t *ids = (const int32_t *)(const void *)(data + HEADER);
    uint64_t ends = 0, bad = 0;
    for (size_t i = 0; i < n; i++) {
      ends += ids[i] == LOCI__LINE_END;
      bad += (uint32_t)(ids[i] + 1) > (uint32_t)n_words;
    }
    good = bad == 0 && n - ends == n_tokens;
    out->ids = ids;
  }
  if (!good) {
    loci__mapping_close(&out->mapping);
    *out = (loci__stream){.context = context, .mapping = {.context = context, .data = ""}};
    return LOCI_OK;
  }
  out->n = (size_t)n;
  out->n_tokens = n_tokens;
  *fits = true;
  return LOCI_OK;
}

void loci__stream_close(loci__stream *stream) {
  if (stream->mapping.length > 0) loci__mapping_close(&stream->mapping);
  *stream = (loci__stream){.context = stream->context};
}

/* ---- making ---- */

static loci_status write_header(const encoding *e, uint64_t n, uint64_t n_tokens, const char key[33],
                                loci_error *error) {
  char header[HEADER] = {0};
  memcpy(header, magic, sizeof magic);
  memcpy(header + 8, &n, 8);
  memcpy(header + 16, &n_tokens, 8);
  memcpy(header + KEY_AT, key, 32);
  int failed = loci__file_pwrite_all(e->context, e->fd, header, HEADER, 0);
  return failed < 0 ? loci__fail_file(error, "write", e->path, failed) : LOCI_OK;
}

static loci_status encode(encoding *e, const char *corpus, const loci__splitter *splitter, loci__meter *meter,
                          char key[33], loci_error *error) {
  loci__corpus_job job = {.path = corpus,
                          .splitter = splitter,
                          .meter = meter,
                          .hash = true,
                          .tokens = encode_tokens,
                          .done = encode_done,
                          .stop = encode_stop,
                          .arg = e};
  loci__corpus_totals totals;
  LOCI__TRY(loci__corpus_run(e->context, &job, &totals, error));
  uint64_t n_tokens = 0, n_ends = 0;
  for (size_t i = 0; i < loci__pool_size(e->context); i++) {
    n_tokens += e->encoders[i].n_tokens;
    n_ends += e->encoders[i].n_ends;
  }
  if (n_ends < totals.n_lines) { /* the last line has no '\n' */
    int32_t end = LOCI__LINE_END;
    int failed = loci__file_pwrite_all(e->context, e->fd, &end, sizeof end, (int64_t)(HEADER + e->n_ids * sizeof end));
    if (failed < 0) return loci__fail_file(error, "write", e->path, failed);
    e->n_ids++;
  }
  LOCI__TRY(key_of(e->context, totals.hash, splitter, e->vocabulary, key, error));
  LOCI__TRY(write_header(e, e->n_ids, n_tokens, key, error));
  int failed = loci__file_fsync(e->context, e->fd);
  return failed < 0 ? loci__fail_file(error, "write", e->path, failed) : LOCI_OK;
}

static loci_status make(loci_context *context, const char *corpus, const loci__splitter *splitter,
                        const loci_vocabulary *vocabulary, const char *path, loci__meter *meter, char key[33],
                        loci_error *error) {
  loci__buffer temporary;
  loci__buffer_init(&temporary, context, 1 << 16);
  loci__buffer_printf(&temporary, "%s.%ld.tmp", path, (long)getpid());
  if (loci__buffer_status(&temporary, "a temporary name", error) != LOCI_OK) {
    loci__buffer_release(&temporary);
    return loci__fail_memory(error, strlen(path), "a temporary name");
  }
  size_t n_workers = loci__pool_size(context);
  encoding e = {.context = context, .vocabulary = vocabulary, .path = path, .fd = -1};
  e.encoders = loci__alloc_zero(context, n_workers, sizeof *e.encoders);
  char *folder = loci__path_folder(context, path);
  if (e.encoders == NULL || folder == NULL) {
    loci__free(context, e.encoders);
    loci__free(context, folder);
    loci__buffer_release(&temporary);
    return loci__fail_memory(error, n_workers * sizeof *e.encoders, "encoding a corpus");
  }
  pthread_mutex_init(&e.lock, NULL);
  pthread_cond_init(&e.turn, NULL);
  loci_status status = LOCI_OK;
  e.fd = loci__file_open(context, temporary.data, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (e.fd < 0) status = loci__fail_file(error, "create", path, e.fd);
  if (status == LOCI_OK) status = encode(&e, corpus, splitter, meter, key, error);
  if (e.fd >= 0) {
    int failed = loci__file_close(context, e.fd);
    if (failed < 0 && status == LOCI_OK) status = loci__fail_file(error, "write", path, failed);
    if (status == LOCI_OK) {
      failed = loci__file_rename(context, temporary.data, path);
      if (failed < 0) status = loci__fail_file(error, "rename", path, failed);
    }
    if (status != LOCI_OK) loci__file_unlink(context, temporary.data);
    if (status == LOCI_OK) {
      failed = loci__file_fsync_folder(context, folder);
      if (failed < 0) status = loci__fail_file(error, "sync the folder of", path, failed);
    }
  }
  for (size_t i = 0; i < n_workers; i++) loci__free(context, e.encoders[i].ids);
  loci__free(context, e.encoders);
  loci__free(context, folder);
  loci__buffer_release(&temporary);
  pthread_cond_destroy(&e.turn);
  pthread_mutex_destroy(&e.lock);
  return status;
}

loci_status loci__stream_make(loci_context *context, const char *corpus, const loci__splitter *splitter,
                              const loci_vocabulary *vocabulary, const char *path, loci__meter *meter,
                              loci__stream *out, loci_error *error) {
  context = loci__context_of(context);
  *out = (loci__stream){.context = context, .mapping = {.context = context, .data = ""}};
  if (context == NULL) return loci__fail_memory(error, sizeof(void *), "the default context");
  char hash[33], key[33];
  bool there, fits = false;
  uint64_t size;
  LOCI__TRY(loci__corpus_size(context, corpus, &size, error));
  LOCI__TRY(loci__file_there(context, path, &there, error));
  if (there) {
    LOCI__TRY(hash_file(context, corpus, hash, error));
    LOCI__TRY(key_of(context, hash, splitter, vocabulary, key, error));
    LOCI__TRY(open_stream(context, path, key, vocabulary->n, out, &fits, error));
    if (fits) return LOCI_OK;
  }
  if (meter != NULL) LOCI__TRY(loci__meter_stage(meter, "encoding the corpus", "bytes", size, error));
  LOCI__TRY(make(context, corpus, splitter, vocabulary, path, meter, key, error));
  if (meter != NULL) {
    loci_status status = loci__meter_end(meter, error);
    if (status != LOCI_OK) return status;
  }
  LOCI__TRY(open_stream(context, path, key, vocabulary->n, out, &fits, error));
  if (!fits) return loci__fail(error, LOCI_ERROR_IO, "'%s' is not what was written to it", path);
  return LOCI_OK;
}
