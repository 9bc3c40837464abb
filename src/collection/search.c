/* search.c: questions to a collection. loci_collection_search, _similar and _get.
 *
 * Phases of a search, in one read transaction: score every row (score.c) → take the best m rows → compute their cosines
 * exactly from the record → order them → one result a document, near-identical passages folded → show. When folding
 * leaves fewer than k results and there are more matches, m grows fourfold and it starts over: so exactly
 * min(k, matches) results come back, a match being what would be shown.
 *
 * Folding: a document stands for itself by its best passage. When that passage is a near copy (fold.c) of one that is
 * shown already, the document is another form of the same and is folded behind it, all of it.
 *
 * Order: score, then path, then line. Ties at the edge of the m rows are taken in whole, so that the order of
 * insertion decides nothing.
 */
#include "collection.h"

#include "../extract/glob.h"
#include "../index/index.h"

#include <math.h>
#include <stdlib.h>

enum { CANDIDATES_A_RESULT = 4, CANDIDATES_MIN = 64 };

void loci_search_options_init(loci_search_options *options) {
  *options = (loci_search_options){.struct_size = sizeof *options, .limit = 10};
}

/* ---- results and their memory ----------------------------------------------------------------------------- */

typedef struct results_owner {
  loci_context *context;
  loci__arena arena;
} results_owner;

void loci_results_release(loci_results *results) {
  results_owner *owner = results->owner;
  if (owner != NULL) {
    loci__arena_release(&owner->arena);
    loci__free(owner->context, owner);
  }
  *results = (loci_results){0};
}

static loci_status make_results(loci_context *context, loci_results *out, loci_error *error) {
  *out = (loci_results){0};
  results_owner *owner = loci__alloc_zero(context, 1, sizeof *owner);
  if (owner == NULL) return loci__fail_memory(error, sizeof *owner, "results");
  owner->context = context;
  loci__arena_init(&owner->arena, context);
  out->owner = owner;
  return LOCI_OK;
}

static loci__arena *arena_of(const loci_results *results) {
  return &((results_owner *)results->owner)->arena;
}

static loci_status keep_text(loci__arena *arena, const char *text, size_t length, const char **out, loci_error *error) {
  *out = loci__arena_strndup(arena, text != NULL ? text : "", text != NULL ? length : 0);
  return *out != NULL ? LOCI_OK : loci__fail_memory(error, length, "a result");
}

static loci_result empty_result(void) {
  return (loci_result){.cosine = (double)NAN,
                       .bm25 = (double)NAN,
                       .cosine_percentile = (double)NAN,
                       .cosine_standard = (double)NAN,
                       .bm25_standard = (double)NAN};
}

static loci_status fill_passage(loci__arena *arena, const loci__store_chunk *chunk, loci_result *out,
                                loci_error *error) {
  out->chunk_id = chunk->id;
  out->document_id = chunk->document_id;
  out->line_start = chunk->line_start;
  out->line_end = chunk->line_end;
  out->page = chunk->page;
  LOCI__TRY(keep_text(arena, chunk->text, chunk->text_length, &out->text, error));
  return keep_text(arena, chunk->heading, chunk->heading != NULL ? strlen(chunk->heading) : 0, &out->heading, error);
}

/* ---- documents of the candidates ---------------------------------------------------------------------------- */

typedef struct seen_document {
  int64_t id;
  const char *path, *title;
  size_t result; /* that stands for it, or SIZE_MAX */
  size_t next;   /* chain, plus one */
} seen_document;

typedef struct candidate {
  size_t row, document; /* index of seen_document */
  double score, cosine, bm25;
  const char *path;
  uint32_t line_start;
} candidate;

typedef struct ranking {
  loci_collection *collection;
  loci_context *context;
  const loci_search_options *options;
  loci__row_scores *scores;
  loci__arena arena; /* of this round */
  candidate *candidates;
  size_t n_candidates;
  seen_document *documents;
  size_t n_documents, documents_capacity;
  size_t *heads;  /* of chains by id, plus one */
  size_t n_heads; /* a power of two */
  loci__fold *fold;
} ranking;

