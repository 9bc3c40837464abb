/* train/trainer.c: the beginning and the end of a training (trainer.h): checks that cost nothing come before the hours of
 * work, and what is on disk at the end is either all of the outputs or the checkpoint from which they can be made.
 *
 * The folder OUTPUT.checkpoint is made and locked first (so a place that cannot be written to is found at once, and two
 * runs to one output cannot meet) and removed last. A run that ends without a checkpoint leaves no folder behind. */
#include "trainer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "../model/words.h"
#include "card.h"

enum { SETTINGS_LIMIT = 32 * 1024, VOCABULARY_BYTES = 72 /* a word: its text, count, place in the table */ };

void loci__train_common_init(loci_train_common *common) {
  *common = (loci_train_common){.seed = 1, .checkpoint_seconds = 300};
  loci_corpus_options_init(&common->corpus);
}

void loci__trainer_init(loci__trainer *trainer, loci_context *context, const char *method, const char *corpus,
                        const char *output, const loci_train_common *common) {
  *trainer = (loci__trainer){.context = context,
                             .corpus = corpus,
                             .asked = output,
                             .method = method,
                             .common = common,
                             .lock = -1,
                             .began = loci__now()};
  trainer->last_checkpoint = trainer->began;
  loci__buffer_init(&trainer->settings, context, SETTINGS_LIMIT);
  loci__buffer_init(&trainer->bias, context, 0);
  loci__buffer_init(&trainer->about, context, 2 * SETTINGS_LIMIT - 1);
  loci__meter_init(&trainer->meter, common->progress, common->progress_user);
  if (output == NULL) return;
  size_t length = strlen(output);
  while (length > 1 && output[length - 1] == '/') length--;
  trainer->output = loci__strndup(context, output, length);
}

void loci__trainer_set(loci__trainer *trainer, const char *name, const char *format, ...) {
  char value[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(value, sizeof value, format, arguments);
  va_end(arguments);
  loci__buffer_printf(&trainer->settings, "%s: %s\n", name, value);
}

/* ---- the folder ---- */

typedef struct entries {
  loci_context *context;
  loci__arena arena;
  const char **names;
  size_t n, capacity;
  bool ours, failed;
} entries;

static int entry_add(void *arg, const char *name) {
  entries *list = arg;
  char *copy = loci__arena_strndup(&list->arena, name, strlen(name));
  if (!copy || !loci__grow(list->context, &list->names, &list->capacity, list->n + 1, sizeof *list->names)) {
    list->failed = true;
    return 1;
  }
  list->names[list->n++] = copy;
  if (strcmp(name, "lock") == 0 || strcmp(name, "state") == 0 || strcmp(name, "stream") == 0) list->ours = true;
  return 0;
}

static int list_folder(loci__trainer *trainer, entries *list) {
  *list = (entries){.context = trainer->context};
  loci__arena_init(&list->arena, trainer->context);
  int failed = loci__file_readdir(trainer->context, trainer->folder, entry_add, list);
  return failed < 0 ? failed : list->failed ? -ENOMEM : 0;
}

static void entries_release(entries *list) {
  loci__free(list->context, list->names);
  loci__arena_release(&list->arena);
}

static bool remove_entry(loci__trainer *trainer, const char *name) {
  char *path = loci__path_join(trainer->context, trainer->folder, name);
  bool gone = path && loci__file_unlink(trainer->context, path) == 0;
  loci__free(trainer->context, path);
  return gone;
}

/* Everything in the folder, and the folder; the state first, because it names the other files, so that a kill in between
 * leaves nothing to go on from instead of half a checkpoint; the lock last, by which the next run knows the folder as ours.
 * A failure is no failure of the training: what is left is only space. */
static void remove_folder(loci__trainer *trainer) {
  entries list;
  bool gone = list_folder(trainer, &list) == 0, stateless = true;
  for (size_t i = 0; i < list.n; i++) {
    if (strcmp(list.names[i], "state") == 0) stateless = remove_entry(trainer, "state");
  }
  for (size_t i = 0; i < list.n && stateless; i++) {
    const char *name = list.names[i];
    if (strcmp(name, "state") != 0 && strcmp(name, "lock") != 0 && !remove_entry(trainer, name)) gone = false;
  }
  gone = gone && stateless;
  if (gone && remove_entry(trainer, "lock")) (void)loci__file_rmdir(trainer->context, trainer->folder);
  entries_release(&list);
}

/* A folder of that name that is not empty and has nothing of ours in it is not to be written to (nor removed). */
static loci_status check_folder(loci__trainer *trainer, loci_error *error) {
  entries list;
  int failed = list_folder(trainer, &list);
  bool foreign = list.n > 0 && !list.ours;
  entries_release(&list);
  if (failed) return loci__fail_file(error, "read the folder", trainer->folder, failed);
  if (!foreign) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_USAGE,
                    "'%s' is there and holds no checkpoint; move it away or name another output", trainer->folder);
}

