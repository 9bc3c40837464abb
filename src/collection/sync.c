/* sync.c: files come into the collection. loci_collection_index and loci_collection_reindex.
 *
 * Phases of a run: plan (plan.c) → batches of files: read, hashed, extracted and cut by the pool's workers, each with
 * an extractor of its own → groups of documents: one call to loci_embed, one write transaction → what is gone is
 * forgotten → segments, and the sample of random pairs.
 *
 * Invariants. A document is in the store whole or not at all: its passages, their words and vectors are one
 * transaction's. What a finished transaction wrote stays, whatever happens after: a cancelled run, an error, a kill;
 * the next run finds those files unchanged and goes on behind them. Files are forgotten last, so that a file
 * that was moved finds its vectors under the old name.
 *
 * Extraction and embedding take turns on the same processors, each with all of them; more overlap would gain nothing
 * while both keep every processor busy. A group is closed by its tokens; their number doubles while a group takes less
 * than half a second, so that a slow model commits every few seconds and a fast one does not wait for the disk.
 *
 * Vectors are reused: passages of a changed file, and of one whose content is known under another name, are looked up
 * by their text before they are embedded, unless the model is so cheap (a static one) that looking costs more.
 */
#include "collection.h"

#include "../extract/extract.h"
#include "../text/chunk.h"
#include "plan.h"

#include <stdlib.h>
#include <time.h>

enum {
  BATCH_FILES = 64,
  BATCH_BYTES = 8 << 20,      /* of the files; a longer one is a batch of its own */
  GROUP_TOKENS_MIN = 1 << 14, /* MiniLM on one core: some 3 s */
  GROUP_TOKENS_MAX = 1 << 20,
  FORGET_A_TRANSACTION = 1000
};

typedef struct work {
  loci__plan_file *file;
  char hash[33];
  uint64_t n_bytes;
  int64_t read_at_ns;   /* wall clock */
  bool is_same;         /* the content is what the store has: only size, mtime or root are new */
  bool is_left;         /* cannot be read today: the store keeps what it has */
  char reason[256];     /* why it is skipped, or "" */
  char *title, *format; /* loci__free */
  loci__chunks chunks;
} work;

typedef struct sync_run {
  loci_collection *collection;
  loci_context *context;
  const loci_index_options *options;
  loci__plan plan;
  loci_index_report *report;
  loci__meter meter;
  loci__extractor **extractors; /* one a worker, opened when it first works */
  size_t n_extractors;
  loci__chunk_options chunk;
  work *batch;
  size_t n_batch;
  uint64_t n_done; /* files */
  size_t dim, group_tokens;
  bool reuses, is_model_set, has_written;
  loci__language_count language;
} sync_run;

static const loci_index_options *defaults(const loci_index_options *options, loci_index_options *filled) {
  loci_index_options_init(filled);
  if (options != NULL) {
    size_t size = options->struct_size < sizeof *filled ? options->struct_size : sizeof *filled;
    memcpy(filled, options, size);
  }
  return filled;
}

void loci_index_options_init(loci_index_options *options) {
  *options = (loci_index_options){
      .struct_size = sizeof *options, .max_file_size = (uint64_t)64 << 20, .chunk_tokens = LOCI__PASSAGE_TOKENS};
}

static void tell(const sync_run *run, const char *action, const char *path, const char *reason) {
  if (run->options->event != NULL) run->options->event(run->options->event_user, action, path, reason);
}

/* ---- reading (on the pool) -------------------------------------------------------------------------- */

static void release_work(loci_context *context, work *item) {
  loci__free(context, item->title);
  loci__free(context, item->format);
  loci__chunks_release(&item->chunks);
  *item = (work){0};
}

static void skip(work *item, const char *reason) {
  size_t length = strlen(reason);
  if (length >= sizeof item->reason) length = sizeof item->reason - 1;
  memcpy(item->reason, reason, length);
  item->reason[length] = '\0';
}

