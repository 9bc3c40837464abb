/* bench/bench.h: what every bench program shares: repeated timing, a plain table, and the same as JSON with --json.
 *
 * A figure is the median of its repetitions, with the least and the greatest beside it. Other work on the machine only
 * ever makes a repetition slower: quote medians, compare figures of one run only.
 */
#ifndef LOCI_BENCH_BENCH_H
#define LOCI_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bench_table {
  const char *title;
  bool json;
  size_t n_rows;
} bench_table;

typedef struct bench_figure {
  double median, least, greatest;
} bench_figure;

double bench_now(void); /* seconds */

/* From now on time is what the calling thread got of a processor: for tuning on a machine that is not quiet. Figures that
 * are compared with other programs' are wall-clock ones. */
void bench_own_time(void);

/* Runs work(arg) until `seconds` have passed and at least `least` times; work returns its amount (operations, tokens,
 * bytes), and the figure is amounts a second. One run before the clock starts. */
bench_figure bench_rate(double (*work)(void *arg), void *arg, size_t least, double seconds);

void bench_begin(bench_table *table, const char *title, bool json);
/* share: of what `share_of` names; ratio: to what `ratio_to` names; NaN = not given. */
void bench_row(bench_table *table, const char *name, bench_figure figure, const char *unit, double share,
               const char *share_of, double ratio, const char *ratio_to);
void bench_end(bench_table *table);

/* Whether argv has the flag; the value that follows an option, or `otherwise`. */
bool bench_flag(int argc, char **argv, const char *flag);
const char *bench_option(int argc, char **argv, const char *option, const char *otherwise);

/* Keeps the calling thread on the processor `cpu`; false when the system does not allow it. */
bool bench_pin(int cpu);

#endif
