/* kernel/: numbers in bulk. One table of functions per context, chosen once from what the processor can do.
 *
 * Every function has a plain C version in ref/ (the oracle, kept for ever) and versions per instruction set in
 * folders of their own, compiled with their own flags. No allocation, no threads, no state: everything is the
 * caller's. A row's arithmetic never depends on its neighbours: the same input row gives the same bits whatever
 * stands beside it (per instruction set).
 */
#ifndef LOCI_KERNEL_KERNEL_H
#define LOCI_KERNEL_KERNEL_H

#include "../base/base.h"

/* What happens to x·W + bias before it is stored. */
enum { LOCI__KERNEL_IDENTITY = 0, LOCI__KERNEL_GELU = 1, LOCI__KERNEL_GELU_TANH = 2, LOCI__KERNEL_RELU = 3 };

typedef struct loci__gemm {
  const float *x;
  size_t x_stride, m;
  const float *packed;
  size_t n, k;
  const float *bias; /* n */
  int activation;    /* LOCI__KERNEL_… */
  float *y;
  size_t y_stride;
  const float *next; /* packed weights that the next product will want (prefetched), or NULL */
} loci__gemm;

typedef struct loci__layer_norm {
  const float *x;
  size_t x_stride;
  const float *residual; /* or NULL */
  size_t residual_stride;
  size_t m, width;
  const float *gain, *bias; /* width */
  float epsilon;
  float *y;
  size_t y_stride;
} loci__layer_norm;

typedef struct loci__attention {
  const float *q, *k, *v;
  size_t stride; /* of q, k and v */
  size_t length, head_size;
  float scale;
  float *scratch; /* 64-byte aligned */
  float *out;
  size_t out_stride;
} loci__attention;

/* One step of word2vec and of what descends from it: input rows are told which of the output rows belong with them
 * (label 1) and which do not (label 0), by logistic loss. Rows lie anywhere, 64-byte aligned; an input may occur twice, an
 * output row only once. */
typedef struct loci__word_step {
  float *const *inputs;  /* n_inputs ≥ 1 rows */
  float *const *outputs; /* n_outputs ≥ 1 rows */
  float *const *moved;   /* where the moved outputs go: the same rows, or others that are overwritten */
  size_t n_inputs, n_outputs;
  const float *labels; /* n_outputs, 0 or 1 */
  size_t width;        /* floats of a row, a multiple of 16, the padding zero (and it stays so) */
  float rate;
  float *scratch; /* loci__word_step_scratch floats, 64-byte aligned */
} loci__word_step;

/* Outputs are taken in blocks of so many: what the vector versions hold in registers. */
enum { LOCI__WORD_BLOCK = 6 };

/* Columns of a block of vectors (sparse algebra). */
enum { LOCI__BLOCK = 32 };

/* One co-occurrence for GloVe: log_x = ln X, weight = f(X). */
typedef struct loci__glove_pair {
  uint32_t row, column;
  float log_x, weight;
} loci__glove_pair;

typedef struct loci__glove_step {
  const loci__glove_pair *pairs;
  size_t n;
  /* Word r's vector at rows + 2·r·stride, its sums of squared gradients `stride` floats behind; 64-byte aligned. What pads
   * the vector is 0 and stays 0; what pads the squares is above 0. Rows and columns are different arrays. */
  float *rows, *columns;
  float *row_biases, *column_biases; /* [2r] the bias, [2r + 1] its squares */
  size_t stride;                     /* floats, a multiple of 16 */
  float eta, clip;
} loci__glove_step;

/* Points of a plane pulled together by the edges of a graph (t-SNE's attraction). */
enum { LOCI__LANES = 16 };
typedef struct loci__pull {
  const size_t *starts;    /* of a point's edges, multiples of LOCI__LANES */
  const uint32_t *columns; /* the other end of each edge; a row is filled up with edges to itself of value 0 */
  const float *values;
  const float *xy;    /* x and y of every point */
  size_t first, last; /* the points that are asked about */
  float *out;         /* two numbers a point, from point 0 on */
} loci__pull;

/* A transform of length n = Π radices (each 2, 3, 4 or 5), twiddles pass after pass: for a pass of radix r that m·r numbers
 * are left for, e^(−2πi·p·j/(m·r)), p = 0…m − 1, j = 1…r − 1, real and imaginary part. */
