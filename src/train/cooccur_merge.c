/* train/cooccur_merge.c: the dense table and the sorted runs become one sorted file, equal pairs summed.
 *
 * The order in which more than two equal pairs are summed is the order in which a binary heap gives them out, so the heap
 * is part of the format: the taken root is replaced by the last leaf, which sinks (to the left child only where that is
 * strictly less than the right one), then the run's next record is put behind the last leaf and rises.
 *
 * Memory: READ_BYTES for all runs together, a block for the output. Runs lie in one file, so their number is not bounded
 * by how many files a process may open.
 */
#include "cooccur.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>

enum { READ_BYTES = 32 << 20, READ_LEAST = 64, READ_MOST = 1 << 16, WRITE_RECORDS = 1 << 16, TELL_EVERY = 1 << 20 };

typedef struct source {
  uint64_t offset, left; /* of the file: what is not read yet */
  loci__cooccur_record *records;
  size_t n, next;
} source;

typedef struct node {
  loci__cooccur_record record;
  size_t source;
} node;

typedef struct merging {
  loci_context *context;
  const loci__cooccur_table *table;
  uint64_t row, cell; /* where the table is read */
  int file;
  const char *file_path;
  source *sources; /* source 0 is the table */
  size_t n_sources, per_source;
  loci__cooccur_record *buffers;
  node *heap;
  size_t heap_size;
  int out;
  const char *path;
  loci__cooccur_record *block;
  size_t in_block;
  uint64_t written;
} merging;

static int compare(const loci__cooccur_record *a, const loci__cooccur_record *b) {
  if (a->word != b->word) return a->word < b->word ? -1 : 1;
  return (a->context > b->context) - (a->context < b->context);
}

static void heap_push(merging *m, const loci__cooccur_record *record, size_t from) {
  node *heap = m->heap;
  size_t i = m->heap_size++;
  heap[i] = (node){*record, from};
  while (i > 0 && compare(&heap[(i - 1) / 2].record, &heap[i].record) > 0) {
    node risen = heap[i];
    heap[i] = heap[(i - 1) / 2];
    heap[(i - 1) / 2] = risen;
    i = (i - 1) / 2;
  }
}

static void heap_pop(merging *m) {
  node *heap = m->heap;
  size_t n = --m->heap_size, i = 0;
  heap[0] = heap[n];
  for (size_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && compare(&heap[child].record, &heap[child + 1].record) >= 0) child++;
    if (compare(&heap[i].record, &heap[child].record) <= 0) return;
    node sunk = heap[i];
    heap[i] = heap[child];
    heap[child] = sunk;
  }
}

static bool table_next(merging *m, loci__cooccur_record *out) {
  const loci__cooccur_table *t = m->table;
  for (; m->row < t->n_words; m->row++) {
    const uint64_t end = t->starts[m->row + 1];
    while (m->cell < end && t->cells[m->cell] == 0) m->cell++;
    if (m->cell == end) continue;
    *out = (loci__cooccur_record){.word = (int32_t)m->row + 1,
                                  .context = (int32_t)(m->cell - t->starts[m->row]) + 1,
                                  .weight = t->cells[m->cell]};
    m->cell++;
    return true;
  }
  return false;
}

static loci_status take(merging *m, size_t from, loci__cooccur_record *out, bool *there, loci_error *error) {
  if (from == 0) {
    *there = table_next(m, out);
    return LOCI_OK;
  }
  source *s = &m->sources[from];
  if (s->next == s->n) {
    s->n = s->left < m->per_source ? (size_t)s->left : m->per_source;
    s->next = 0;
    *there = s->n > 0;
    if (!*there) return LOCI_OK;
    int failed = loci__file_pread_all(m->context, m->file, s->records, s->n * sizeof *s->records, (int64_t)s->offset);
    if (failed) return loci__fail_file(error, "read", m->file_path, failed);
    s->offset += s->n * sizeof *s->records;
    s->left -= s->n;
  }
  *out = s->records[s->next++];
  *there = true;
  return LOCI_OK;
}

static loci_status flush(merging *m, loci_error *error) {
  if (m->in_block == 0) return LOCI_OK;
  int failed = loci__file_pwrite_all(m->context, m->out, m->block, m->in_block * sizeof *m->block,
                                     (int64_t)(m->written * sizeof *m->block));
  if (failed) return loci__fail_file(error, "write", m->path, failed);
  m->written += m->in_block;
  m->in_block = 0;
  return LOCI_OK;
}

static loci_status put(merging *m, const loci__cooccur_record *record, loci_error *error) {
  m->block[m->in_block++] = *record;
  return m->in_block == WRITE_RECORDS ? flush(m, error) : LOCI_OK;
}

/* The root and its run's next record. */
static loci_status advance(merging *m, loci__cooccur_record *out, loci_error *error) {
  const size_t from = m->heap[0].source;
  *out = m->heap[0].record;
  heap_pop(m);
  loci__cooccur_record next;
  bool there;
  LOCI__TRY(take(m, from, &next, &there, error));
  if (there) heap_push(m, &next, from);
  return LOCI_OK;
}

