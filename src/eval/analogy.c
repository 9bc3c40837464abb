/* eval/analogy.c: word analogies, "a is to b as c is to d" (Mikolov et al. 2013a, section 4.1; questions-words.txt).
 *
 * 3CosAdd: the answer is the word whose unit vector u has the greatest u·(b − a + c), with a, b and c unit vectors; it is
 * right when it is d. Asked twice: with a, b and c excluded from the answers (what is published), and with nothing
 * excluded, when the nearest word is most often one of the given (Linzen 2016). Equal scores: the first word of the file.
 * A question counts as seen when its four words are among the candidates.
 *
 * Model. 19,544 questions have some 900 distinct words, so the products are taken word by word and not question by
 * question: for a block of candidates, products[w][j] = word w · candidate j (one matrix product), then a question's
 * scores are products[b] − products[a] + products[c], element by element. A task is a block of candidates; each worker
 * keeps its own best answer a question, by (score, −index), and the best of these is the same whichever worker had which
 * block. A product is summed in one accumulator over the dimensions (kernel.h), so bits depend on neither block nor
 * thread.
 *
 * Time: (distinct words × candidates × dim) multiplications and (questions × candidates) additions.
 */
#include "../kernel/kernel.h"
#include "words.h"

#include <math.h>

enum {
  N_WORDS = 4,
  BLOCK_BYTES = 1 << 20, /* of products: half of an L2 cache, the other half for questions' best and the packed block */
  LEAST_BLOCK = 64,
  MOST_BLOCK = 1024,
  LANES = 16
};

typedef struct question {
  uint32_t word[N_WORDS];  /* a, b, c as places in the list of distinct words; d too */
  uint32_t index[N_WORDS]; /* in the file of vectors */
  uint32_t section;
} question;

typedef struct best {
  float score, score_all; /* without and with the given words */
  uint32_t at, at_all;
} best;

typedef struct scratch {
  float *rows, *packed, *products;
  best *found;
} scratch;

typedef struct job {
  const loci_vectors *vectors;
  loci_context *context;
  const loci__kernels *kernels;
  const loci_analogy_options *options;
  size_t dim, n_candidates;
  question *questions;
  size_t n_questions, questions_capacity;
  int32_t *place; /* of a word of the file in `distinct`, or −1 */
  uint32_t *distinct;
  size_t n_distinct, distinct_capacity;
  float *unit; /* n_distinct × dim */
  float *zeros;
  size_t block;
  scratch *workers;
  size_t n_workers;
  loci_analogy_score *score;
  size_t sections_capacity;
} job;

void loci_analogy_options_init(loci_analogy_options *options) {
  *options = (loci_analogy_options){.struct_size = sizeof *options};
}