typedef struct loci__fft_plan {
  size_t n, n_passes;
  unsigned char radices[32];
  const float *twiddles;
} loci__fft_plan;

typedef struct loci__kernels {
  const char *name; /* "ref", "avx2", "avx512" */

  /* ---- distance ---- any alignment, any n ≥ 0; NaN and Inf follow IEEE */
  float (*dot_f32)(const float *a, const float *b, size_t n);
  float (*l2sq_f32)(const float *a, const float *b, size_t n);
  /* out[i] = dot(query, rows + i·stride), stride in floats. */
  void (*dot_rows_f32)(const float *query, const float *rows, size_t stride, size_t n_rows, size_t dim, float *out);
  /* out[i] = Σ query[j]·codes[i·stride + j], exact in 32 bits for dim ≤ 65,536. codes in −127…127. */
  void (*dot_rows_i8)(const int8_t *query, const int8_t *codes, size_t stride, size_t n_rows, size_t dim, int32_t *out);

  /* ---- quantise ---- symmetric: codes = round-half-even(x / scale), scale = max|x| / 127 (0 for a zero row) */
  float (*quantize_i8)(const float *x, size_t n, int8_t *codes); /* returns the scale */

  /* ---- static models ---- acc[j] += weight · row[j] */
  void (*add_scaled_f32)(float weight, const float *row, size_t n, float *acc);
  void (*add_scaled_i8)(float weight, const int8_t *row, size_t n, float *acc);

  /* ---- the encoder's ---- fp32; strides in floats
   * Buffers that these functions write hold whole panels: a width is rounded up to gemm_panel (loci__panels), and what
   * lies between the width and there is zero when the packed weights and biases there are, as loci__gemm_pack sees to. */
  size_t gemm_panel; /* columns of a panel of packed weights: 16 or 32 */

  /* y[m × n] = activation(x[m × k] · W + bias). W packed by loci__gemm_pack, n a multiple of gemm_panel, bias n floats.
   * Every element is summed over k in ascending order in one accumulator, whatever m is and wherever its row stands. */
  void (*gemm_f32)(const loci__gemm *gemm);

  /* y = LayerNorm(x + residual)·gain + bias, row by row over `width`; residual NULL = none. y may be x or residual.
   * Mean and variance in two passes (Σ(x−mean)²/width), each in a fixed order. */
  void (*layer_norm_f32)(const loci__layer_norm *norm);

  /* One head of one sequence: out = softmax(q·kᵀ·scale)·v over `length` rows of head_size floats; head_size a multiple
   * of gemm_panel (pad with zeros). scratch: loci__attention_scratch floats. */
  void (*attention_f32)(const loci__attention *attention);
  size_t attention_rows; /* score rows that are in work at a time: what loci__attention_scratch needs to know */

  /* y[i] = f(x[i]), f of loci__kernel_activation: |error| ≤ 1.2e-7·max(1, |x|); −Inf gives −0 (GELU's limit). */
  void (*activate_f32)(int activation, const float *x, size_t n, float *y);
  /* out[i] = exp((x[i] − x_max)·scale), 0 where that is subnormal; returns the sum. */
  float (*exp_sum_f32)(const float *x, size_t n, float x_max, float scale, float *out);

  /* ---- word vectors ---- gradients g = rate·(label − σ(input · output)), all from the rows as they were; they are left
   * at the start of scratch, a number for each pair, in no promised order.
   * skipgram: every input against every output; moved = output + Σ g·input, input += Σ g·output (the inputs that later blocks
   * of outputs see have moved by the blocks before).
   * cbow: the mean h of the inputs against every output; moved = output + g·h, every input += Σ g·output. */
  void (*skipgram_f32)(const loci__word_step *step);
  void (*cbow_f32)(const loci__word_step *step);
  /* row += weight · Σ (copy − row) over n copies, in their order; width and alignment as in a step. */
  void (*add_moves_f32)(float *row, const float *const *copies, size_t n, float weight, size_t width);
  /* ---- training on picked rows ---- row i is the `dim` floats at base + rows[i]·stride; any alignment
   * out[i] = dot(x, row i); its bits depend on the two rows only. */
  void (*dot_picked_f32)(const float *x, const float *base, size_t stride, const uint32_t *rows, size_t n_rows,
                         size_t dim, float *out);
  /* acc[j] += Σ weights[i] · row i[j], i ascending; weights NULL = all 1. acc is none of the rows. */
  void (*add_picked_f32)(float *acc, const float *base, size_t stride, const uint32_t *rows, const float *weights,
                         size_t n_rows, size_t dim);
  /* y[i] = 1 / (1 + exp(−x[i])), relative error ≤ 4e-7·max(1, |x|) down to x = −87; below it is under 2e-38. */
  void (*logistic_f32)(const float *x, size_t n, float *y);
  /* ---- sparse algebra ---- blocks: LOCI__BLOCK columns, row-major, doubles, any alignment; each element is summed in
   * ascending order of what is summed over, by FMA where the instruction set has it */

  /* Rows [0, n_rows) of y = A·x, A in compressed sparse rows: row i has columns and values [starts[i], starts[i + 1]). */
  void (*block_sparse_f64)(const size_t *starts, const uint32_t *columns, const float *values, size_t n_rows,
                           const double *x, double *y);
  /* The same in single precision: half the bytes. */
  void (*block_sparse_f32)(const size_t *starts, const uint32_t *columns, const float *values, size_t n_rows,
                           const float *x, float *y);
  void (*block_inner_f64)(const double *x, const double *y, size_t n_rows, double *c);  /* c += xᵀ·y, 32 × 32 */
  void (*block_update_f64)(const double *x, const double *c, size_t n_rows, double *y); /* y −= x·c */

  /* ---- GloVe (Pennington et al. 2014, eq. 8, with AdaGrad) ---- the pairs one after the other:
   * e = w·c + b_w + b_c − log_x, g = weight·e; both vectors: t = eta·clipped(g·other), x −= t / √squares, squares += t²,
   * all from the rows as they were; biases: b −= g / √squares, squares += g². 1/√ within 1e-4. A pair whose e is not
   * finite is left out. Returns Σ ½·weight·e². clip counts only where |g| is above clip / 64: vectors stay far below 64. */
  double (*glove_f32)(const loci__glove_step *step);

  /* ---- maps ---- */

  /* out[i] = Σ value / (1 + d²) · (point i − point j) over i's edges, d their distance. */
  void (*pull_f32)(const loci__pull *pull);
  /* The discrete Fourier transform of LOCI__LANES sequences side by side: element e is 16 real parts, then 16 imaginary
   * parts, at x + 32·e. x and work: n elements each, both are used; answers which of them holds the result. The
   * inverse (times n) is the same with the parts exchanged before and after. */
  float *(*fft_f32)(const loci__fft_plan *plan, float *x, float *work);
} loci__kernels;