static loci_status merge_all(merging *m, bool empty_run_repeats, uint64_t total, loci__meter *meter,
                             loci_error *error) {
  loci__cooccur_record record = {0}, sum;
  bool any = false;
  for (size_t i = 0; i < m->n_sources; i++) {
    bool there;
    LOCI__TRY(take(m, i, &record, &there, error)); /* leaves `record` alone when nothing is there */
    if (there || (empty_run_repeats && any && i + 1 == m->n_sources)) heap_push(m, &record, i);
    any = any || there;
  }
  if (!any) return loci__fail(error, LOCI_ERROR_NOT_FOUND, "no line of the corpus has two known words");
  LOCI__TRY(loci__meter_stage(meter, "merging", "pairs", total, error));
  uint64_t taken = 1;
  LOCI__TRY(advance(m, &sum, error));
  while (m->heap_size > 0) {
    LOCI__TRY(advance(m, &record, error));
    if (++taken % TELL_EVERY == 0) LOCI__TRY(loci__meter_at(meter, taken, NULL, error));
    if (compare(&record, &sum) == 0) {
      sum.weight += record.weight;
    } else {
      LOCI__TRY(put(m, &sum, error));
      sum = record;
    }
  }
  LOCI__TRY(put(m, &sum, error));
  LOCI__TRY(flush(m, error));
  int failed = loci__file_fsync(m->context, m->out);
  if (failed) return loci__fail_file(error, "write", m->path, failed);
  return loci__meter_end(meter, error);
}

loci_status loci__cooccur_merge(loci_context *context, const loci__cooccur_table *table, int runs_file,
                                const char *runs_path, const loci__cooccur_run *runs, size_t n_runs,
                                bool empty_run_repeats, const char *path, loci__meter *meter, uint64_t *n_records,
                                loci_error *error) {
  merging m = {.context = context,
               .table = table,
               .file = runs_file,
               .file_path = runs_path,
               .n_sources = n_runs + 1,
               .out = -1,
               .path = path};
  m.per_source = READ_BYTES / sizeof(loci__cooccur_record) / m.n_sources;
  if (m.per_source < READ_LEAST) m.per_source = READ_LEAST;
  if (m.per_source > READ_MOST) m.per_source = READ_MOST;
  size_t path_length = strlen(path);
  char *beside = loci__alloc(context, path_length + sizeof ".new");
  m.sources = loci__alloc_zero(context, m.n_sources, sizeof *m.sources);
  m.heap = loci__alloc_array(context, m.n_sources, sizeof *m.heap);
  m.buffers = loci__alloc_array(context, m.n_sources * m.per_source, sizeof *m.buffers);
  m.block = loci__alloc_array(context, WRITE_RECORDS, sizeof *m.block);
  loci_status status = LOCI_OK;
  if (!beside || !m.sources || !m.heap || !m.buffers || !m.block) {
    status = loci__fail_memory(error, m.n_sources * m.per_source * sizeof *m.buffers, "merging pairs of words");
  }
  uint64_t total = 0; /* of the runs; how many the table holds is not known */
  if (status == LOCI_OK) {
    memcpy(beside, path, path_length);
    memcpy(beside + path_length, ".new", sizeof ".new");
    for (size_t i = 1; i < m.n_sources; i++) {
      m.sources[i] =
          (source){.offset = runs[i - 1].offset, .left = runs[i - 1].n, .records = m.buffers + i * m.per_source};
      total += runs[i - 1].n;
    }
    for (uint64_t i = 0; i < table->starts[table->n_words]; i++) total += table->cells[i] != 0;
    m.out = loci__file_open(context, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (m.out < 0) status = loci__fail_file(error, "create", beside, m.out);
  }
  if (status == LOCI_OK) status = merge_all(&m, empty_run_repeats, total, meter, error);
  if (m.out >= 0) {
    int failed = loci__file_close(context, m.out);
    if (status == LOCI_OK && failed) status = loci__fail_file(error, "write", path, failed);
    if (status == LOCI_OK) {
      failed = loci__file_rename(context, beside, path);
      if (failed) status = loci__fail_file(error, "write", path, failed);
    }
    if (status != LOCI_OK) loci__file_unlink(context, beside);
  }
  if (status == LOCI_OK && n_records) *n_records = m.written;
  loci__free(context, beside);
  loci__free(context, m.sources);
  loci__free(context, m.heap);
  loci__free(context, m.buffers);
  loci__free(context, m.block);
  return status;
}

loci_status loci__cooccur_open(loci_context *context, const char *path, size_t n_words, loci__mapping *mapping,
                               loci_error *error) {
  LOCI__TRY(loci__mapping_open(mapping, context, path, error));
  const size_t size = sizeof(loci__cooccur_record), n = mapping->length / size;
  size_t bad = n;
  const char *why = NULL;
  if (mapping->length % size != 0) why = "the last record is cut off";
  if (n == 0) why = "it holds no record";
  for (size_t i = 0; i < n; i++) {
    loci__cooccur_record record, before = {0};
    memcpy(&record, mapping->data + i * size, size);
    if (i > 0) memcpy(&before, mapping->data + (i - 1) * size, size);
    bool words =
        record.word >= 1 && record.context >= 1 && (size_t)record.word <= n_words && (size_t)record.context <= n_words;
    if (words && isfinite(record.weight) && record.weight > 0 && compare(&before, &record) < 0) continue;
    why = !words ? "a word that the vocabulary does not have" : "records out of order, or a weight that is not above 0";
    bad = i;
    break;
  }
  if (!why) return LOCI_OK;
  loci__mapping_close(mapping);
  return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)(bad * size),
                       "'%s' at byte %zu is no file of co-occurrences of this vocabulary: %s", path, bad * size, why);
}