static void end_round(ranking *r) {
  loci__free(r->context, r->candidates);
  loci__free(r->context, r->documents);
  loci__free(r->context, r->heads);
  loci__fold_free(r->fold);
  loci__arena_release(&r->arena);
  r->candidates = NULL;
  r->documents = NULL;
  r->heads = NULL;
  r->fold = NULL;
  r->n_candidates = r->n_documents = r->documents_capacity = r->n_heads = 0;
}

typedef struct document_note {
  ranking *r;
  seen_document document;
} document_note;

static loci_status note_document(void *arg, const loci__store_document *document, loci_error *error) {
  document_note *note = arg;
  LOCI__TRY(keep_text(&note->r->arena, document->path, strlen(document->path), &note->document.path, error));
  const char *title = document->title != NULL ? document->title : "";
  return keep_text(&note->r->arena, title, strlen(title), &note->document.title, error);
}

static loci_status find_seen(ranking *r, int64_t id, size_t *index, loci_error *error) {
  size_t head = (size_t)loci__hash64(&id, sizeof id, 0) & (r->n_heads - 1);
  for (size_t link = r->heads[head]; link != 0; link = r->documents[link - 1].next) {
    if (r->documents[link - 1].id == id) {
      *index = link - 1;
      return LOCI_OK;
    }
  }
  document_note note = {r, {.id = id, .result = SIZE_MAX, .next = r->heads[head]}};
  bool found = false;
  LOCI__TRY(loci__store_get_document(r->collection->store, id, note_document, &note, &found, error));
  if (!found) {
    return loci__fail(error, LOCI_ERROR_CORRUPT,
                      "'%s': a passage belongs to document %lld, which is not there; see "
                      "`loci check`",
                      r->collection->path, (long long)id);
  }
  if (!loci__grow(r->context, &r->documents, &r->documents_capacity, r->n_documents + 1, sizeof *r->documents)) {
    return loci__fail_memory(error, sizeof *r->documents, "the documents of a search");
  }
  *index = r->n_documents;
  r->documents[r->n_documents++] = note.document;
  r->heads[head] = r->n_documents;
  return LOCI_OK;
}

/* ---- candidates ----------------------------------------------------------------------------------------------- */

static loci_status note_line(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  (void)error;
  *(uint32_t *)arg = chunk->line_start;
  return LOCI_OK;
}

