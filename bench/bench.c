/* bench/bench.c: see bench.h. */
#include "bench.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static clockid_t clock_of_runs = CLOCK_MONOTONIC;

void bench_own_time(void) {
  clock_of_runs = CLOCK_THREAD_CPUTIME_ID;
}

double bench_now(void) {
  struct timespec t;
  clock_gettime(clock_of_runs, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

bench_figure bench_rate(double (*work)(void *arg), void *arg, size_t least, double seconds) {
  enum { MOST = 1000 };
  static double rates[MOST];
  size_t n = 0;
  work(arg);
  double began = bench_now();
  while (n < MOST && (n < least || bench_now() - began < seconds)) {
    double start = bench_now(), amount = work(arg);
    rates[n++] = amount / (bench_now() - start);
  }
  qsort(rates, n, sizeof *rates, by_value);
  return (bench_figure){rates[n / 2], rates[0], rates[n - 1]};
}

void bench_begin(bench_table *table, const char *title, bool json) {
  *table = (bench_table){title, json, 0};
  if (json) printf("{\"title\":\"%s\",\"rows\":[", title);
  else printf("%s\n%-44s %12s %12s %12s  %-10s %s\n", title, "", "median", "least", "greatest", "unit", "share, ratio");
}

void bench_row(bench_table *table, const char *name, bench_figure figure, const char *unit, double share,
               const char *share_of, double ratio, const char *ratio_to) {
  if (table->json) {
    printf("%s{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"least\":%.6g,\"greatest\":%.6g",
           table->n_rows ? "," : "", name, unit, figure.median, figure.least, figure.greatest);
    if (!isnan(share)) printf(",\"share\":%.4f,\"share_of\":\"%s\"", share, share_of);
    if (!isnan(ratio)) printf(",\"ratio\":%.4f,\"ratio_to\":\"%s\"", ratio, ratio_to);
    printf("}");
  } else {
    printf("%-44s %12.4g %12.4g %12.4g  %-10s", name, figure.median, figure.least, figure.greatest, unit);
    if (!isnan(share)) printf(" %5.1f %% of %s", 100 * share, share_of);
    if (!isnan(ratio)) printf("%s %.2f x %s", isnan(share) ? "" : ",", ratio, ratio_to);
    printf("\n");
  }
  table->n_rows++;
  fflush(stdout);
}

void bench_end(bench_table *table) {
  if (table->json) printf("]}\n");
}

bool bench_flag(int argc, char **argv, const char *flag) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], flag) == 0) return true;
  }
  return false;
}

const char *bench_option(int argc, char **argv, const char *option, const char *otherwise) {
  for (int i = 1; i + 1 < argc; i++) {
    if (strcmp(argv[i], option) == 0) return argv[i + 1];
  }
  return otherwise;
}

bool bench_pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}