static loci_status extract_and_cut(sync_run *run, work *item, const char *bytes, size_t length, size_t worker,
                                   loci_error *error) {
  if (run->extractors[worker] == NULL) LOCI__TRY(loci__extractor_open(run->context, &run->extractors[worker], error));
  loci__document document = {0};
  const char *skipped = NULL;
  loci_status status =
      loci__extract(run->extractors[worker], item->file->path, bytes, length, &document, &skipped, error);
  if (status == LOCI_OK && skipped == NULL) {
    status = loci__chunk_document(run->context, &document, loci_model_tokenizer(run->collection->model), &run->chunk,
                                  &item->chunks, error);
    if (status == LOCI_OK && item->chunks.n == 0) skipped = "empty";
  }
  if (status == LOCI_OK && skipped != NULL) skip(item, skipped);
  if (status == LOCI_OK && skipped == NULL) {
    item->title = loci__strdup(run->context, document.title != NULL ? document.title : "");
    item->format = loci__strdup(run->context, document.format != NULL ? document.format : "");
    if (item->title == NULL || item->format == NULL) status = loci__fail_memory(error, 0, "a document's title");
  }
  loci__document_release(&document);
  return status;
}

static loci_status read_file(void *arg, size_t task, size_t worker, loci_error *error) {
  sync_run *run = arg;
  work *item = &run->batch[task];
  loci__plan_file *file = item->file;
  if (file->skipped != NULL) {
    skip(item, file->skipped);
    return LOCI_OK;
  }
  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  item->read_at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  char *bytes = NULL;
  size_t length = 0;
  uint64_t limit = run->plan.roots[file->root].max_file_size;
  loci_error reading = {.code = LOCI_OK};
  loci_status status =
      loci__file_read(run->context, file->path, limit < SIZE_MAX ? (size_t)limit : SIZE_MAX, &bytes, &length, &reading);
  if (status == LOCI_ERROR_MEMORY) return loci__fail(error, status, "%s", reading.message);
  if (status == LOCI_ERROR_LIMIT) {
    skip(item, "too large");
    return LOCI_OK;
  }
  if (status != LOCI_OK) { /* gone since the walk, or not ours to read */
    item->is_left = true;
    skip(item, reading.message);
    return LOCI_OK;
  }
  item->n_bytes = length;
  loci__hash_once(bytes, length, item->hash);
  bool tries_again = file->known_skipped != NULL && loci__starts_with(file->known_skipped, "not implemented");
  if (file->id != 0 && strcmp(item->hash, file->known_hash) == 0 && !tries_again) item->is_same = true;
  else status = extract_and_cut(run, item, bytes, length, worker, error);
  loci__free(run->context, bytes);
  return status;
}

/* ---- embedding ----------------------------------------------------------------------------------------- */

/* Vectors that the store already has, by the hash of what was embedded. */
typedef struct known_vector {
  uint64_t hash;
  int64_t chunk_id;
} known_vector;

typedef struct known_vectors {
  sync_run *run;
  known_vector *items;
  size_t n, capacity;
  char *title;
  loci__buffer text;
} known_vectors;

static loci_status note_chunk(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  known_vectors *known = arg;
  loci__buffer_clear(&known->text);
  loci__passage_text(&known->text, known->title, chunk->heading, chunk->text, chunk->text_length);
  LOCI__TRY(loci__buffer_status(&known->text, "a passage", error));
  if (!loci__grow(known->run->context, &known->items, &known->capacity, known->n + 1, sizeof *known->items)) {
    return loci__fail_memory(error, sizeof *known->items, "known vectors");
  }
  known->items[known->n++] = (known_vector){loci__hash64(known->text.data, known->text.length, 0), chunk->id};
  return LOCI_OK;
}

static loci_status note_title(void *arg, const loci__store_document *document, loci_error *error) {
  known_vectors *known = arg;
  loci__free(known->run->context, known->title);
  known->title = loci__strdup(known->run->context, document->title != NULL ? document->title : "");
  return known->title != NULL ? LOCI_OK : loci__fail_memory(error, 0, "a title");
}

