/* kernel/simd/block_kernels.h: products of a sparse matrix and of tall blocks (n × 32), written once over the vector
 * types vd and vf. Included, after its vector.h, by one file of each instruction set; everything here is static there.
 *
 * A block's row is 256 bytes: four cache lines, enough that a sparse matrix's scattered reads run at the cache's rate, and
 * few enough that a block Krylov space of some hundred columns still has a high degree. Dense products keep tiles of
 * 4 × VD_VECS vectors in registers. An element is summed in ascending order; a sparse row of VD_SETS = 2 sums its even and
 * odd entries apart.
 */
#ifndef LOCI_KERNEL_SIMD_BLOCK_KERNELS_H
#define LOCI_KERNEL_SIMD_BLOCK_KERNELS_H

#include "../kernel.h"
#include "unroll.h"

#define VD_INLINE static inline __attribute__((always_inline))

enum {
  VD_ROW = LOCI__BLOCK / VD_WIDTH, /* vectors of a block's row */
  VD_TILE = VD_VECS * VD_WIDTH,    /* columns of a tile */
  VD_AHEAD = 12,                   /* entries of a sparse row between prefetch and use */
  VF_AHEAD = 16
};

VD_INLINE void vd_entry(const double *x, uint32_t column, float value, vd acc[VD_ROW]) {
  const double *row = x + (size_t)column * LOCI__BLOCK;
  vd factor = vd_set1((double)value);
  VF_UNROLL
  for (size_t j = 0; j < VD_ROW; j++) acc[j] = vd_fma(factor, vd_load(row + j * VD_WIDTH), acc[j]);
}

static void vd_block_sparse_f64(const size_t *starts, const uint32_t *columns, const float *values, size_t n_rows,
                                const double *x, double *y) {
  const size_t end = starts[n_rows];
  for (size_t i = 0; i < n_rows; i++) {
    vd acc[VD_SETS][VD_ROW];
    VF_UNROLL
    for (size_t s = 0; s < VD_SETS; s++) {
      VF_UNROLL
      for (size_t j = 0; j < VD_ROW; j++) acc[s][j] = vd_zero();
    }
    size_t p = starts[i];
    const size_t stop = starts[i + 1];
    for (; p + VD_SETS <= stop; p += VD_SETS) {
      VF_UNROLL
      for (size_t s = 0; s < VD_SETS; s++) {
        const size_t ahead = p + s + VD_AHEAD < end ? p + s + VD_AHEAD : p;
        const char *line = (const char *)(x + (size_t)columns[ahead] * LOCI__BLOCK);
        VF_UNROLL
        for (size_t l = 0; l < LOCI__BLOCK * sizeof(double) / 64; l++) __builtin_prefetch(line + 64 * l);
        vd_entry(x, columns[p + s], values[p + s], acc[s]);
      }
    }
    if (p < stop) vd_entry(x, columns[p], values[p], acc[0]);
    VF_UNROLL
    for (size_t j = 0; j < VD_ROW; j++) {
      vd sum = acc[0][j];
      VF_UNROLL
      for (size_t s = 1; s < VD_SETS; s++) sum = vd_add(sum, acc[s][j]);
      vd_store(y + i * LOCI__BLOCK + j * VD_WIDTH, sum);
    }
  }
}

/* Four sets of accumulators for 2 vectors a row, two for 4: entry e goes to set e mod VF_SETS. */
enum { VF_BLOCK_ROW = LOCI__BLOCK / VF_WIDTH, VF_SETS = VF_BLOCK_ROW > 2 ? 2 : 4 };

VD_INLINE void vf_entry(const float *x, uint32_t column, float value, vf acc[VF_BLOCK_ROW]) {
  const float *row = x + (size_t)column * LOCI__BLOCK;
  vf factor = vf_set1(value);
  VF_UNROLL
  for (size_t j = 0; j < VF_BLOCK_ROW; j++) acc[j] = vf_fma(factor, vf_load(row + j * VF_WIDTH), acc[j]);
}

