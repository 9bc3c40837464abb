/* train/terms.c: the encoded corpus → term-document matrix, and its weightings.
 *
 * A line of the corpus is a document. Two passes over the stream, in tasks that end where a line ends: the first counts a
 * document's different words and a word's documents, the second puts the counts of terms down in compressed rows, each with
 * room for all of its words. Rows are filled in the order in which words turn up; transposing twice sorts them for nothing,
 * as both ways round are needed, and the second time the rows lie where those unsorted ones lay.
 *
 * An entry is local(tf) · global(term), tf its count in the document, n the documents that are not empty:
 *
 *   raw                 tf · 1
 *   tf-idf              tf · (ln((1 + n) / (1 + df)) + 1), a document's entries then divided by their Euclidean length
 *                       (scikit-learn's TfidfVectorizer with its defaults)
 *   sublinear tf-idf    the same with 1 + ln tf
 *   log-entropy         ln(1 + tf) · (1 + Σ_j p_j ln p_j / ln n), p_j = tf_j / Σ tf (Dumais 1991): 1 for a term in one
 *                       document, 0 for one that is spread evenly over all
 *
 * Threads: sums of whole numbers go by worker, for they come out the same in any order; a row belongs to one task.
 */
#include "lsa.h"

#include <math.h>

enum { TASK_IDS = 1 << 18, NEVER = 0xFFFFFFFF };

typedef struct counter {
  loci_context *context;
  const int32_t *ids;
  size_t n, n_tasks, n_words;
  size_t *cuts;            /* n_tasks + 1: positions in ids, each behind a line's end */
  size_t *lines;           /* n_tasks + 1: the number of the first line */
  size_t *counts;          /* a document's different words; then where its entries begin */
  size_t *ends;            /* where they end */
  uint32_t *seen, *places; /* a worker's: the last line that a word was met in; where its entry is */
  uint32_t *frequencies;   /* a worker's: documents of a word */
  size_t *n_filled;        /* a worker's */
  uint32_t *terms;         /* word → term, NEVER = none */
  loci__sparse *documents;
} counter;

static loci_status line_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  counter *c = arg;
  size_t lines = 0;
  for (size_t i = c->cuts[task]; i < c->cuts[task + 1]; i++) lines += c->ids[i] == LOCI__LINE_END;
  /* A last line without its end. */
  if (c->cuts[task + 1] == c->n && c->n > c->cuts[task] && c->ids[c->n - 1] != LOCI__LINE_END) lines++;
  c->lines[task + 1] = lines;
  return LOCI_OK;
}

static loci_status count_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  counter *c = arg;
  uint32_t *seen = c->seen + worker * c->n_words, *frequencies = c->frequencies + worker * c->n_words;
  size_t line = c->lines[task], words = 0;
  for (size_t i = c->cuts[task]; i <= c->cuts[task + 1]; i++) {
    const bool end = i == c->cuts[task + 1];
    if (end && words == 0) break;
    if (end || c->ids[i] == LOCI__LINE_END) {
      c->n_filled[worker] += words > 0;
      words = 0;
      line++;
      continue;
    }
    const size_t word = (size_t)c->ids[i];
    words++;
    if (seen[word] == (uint32_t)line) continue;
    seen[word] = (uint32_t)line;
    frequencies[word]++;
    c->counts[line + 1]++;
  }
  return LOCI_OK;
}

static loci_status fill_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)error;
  counter *c = arg;
  uint32_t *seen = c->seen + worker * c->n_words, *places = c->places + worker * c->n_words;
  size_t line = c->lines[task], at = c->documents->starts[line], begin = at;
  for (size_t i = c->cuts[task]; i < c->cuts[task + 1]; i++) {
    if (c->ids[i] == LOCI__LINE_END) {
      c->ends[line++] = at;
      begin = at = c->documents->starts[line];
      continue;
    }
    const size_t word = (size_t)c->ids[i];
    if (c->terms[word] == NEVER) continue;
    if (seen[word] != (uint32_t)line) {
      seen[word] = (uint32_t)line;
      places[word] = (uint32_t)(at - begin);
      c->documents->columns[at] = c->terms[word];
      c->documents->values[at++] = 1.0f;
    } else {
      c->documents->values[begin + places[word]] += 1.0f;
    }
  }
  if (line < c->lines[task + 1]) c->ends[line] = at; /* no line end behind the last one */
  return LOCI_OK;
}