void loci_analogy_score_release(loci_analogy_score *score) {
  if (score == NULL) return;
  loci__free(score->context, score->sections);
  *score = (loci_analogy_score){0};
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void name_section(loci_analogy_section *section, const char *name, size_t length) {
  size_t n = length < sizeof section->name - 1 ? length : sizeof section->name - 1;
  while (n < length && n > 0 && ((unsigned char)name[n] & 0xC0) == 0x80) n--;
  memcpy(section->name, name, n);
  section->name[n] = '\0';
}

static loci_status add_section(job *j, const char *name, size_t length, loci_error *error) {
  loci_analogy_score *s = j->score;
  if (!loci__grow(j->context, &s->sections, &j->sections_capacity, s->n_sections + 1, sizeof *s->sections))
    return loci__fail_memory(error, sizeof *s->sections, "the sections of the questions");
  s->sections[s->n_sections] = (loci_analogy_section){0};
  name_section(&s->sections[s->n_sections++], name, length);
  return LOCI_OK;
}

/* The place of word `index` in the list of distinct ones. */
static bool place_of(job *j, uint32_t index, uint32_t *out) {
  if (j->place[index] < 0) {
    if (!loci__grow(j->context, &j->distinct, &j->distinct_capacity, j->n_distinct + 1, sizeof *j->distinct))
      return false;
    j->distinct[j->n_distinct] = index;
    j->place[index] = (int32_t)j->n_distinct++;
  }
  *out = (uint32_t)j->place[index];
  return true;
}

static loci_status add_question(job *j, const loci__eval_field *fields, loci__buffer *lower, loci_error *error) {
  loci_analogy_section *section = &j->score->sections[j->score->n_sections - 1];
  question q = {.section = (uint32_t)(j->score->n_sections - 1)};
  section->n++;
  for (size_t i = 0; i < N_WORDS; i++) {
    const int64_t at = loci__eval_find(j->vectors, &fields[i], j->options->keep_case != 0, lower);
    LOCI__TRY(loci__buffer_status(lower, "a word", error));
    if (at < 0 || (uint64_t)at >= j->n_candidates) return LOCI_OK;
    q.index[i] = (uint32_t)at;
  }
  section->n_seen++;
  for (size_t i = 0; i < N_WORDS; i++)
    if (!place_of(j, q.index[i], &q.word[i]))
      return loci__fail_memory(error, (j->n_distinct + 1) * sizeof *j->distinct, "the questions' words");
  if (!loci__grow(j->context, &j->questions, &j->questions_capacity, j->n_questions + 1, sizeof q))
    return loci__fail_memory(error, (j->n_questions + 1) * sizeof q, "the questions");
  j->questions[j->n_questions++] = q;
  return LOCI_OK;
}

static loci_status read_lines(job *j, loci__eval_lines *lines, loci__buffer *lower, loci_error *error) {
  uint64_t n = 0;
  while (loci__eval_lines_next(lines)) {
    loci__eval_field fields[N_WORDS + 1];
    const size_t n_fields = loci__eval_fields(lines->line, lines->line_length, ' ', fields, LOCI__COUNT(fields));
    if (n_fields == 0) continue;
    if (fields[0].text[0] == ':') {
      const char *name = fields[0].text + 1, *end = lines->line + lines->line_length;
      while (name < end && (*name == ' ' || *name == '\t')) name++;
      LOCI__TRY(add_section(j, name, (size_t)(end - name), error));
      continue;
    }
    if (n_fields != N_WORDS)
      return loci__fail_at(error, LOCI_ERROR_FORMAT, (int64_t)lines->start,
                           "'%s', line %zu: %zu words instead of the four of an analogy (\": name\" begins a section)",
                           lines->path, lines->number, n_fields);
    if (j->score->n_sections == 0) LOCI__TRY(add_section(j, "", 0, error));
    LOCI__TRY(add_question(j, fields, lower, error));
    n++;
  }
  if (n == 0) return loci__fail(error, LOCI_ERROR_FORMAT, "'%s' holds no analogies", lines->path);
  return LOCI_OK;
}

static loci_status read_questions(job *j, const char *path, loci_error *error) {
  loci__eval_lines lines;
  loci__buffer lower;
  LOCI__TRY(loci__eval_lines_open(&lines, j->context, path, error));
  loci__buffer_init(&lower, j->context, 0);
  const loci_status status = read_lines(j, &lines, &lower, error);
  loci__buffer_release(&lower);
  loci__eval_lines_close(&lines);
  return status;
}

/* ---- asking ------------------------------------------------------------------------------------ */

/* The row of a word, of length 1; a zero row stays zero. */
static void unit_row(const job *j, size_t index, float *out) {
  const float *row = loci_vectors_row(j->vectors, index);
  double sum = 0.0;
  for (size_t d = 0; d < j->dim; d++) sum += (double)row[d] * (double)row[d];
  const double scale = sum > 0.0 ? 1.0 / sqrt(sum) : 0.0;
  for (size_t d = 0; d < j->dim; d++) out[d] = (float)((double)row[d] * scale);
}

/* The greatest of b − a + c over n elements. */
static float greatest(const float *a, const float *b, const float *c, size_t n) {
  float most[LANES], result = -INFINITY;
  size_t i = 0;
  for (size_t k = 0; k < LANES; k++) most[k] = -INFINITY;
  for (; i + LANES <= n; i += LANES)
    for (size_t k = 0; k < LANES; k++) {
      const float score = b[i + k] - a[i + k] + c[i + k];
      most[k] = score > most[k] ? score : most[k];
    }
  for (size_t k = 0; k < LANES; k++) result = most[k] > result ? most[k] : result;
  for (; i < n; i++) {
    const float score = b[i] - a[i] + c[i];
    result = score > result ? score : result;
  }
  return result;
}

/* Takes better answers out of a block that begins at candidate `first`. */
static void answer(const job *j, const scratch *s, const question *q, best *found, size_t first, size_t n) {
  const float *a = s->products + q->word[0] * j->block, *b = s->products + q->word[1] * j->block,
              *c = s->products + q->word[2] * j->block;
  const float most = greatest(a, b, c, n);
  if (!(most > found->score) && !(most > found->score_all) && !(most == found->score && first < found->at) &&
      !(most == found->score_all && first < found->at_all))
    return;
  for (size_t i = 0; i < n; i++) {
    const float score = b[i] - a[i] + c[i];
    const uint32_t at = (uint32_t)(first + i);
    if (score > found->score_all || (score == found->score_all && at < found->at_all)) {
      found->score_all = score;
      found->at_all = at;
    }
    if ((score > found->score || (score == found->score && at < found->at)) && at != q->index[0] && at != q->index[1] &&
        at != q->index[2]) {
      found->score = score;
      found->at = at;
    }
  }
}

static loci_status make_scratch(job *j, scratch *s, loci_error *error) {
  if (s->found != NULL) return LOCI_OK;
  size_t floats;
  if (!loci__mul(j->n_distinct, j->block, &floats) || floats > SIZE_MAX / sizeof(float))
    return loci__fail_memory(error, SIZE_MAX, "the products");
  s->rows = loci__alloc_aligned(j->context, j->block * j->dim * sizeof(float));
  s->packed = loci__alloc_aligned(j->context, j->block * j->dim * sizeof(float));
  s->products = loci__alloc_aligned(j->context, floats * sizeof(float));
  best *found = loci__alloc_array(j->context, j->n_questions, sizeof *found);
  if (s->rows == NULL || s->packed == NULL || s->products == NULL || found == NULL) {
    loci__free(j->context, found);
    return loci__fail_memory(error, floats * sizeof(float), "the products of a block");
  }
  for (size_t i = 0; i < j->n_questions; i++) found[i] = (best){-INFINITY, -INFINITY, UINT32_MAX, UINT32_MAX};
  s->found = found;
  return LOCI_OK;
}

static loci_status block_task(void *arg, size_t task, size_t worker, loci_error *error) {
  job *j = arg;
  scratch *s = &j->workers[worker];
  LOCI__TRY(make_scratch(j, s, error));
  const size_t first = task * j->block;
  const size_t n = j->n_candidates - first < j->block ? j->n_candidates - first : j->block;
  for (size_t i = 0; i < n; i++) unit_row(j, first + i, s->rows + i * j->dim);
  const size_t width = loci__panels(j->kernels, n);
  memset(s->packed, 0, width * j->dim * sizeof(float));
  loci__gemm_pack(j->kernels, s->rows, j->dim, n, j->dim, NULL, 0, j->dim, s->packed);
  const loci__gemm product = {.x = j->unit,
                              .x_stride = j->dim,
                              .m = j->n_distinct,
                              .packed = s->packed,
                              .n = width,
                              .k = j->dim,
                              .bias = j->zeros,
                              .activation = LOCI__KERNEL_IDENTITY,
                              .y = s->products,
                              .y_stride = j->block};
  j->kernels->gemm_f32(&product);
  for (size_t q = 0; q < j->n_questions; q++) answer(j, s, &j->questions[q], &s->found[q], first, n);
  return LOCI_OK;
}

static void count(job *j) {
  loci_analogy_score *score = j->score;
  for (size_t q = 0; q < j->n_questions; q++) {
    best all = {-INFINITY, -INFINITY, UINT32_MAX, UINT32_MAX};
    for (size_t w = 0; w < j->n_workers; w++) {
      if (j->workers[w].found == NULL) continue;
      const best *b = &j->workers[w].found[q];
      if (b->score > all.score || (b->score == all.score && b->at < all.at)) {
        all.score = b->score;
        all.at = b->at;
      }
      if (b->score_all > all.score_all || (b->score_all == all.score_all && b->at_all < all.at_all)) {
        all.score_all = b->score_all;
        all.at_all = b->at_all;
      }
    }
    loci_analogy_section *section = &score->sections[j->questions[q].section];
    section->n_right += all.at == j->questions[q].index[3];
    section->n_right_all += all.at_all == j->questions[q].index[3];
  }
}

static void sum(loci_analogy_score *score) {
  name_section(&score->semantic, "semantic", 8);
  name_section(&score->syntactic, "syntactic", 9);
  name_section(&score->total, "total", 5);
  for (size_t i = 0; i < score->n_sections; i++) {
    const loci_analogy_section *s = &score->sections[i];
    loci_analogy_section *sums[2] = {loci__starts_with(s->name, "gram") ? &score->syntactic : &score->semantic,
                                     &score->total};
    for (int k = 0; k < 2; k++) {
      sums[k]->n += s->n;
      sums[k]->n_seen += s->n_seen;
      sums[k]->n_right += s->n_right;
      sums[k]->n_right_all += s->n_right_all;
    }
  }
}

/* Blocks a call of the pool, between which progress is told. */
enum { BLOCKS_AT_ONCE = 16 };

typedef struct slice {
  job *job;
  size_t first;
} slice;

static loci_status slice_task(void *arg, size_t task, size_t worker, loci_error *error) {
  const slice *s = arg;
  return block_task(s->job, s->first + task, worker, error);
}

static loci_status ask(job *j, loci_error *error) {
  loci__meter meter;
  loci__meter_init(&meter, j->options->progress, j->options->progress_user);
  const size_t n_blocks = (j->n_candidates + j->block - 1) / j->block;
  LOCI__TRY(loci__meter_stage(&meter, "asking", "words", j->n_candidates, error));
  for (size_t at = 0; at < n_blocks; at += BLOCKS_AT_ONCE) {
    slice s = {j, at};
    const size_t n = n_blocks - at < BLOCKS_AT_ONCE ? n_blocks - at : BLOCKS_AT_ONCE;
    LOCI__TRY(loci__pool_run(j->context, n, slice_task, &s, error));
    const size_t done = (at + n) * j->block;
    LOCI__TRY(loci__meter_at(&meter, done < j->n_candidates ? done : j->n_candidates, NULL, error));
  }
  return loci__meter_end(&meter, error);
}

static loci_status prepare(job *j, loci_error *error) {
  size_t floats;
  j->block = BLOCK_BYTES / sizeof(float) / (j->n_distinct > 0 ? j->n_distinct : 1);
  j->block = j->block < LEAST_BLOCK ? LEAST_BLOCK : j->block > MOST_BLOCK ? MOST_BLOCK : j->block;
  j->block = loci__panels(j->kernels, j->block);
  j->n_workers = loci__pool_size(j->context);
  j->workers = loci__alloc_zero(j->context, j->n_workers, sizeof *j->workers);
  j->zeros = loci__alloc_aligned(j->context, j->block * sizeof(float));
  if (!loci__mul(j->n_distinct, j->dim, &floats) || !loci__mul(floats, sizeof(float), &floats))
    return loci__fail_memory(error, SIZE_MAX, "the questions' words");
  j->unit = loci__alloc_aligned(j->context, floats);
  if (j->workers == NULL || j->zeros == NULL || j->unit == NULL)
    return loci__fail_memory(error, floats, "the questions' words");
  memset(j->zeros, 0, j->block * sizeof(float));
  for (size_t i = 0; i < j->n_distinct; i++) unit_row(j, j->distinct[i], j->unit + i * j->dim);
  return LOCI_OK;
}

static loci_status evaluate(job *j, const char *path, loci_error *error) {
  loci_vectors_info info = {.struct_size = sizeof info};
  loci_vectors_get_info(j->vectors, &info);
  j->dim = info.dim;
  j->n_candidates = j->options->most > 0 && j->options->most < info.n ? j->options->most : info.n;
  j->place = loci__alloc_array(j->context, j->n_candidates, sizeof *j->place);
  if (j->place == NULL) return loci__fail_memory(error, j->n_candidates * sizeof *j->place, "the questions' words");
  memset(j->place, 0xFF, j->n_candidates * sizeof *j->place);
  LOCI__TRY(read_questions(j, path, error));
  if (j->n_questions > 0) {
    LOCI__TRY(prepare(j, error));
    LOCI__TRY(ask(j, error));
    count(j);
  }
  sum(j->score);
  return LOCI_OK;
}

loci_status loci_eval_analogy(const loci_vectors *vectors, const char *path, const loci_analogy_options *options,
                              loci_analogy_score *out, loci_error *error) {
  loci_analogy_options all;
  loci_analogy_options_init(&all);
  if (options != NULL) memcpy(&all, options, options->struct_size < sizeof all ? options->struct_size : sizeof all);
  *out = (loci_analogy_score){0};
  if (vectors == NULL || path == NULL)
    return loci__fail(error, LOCI_ERROR_USAGE, "loci_eval_analogy: vectors and a file of analogies");
  job j = {.vectors = vectors, .context = vectors->context, .options = &all, .score = out};
  out->context = j.context;
  j.kernels = loci__kernels_of(j.context);
  const loci_status status = evaluate(&j, path, error);
  for (size_t w = 0; j.workers != NULL && w < j.n_workers; w++) {
    loci__free_aligned(j.context, j.workers[w].rows);
    loci__free_aligned(j.context, j.workers[w].packed);
    loci__free_aligned(j.context, j.workers[w].products);
    loci__free(j.context, j.workers[w].found);
  }
  loci__free(j.context, j.workers);
  loci__free(j.context, j.questions);
  loci__free(j.context, j.place);
  loci__free(j.context, j.distinct);
  loci__free_aligned(j.context, j.unit);
  loci__free_aligned(j.context, j.zeros);
  if (status != LOCI_OK) loci_analogy_score_release(out);
  return status;
}