static void vf_block_sparse_f32(const size_t *starts, const uint32_t *columns, const float *values, size_t n_rows,
                                const float *x, float *y) {
  const size_t end = starts[n_rows];
  for (size_t i = 0; i < n_rows; i++) {
    vf acc[VF_SETS][VF_BLOCK_ROW];
    VF_UNROLL
    for (size_t s = 0; s < VF_SETS; s++) {
      VF_UNROLL
      for (size_t j = 0; j < VF_BLOCK_ROW; j++) acc[s][j] = vf_zero();
    }
    size_t p = starts[i];
    const size_t stop = starts[i + 1];
    for (; p + VF_SETS <= stop; p += VF_SETS) {
      VF_UNROLL
      for (size_t s = 0; s < VF_SETS; s++) {
        const size_t ahead = p + s + VF_AHEAD < end ? p + s + VF_AHEAD : p;
        const char *line = (const char *)(x + (size_t)columns[ahead] * LOCI__BLOCK);
        __builtin_prefetch(line);
        __builtin_prefetch(line + 64);
        vf_entry(x, columns[p + s], values[p + s], acc[s]);
      }
    }
    for (; p < stop; p++) vf_entry(x, columns[p], values[p], acc[0]);
    VF_UNROLL
    for (size_t j = 0; j < VF_BLOCK_ROW; j++) {
      vf sum = acc[0][j];
      VF_UNROLL
      for (size_t s = 1; s < VF_SETS; s++) sum = vf_add(sum, acc[s][j]);
      vf_store(y + i * LOCI__BLOCK + j * VF_WIDTH, sum);
    }
  }
}

static void vd_block_inner_f64(const double *x, const double *y, size_t n_rows, double *c) {
  for (size_t i = 0; i < LOCI__BLOCK; i += 4) {
    for (size_t j = 0; j < LOCI__BLOCK; j += VD_TILE) {
      vd acc[4][VD_VECS];
      double *into = c + i * LOCI__BLOCK + j;
      VF_UNROLL
      for (size_t a = 0; a < 4; a++) {
        VF_UNROLL
        for (size_t v = 0; v < VD_VECS; v++) acc[a][v] = vd_load(into + a * LOCI__BLOCK + v * VD_WIDTH);
      }
      const double *left = x + i, *right = y + j;
      for (size_t r = 0; r < n_rows; r++, left += LOCI__BLOCK, right += LOCI__BLOCK) {
        vd b[VD_VECS];
        VF_UNROLL
        for (size_t v = 0; v < VD_VECS; v++) b[v] = vd_load(right + v * VD_WIDTH);
        VF_UNROLL
        for (size_t a = 0; a < 4; a++) {
          vd factor = vd_set1(left[a]);
          VF_UNROLL
          for (size_t v = 0; v < VD_VECS; v++) acc[a][v] = vd_fma(factor, b[v], acc[a][v]);
        }
      }
      VF_UNROLL
      for (size_t a = 0; a < 4; a++) {
        VF_UNROLL
        for (size_t v = 0; v < VD_VECS; v++) vd_store(into + a * LOCI__BLOCK + v * VD_WIDTH, acc[a][v]);
      }
    }
  }
}

/* rows: a constant where this is inlined. */
VD_INLINE void vd_update_tile(const size_t rows, const double *x, const double *c, double *y) {
  vd acc[4][VD_VECS];
  VF_UNROLL
  for (size_t a = 0; a < rows; a++) {
    VF_UNROLL
    for (size_t v = 0; v < VD_VECS; v++) acc[a][v] = vd_load(y + a * LOCI__BLOCK + v * VD_WIDTH);
  }
  for (size_t k = 0; k < LOCI__BLOCK; k++) {
    vd b[VD_VECS];
    VF_UNROLL
    for (size_t v = 0; v < VD_VECS; v++) b[v] = vd_load(c + k * LOCI__BLOCK + v * VD_WIDTH);
    VF_UNROLL
    for (size_t a = 0; a < rows; a++) {
      vd factor = vd_set1(x[a * LOCI__BLOCK + k]);
      VF_UNROLL
      for (size_t v = 0; v < VD_VECS; v++) acc[a][v] = vd_fnma(factor, b[v], acc[a][v]);
    }
  }
  VF_UNROLL
  for (size_t a = 0; a < rows; a++) {
    VF_UNROLL
    for (size_t v = 0; v < VD_VECS; v++) vd_store(y + a * LOCI__BLOCK + v * VD_WIDTH, acc[a][v]);
  }
}

static void vd_block_update_f64(const double *x, const double *c, size_t n_rows, double *y) {
  size_t r = 0;
  for (; r + 4 <= n_rows; r += 4) {
    for (size_t j = 0; j < LOCI__BLOCK; j += VD_TILE) {
      vd_update_tile(4, x + r * LOCI__BLOCK, c + j, y + r * LOCI__BLOCK + j);
    }
  }
  for (; r < n_rows; r++) {
    for (size_t j = 0; j < LOCI__BLOCK; j += VD_TILE) {
      vd_update_tile(1, x + r * LOCI__BLOCK, c + j, y + r * LOCI__BLOCK + j);
    }
  }
}

#endif