static int compare_candidates(const void *a, const void *b) {
  const candidate *x = a, *y = b;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  int order = strcmp(x->path, y->path);
  if (order != 0) return order;
  if (x->line_start != y->line_start) return x->line_start < y->line_start ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

/* The best m rows and those that tie with the last of them, into rows[] (loci__free). */
static loci_status pick_rows(ranking *r, size_t m, size_t **rows, size_t *n, loci_error *error) {
  const float *fused = r->scores->fused;
  size_t n_rows = r->scores->rows.n;
  *rows = NULL;
  *n = 0;
  size_t *picked = loci__alloc_array(r->context, m, sizeof *picked);
  if (picked == NULL) return loci__fail_memory(error, m * sizeof *picked, "the candidates of a search");
  size_t count = loci__top_k(r->context, fused, n_rows, m, picked);
  while (count > 0 && !(fused[picked[count - 1]] > -INFINITY)) count--; /* filtered rows are no matches */
  if (count == m) {
    size_t last = picked[m - 1], n_ties = 0;
    for (size_t i = last + 1; i < n_rows; i++) n_ties += fused[i] == fused[last]; /* top_k takes lower rows first */
    if (n_ties > 0) {
      size_t *longer = loci__resize_array(r->context, picked, m + n_ties, sizeof *picked);
      if (longer == NULL) {
        loci__free(r->context, picked);
        return loci__fail_memory(error, (m + n_ties) * sizeof *picked, "the candidates of a search");
      }
      picked = longer;
      for (size_t i = last + 1; i < n_rows; i++) {
        if (fused[i] == fused[last]) picked[count++] = i;
      }
    }
  }
  *rows = picked;
  *n = count;
  return LOCI_OK;
}

static loci_status fill_candidates(ranking *r, const size_t *rows, size_t n, loci_error *error) {
  loci__row_scores *scores = r->scores;
  if (scores->cosine != NULL && n > 0) {
    float *exact = loci__alloc_array(r->context, n, sizeof *exact);
    if (exact == NULL) return loci__fail_memory(error, n * sizeof *exact, "the candidates of a search");
    loci_status status = loci__store_rescore(r->collection->store, scores->query, rows, n, exact, error);
    for (size_t i = 0; i < n && status == LOCI_OK; i++) scores->cosine[rows[i]] = exact[i];
    loci__free(r->context, exact);
    if (status != LOCI_OK) return status;
  }
  r->candidates = loci__alloc_array(r->context, n > 0 ? n : 1, sizeof *r->candidates);
  r->n_heads = 64;
  while (r->n_heads < n) r->n_heads *= 2;
  r->heads = loci__alloc_zero(r->context, r->n_heads, sizeof *r->heads);
  if (r->candidates == NULL || r->heads == NULL) {
    return loci__fail_memory(error, n * sizeof *r->candidates, "the candidates of a search");
  }
  for (size_t i = 0; i < n; i++) {
    candidate *c = &r->candidates[i];
    *c = (candidate){.row = rows[i],
                     .cosine = scores->cosine != NULL ? (double)scores->cosine[rows[i]] : (double)NAN,
                     .bm25 = scores->bm25 != NULL ? (double)scores->bm25[rows[i]] : (double)NAN};
    c->score = loci__fuse_score(&scores->fusion, c->row, c->cosine, c->bm25);
    LOCI__TRY(find_seen(r, scores->rows.document_ids[c->row], &c->document, error));
    c->path = r->documents[c->document].path;
    bool found = false;
    LOCI__TRY(loci__store_get_chunk(r->collection->store, scores->rows.chunk_ids[c->row], note_line, &c->line_start,
                                    &found, error));
  }
  r->n_candidates = n;
  qsort(r->candidates, n, sizeof *r->candidates, compare_candidates);
  return LOCI_OK;
}

/* ---- folding and showing ----------------------------------------------------------------------------------------- */

typedef struct showing {
  ranking *r;
  loci_results *results;
  candidate *at;
} showing;

static loci_status show_chunk(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  showing *s = arg;
  ranking *r = s->r;
  loci_results *out = s->results;
  seen_document *document = &r->documents[s->at->document];
  if (!r->options->all) {
    size_t copy_of = SIZE_MAX;
    LOCI__TRY(loci__fold_add(r->fold, chunk->text, chunk->text_length, &copy_of, error));
    if (copy_of != SIZE_MAX) {
      document->result = copy_of;
      if (copy_of < out->n) out->items[copy_of].n_folded++;
      return LOCI_OK;
    }
  }
  loci__arena *arena = arena_of(out);
  loci_result *result = &out->items[out->n];
  *result = empty_result();
  LOCI__TRY(fill_passage(arena, chunk, result, error));
  LOCI__TRY(keep_text(arena, document->path, strlen(document->path), &result->path, error));
  LOCI__TRY(keep_text(arena, document->title, strlen(document->title), &result->title, error));
  result->rank = out->n + 1;
  result->score = s->at->score;
  result->cosine = s->at->cosine;
  result->bm25 = s->at->bm25;
  document->result = out->n++;
  return LOCI_OK;
}

static loci_status fold_and_show(ranking *r, loci_results *out, loci_error *error) {
  size_t limit = r->options->limit;
  r->fold = loci__fold_new(r->context);
  out->items = loci__arena_alloc(arena_of(out), limit * sizeof *out->items);
  if (r->fold == NULL || out->items == NULL) return loci__fail_memory(error, limit * sizeof *out->items, "results");
  for (size_t i = 0; i < r->n_candidates; i++) {
    candidate *c = &r->candidates[i];
    seen_document *document = &r->documents[c->document];
    if (!r->options->all && document->result != SIZE_MAX) {
      if (document->result < out->n) out->items[document->result].n_folded++;
      continue;
    }
    if (out->n == limit) {
      if (r->options->all) break;
      continue; /* still counting what is folded behind those shown */
    }
    showing s = {r, out, c};
    bool found = false;
    LOCI__TRY(
        loci__store_get_chunk(r->collection->store, r->scores->rows.chunk_ids[c->row], show_chunk, &s, &found, error));
    if (!found) {
      return loci__fail(error, LOCI_ERROR_CORRUPT, "'%s': passage %lld is not there; see `loci check`",
                        r->collection->path, (long long)r->scores->rows.chunk_ids[c->row]);
    }
  }
  return LOCI_OK;
}

static loci_status one_round(ranking *r, size_t m, loci_results *out, loci_error *error) {
  size_t *rows = NULL, n = 0;
  LOCI__TRY(pick_rows(r, m, &rows, &n, error));
  loci_status status = fill_candidates(r, rows, n, error);
  loci__free(r->context, rows);
  if (status == LOCI_OK) status = fold_and_show(r, out, error);
  return status;
}

static size_t rank_of(const float *scores, size_t n, int64_t row_id, const int64_t *ids) {
  size_t row = 0;
  while (row < n && ids[row] != row_id) row++;
  if (row == n) return 0;
  size_t rank = 1;
  for (size_t i = 0; i < n; i++) rank += scores[i] > scores[row] || (i < row && scores[i] == scores[row]);
  return rank;
}

static loci_status explain(ranking *r, loci_results *out, loci_error *error) {
  loci__row_scores *scores = r->scores;
  double *quantiles = NULL;
  size_t n_quantiles = 0;
  LOCI__TRY(loci__sample_quantiles(r->collection, &quantiles, &n_quantiles, error));
  const loci__fusion *f = &scores->fusion;
  for (size_t i = 0; i < out->n; i++) {
    loci_result *result = &out->items[i];
    if (scores->cosine != NULL) {
      result->rank_vector = rank_of(scores->cosine, scores->rows.n, result->chunk_id, scores->rows.chunk_ids);
      result->cosine_standard = loci__fuse_standard(result->cosine, f->cosine_mean, f->cosine_deviation);
      result->cosine_percentile = loci__sample_percentile(quantiles, n_quantiles, result->cosine);
    }
    if (scores->bm25 != NULL) {
      if (result->bm25 > 0.0) {
        result->rank_text = rank_of(scores->bm25, scores->rows.n, result->chunk_id, scores->rows.chunk_ids);
      }
      result->bm25_standard = loci__fuse_standard(result->bm25, f->bm25_mean, f->bm25_deviation);
    }
  }
  loci__free(r->context, quantiles);
  return LOCI_OK;
}

/* From scores to results. */
static loci_status rank(loci_collection *collection, const loci_search_options *options, loci__row_scores *scores,
                        loci_results *out, loci_error *error) {
  out->n_rows = scores->rows.n;
  out->query_truncated = scores->query_truncated;
  ranking r = {.collection = collection, .context = collection->context, .options = options, .scores = scores};
  if (options->limit == 0 || scores->n_matches == 0) return LOCI_OK;
  size_t wanted = options->limit < scores->n_matches ? options->limit : scores->n_matches;
  size_t m = wanted > SIZE_MAX / CANDIDATES_A_RESULT ? SIZE_MAX : wanted * CANDIDATES_A_RESULT;
  if (m < CANDIDATES_MIN) m = CANDIDATES_MIN;
  loci_search_options limited = *options; /* a limit beyond the matches asks for no memory */
  limited.limit = wanted;
  r.options = &limited;
  loci_status status = LOCI_OK;
  for (;;) {
    if (m > scores->n_matches) m = scores->n_matches;
    loci__arena_init(&r.arena, r.context);
    out->n = 0;
    status = one_round(&r, m, out, error);
    bool is_done = status != LOCI_OK || out->n >= wanted || m >= scores->n_matches;
    end_round(&r);
    if (is_done) break;
    m = m > SIZE_MAX / 4 ? SIZE_MAX : m * 4;
    /* What the round before put into the arena is garbage now. */
    loci__arena_release(arena_of(out));
    loci__arena_init(arena_of(out), r.context);
  }
  if (status == LOCI_OK && options->explain) status = explain(&r, out, error);
  return status;
}

/* ---- the path filter --------------------------------------------------------------------------------------------- */

typedef struct path_filter {
  loci_context *context;
  loci__glob *glob;
  int64_t *ids; /* of documents that pass */
  size_t n, capacity;
} path_filter;

static loci_status filter_document(void *arg, const loci__store_document *document, loci_error *error) {
  path_filter *filter = arg;
  const char *path = document->path;
  while (*path == '/') path++;
  if (document->skipped != NULL || !loci__glob_covers(filter->glob, path)) return LOCI_OK;
  if (!loci__grow(filter->context, &filter->ids, &filter->capacity, filter->n + 1, sizeof *filter->ids)) {
    return loci__fail_memory(error, sizeof *filter->ids, "the paths that match");
  }
  filter->ids[filter->n++] = document->id;
  return LOCI_OK;
}

static int compare_ids(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* A pattern with a '/' inside but none in front means a place anywhere in the path: "docs/" + "*.md" finds
 * /home/me/docs/a.md. */
static loci_status compile_glob(loci_context *context, const char *pattern, loci__glob **out, loci_error *error) {
  bool is_negated = pattern[0] == '!';
  const char *body = pattern + is_negated, *slash = strchr(body, '/');
  bool is_inner = slash != NULL && slash != body && slash[1] != '\0';
  loci__buffer line;
  loci__buffer_init(&line, context, 0);
  if (is_negated) loci__buffer_putc(&line, '!');
  if (is_inner && !loci__starts_with(body, "**/")) loci__buffer_puts(&line, "**/");
  loci__buffer_puts(&line, body);
  loci_status status = loci__buffer_status(&line, "a path pattern", error);
  if (status == LOCI_OK) status = loci__glob_new(context, line.data, line.length, out, error);
  if (status == LOCI_OK && *out == NULL) {
    status = loci__fail(error, LOCI_ERROR_USAGE, "the path pattern '%s' says nothing", pattern);
  }
  loci__buffer_release(&line);
  return status;
}

/* Takes rows out of the matches: those of documents that the pattern does not name, and those of `without`. */
static loci_status filter_rows(loci_collection *collection, const char *pattern, int64_t without,
                               loci__row_scores *scores, loci_error *error) {
  if (scores->rows.n == 0 || (pattern == NULL && without == 0)) return LOCI_OK;
  path_filter filter = {.context = collection->context};
  loci_status status = LOCI_OK;
  if (pattern != NULL) {
    status = compile_glob(collection->context, pattern, &filter.glob, error);
    if (status == LOCI_OK) status = loci__store_each_document(collection->store, "", filter_document, &filter, error);
    if (status == LOCI_OK && filter.n > 0) qsort(filter.ids, filter.n, sizeof *filter.ids, compare_ids);
  }
  for (size_t i = 0; i < scores->rows.n && status == LOCI_OK; i++) {
    int64_t id = scores->rows.document_ids[i];
    bool passes = id != without;
    if (passes && pattern != NULL) {
      passes = filter.n > 0 && bsearch(&id, filter.ids, filter.n, sizeof id, compare_ids) != NULL;
    }
    if (passes || !(scores->fused[i] > -INFINITY)) continue;
    scores->fused[i] = -INFINITY;
    scores->n_matches--;
  }
  loci__glob_free(collection->context, filter.glob);
  loci__free(collection->context, filter.ids);
  return status;
}

/* ---- the three questions -------------------------------------------------------------------------------------------- */

static bool is_blank(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (strchr(" \t\r\n\v\f", text[i]) == NULL) return false;
  }
  return true;
}

static void fill_defaults(const loci_search_options *options, loci_search_options *filled) {
  loci_search_options_init(filled);
  if (options == NULL) return;
  memcpy(filled, options, options->struct_size < sizeof *filled ? options->struct_size : sizeof *filled);
}

static loci_status search(loci_collection *collection, const char *query, size_t length,
                          const loci_search_options *options, loci_results *out, loci_error *error) {
  loci__store_model stored;
  LOCI__TRY(loci__store_get_model(collection->store, &stored, error));
  bool is_empty = stored.fingerprint[0] == '\0';
  bool needs_model = options->mode != LOCI_SEARCH_TEXT || options->explain || options->model != NULL;
  if (is_empty) return LOCI_OK; /* nothing was ever indexed */
  if (needs_model) LOCI__TRY(loci__collection_use_model(collection, options->model, true, error));
  loci__row_scores scores;
  LOCI__TRY(loci__collection_score(collection, query, length, options->mode, options->fusion, options->weight,
                                   options->explain != 0, &scores, error));
  loci_status status = filter_rows(collection, options->path_glob, 0, &scores, error);
  if (status == LOCI_OK) status = rank(collection, options, &scores, out, error);
  if (status == LOCI_OK && out->n > 0) {
    status = loci__best_sentences(collection, query, length, scores.query, out->items, out->n, error);
  }
  loci__row_scores_release(&scores);
  return status;
}

/* Ends the read transaction; on failure nothing comes back. */
static loci_status finish(loci_collection *collection, loci_status status, loci_results *out, loci_error *error) {
  if (status == LOCI_OK) status = loci__store_end(collection->store, error);
  else loci__store_rollback(collection->store);
  if (status != LOCI_OK) loci_results_release(out);
  return status;
}

loci_status loci_collection_search(loci_collection *collection, const char *query, size_t length,
                                   const loci_search_options *options, loci_results *out, loci_error *error) {
  *out = (loci_results){0};
  loci_search_options filled;
  fill_defaults(options, &filled);
  if (query == NULL || is_blank(query, length)) return loci__fail(error, LOCI_ERROR_USAGE, "the query is empty");
  if (filled.mode > LOCI_SEARCH_TEXT || filled.fusion > LOCI_FUSION_RRF || !(filled.weight >= 0.0)) {
    return loci__fail(error, LOCI_ERROR_USAGE, "loci_collection_search: no such mode, fusion or weight");
  }
  loci__meter meter;
  loci__meter_init(&meter, filled.progress, filled.progress_user);
  LOCI__TRY(loci__meter_stage(&meter, "searching", "passages", 0, error));
  LOCI__TRY(make_results(collection->context, out, error));
  loci_status status = loci__store_begin_read(collection->store, error);
  if (status != LOCI_OK) {
    loci_results_release(out);
    return status;
  }
  return finish(collection, search(collection, query, length, &filled, out, error), out, error);
}

/* ---- places: similar and get ------------------------------------------------------------------------------------------ */

typedef struct place {
  uint32_t line; /* 0 = the first passage */
  int64_t chunk_id;
  uint32_t first_line, last_line; /* of the document's passages */
  uint32_t distance;
  size_t n;
} place;

/* The passage that holds the line (of overlapping ones the last to begin), else the nearest before the end. */
static loci_status note_place(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  (void)error;
  place *p = arg;
  uint32_t distance = 0;
  if (p->line < chunk->line_start) distance = chunk->line_start - p->line;
  if (p->line > chunk->line_end) distance = p->line - chunk->line_end;
  bool is_better = p->n == 0 || distance < p->distance || (distance == 0 && p->line != 0);
  if (p->line == 0) is_better = p->n == 0;
  if (is_better) {
    p->chunk_id = chunk->id;
    p->distance = distance;
  }
  if (p->n == 0 || chunk->line_start < p->first_line) p->first_line = chunk->line_start;
  if (p->n == 0 || chunk->line_end > p->last_line) p->last_line = chunk->line_end;
  p->n++;
  return LOCI_OK;
}

static loci_status find_place(loci_collection *collection, const char *path, uint32_t line, int64_t *document_id,
                              int64_t *chunk_id, loci_error *error) {
  LOCI__TRY(loci__collection_find(collection, path, document_id, error));
  place p = {.line = line};
  LOCI__TRY(loci__store_each_chunk(collection->store, *document_id, note_place, &p, error));
  if (p.n == 0) {
    return loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%s' has no passages: it was skipped; `loci index` tells why",
                      path);
  }
  if (line != 0 && line > p.last_line) {
    return loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%s' has no line %u: its passages are lines %u to %u", path, line,
                      p.first_line, p.last_line);
  }
  *chunk_id = p.chunk_id;
  return LOCI_OK;
}

