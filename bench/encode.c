/* bench/encode.c: the encoder's rate at equal lengths and the time of one short query, one thread.
 *
 * usage: encode [--isa NAME] [--json] [--seconds S] [--batch TOKENS] [--lengths 16,64,…] [--shape minilm|base] [--own-time]
 *
 * Weights are random (the rate does not depend on them) in the shape of all-MiniLM-L6-v2 or BERT-base. The share is of
 * the fp32 multiply rate that a micro-kernel reaches here, in the same vector width, with its weights in the second-level cache, measured in the
 * same run (bench/peak measures it too). Operations counted: 2 for each multiply-add of the linear layers and of
 * attention; none for the rest, which costs time all the same.
 */
#include "bench.h"
#include "multiply.h"

#include "base/base.h"
#include "kernel/kernel.h"
#include "model/encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct work {
  const loci__encoder *encoder;
  loci__encoder_session *session;
  int32_t *ids;
  size_t *starts;
  size_t n, length;
} work;

static double run(void *arg) {
  work *w = arg;
  loci__encoder_hidden hidden;
  loci_error error;
  if (loci__encoder_run(w->encoder, w->session, w->ids, NULL, w->starts, w->n, &hidden, NULL, NULL, &error) !=
      LOCI_OK) {
    fprintf(stderr, "encode: %s\n", error.message);
    exit(1);
  }
  return (double)(w->n * w->length);
}

static float *random_floats(loci__random *random, size_t n, float deviation, float mean) {
  float *x = malloc(n * sizeof *x);
  if (x == NULL) exit(1);
  /* a sum of 4 uniform numbers: near enough to a normal one, and quick */
  for (size_t i = 0; i < n; i++) {
    uint64_t bits = loci__random_next(random);
    int sum = 0;
    for (int j = 0; j < 4; j++) sum += (int)(bits >> 16 * j & 0xffff);
    x[i] = mean + deviation * ((float)sum - 131070.0f) / 37837.0f;
  }
  return x;
}

