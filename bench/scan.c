/* bench/scan.c: the flat scan against the memory that it has to read.
 *
 *   bench-scan [--rows 1000000] [--dim 384] [--seconds 3] [--folder /tmp] [--threads N] [--own-time] [--json]
 *
 * In one run: the bandwidth of a plain sum over 1 GiB (eight sums of 32 bytes), then the scan of the rows as float32 in
 * memory (index's exact scan) and as int8 codes in a segment file that is mapped (what a search does), each with one
 * thread and with all. The scan's bytes are rows × stride, and its share is of the sum's rate with as many threads.
 * The file is made first and is in the page cache; the segment's checksums are verified in the warm-up run.
 */
#include "bench.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "index/index.h"
#include "loci/core.h"

enum { SUM_BYTES = 1 << 30, SUM_BLOCK = 1 << 20 };

static void *memory(size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) {
    fprintf(stderr, "bench-scan: no memory for %zu bytes\n", size);
    exit(1);
  }
  madvise(p, size, MADV_HUGEPAGE);
  return p;
}

typedef struct sum_job {
  loci_context *context;
  const uint64_t *data;
  uint64_t sums[SUM_BYTES / SUM_BLOCK];
} sum_job;

#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2"))) /* every machine that has a fast kernel */
#else
#define WIDE
#endif

WIDE static loci_status sum_block(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  typedef uint64_t half_line __attribute__((vector_size(32)));
  sum_job *job = arg;
  const half_line *p = (const half_line *)(const void *)(job->data + task * (SUM_BLOCK / 8));
  half_line a = {0}, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (size_t i = 0; i < SUM_BLOCK / 32; i += 8) {
    a += p[i], b += p[i + 1], c += p[i + 2], d += p[i + 3];
    e += p[i + 4], f += p[i + 5], g += p[i + 6], h += p[i + 7];
  }
  a += b + c + d + e + f + g + h;
  job->sums[task] = a[0] + a[1] + a[2] + a[3];
  return LOCI_OK;
}

static double sum(void *arg) {
  sum_job *job = arg;
  loci__pool_run(job->context, SUM_BYTES / SUM_BLOCK, sum_block, job, NULL);
  return SUM_BYTES / 1e9;
}

typedef struct scan_job {
  loci_context *context;
  loci__segment *segment;
  const float *rows, *query;
  float *scores;
  size_t n, dim;
} scan_job;

static double scan_f32(void *arg) {
  scan_job *job = arg;
  loci_error error;
  if (loci__flat_scan_f32(job->context, job->query, job->rows, job->dim, job->n, job->dim, job->scores, &error)) {
    fprintf(stderr, "bench-scan: %s\n", error.message);
    exit(1);
  }
  return (double)job->n * (double)job->dim * 4 / 1e9;
}

static double scan_i8(void *arg) {
  scan_job *job = arg;
  loci_error error;
  if (loci__segment_scan(job->segment, job->query, job->scores, &error)) {
    fprintf(stderr, "bench-scan: %s\n", error.message);
    exit(1);
  }
  return (double)job->n * (double)((job->dim + 63) / 64 * 64) / 1e9;
}

static loci_status next_row(void *arg, size_t i, loci__segment_row *out, loci_error *error) {
  (void)error;
  const scan_job *job = arg;
  *out = (loci__segment_row){(int64_t)i + 1, (int64_t)i / 8 + 1, 100, job->rows + i * job->dim};
  return LOCI_OK;
}

static loci_context *context_of(int threads) {
  loci_context_options options;
  loci_context *context;
  loci_error error;
  loci_context_options_init(&options);
  options.threads = threads;
  if (loci_context_new(&options, &context, &error) != LOCI_OK) {
    fprintf(stderr, "bench-scan: %s\n", error.message);
    exit(1);
  }
  return context;
}