static loci_status similar(loci_collection *collection, const char *path, uint32_t line,
                           const loci_search_options *options, loci_results *out, loci_error *error) {
  int64_t document_id = 0, chunk_id = 0;
  LOCI__TRY(find_place(collection, path, line, &document_id, &chunk_id, error));
  loci__store_model model;
  LOCI__TRY(loci__store_get_model(collection->store, &model, error));
  size_t dim = model.dim;
  float *vector = loci__alloc_array(collection->context, dim, sizeof *vector);
  if (vector == NULL) return loci__fail_memory(error, dim * sizeof *vector, "a vector");
  bool found = false;
  loci__row_scores scores = {0};
  loci_status status = loci__store_get_vector(collection->store, chunk_id, vector, &found, error);
  if (status == LOCI_OK && !found) {
    status = loci__fail(error, LOCI_ERROR_CORRUPT, "'%s': passage %lld has lost its vector; see `loci check`",
                        collection->path, (long long)chunk_id);
  }
  if (status == LOCI_OK) status = loci__collection_score_vector(collection, vector, dim, &scores, error);
  if (status == LOCI_OK) status = filter_rows(collection, options->path_glob, document_id, &scores, error);
  if (status == LOCI_OK) status = rank(collection, options, &scores, out, error);
  loci__row_scores_release(&scores);
  loci__free(collection->context, vector);
  return status;
}

