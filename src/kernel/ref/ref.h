/* kernel/ref/ref.h: the plain C kernels, one declaration each; see kernel.h for what they compute. */
#ifndef LOCI_KERNEL_REF_REF_H
#define LOCI_KERNEL_REF_REF_H

#include "../kernel.h"

enum { LOCI__REF_PANEL = 16 };

float loci__ref_dot_f32(const float *a, const float *b, size_t n);
float loci__ref_l2sq_f32(const float *a, const float *b, size_t n);
void loci__ref_dot_rows_f32(const float *query, const float *rows, size_t stride, size_t n_rows, size_t dim,
                            float *out);
void loci__ref_dot_rows_i8(const int8_t *query, const int8_t *codes, size_t stride, size_t n_rows, size_t dim,
                           int32_t *out);
float loci__ref_quantize_i8(const float *x, size_t n, int8_t *codes);
void loci__ref_add_scaled_f32(float weight, const float *row, size_t n, float *acc);
void loci__ref_add_scaled_i8(float weight, const int8_t *row, size_t n, float *acc);

void loci__ref_dot_picked_f32(const float *x, const float *base, size_t stride, const uint32_t *rows, size_t n_rows,
                              size_t dim, float *out);
void loci__ref_add_picked_f32(float *acc, const float *base, size_t stride, const uint32_t *rows, const float *weights,
                              size_t n_rows, size_t dim);
void loci__ref_logistic_f32(const float *x, size_t n, float *y);

void loci__ref_gemm_f32(const loci__gemm *gemm);
void loci__ref_layer_norm_f32(const loci__layer_norm *norm);
void loci__ref_attention_f32(const loci__attention *attention);
void loci__ref_activate_f32(int activation, const float *x, size_t n, float *y);
float loci__ref_exp_sum_f32(const float *x, size_t n, float x_max, float scale, float *out);

void loci__ref_skipgram_f32(const loci__word_step *step);
void loci__ref_cbow_f32(const loci__word_step *step);
void loci__ref_add_moves_f32(float *row, const float *const *copies, size_t n, float weight, size_t width);
void loci__ref_block_sparse_f64(const size_t *starts, const uint32_t *columns, const float *values, size_t n_rows,
                                const double *x, double *y);
void loci__ref_block_sparse_f32(const size_t *starts, const uint32_t *columns, const float *values, size_t n_rows,
                                const float *x, float *y);
void loci__ref_block_inner_f64(const double *x, const double *y, size_t n_rows, double *c);
void loci__ref_block_update_f64(const double *x, const double *c, size_t n_rows, double *y);
double loci__ref_glove_f32(const loci__glove_step *step);
void loci__ref_pull_f32(const loci__pull *pull);
float *loci__ref_fft_f32(const loci__fft_plan *plan, float *x, float *work);

#endif
