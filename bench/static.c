/* bench/static.c: sentences a second through a static model, one thread: the whole of loci_embed (tokenize, add int8 rows,
 * normalise), and its parts.
 *
 * usage: static [--model FOLDER|NAME] [--sentences FILE] [--isa NAME] [--threads N] [--seconds S] [--json] [--write DIR]
 *
 * Without --model: the built-in one in $LOCI_MODEL_PATH; else a random one of its shape (256 numbers, int8, a weight a
 * token) over the tokenizer of $LOCI_TEST_MODELS/minilm, since the rate does not depend on the values. --write keeps that one in DIR,
 * for bench/peers/static.py. Sentences: by default both columns of STS-B train and dev in $LOCI_DATA.
 */
#include "bench.h"

#include "base/file.h"
#include "loci/model.h"
#include "model/model.h"
#include "text/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static loci_error error;

static void need(loci_status status) {
  if (status == LOCI_OK) return;
  fprintf(stderr, "static: %s\n", error.message);
  exit(1);
}

typedef struct work {
  const loci_model *model;
  const loci_text *texts;
  size_t n;
  float *vectors;
  loci__ids ids;
  const int32_t *all_ids;
  const size_t *starts;
} work;

static double embed(void *arg) {
  work *w = arg;
  need(loci_embed(w->model, w->texts, w->n, NULL, w->vectors, NULL, &error));
  return (double)w->n;
}

static double tokenize(void *arg) {
  work *w = arg;
  for (size_t i = 0; i < w->n; i++)
    need(loci__tokenizer_ids(loci_model_tokenizer(w->model), w->texts[i].data, w->texts[i].length, false, SIZE_MAX,
                             &w->ids, NULL, &error));
  return (double)w->n;
}

static double sum(void *arg) {
  work *w = arg;
  for (size_t i = 0; i < w->n; i++)
    loci__static_mean(w->model->context, &w->model->table, w->all_ids + w->starts[i], w->starts[i + 1] - w->starts[i],
                      w->vectors + i * w->model->dim);
  return (double)w->n;
}

/* Columns 6 and 7 of STS-B's files; of any other file each line. Pointers into text. */
static size_t split(char *text, bool stsb, loci_text *out, size_t most) {
  size_t n = 0;
  for (char *line = text; *line != '\0' && n + 2 <= most;) {
    char *end = strchr(line, '\n');
    if (end == NULL) end = line + strlen(line);
    char *from = line;
    for (int tabs = 0; stsb && tabs < 5 && from != NULL; tabs++) {
      from = memchr(from, '\t', (size_t)(end - from));
      if (from != NULL) from++;
    }
    char *tab = stsb && from != NULL ? memchr(from, '\t', (size_t)(end - from)) : NULL;
    if (!stsb && end > from) out[n++] = (loci_text){from, (size_t)(end - from)};
    if (tab != NULL) {
      char *stop = memchr(tab + 1, '\t', (size_t)(end - tab - 1));
      out[n++] = (loci_text){from, (size_t)(tab - from)};
      out[n++] = (loci_text){tab + 1, (size_t)((stop != NULL ? stop : end) - tab - 1)};
    }
    line = *end == '\0' ? end : end + 1;
  }
  return n;
}

/* A model of the built-in one's shape over MiniLM's tokenizer. */
static void make_model(loci_context *context, const char *folder) {
  const char *models = getenv("LOCI_TEST_MODELS");
  char path[4096];
  snprintf(path, sizeof path, "%s/minilm/tokenizer.json", models != NULL ? models : ".");
  char *text;
  size_t length;
  enum { N = 30522, DIM = 256 };
  need(loci__file_read(context, path, 64 << 20, &text, &length, &error));
  loci__random random;
  loci__random_init(&random, 1);
  int8_t *codes = malloc((size_t)N * DIM);
  float *weights = malloc(N * sizeof *weights);
  if (codes == NULL || weights == NULL) exit(1);
  for (size_t i = 0; i < (size_t)N * DIM; i++) codes[i] = (int8_t)(loci__random_below(&random, 255) - 127);
  for (size_t i = 0; i < N; i++) weights[i] = (float)(0.01 + loci__random_unit(&random));
  const loci__static_out out = {.n_rows = N,
                                .dim = DIM,
                                .codes = codes,
                                .weights = weights,
                                .normalize = true,
                                .tokenizer_json = text,
                                .tokenizer_length = length};
  need(loci__static_write(context, folder, &out, &error));
  free(codes), free(weights);
  loci__free(context, text);
}