loci_status loci_collection_similar(loci_collection *collection, const char *path, uint32_t line,
                                    const loci_search_options *options, loci_results *out, loci_error *error) {
  *out = (loci_results){0};
  loci_search_options filled;
  fill_defaults(options, &filled);
  if (filled.mode == LOCI_SEARCH_TEXT) {
    return loci__fail(error, LOCI_ERROR_USAGE, "what is similar is told by vectors: there is no text mode");
  }
  filled.mode = LOCI_SEARCH_VECTOR;
  LOCI__TRY(make_results(collection->context, out, error));
  loci_status status = loci__store_begin_read(collection->store, error);
  if (status != LOCI_OK) {
    loci_results_release(out);
    return status;
  }
  return finish(collection, similar(collection, path, line, &filled, out, error), out, error);
}

typedef struct get_state {
  loci_context *context;
  loci_results *out;
  const char *path, *title;
  loci_result *items; /* grows; moved to the arena in the end */
  size_t n, capacity;
} get_state;

static loci_status get_document(void *arg, const loci__store_document *document, loci_error *error) {
  get_state *state = arg;
  const char *title = document->title != NULL ? document->title : "";
  LOCI__TRY(keep_text(arena_of(state->out), document->path, strlen(document->path), &state->path, error));
  return keep_text(arena_of(state->out), title, strlen(title), &state->title, error);
}

