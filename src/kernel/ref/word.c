/* kernel/ref/word.c: the steps of word2vec in plain C: the oracle of the vector versions, and the path of machines
 * without them. Scores are summed in double, σ comes from libm; rows move in blocks of outputs, as kernel.h says.
 */
#include "ref.h"

#include <math.h>

size_t loci__word_step_scratch(size_t n_inputs, size_t n_outputs, size_t width) {
  /* Gradients of all pairs, a vector's slack, and for cbow the mean and the change of the inputs. */
  return (n_inputs * n_outputs + 15) / 16 * 16 + 64 + 2 * width;
}

static float gradient(double score, float label, float rate) {
  return (float)((double)rate * ((double)label - 1.0 / (1.0 + exp(-score))));
}

static double dot(const float *a, const float *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

void loci__ref_skipgram_f32(const loci__word_step *step) {
  size_t m = step->n_inputs, n = step->n_outputs;
  float *g = step->scratch;
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j < n; j++) {
      g[i * n + j] = gradient(dot(step->inputs[i], step->outputs[j], step->width), step->labels[j], step->rate);
    }
  }
  for (size_t begin = 0; begin < n; begin += LOCI__WORD_BLOCK) {
    size_t end = least(begin + LOCI__WORD_BLOCK, n);
    for (size_t k = 0; k < step->width; k++) {
      float before[LOCI__WORD_BLOCK];
      for (size_t j = begin; j < end; j++) before[j - begin] = step->moved[j][k] = step->outputs[j][k];
      for (size_t i = 0; i < m; i++) {
        float x = step->inputs[i][k];
        for (size_t j = begin; j < end; j++) {
          step->inputs[i][k] += g[i * n + j] * before[j - begin];
          step->moved[j][k] += g[i * n + j] * x;
        }
      }
    }
  }
}

void loci__ref_cbow_f32(const loci__word_step *step) {
  size_t m = step->n_inputs, n = step->n_outputs, width = step->width;
  float *g = step->scratch, *mean = g + (n + 15) / 16 * 16 + 64, *change = mean + width;
  for (size_t k = 0; k < width; k++) {
    float sum = 0;
    for (size_t i = 0; i < m; i++) sum += step->inputs[i][k];
    mean[k] = sum / (float)m;
    change[k] = 0;
  }
  for (size_t j = 0; j < n; j++) g[j] = gradient(dot(mean, step->outputs[j], width), step->labels[j], step->rate);
  for (size_t j = 0; j < n; j++) {
    for (size_t k = 0; k < width; k++) {
      change[k] += g[j] * step->outputs[j][k];
      step->moved[j][k] = step->outputs[j][k] + g[j] * mean[k];
    }
  }
  for (size_t i = 0; i < m; i++) {
    for (size_t k = 0; k < width; k++) step->inputs[i][k] += change[k];
  }
}

void loci__ref_add_moves_f32(float *row, const float *const *copies, size_t n, float weight, size_t width) {
  for (size_t k = 0; k < width; k++) {
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += copies[i][k] - row[k];
    row[k] += weight * sum;
  }
}