int main(int argc, char **argv) {
  const bool json = bench_flag(argc, argv, "--json");
  const double seconds = atof(bench_option(argc, argv, "--seconds", "2"));
  const char *name = bench_option(argc, argv, "--model", NULL);
  const char *file = bench_option(argc, argv, "--sentences", NULL);
  const char *write = bench_option(argc, argv, "--write", NULL);
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = atoi(bench_option(argc, argv, "--threads", "1"));
  options.isa = bench_option(argc, argv, "--isa", NULL);
  options.model_path = getenv("LOCI_MODEL_PATH");
  loci_context *context;
  need(loci_context_new(&options, &context, &error));
  loci_model *model;
  char temporary[] = "/tmp/loci-bench-XXXXXX";
  if (name != NULL || loci_model_open(context, NULL, &model, &error) != LOCI_OK) {
    if (name == NULL) {
      if (write == NULL && mkdtemp(temporary) == NULL) return 1;
      name = write != NULL ? write : temporary;
      make_model(context, name);
    }
    const double began = bench_now();
    need(loci_model_open(context, name, &model, &error));
    if (!json) printf("opened %s in %.1f ms\n", name, 1e3 * (bench_now() - began));
  }
  if (name == temporary) {
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", temporary);
    if (system(command) != 0) return 1;
  }

  enum { MOST = 1 << 20 };
  loci_text *texts = malloc(MOST * sizeof *texts);
  size_t n = 0, bytes = 0;
  const char *data = getenv("LOCI_DATA");
  const char *parts[2] = {"sts-train.csv", "sts-dev.csv"};
  for (int i = 0; i < (file != NULL ? 1 : 2); i++) {
    char path[4096], *text;
    size_t length;
    if (file != NULL) snprintf(path, sizeof path, "%s", file);
    else snprintf(path, sizeof path, "%s/sentences/stsb/%s", data != NULL ? data : ".", parts[i]);
    need(loci__file_read(context, path, 1 << 30, &text, &length, &error)); /* kept: the texts lie in it */
    n += split(text, file == NULL, texts + n, MOST - n);
  }
  work w = {.model = model, .texts = texts, .n = n, .vectors = malloc(n * model->dim * sizeof(float))};
  size_t *starts = malloc((n + 1) * sizeof *starts), tokens = 0;
  int32_t *ids = NULL;
  size_t capacity = 0;
  for (size_t i = 0; i < n; i++) {
    starts[i] = tokens;
    bytes += texts[i].length;
    need(loci__tokenizer_ids(loci_model_tokenizer(model), texts[i].data, texts[i].length, false, SIZE_MAX, &w.ids, NULL,
                             &error));
    if (!loci__grow(NULL, &ids, &capacity, tokens + w.ids.n + 1, sizeof *ids)) return 1;
    memcpy(ids + tokens, w.ids.items, w.ids.n * sizeof *ids);
    tokens += w.ids.n;
  }
  starts[n] = tokens;
  w.all_ids = ids;
  w.starts = starts;

  bench_table table;
  char title[200];
  snprintf(title, sizeof title,
           "static model, %zu numbers, %s, %d thread(s); %zu sentences, mean %.1f bytes, %.1f tokens", model->dim,
           loci_context_isa(context), loci_context_threads(context), n, (double)bytes / (double)n,
           (double)tokens / (double)n);
  bench_begin(&table, title, json);
  bench_row(&table, "loci_embed", bench_rate(embed, &w, 5, seconds), "sentences/s", NAN, "", NAN, "");
  bench_row(&table, "  tokenizing alone", bench_rate(tokenize, &w, 5, seconds), "sentences/s", NAN, "", NAN, "");
  if (model->kind == LOCI__MODEL_STATIC)
    bench_row(&table, "  adding rows alone", bench_rate(sum, &w, 5, seconds), "sentences/s", NAN, "", NAN, "");
  bench_end(&table);
  loci__ids_release(&w.ids);
  loci_model_close(model);
  return 0;
}