static loci_status get_chunk(void *arg, const loci__store_chunk *chunk, loci_error *error) {
  get_state *state = arg;
  if (!loci__grow(state->context, &state->items, &state->capacity, state->n + 1, sizeof *state->items)) {
    return loci__fail_memory(error, sizeof *state->items, "results");
  }
  loci_result *result = &state->items[state->n];
  *result = empty_result();
  LOCI__TRY(fill_passage(arena_of(state->out), chunk, result, error));
  result->path = state->path;
  result->title = state->title;
  result->rank = ++state->n;
  return LOCI_OK;
}

static loci_status get(loci_collection *collection, const char *path, uint32_t line, get_state *state,
                       loci_error *error) {
  int64_t document_id = 0, chunk_id = 0;
  bool found = false;
  LOCI__TRY(find_place(collection, path, line, &document_id, &chunk_id, error));
  LOCI__TRY(loci__store_get_document(collection->store, document_id, get_document, state, &found, error));
  if (line == 0) LOCI__TRY(loci__store_each_chunk(collection->store, document_id, get_chunk, state, error));
  else LOCI__TRY(loci__store_get_chunk(collection->store, chunk_id, get_chunk, state, &found, error));
  loci_results *out = state->out;
  out->items = loci__arena_alloc(arena_of(out), state->n * sizeof *out->items);
  if (out->items == NULL) return loci__fail_memory(error, state->n * sizeof *out->items, "results");
  memcpy(out->items, state->items, state->n * sizeof *out->items);
  out->n = state->n;
  out->n_rows = state->n;
  return LOCI_OK;
}

loci_status loci_collection_get(loci_collection *collection, const char *path, uint32_t line, loci_results *out,
                                loci_error *error) {
  LOCI__TRY(make_results(collection->context, out, error));
  loci_status status = loci__store_begin_read(collection->store, error);
  if (status != LOCI_OK) {
    loci_results_release(out);
    return status;
  }
  get_state state = {.context = collection->context, .out = out};
  status = get(collection, path, line, &state, error);
  loci__free(collection->context, state.items);
  return finish(collection, status, out, error);
}