static loci_status make_folder(loci__trainer *trainer, loci_error *error) {
  loci_context *context = trainer->context;
  loci__buffer name;
  loci__buffer_init(&name, context, 0);
  loci__buffer_printf(&name, "%s.checkpoint", trainer->output);
  char *folder = loci__buffer_take(&name);
  if (!folder) return loci__fail_memory(error, strlen(trainer->output) + 12, "a folder's name");
  int failed = loci__file_mkdir(context, folder, 0777);
  if (failed && failed != -EEXIST) {
    loci_status status = loci__fail_file(error, "make the folder", folder, failed);
    loci__free(context, folder);
    return status;
  }
  trainer->folder = folder;
  if (failed == -EEXIST) {
    loci_status status = check_folder(trainer, error);
    if (status != LOCI_OK) {
      loci__free(context, folder);
      trainer->folder = NULL;
      return status;
    }
  }
  char *path = loci__path_join(context, folder, "lock");
  if (!path) return loci__fail_memory(error, strlen(folder) + 6, "a file's name");
  trainer->lock = loci__file_open(context, path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  loci_status status = LOCI_OK;
  if (trainer->lock < 0) {
    status = loci__fail_file(error, "create", path, trainer->lock);
    trainer->lock = -1;
  } else if ((failed = loci__file_lock(context, trainer->lock, true)) != 0) {
    status = failed == -EWOULDBLOCK
                 ? loci__fail(error, LOCI_ERROR_LOCKED, "another run is training to '%s'", trainer->output)
                 : loci__fail_file(error, "lock", path, failed);
    loci__file_close(context, trainer->lock);
    trainer->lock = -1;
  }
  loci__free(context, path);
  if (status == LOCI_OK) {
    path = loci__path_join(context, folder, "state");
    if (!path) return loci__fail_memory(error, strlen(folder) + 6, "a file's name");
    status = loci__file_there(context, path, &trainer->saved, error);
    loci__free(context, path);
  }
  return status;
}

/* ---- what can be checked before the work ---- */

static bool same_file(const loci_file_info *a, const loci_file_info *b) {
  return a->device == b->device && a->inode == b->inode;
}

static int count_entry(void *arg, const char *name) {
  (void)name;
  ++*(size_t *)arg;
  return 1;
}

static loci_status check_output(loci__trainer *trainer, loci_error *error) {
  loci_context *context = trainer->context;
  if (trainer->corpus == NULL || trainer->corpus[0] == '\0')
    return loci__fail(error, LOCI_ERROR_USAGE, "a corpus is needed: a file of text");
  if (trainer->asked == NULL || trainer->asked[0] == '\0')
    return loci__fail(error, LOCI_ERROR_USAGE, "an output is needed");
  if (trainer->output == NULL) return loci__fail_memory(error, strlen(trainer->asked), "the output's name");
  trainer->format = loci__vectors_format_of(trainer->output);
  if (trainer->format == LOCI_VECTORS_UNKNOWN)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "'%s': the ending of the output chooses its format: .bin, .txt, .vec, .npy, or none for a folder",
                      trainer->output);
  loci_file_info corpus, output;
  int failed = loci__file_stat(context, trainer->corpus, true, &corpus);
  if (failed) return loci__fail_file(error, "open", trainer->corpus, failed);
  if (corpus.kind == LOCI_FILE_FOLDER) return loci__fail_file(error, "read", trainer->corpus, EISDIR);
  failed = loci__file_stat(context, trainer->output, true, &output);
  if (failed == -ENOENT) return LOCI_OK;
  if (failed) return loci__fail_file(error, "look at", trainer->output, failed);
  if (same_file(&corpus, &output))
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is the corpus itself; name another output", trainer->output);
  if (trainer->format != LOCI_VECTORS_FOLDER)
    return output.kind == LOCI_FILE_FOLDER ? loci__fail_file(error, "write", trainer->output, EISDIR) : LOCI_OK;
  if (output.kind != LOCI_FILE_FOLDER)
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is a file; an output without an ending is a folder",
                      trainer->output);
  size_t n = 0;
  failed = loci__file_readdir(context, trainer->output, count_entry, &n);
  if (failed < 0) return loci__fail_file(error, "read the folder", trainer->output, failed);
  if (n == 0) return LOCI_OK;
  return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is not empty; name a new folder", trainer->output);
}