static void forget(counter *c) {
  memset(c->seen, 0xFF, loci__pool_size(c->context) * c->n_words * sizeof *c->seen);
}

/* Which words are terms; *n_values = entries of the matrix. */
static loci_status choose_terms(counter *c, uint64_t min_documents, double most_share, loci__terms *out,
                                loci_error *error) {
  const size_t workers = loci__pool_size(c->context);
  for (size_t w = 0; w < workers; w++) out->n_filled += c->n_filled[w];
  const double most = most_share * (double)out->n_filled;
  size_t n = 0;
  for (size_t i = 0; i < c->n_words; i++) {
    uint32_t documents = 0;
    for (size_t w = 0; w < workers; w++) documents += c->frequencies[w * c->n_words + i];
    const bool is_term = documents > 0 && documents >= min_documents && (double)documents <= most;
    c->terms[i] = is_term ? (uint32_t)n++ : NEVER;
    c->frequencies[i] = documents;
  }
  out->n_terms = n;
  if (n == 0)
    return loci__fail(error, LOCI_ERROR_NOT_FOUND,
                      "no word of %zu stands in at least %llu of %zu documents (lines) and at most %.0f of them",
                      c->n_words, (unsigned long long)min_documents, out->n_filled, most);
  out->words = loci__alloc_array(c->context, n, sizeof *out->words);
  out->frequencies = loci__alloc_array(c->context, n, sizeof *out->frequencies);
  out->global = loci__alloc_array(c->context, n, sizeof *out->global);
  if (out->words == NULL || out->frequencies == NULL || out->global == NULL)
    return loci__fail_memory(error, n * 12, "terms");
  for (size_t i = 0; i < c->n_words; i++) {
    const uint32_t term = c->terms[i];
    if (term == NEVER) continue;
    out->words[term] = (uint32_t)i;
    out->frequencies[term] = c->frequencies[i];
    out->global[term] = 1.0f;
  }
  return LOCI_OK;
}

static loci_status count(counter *c, uint64_t min_documents, double most_share, size_t max_memory,
                         loci__terms_more_fn more, const void *arg, loci__meter *meter, loci__terms *out,
                         loci_error *error) {
  c->cuts[0] = 0;
  for (size_t t = 1; t <= c->n_tasks; t++) {
    size_t at = t == c->n_tasks ? c->n : t * TASK_IDS;
    if (at < c->cuts[t - 1]) at = c->cuts[t - 1];
    while (at < c->n && at > 0 && c->ids[at - 1] != LOCI__LINE_END) at++;
    c->cuts[t] = at;
  }
  LOCI__TRY(loci__pool_run(c->context, c->n_tasks, line_task, c, error));
  for (size_t t = 0; t < c->n_tasks; t++) c->lines[t + 1] += c->lines[t];
  out->n_documents = c->lines[c->n_tasks];
  if (out->n_documents >= NEVER)
    return loci__fail(error, LOCI_ERROR_LIMIT, "%zu documents are too many", out->n_documents);
  c->counts = loci__alloc_zero(c->context, out->n_documents + 1, sizeof *c->counts);
  c->ends = loci__alloc_array(c->context, out->n_documents + 1, sizeof *c->ends);
  if (c->counts == NULL || c->ends == NULL)
    return loci__fail_memory(error, 2 * out->n_documents * sizeof *c->counts, "documents");
  forget(c);
  LOCI__TRY(loci__pool_run(c->context, c->n_tasks, count_task, c, error));
  LOCI__TRY(loci__meter_at(meter, c->n / 3, NULL, error));
  LOCI__TRY(choose_terms(c, min_documents, most_share, out, error));
  LOCI__TRY(loci__meter_at(meter, c->n / 3 * 2, NULL, error));
  for (size_t i = 0; i < out->n_documents; i++) c->counts[i + 1] += c->counts[i];
  const size_t most_values = c->counts[out->n_documents];
  size_t n_values = 0;
  for (size_t i = 0; i < out->n_terms; i++) n_values += out->frequencies[i];
  const size_t needed =
      (n_values + most_values) * (sizeof(uint32_t) + sizeof(float)) + more(out->n_terms, out->n_documents, arg);
  loci__log(c->context, LOCI_LOG_INFO, "%zu documents, %zu terms, %zu entries: about %.1f MB of memory",
            out->n_documents, out->n_terms, n_values, (double)needed / 1e6);
  if (max_memory > 0 && needed > max_memory)
    return loci__fail(error, LOCI_ERROR_LIMIT,
                      "%zu documents with %zu terms need about %.1f MB of memory, %.1f MB are allowed; fewer terms "
                      "(--min-count, --min-documents), fewer dimensions (--dim) or more memory (--max-memory)",
                      out->n_documents, out->n_terms, (double)needed / 1e6, (double)max_memory / 1e6);
  LOCI__TRY(loci__sparse_init(&out->documents, c->context, out->n_documents, out->n_terms, most_values, error));
  memcpy(out->documents.starts, c->counts, (out->n_documents + 1) * sizeof *c->counts);
  c->documents = &out->documents;
  forget(c);
  LOCI__TRY(loci__pool_run(c->context, c->n_tasks, fill_task, c, error));
  LOCI__TRY(loci__sparse_init(&out->terms, c->context, out->n_terms, out->n_documents, n_values, error));
  return loci__sparse_transpose_into(&out->documents, c->ends, &out->terms, error);
}