int main(int argc, char **argv) {
  bool json = bench_flag(argc, argv, "--json");
  if (bench_flag(argc, argv, "--own-time")) bench_own_time();
  double seconds = atof(bench_option(argc, argv, "--seconds", "1"));
  size_t batch = (size_t)atol(bench_option(argc, argv, "--batch", "256"));
  bool base = strcmp(bench_option(argc, argv, "--shape", "minilm"), "base") == 0;
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = 1;
  options.isa = bench_option(argc, argv, "--isa", NULL);
  loci_context *context;
  loci_error error;
  if (loci_context_new(&options, &context, &error) != LOCI_OK) {
    fprintf(stderr, "encode: %s\n", error.message);
    return 1;
  }
  loci__encoder_config config = {.hidden_size = base ? 768 : 384,
                                 .n_layers = base ? 12 : 6,
                                 .n_heads = 12,
                                 .intermediate_size = base ? 3072 : 1536,
                                 .vocab_size = 30522,
                                 .max_positions = 512,
                                 .type_vocab_size = 2,
                                 .layer_norm_eps = 1e-12f};
  size_t h = config.hidden_size, m = config.intermediate_size;
  loci__random random;
  loci__random_init(&random, 1);
  loci__encoder_layer_weights *layers = calloc(config.n_layers, sizeof *layers);
  for (size_t i = 0; i < config.n_layers; i++) {
    const float *square = random_floats(&random, 4 * h * h, 0.04f, 0), *bias = random_floats(&random, m, 0.04f, 0);
    const float *gain = random_floats(&random, h, 0.1f, 1);
    layers[i] = (loci__encoder_layer_weights){square,
                                              bias,
                                              square + h * h,
                                              bias,
                                              square + 2 * h * h,
                                              bias,
                                              square + 3 * h * h,
                                              bias,
                                              gain,
                                              bias,
                                              random_floats(&random, h * m, 0.04f, 0),
                                              bias,
                                              random_floats(&random, h * m, 0.04f, 0),
                                              bias,
                                              gain,
                                              bias};
  }
  const float *gain = random_floats(&random, h, 0.1f, 1), *bias = random_floats(&random, h, 0.1f, 0);
  loci__encoder_weights weights = {random_floats(&random, config.vocab_size * h, 0.04f, 0),
                                   random_floats(&random, config.max_positions * h, 0.04f, 0),
                                   random_floats(&random, config.type_vocab_size * h, 0.04f, 0),
                                   gain,
                                   bias,
                                   layers};
  loci__encoder *encoder;
  double began = bench_now();
  if (loci__encoder_new(context, &config, &weights, &encoder, &error) != LOCI_OK) {
    fprintf(stderr, "encode: %s\n", error.message);
    return 1;
  }
  double packed = bench_now() - began;

  bench_table table;
  char title[160], name[96];
  snprintf(title, sizeof title, "encoder fp32, %s shape, %s, 1 thread, %zu tokens a run",
           base ? "BERT-base" : "MiniLM-L6", loci_context_isa(context), batch);
  bench_begin(&table, title, json);
  const bench_multiply *multiply = bench_multiply_fp32(strcmp(loci_context_isa(context), "avx512") == 0 ? 512 : 256);
  bench_figure peak = {NAN, NAN, NAN};
  if (multiply != NULL) peak = bench_rate(bench_multiply_l2, (void *)(uintptr_t)multiply, 20, 0.5);
  bench_row(&table, "fp32 multiply rate, weights in L2",
            (bench_figure){peak.median / 1e9, peak.least / 1e9, peak.greatest / 1e9}, "GFLOP/s", NAN, "", NAN, "");
  double per_token = 2.0 * (double)config.n_layers * (4.0 * (double)(h * h) + 2.0 * (double)(h * m));
  const char *list = bench_option(argc, argv, "--lengths", "16,32,64,128,256,512");
  while (*list) {
    char *end;
    size_t length = (size_t)strtoul(list, &end, 10);
    if (end == list || length == 0 || length > config.max_positions) break;
    list = *end == ',' ? end + 1 : end;
    size_t n = batch / length ? batch / length : 1;
    work w = {encoder, NULL, malloc(n * length * sizeof(int32_t)), malloc((n + 1) * sizeof(size_t)), n, length};
    for (size_t i = 0; i < n * length; i++) w.ids[i] = (int32_t)(1000 + loci__random_below(&random, 28000));
    for (size_t i = 0; i <= n; i++) w.starts[i] = i * length;
    if (loci__encoder_session_new(encoder, n * length, &w.session, &error) != LOCI_OK) return 1;
    bench_figure figure = bench_rate(run, &w, 5, seconds);
    double operations = per_token + 4.0 * (double)(config.n_layers * h * length);
    snprintf(name, sizeof name, "length %zu, %zu sequences a run", length, n);
    bench_row(&table, name, figure, "tokens/s", figure.median * operations / peak.median, "the L2-fed rate", NAN, "");
    loci__encoder_session_free(w.session);
    free(w.ids), free(w.starts);
  }
  int32_t ids[16];
  size_t starts[2] = {0, 16};
  for (size_t i = 0; i < 16; i++) ids[i] = (int32_t)(1000 + loci__random_below(&random, 28000));
  work query = {encoder, NULL, ids, starts, 1, 16};
  if (loci__encoder_session_new(encoder, 16, &query.session, &error) != LOCI_OK) return 1;
  bench_figure figure = bench_rate(run, &query, 50, seconds);
  bench_row(&table, "one query of 16 tokens",
            (bench_figure){16e3 / figure.median, 16e3 / figure.greatest, 16e3 / figure.least}, "ms", NAN, "", NAN, "");
  bench_row(&table, "packing the weights", (bench_figure){1e3 * packed, 1e3 * packed, 1e3 * packed}, "ms", NAN, "", NAN,
            "");
  bench_end(&table);
  loci__encoder_session_free(query.session);
  loci__encoder_free(encoder);
  loci_context_free(context);
  return 0;
}