/* ---- words ---- */

static loci_status open_splitter(loci__trainer *trainer, loci_error *error) {
  const loci_corpus_options *o = &trainer->common->corpus;
  trainer->splitter = (loci__splitter){.split = o->split, .fold = o->fold, .ngram = o->ngram, .max_word = o->max_word};
  if (o->split != LOCI_SPLIT_MODEL) return LOCI_OK;
  if (o->split_model == NULL || o->split_model[0] == '\0')
    return loci__fail(error, LOCI_ERROR_USAGE, "splitting by a model needs a model or a tokenizer's file");
  LOCI__TRY(loci__split_tokenizer_open(trainer->context, o->split_model, &trainer->split_tokenizer, error));
  trainer->splitter.tokenizer = trainer->split_tokenizer;
  return LOCI_OK;
}

loci_status loci__trainer_hash_corpus(loci__trainer *trainer, loci_error *error) {
  enum { BLOCK = 1 << 20 };
  loci_context *context = trainer->context;
  loci__hash *hash = loci__hash_new(context);
  char *block = loci__alloc(context, BLOCK);
  int fd = loci__file_open(context, trainer->corpus, O_RDONLY | O_CLOEXEC, 0);
  loci_status status = LOCI_OK;
  if (!hash || !block) status = loci__fail_memory(error, BLOCK, "hashing the corpus");
  else if (fd < 0) status = loci__fail_file(error, "open", trainer->corpus, fd);
  uint64_t at = 0;
  while (status == LOCI_OK) {
    int64_t n = loci__file_pread(context, fd, block, BLOCK, (int64_t)at);
    if (n < 0) status = loci__fail_file(error, "read", trainer->corpus, (int)n);
    if (n <= 0) break;
    loci__hash_add(hash, block, (size_t)n);
    at += (uint64_t)n;
  }
  if (status == LOCI_OK) {
    loci__hash_hex(hash, trainer->corpus_hash);
    trainer->corpus_bytes = at;
  }
  if (fd >= 0) loci__file_close(context, fd);
  loci__hash_free(context, hash);
  loci__free(context, block);
  return status;
}

static loci_status count_words(loci__trainer *trainer, loci_error *error) {
  const loci_train_common *common = trainer->common;
  loci_corpus_options options = common->corpus;
  if (options.progress == NULL) {
    options.progress = common->progress;
    options.progress_user = common->progress_user;
  }
  if (options.max_memory == 0) options.max_memory = common->max_memory;
  if (common->vocabulary != NULL) {
    LOCI__TRY(loci__meter_stage(&trainer->meter, "reading the vocabulary", "words", 0, error));
    return loci_vocabulary_read(trainer->context, common->vocabulary, &trainer->vocabulary, error);
  }
  return loci__vocabulary_count(trainer->context, trainer->corpus, &options, trainer->splitter.tokenizer,
                                &trainer->vocabulary, error);
}

static void put_bytes(double bytes, char out[32]) {
  if (bytes >= 1e9) snprintf(out, 32, "%.2f GB", bytes / 1e9);
  else if (bytes >= 1e6) snprintf(out, 32, "%.1f MB", bytes / 1e6);
  else snprintf(out, 32, "%.1f kB", bytes / 1e3);
}