int main(int argc, char **argv) {
  size_t n = strtoull(bench_option(argc, argv, "--rows", "1000000"), NULL, 10);
  size_t dim = strtoull(bench_option(argc, argv, "--dim", "384"), NULL, 10);
  double seconds = atof(bench_option(argc, argv, "--seconds", "3"));
  int most = atoi(bench_option(argc, argv, "--threads", "0"));
  if (bench_flag(argc, argv, "--own-time")) {
    bench_own_time(); /* the calling thread's processor time: for one thread on a busy machine */
    most = 1;
  }
  char folder[512], path[600], name[LOCI__SEGMENT_NAME];
  snprintf(folder, sizeof folder, "%s/loci-bench-XXXXXX", bench_option(argc, argv, "--folder", "/tmp"));
  if (!mkdtemp(folder)) {
    perror(folder);
    return 1;
  }
  static sum_job sums;
  sums.data = memory(SUM_BYTES);
  memset((void *)sums.data, 1, SUM_BYTES);
  float *rows = memory(n * dim * 4), *query = calloc(dim, sizeof *query), *scores = calloc(n, sizeof *scores);
  loci__random random;
  loci__random_init(&random, 1);
  for (size_t i = 0; i < n * dim; i++) rows[i] = (float)((int64_t)(loci__random_next(&random) >> 40) - (1 << 23));
  for (size_t j = 0; j < dim; j++) query[j] = (float)loci__random_normal(&random);
  scan_job job = {.rows = rows, .query = query, .scores = scores, .n = n, .dim = dim};
  loci_context *context = context_of(most);
  loci_error error;
  most = loci_context_threads(context);
  double began = bench_now();
  if (loci__segment_write(context, folder, (const char[33]){"bench"}, dim, n, 1, next_row, &job, name, &error)) {
    fprintf(stderr, "bench-scan: %s\n", error.message);
    return 1;
  }
  double written = bench_now() - began;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  bool json = bench_flag(argc, argv, "--json");
  bench_table table;
  char title[160];
  snprintf(title, sizeof title, "scan of %zu x %zu (%s); segment written and synced in %.2f s", n, dim,
           loci_context_isa(context), written);
  loci_context_free(context);
  bench_begin(&table, title, json);
  for (int threads = 1; threads <= most; threads = threads < most && threads * 2 > most ? most : threads * 2) {
    char label[64];
    job.context = sums.context = context_of(threads);
    if (loci__segment_open(job.context, path, false, &job.segment, &error) != LOCI_OK) {
      fprintf(stderr, "bench-scan: %s\n", error.message);
      return 1;
    }
    /* The sum before and after: other work on the machine shows as a difference, and the greater one counts. */
    bench_figure before = bench_rate(sum, &sums, 3, seconds / 2);
    bench_figure f32 = bench_rate(scan_f32, &job, 3, seconds), i8 = bench_rate(scan_i8, &job, 3, seconds);
    bench_figure after = bench_rate(sum, &sums, 3, seconds / 2);
    double peak = fmax(before.median, after.median);
    snprintf(label, sizeof label, "sum of 1 GiB before, %d thread%s", threads, threads == 1 ? "" : "s");
    bench_row(&table, label, before, "GB/s", NAN, NULL, NAN, NULL);
    snprintf(label, sizeof label, "sum of 1 GiB after, %d thread%s", threads, threads == 1 ? "" : "s");
    bench_row(&table, label, after, "GB/s", NAN, NULL, NAN, NULL);
    snprintf(label, sizeof label, "scan f32, %d thread%s", threads, threads == 1 ? "" : "s");
    bench_row(&table, label, f32, "GB/s", f32.median / peak, "the sum", NAN, NULL);
    snprintf(label, sizeof label, "scan int8, %d thread%s", threads, threads == 1 ? "" : "s");
    bench_row(&table, label, i8, "GB/s", i8.median / peak, "the sum", NAN, NULL);
    loci__segment_close(job.segment);
    loci_context_free(job.context);
    if (threads == most) break;
  }
  bench_end(&table);
  unlink(path);
  rmdir(folder);
  return 0;
}