static loci_status note_document_vectors(known_vectors *known, int64_t id, loci_error *error) {
  bool found = false;
  loci__store *store = known->run->collection->store;
  LOCI__TRY(loci__store_get_document(store, id, note_title, known, &found, error));
  return found ? loci__store_each_chunk(store, id, note_chunk, known, error) : LOCI_OK;
}

static int compare_known(const void *a, const void *b) {
  const known_vector *x = a, *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  return (x->chunk_id > y->chunk_id) - (x->chunk_id < y->chunk_id);
}

static loci_status collect_known(sync_run *run, const work *items, size_t n, known_vectors *known, loci_error *error) {
  if (!run->reuses) return LOCI_OK;
  for (size_t i = 0; i < n; i++) {
    if (items[i].chunks.n == 0) continue;
    if (items[i].file->id != 0) LOCI__TRY(note_document_vectors(known, items[i].file->id, error));
    const loci__plan_file *twin = loci__plan_find_hash(&run->plan, items[i].hash);
    if (twin != NULL) LOCI__TRY(note_document_vectors(known, twin->id, error));
  }
  if (known->n > 0) qsort(known->items, known->n, sizeof *known->items, compare_known);
  return LOCI_OK;
}

/* Into out[dim], when a known passage has this hash. */
static loci_status reuse(const known_vectors *known, uint64_t hash, float *out, bool *found, loci_error *error) {
  size_t low = 0, high = known->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (known->items[middle].hash < hash) low = middle + 1;
    else high = middle;
  }
  *found = false;
  if (low == known->n || known->items[low].hash != hash) return LOCI_OK;
  return loci__store_get_vector(known->run->collection->store, known->items[low].chunk_id, out, found, error);
}

typedef struct embed_progress {
  sync_run *run;
  uint64_t n_files;
} embed_progress;

/* The files of a group count as done in the measure in which its tokens are: the ETA is about the same thing all
 * along, and Ctrl-C is heard. */
static int tell_embedding(void *user, const loci_progress *progress) {
  embed_progress *state = user;
  uint64_t done = state->run->n_done;
  if (progress->total > 0) done += state->n_files * progress->done / progress->total;
  return loci__meter_at(&state->run->meter, done, NULL, NULL) != LOCI_OK;
}