loci_status loci__terms_count(loci_context *context, const loci__stream *stream, size_t n_words, uint64_t min_documents,
                              double most_share, size_t max_memory, loci__terms_more_fn more, const void *arg,
                              loci__meter *meter, loci__terms *out, loci_error *error) {
  *out = (loci__terms){.context = context};
  counter c = {.context = context, .ids = stream->ids, .n = stream->n, .n_words = n_words};
  c.n_tasks = stream->n / TASK_IDS + 1;
  const size_t workers = loci__pool_size(context);
  c.cuts = loci__alloc_array(context, c.n_tasks + 1, sizeof *c.cuts);
  c.lines = loci__alloc_zero(context, c.n_tasks + 1, sizeof *c.lines);
  c.seen = loci__alloc_array(context, workers * n_words, sizeof *c.seen);
  c.places = loci__alloc_array(context, workers * n_words, sizeof *c.places);
  c.frequencies = loci__alloc_zero(context, workers * n_words, sizeof *c.frequencies);
  c.n_filled = loci__alloc_zero(context, workers, sizeof *c.n_filled);
  c.terms = loci__alloc_array(context, n_words, sizeof *c.terms);
  loci_status status = LOCI_OK;
  if (c.cuts == NULL || c.lines == NULL || c.seen == NULL || c.places == NULL || c.frequencies == NULL ||
      c.n_filled == NULL || c.terms == NULL)
    status = loci__fail_memory(error, workers * n_words * 12, "counting words");
  if (status == LOCI_OK) status = loci__meter_stage(meter, "counting documents", "words", c.n, error);
  if (status == LOCI_OK) status = count(&c, min_documents, most_share, max_memory, more, arg, meter, out, error);
  loci__free(context, c.cuts);
  loci__free(context, c.lines);
  loci__free(context, c.counts);
  loci__free(context, c.ends);
  loci__free(context, c.seen);
  loci__free(context, c.places);
  loci__free(context, c.frequencies);
  loci__free(context, c.n_filled);
  loci__free(context, c.terms);
  if (status != LOCI_OK) loci__terms_release(out);
  return status;
}

/* ---- weights ---- */

typedef struct weigher {
  loci__terms *terms;
  loci_weighting weighting;
  float *lengths; /* of documents */
} weigher;

enum { TASK_ROWS = 256 };