static loci_status estimate_memory(loci__trainer *trainer, size_t bytes_per_word, size_t bytes_fixed,
                                   loci_error *error) {
  size_t n = loci__vocabulary_size(trainer->vocabulary), each, total;
  if (!loci__add(bytes_per_word, VOCABULARY_BYTES, &each) || !loci__mul(n, each, &total) ||
      !loci__add(total, bytes_fixed, &total))
    return loci__fail(error, LOCI_ERROR_LIMIT, "%zu words of %zu bytes each are more than can be addressed", n,
                      bytes_per_word);
  char needed[32], allowed[32];
  put_bytes((double)total, needed);
  loci__log(trainer->context, LOCI_LOG_INFO, "about %s of memory for %zu words; %llu tokens in the corpus", needed, n,
            (unsigned long long)loci__vocabulary_tokens(trainer->vocabulary));
  size_t most = trainer->common->max_memory;
  if (most == 0 || total <= most) return LOCI_OK;
  put_bytes((double)most, allowed);
  return loci__fail(error, LOCI_ERROR_LIMIT,
                    "%zu words need about %s of memory, %s are allowed; fewer words (--min-count), smaller vectors "
                    "(--dim) or more memory (--max-memory)",
                    n, needed, allowed);
}

/* ---- what a checkpoint belongs to ---- */

static loci_status hash_vocabulary(loci__trainer *trainer, char out[33], loci_error *error) {
  loci__hash *hash = loci__hash_new(trainer->context);
  if (!hash) return loci__fail_memory(error, 0, "hashing the vocabulary");
  size_t n = loci__vocabulary_size(trainer->vocabulary);
  for (size_t i = 0; i < n; i++) {
    size_t length;
    uint64_t count;
    const char *word = loci__vocabulary_word(trainer->vocabulary, i, &length, &count);
    loci__hash_add_u64(hash, length);
    loci__hash_add(hash, word, length);
    loci__hash_add_u64(hash, count);
  }
  loci__hash_hex(hash, out);
  loci__hash_free(trainer->context, hash);
  return LOCI_OK;
}

static loci_status write_about(loci__trainer *trainer, loci_error *error) {
  char vocabulary[33];
  LOCI__TRY(hash_vocabulary(trainer, vocabulary, error));
  loci__buffer *about = &trainer->about;
  loci__buffer_printf(about, "loci: %s\nmethod: %s\nseed: %llu\n", LOCI_VERSION, trainer->method,
                      (unsigned long long)trainer->common->seed);
  loci__words_put_splitter(about, &trainer->splitter, trainer->common->corpus.split_model);
  loci__buffer_append(about, trainer->settings.data ? trainer->settings.data : "", trainer->settings.length);
  loci__buffer_printf(about, "corpus: %s\nvocabulary: %s\n", trainer->corpus_hash, vocabulary);
  LOCI__TRY(loci__buffer_status(&trainer->settings, "the settings", error));
  return loci__buffer_status(about, "the settings", error);
}

/* ---- open, close ---- */

loci_status loci__trainer_open(loci__trainer *trainer, size_t bytes_per_word, size_t bytes_fixed, bool stream,
                               loci_error *error) {
  LOCI__TRY(check_output(trainer, error));
  LOCI__TRY(open_splitter(trainer, error));
  LOCI__TRY(make_folder(trainer, error));
  LOCI__TRY(trainer->count ? trainer->count(trainer, error) : count_words(trainer, error));
  trainer->counts.struct_size = sizeof trainer->counts;
  loci_vocabulary_get_info(trainer->vocabulary, &trainer->counts);
  if (trainer->corpus_hash[0] == '\0' && trainer->counts.hash[0] != '\0') {
    memcpy(trainer->corpus_hash, trainer->counts.hash, sizeof trainer->corpus_hash);
    trainer->corpus_bytes = trainer->counts.n_bytes;
  }
  if (trainer->corpus_hash[0] == '\0') LOCI__TRY(loci__trainer_hash_corpus(trainer, error));
  LOCI__TRY(estimate_memory(trainer, bytes_per_word, bytes_fixed, error));
  LOCI__TRY(write_about(trainer, error));
  if (stream) {
    char *path = loci__path_join(trainer->context, trainer->folder, "stream");
    if (!path) return loci__fail_memory(error, strlen(trainer->folder), "a file's name");
    loci_status status = loci__stream_make(trainer->context, trainer->corpus, &trainer->splitter, trainer->vocabulary,
                                           path, &trainer->meter, &trainer->stream, error);
    loci__free(trainer->context, path);
    LOCI__TRY(status);
  }
  trainer->last_checkpoint = loci__now();
  return LOCI_OK;
}