/* Vectors of all passages of items[0..n), in order. */
static loci_status embed_group(sync_run *run, const work *items, size_t n, size_t n_chunks, float *vectors,
                               loci_error *error) {
  known_vectors known = {.run = run};
  loci__buffer text;
  loci__buffer_init(&text, run->context, 0);
  loci__buffer_init(&known.text, run->context, 0);
  size_t *ends = loci__alloc_array(run->context, n_chunks, sizeof *ends);     /* of each passage in `text` */
  size_t *wanted = loci__alloc_array(run->context, n_chunks, sizeof *wanted); /* passages that are to be embedded */
  loci_text *texts = loci__alloc_array(run->context, n_chunks, sizeof *texts);
  loci_embed_info *infos = loci__alloc_array(run->context, n_chunks, sizeof *infos);
  float *fresh = NULL;
  size_t n_wanted = 0, n_seen = 0;
  loci_status status = LOCI_OK;
  if (ends == NULL || wanted == NULL || texts == NULL || infos == NULL) {
    status = loci__fail_memory(error, n_chunks * sizeof *infos, "passages to embed");
  }
  if (status == LOCI_OK) status = collect_known(run, items, n, &known, error);
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    for (size_t j = 0; j < items[i].chunks.n && status == LOCI_OK; j++, n_seen++) {
      const loci__chunk *chunk = &items[i].chunks.items[j];
      size_t start = text.length;
      bool found = false;
      loci__passage_text(&text, items[i].title, chunk->heading, chunk->text, chunk->length);
      status = loci__buffer_status(&text, "passages to embed", error);
      if (status == LOCI_OK && known.n > 0) {
        uint64_t hash = loci__hash64(text.data + start, text.length - start, 0);
        status = reuse(&known, hash, vectors + n_seen * run->dim, &found, error);
      }
      if (status == LOCI_OK && !found) {
        ends[n_wanted] = text.length;
        wanted[n_wanted++] = n_seen;
      } else {
        text.length = start;
      }
    }
  }
  if (status == LOCI_OK && n_wanted > 0) {
    size_t start = 0, size = 0;
    for (size_t i = 0; i < n_wanted; i++) {
      texts[i] = (loci_text){text.data + start, ends[i] - start};
      start = ends[i];
    }
    if (!loci__mul(n_wanted, run->dim, &size) ||
        (fresh = loci__alloc_array(run->context, size, sizeof *fresh)) == NULL) {
      status = loci__fail_memory(error, size, "vectors");
    }
  }
  if (status == LOCI_OK && n_wanted > 0) {
    embed_progress progress = {run, n};
    loci_embed_options embed;
    loci_embed_options_init(&embed);
    embed.role = LOCI_ROLE_DOCUMENT;
    embed.progress = tell_embedding;
    embed.progress_user = &progress;
    status = loci_embed(run->collection->model, texts, n_wanted, &embed, fresh, infos, error);
  }
  for (size_t i = 0; i < n_wanted && status == LOCI_OK; i++) {
    memcpy(vectors + wanted[i] * run->dim, fresh + i * run->dim, run->dim * sizeof *vectors);
    run->report->n_tokens += infos[i].n_tokens;
    run->report->n_truncated += infos[i].truncated != 0;
    run->report->n_unknown += infos[i].n_tokens > 0 && loci__collection_is_zero(fresh + i * run->dim, run->dim);
  }
  loci__free(run->context, fresh);
  loci__free(run->context, infos);
  loci__free(run->context, texts);
  loci__free(run->context, wanted);
  loci__free(run->context, ends);
  loci__free(run->context, known.items);
  loci__free(run->context, known.title);
  loci__buffer_release(&known.text);
  loci__buffer_release(&text);
  return status;
}

/* ---- writing --------------------------------------------------------------------------------------------- */

static loci_status put_item(sync_run *run, const work *item, const float *vectors, loci_error *error) {
  loci__store *store = run->collection->store;
  const loci__plan_file *file = item->file;
  int64_t root_id = run->plan.roots[file->root].id;
  int64_t mtime_ns = item->read_at_ns != 0 ? loci__plan_mtime(file->mtime_ns, item->read_at_ns) : file->mtime_ns;
  if (item->is_left) return LOCI_OK;
  if (item->is_same) return loci__store_touch(store, file->id, root_id, file->size, mtime_ns, error);
  loci__store_document document = {.root_id = root_id,
                                   .path = file->path,
                                   .title = item->title != NULL ? item->title : "",
                                   .format = item->format != NULL ? item->format : "",
                                   .size = file->size,
                                   .mtime_ns = mtime_ns,
                                   .hash = item->hash,
                                   .skipped = item->reason[0] != '\0' ? item->reason : NULL};
  size_t n = item->chunks.n;
  loci__store_chunk *chunks = NULL;
  if (n > 0) {
    chunks = loci__alloc_zero(run->context, n, sizeof *chunks);
    if (chunks == NULL) return loci__fail_memory(error, n * sizeof *chunks, "a document's passages");
    for (size_t i = 0; i < n; i++) {
      const loci__chunk *c = &item->chunks.items[i];
      chunks[i] = (loci__store_chunk){.ordinal = (uint32_t)i,
                                      .line_start = c->line_start,
                                      .line_end = c->line_end,
                                      .page = c->page,
                                      .n_tokens = c->n_tokens,
                                      .heading = c->heading,
                                      .text = c->text,
                                      .text_length = c->length};
    }
  }
  int64_t id = 0;
  loci_status status = loci__store_put(store, &document, chunks, n, n > 0 ? vectors : NULL, &id, error);
  loci__free(run->context, chunks);
  return status;
}