static loci_status weight_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const weigher *w = arg;
  loci__sparse *m = &w->terms->terms;
  const double n = (double)w->terms->n_filled;
  for (size_t i = task * TASK_ROWS; i < (task + 1) * TASK_ROWS && i < m->n_rows; i++) {
    const size_t first = m->starts[i], last = m->starts[i + 1];
    double global = 1;
    if (w->weighting == LOCI_WEIGHTING_LOG_ENTROPY) {
      double total = 0, sum = 0;
      for (size_t p = first; p < last; p++) total += (double)m->values[p];
      for (size_t p = first; p < last; p++) {
        const double share = (double)m->values[p] / total;
        sum += share * log(share);
      }
      global = n > 1 ? 1 + sum / log(n) : 1;
      if (global < 0) global = 0; /* rounding */
      for (size_t p = first; p < last; p++) m->values[p] = (float)(log1p((double)m->values[p]) * global);
    } else {
      global = log((1 + n) / (1 + (double)w->terms->frequencies[i])) + 1;
      for (size_t p = first; p < last; p++) {
        const double tf = (double)m->values[p];
        /* most counts are 1, whose logarithm is 0 */
        m->values[p] = (float)((w->weighting == LOCI_WEIGHTING_TFIDF || tf == 1 ? tf : 1 + log(tf)) * global);
      }
    }
    w->terms->global[i] = (float)global;
  }
  return LOCI_OK;
}

static loci_status length_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const weigher *w = arg;
  loci__sparse *m = &w->terms->documents;
  for (size_t i = task * TASK_ROWS; i < (task + 1) * TASK_ROWS && i < m->n_rows; i++) {
    double squares = 0;
    for (size_t p = m->starts[i]; p < m->starts[i + 1]; p++) squares += (double)m->values[p] * (double)m->values[p];
    w->lengths[i] = squares > 0 ? (float)(1 / sqrt(squares)) : 0;
    for (size_t p = m->starts[i]; p < m->starts[i + 1]; p++) m->values[p] *= w->lengths[i];
  }
  return LOCI_OK;
}

static loci_status divide_task(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const weigher *w = arg;
  loci__sparse *m = &w->terms->terms;
  const size_t first = m->starts[task * TASK_ROWS];
  const size_t last = m->starts[(task + 1) * TASK_ROWS < m->n_rows ? (task + 1) * TASK_ROWS : m->n_rows];
  for (size_t p = first; p < last; p++) m->values[p] *= w->lengths[m->columns[p]];
  return LOCI_OK;
}

loci_status loci__terms_weight(loci__terms *terms, loci_weighting weighting, loci_error *error) {
  weigher w = {.terms = terms, .weighting = weighting};
  const size_t n_rows = (terms->n_terms + TASK_ROWS - 1) / TASK_ROWS;
  if (weighting != LOCI_WEIGHTING_RAW) LOCI__TRY(loci__pool_run(terms->context, n_rows, weight_task, &w, error));
  LOCI__TRY(loci__sparse_transpose_into(&terms->terms, NULL, &terms->documents, error));
  if (weighting != LOCI_WEIGHTING_TFIDF && weighting != LOCI_WEIGHTING_SUBLINEAR_TFIDF) return LOCI_OK;
  w.lengths = loci__alloc_array(terms->context, terms->n_documents, sizeof *w.lengths);
  if (w.lengths == NULL) return loci__fail_memory(error, terms->n_documents * sizeof *w.lengths, "documents");
  loci_status status =
      loci__pool_run(terms->context, (terms->n_documents + TASK_ROWS - 1) / TASK_ROWS, length_task, &w, error);
  if (status == LOCI_OK) status = loci__pool_run(terms->context, n_rows, divide_task, &w, error);
  loci__free(terms->context, w.lengths);
  return status;
}

void loci__terms_release(loci__terms *terms) {
  loci__sparse_release(&terms->terms);
  loci__sparse_release(&terms->documents);
  loci__free(terms->context, terms->words);
  loci__free(terms->context, terms->frequencies);
  loci__free(terms->context, terms->global);
  *terms = (loci__terms){0};
}