/* The context's table; never NULL for a context that was made. */
const loci__kernels *loci__kernels_of(loci_context *context);

/* The table of one instruction set by name, whatever the context says; NULL when this build or this machine has not got
 * it. For tests and bench. loci__kernels_name: names in ascending order of preference, NULL past the end. */
const loci__kernels *loci__kernels_named(const char *name);
const char *loci__kernels_name(size_t i);

/* ---- matrix product: packing (gemm.c) ---- */

/* width rounded up to whole panels. */
size_t loci__panels(const loci__kernels *kernels, size_t width);

/* Rows [row, row + n_rows) of W[·, k] (row-major, stride floats a row) become columns [column, column + n_rows) of the
 * packed matrix of depth packed_k; input j of W goes to depth position[j] (NULL: j). Columns and depths never packed
 * stay as they are: start from zeros. The packed matrix has loci__panels(n) × packed_k floats: panel after panel, each
 * packed_k rows of gemm_panel columns. */
void loci__gemm_pack(const loci__kernels *kernels, const float *w, size_t stride, size_t n_rows, size_t k,
                     const size_t *position, size_t column, size_t packed_k, float *packed);

/* Floats of scratch that attention_f32 needs for sequences of up to `length`. */
size_t loci__attention_scratch(const loci__kernels *kernels, size_t length, size_t head_size);

/* Floats of scratch for steps of up to so many inputs and outputs; 0 on overflow. */
size_t loci__word_step_scratch(size_t n_inputs, size_t n_outputs, size_t width);

#endif