static loci_status write_group(sync_run *run, const work *items, size_t n, const float *vectors, loci_error *error) {
  loci__store *store = run->collection->store;
  LOCI__TRY(loci__store_begin_write(store, error));
  loci_status status = LOCI_OK;
  if (!run->is_model_set) status = loci__collection_set_model(run->collection, error);
  for (size_t i = 0; i < n && status == LOCI_OK; i++) {
    status = put_item(run, &items[i], vectors, error);
    if (vectors != NULL) vectors += items[i].chunks.n * run->dim;
  }
  if (status == LOCI_OK) status = loci__store_end(store, error);
  if (status != LOCI_OK) {
    loci__store_rollback(store);
    return status;
  }
  run->is_model_set = true;
  return LOCI_OK;
}

/* Counted only once it is written. */
static void count_item(sync_run *run, const work *item) {
  loci_index_report *report = run->report;
  report->n_bytes += item->n_bytes;
  const char *skipped = item->reason[0] != '\0' ? item->reason : NULL;
  if (item->is_same) skipped = item->file->known_skipped;
  if (skipped != NULL) {
    report->n_skipped++;
    tell(run, "skipped", item->file->path, skipped);
  }
  if (item->is_same || item->is_left) {
    report->n_unchanged++;
    return;
  }
  if (item->file->id == 0) report->n_new++;
  else report->n_changed++;
  report->n_chunks += item->chunks.n;
  run->has_written = true;
  if (skipped == NULL) tell(run, item->file->id == 0 ? "new" : "changed", item->file->path, NULL);
}

static loci_status finish_group(sync_run *run, work *items, size_t n, loci_error *error) {
  double began = loci__now();
  size_t n_chunks = 0, n_tokens = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    n_chunks += items[i].chunks.n;
    for (size_t j = 0; j < items[i].chunks.n; j++) {
      n_tokens += items[i].chunks.items[j].n_tokens;
      loci__language_add(&run->language, items[i].chunks.items[j].text, items[i].chunks.items[j].length);
    }
  }
  float *vectors = NULL;
  if (n_chunks > 0) {
    if (!loci__mul(n_chunks, run->dim, &size) ||
        (vectors = loci__alloc_array(run->context, size, sizeof *vectors)) == NULL) {
      return loci__fail_memory(error, size, "vectors");
    }
  }
  loci_status status = LOCI_OK;
  if (n_chunks > 0) status = embed_group(run, items, n, n_chunks, vectors, error);
  if (status == LOCI_OK) status = write_group(run, items, n, vectors, error);
  loci__free(run->context, vectors);
  if (status != LOCI_OK) return status;
  for (size_t i = 0; i < n; i++) count_item(run, &items[i]);
  run->n_done += n;
  if (n_tokens >= run->group_tokens && loci__now() - began < 0.5 && run->group_tokens < GROUP_TOKENS_MAX) {
    run->group_tokens *= 2;
  }
  return loci__meter_at(&run->meter, run->n_done, items[n - 1].file->path, error);
}

static loci_status finish_batch(sync_run *run, loci_error *error) {
  loci_status status = loci__pool_run(run->context, run->n_batch, read_file, run, error);
  size_t first = 0, n_tokens = 0;
  for (size_t i = 0; i < run->n_batch && status == LOCI_OK; i++) {
    for (size_t j = 0; j < run->batch[i].chunks.n; j++) n_tokens += run->batch[i].chunks.items[j].n_tokens;
    if (i + 1 < run->n_batch && n_tokens < run->group_tokens) continue;
    status = finish_group(run, run->batch + first, i + 1 - first, error);
    first = i + 1;
    n_tokens = 0;
  }
  for (size_t i = 0; i < run->n_batch; i++) release_work(run->context, &run->batch[i]);
  run->n_batch = 0;
  return status;
}