void loci__trainer_close(loci__trainer *trainer) {
  loci_context *context = trainer->context;
  loci__stream_close(&trainer->stream);
  /* Only who holds the lock may remove. */
  if (trainer->lock >= 0) {
    if (trainer->finished || !trainer->saved) remove_folder(trainer);
    loci__file_close(context, trainer->lock);
  }
  loci_vocabulary_free(trainer->vocabulary);
  loci_tokenizer_close(trainer->split_tokenizer);
  loci__buffer_release(&trainer->bias);
  loci__buffer_release(&trainer->settings);
  loci__buffer_release(&trainer->about);
  loci__free(context, trainer->folder);
  loci__free(context, trainer->output);
  memset(trainer, 0, sizeof *trainer);
  trainer->lock = -1;
}

/* ---- the end ---- */

static char *beside(loci__trainer *trainer, const char *ending) {
  loci__buffer name;
  loci__buffer_init(&name, trainer->context, 0);
  loci__buffer_printf(&name, "%s%s", trainer->output, ending);
  return loci__buffer_take(&name);
}

loci_status loci__trainer_finish_written(loci__trainer *trainer, size_t dim, const char *more, loci_error *error) {
  loci_context *context = trainer->context;
  char *vocabulary = beside(trainer, ".vocab"), *card = beside(trainer, ".card.md");
  loci__buffer text;
  loci__buffer_init(&text, context, 0);
  loci_status status = LOCI_OK;
  if (!vocabulary || !card) status = loci__fail_memory(error, strlen(trainer->output), "names of files");
  if (status == LOCI_OK) status = loci_vocabulary_write(trainer->vocabulary, vocabulary, error);
  if (status == LOCI_OK) {
    loci__card_write(trainer, dim, more, &text);
    status = loci__buffer_status(&text, "the model card", error);
  }
  if (status == LOCI_OK) status = loci__file_write_atomic(context, card, text.data, text.length, error);
  if (status == LOCI_OK) trainer->finished = true;
  loci__buffer_release(&text);
  loci__free(context, vocabulary);
  loci__free(context, card);
  return status;
}

/* A static model's folder, whose README.md is the card. */
static loci_status write_folder(loci__trainer *trainer, const loci__vectors_out *vectors, const char *more,
                                loci_error *error) {
  loci__buffer card;
  loci__buffer_init(&card, trainer->context, 0);
  loci__card_write(trainer, vectors->dim, more, &card);
  loci_status status = loci__buffer_status(&card, "the model card", error);
  const loci__words_out out = {.vectors = vectors, .splitter = &trainer->splitter, .card = card.data};
  if (status == LOCI_OK) status = loci__words_write(trainer->context, trainer->output, &out, error);
  loci__buffer_release(&card);
  return status;
}

loci_status loci__trainer_finish(loci__trainer *trainer, const float *rows, size_t stride, size_t dim, const char *more,
                                 loci_error *error) {
  loci_context *context = trainer->context;
  LOCI__TRY(loci__meter_stage(&trainer->meter, "writing", "words", 0, error));
  size_t n = loci__vocabulary_size(trainer->vocabulary);
  const char **words = loci__alloc_array(context, n, sizeof *words);
  uint32_t *lengths = loci__alloc_array(context, n, sizeof *lengths);
  uint64_t *counts = loci__alloc_array(context, n, sizeof *counts);
  loci_status status = LOCI_OK;
  if (!words || !lengths || !counts) status = loci__fail_memory(error, n * 20, "the list of words");
  for (size_t i = 0; status == LOCI_OK && i < n; i++) {
    size_t length;
    words[i] = loci__vocabulary_word(trainer->vocabulary, i, &length, &counts[i]);
    lengths[i] = (uint32_t)length;
  }
  loci__vectors_out out = {.n = n,
                           .dim = dim,
                           .words = words,
                           .lengths = lengths,
                           .rows = rows,
                           .stride = stride,
                           .counts = counts,
                           .meter = &trainer->meter};
  if (status == LOCI_OK) status = loci__card_measure_bias(trainer, &out, error);
  if (status == LOCI_OK && trainer->format == LOCI_VECTORS_FOLDER) status = write_folder(trainer, &out, more, error);
  else if (status == LOCI_OK)
    status = loci__vectors_write(context, trainer->output, trainer->format, LOCI_PRECISION_F32, &out, error);
  loci__free(context, words);
  loci__free(context, lengths);
  loci__free(context, counts);
  LOCI__TRY(status);
  return loci__trainer_finish_written(trainer, dim, more, error);
}