static loci_status forget_gone(sync_run *run, loci_error *error) {
  loci__store *store = run->collection->store;
  size_t at = 0;
  while (at < run->plan.n_files) {
    size_t n = 0, end = at;
    for (; end < run->plan.n_files && n < FORGET_A_TRANSACTION; end++) n += run->plan.files[end].is_gone;
    if (n > 0) {
      LOCI__TRY(loci__store_begin_write(store, error));
      loci_status status = LOCI_OK;
      for (size_t i = at; i < end && status == LOCI_OK; i++) {
        if (run->plan.files[i].is_gone) status = loci__store_remove(store, run->plan.files[i].id, error);
      }
      if (status == LOCI_OK) status = loci__store_end(store, error);
      if (status != LOCI_OK) {
        loci__store_rollback(store);
        return status;
      }
      run->report->n_gone += n;
      run->has_written = true;
    }
    at = end;
    LOCI__TRY(loci__meter_at(&run->meter, run->n_done, NULL, error));
  }
  return LOCI_OK;
}

/* ---- the run ----------------------------------------------------------------------------------------------- */

static loci_status write_roots(sync_run *run, loci_error *error) {
  bool is_needed = false;
  for (size_t i = 0; i < run->plan.n_roots; i++) is_needed = is_needed || run->plan.roots[i].is_changed;
  if (!is_needed) return LOCI_OK;
  loci__store *store = run->collection->store;
  LOCI__TRY(loci__store_begin_write(store, error));
  loci_status status = loci__plan_put_roots(run->collection, &run->plan, error);
  if (status == LOCI_OK) status = loci__store_end(store, error);
  if (status != LOCI_OK) loci__store_rollback(store);
  return status;
}

static loci_status sync_files(sync_run *run, loci_error *error) {
  uint64_t n_bytes = 0;
  for (size_t i = 0; i < run->plan.n_files; i++) {
    loci__plan_file *file = &run->plan.files[i];
    if (!file->is_work) continue;
    uint64_t size = file->size > 0 ? (uint64_t)file->size : 0;
    if (run->n_batch == BATCH_FILES || (run->n_batch > 0 && n_bytes + size > BATCH_BYTES)) {
      LOCI__TRY(finish_batch(run, error));
      n_bytes = 0;
    }
    n_bytes += size;
    run->batch[run->n_batch++] = (work){.file = file};
  }
  return run->n_batch > 0 ? finish_batch(run, error) : LOCI_OK;
}

static loci_status prepare_model(sync_run *run, loci_error *error) {
  loci_collection *collection = run->collection;
  LOCI__TRY(loci__collection_use_model(collection, run->options->model, true, error));
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(collection->model, &info);
  run->dim = info.dim;
  run->reuses = info.architecture == NULL || strcmp(info.architecture, "static") != 0;
  loci__store_model stored;
  LOCI__TRY(loci__store_get_model(collection->store, &stored, error));
  run->is_model_set = strcmp(stored.fingerprint, collection->fingerprint) == 0;
  size_t tokens = loci__passage_tokens(collection->model, run->options->chunk_tokens);
  run->chunk = (loci__chunk_options){.max_tokens = tokens, .overlap = 0.15};
  return LOCI_OK;
}

static loci_status write_version(sync_run *run, loci_error *error) {
  loci__store *store = run->collection->store;
  LOCI__TRY(loci__store_begin_write(store, error));
  loci_status status = loci__plan_put_version(run->collection, error);
  if (status == LOCI_OK) status = loci__store_end(store, error);
  if (status != LOCI_OK) loci__store_rollback(store);
  return status;
}

static loci_status finish_run(sync_run *run, bool is_whole, loci_error *error) {
  if (run->plan.is_upgraded && is_whole) LOCI__TRY(write_version(run, error));
  if (!run->has_written) return LOCI_OK;
  LOCI__TRY(loci__store_build_segments(run->collection->store, false, error));
  LOCI__TRY(loci__sample_pairs(run->collection, error));
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(run->collection->model, &info);
  const char *verdict = loci__language_verdict(&run->language);
  if (verdict != NULL && info.language != NULL && strcmp(info.language, "en") == 0) {
    loci__log(run->context, LOCI_LOG_WARNING,
              "most of what was indexed is in %s, and the model '%s' knows English only: search by words still "
              "works, search by meaning will not; another model: `loci reindex -m MODEL`",
              verdict, info.name);
  }
  return LOCI_OK;
}

static loci_status run_index(sync_run *run, const char *const *paths, size_t n_paths, loci_error *error) {
  loci_collection *collection = run->collection;
  LOCI__TRY(loci__meter_stage(&run->meter, "looking", "files", 0, error));
  LOCI__TRY(loci__plan_make(collection, paths, n_paths, run->options, &run->plan, error));
  loci_index_report *report = run->report;
  bool is_first = true; /* nothing was read by an older version */
  for (size_t i = 0; i < run->plan.n_files && is_first; i++) is_first = run->plan.files[i].id == 0;
  report->n_seen = run->plan.n_seen;
  report->n_unchanged = run->plan.n_unchanged;
  report->n_skipped = run->plan.n_skipped;
  if (run->options->dry_run) {
    for (size_t i = 0; i < run->plan.n_files; i++) {
      const loci__plan_file *file = &run->plan.files[i];
      if (file->is_work && !file->is_recheck) {
        tell(run, file->skipped ? "skipped" : file->id ? "changed" : "new", file->path, file->skipped);
      }
      report->n_skipped += file->is_work && file->skipped != NULL;
      if (file->is_recheck) {
        report->n_unchanged++;
        report->n_skipped += file->known_skipped != NULL;
        if (file->known_skipped != NULL) tell(run, "skipped", file->path, file->known_skipped);
      }
    }
    report->n_new = run->plan.n_new;
    report->n_changed = run->plan.n_changed;
    report->n_gone = run->plan.n_gone;
    return LOCI_OK;
  }
  LOCI__TRY(prepare_model(run, error));
  LOCI__TRY(write_roots(run, error));
  run->n_extractors = loci__pool_size(run->context);
  run->extractors = loci__alloc_zero(run->context, run->n_extractors, sizeof(loci__extractor *));
  run->batch = loci__alloc_zero(run->context, BATCH_FILES, sizeof *run->batch);
  if (run->extractors == NULL || run->batch == NULL) return loci__fail_memory(error, 0, "a batch of files");
  LOCI__TRY(loci__meter_stage(&run->meter, "indexing", "files", run->plan.n_work, error));
  loci_status status = sync_files(run, error);
  if (status == LOCI_OK) status = forget_gone(run, error);
  if (status == LOCI_OK) status = loci__meter_end(&run->meter, error);
  if (status == LOCI_OK) status = finish_run(run, n_paths == 0 || is_first, error);
  return status;
}

loci_status loci_collection_index(loci_collection *collection, const char *const *paths, size_t n_paths,
                                  const loci_index_options *options, loci_index_report *report, loci_error *error) {
  loci_index_options filled;
  loci_index_report own;
  if (report == NULL) report = &own;
  *report = (loci_index_report){0};
  double began = loci__now();
  sync_run run = {.collection = collection,
                  .context = collection->context,
                  .options = defaults(options, &filled),
                  .report = report,
                  .group_tokens = GROUP_TOKENS_MIN};
  if (collection->mode == LOCI_COLLECTION_READ && !run.options->dry_run) {
    return loci__fail(error, LOCI_ERROR_USAGE, "'%s' is open for reading only", collection->path);
  }
  loci__meter_init(&run.meter, run.options->progress, run.options->progress_user);
  loci_status status = run_index(&run, paths, n_paths, error);
  for (size_t i = 0; i < run.n_extractors && run.extractors != NULL; i++) loci__extractor_close(run.extractors[i]);
  loci__free(run.context, run.extractors);
  for (size_t i = 0; i < run.n_batch; i++) release_work(run.context, &run.batch[i]);
  loci__free(run.context, run.batch);
  loci__plan_release(&run.plan);
  report->seconds = loci__now() - began;
  return status;
}
