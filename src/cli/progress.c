/* progress.c: the progress line on stderr, messages of the library, and Ctrl-C.
 *
 * The library calls back at most ten times a second. On a terminal one line is written over and over; elsewhere there
 * is none. The first Ctrl-C (or SIGTERM, SIGHUP) makes the next callback answer "stop", so that what is committed is
 * kept and counted; a second one ends the process at once, which loses nothing that was committed either.
 */
#include "cli.h"

#include <signal.h>

/* A signal handler can reach nothing but a global: the only one of the command. */
static volatile sig_atomic_t interrupt_came;

static void on_interrupt(int signal_number) {
  interrupt_came = signal_number;
}

void loci__interrupt_install(void) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  /* Without SA_RESTART: a read from a terminal or pipe ends with EINTR and the flag is seen. */
  for (size_t i = 0; i < LOCI__COUNT(signals); i++) {
    struct sigaction before;
    /* What nohup or a shell's & had ignored stays so. */
    if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    sigaction(signals[i], &action, NULL);
  }
}

bool loci__interrupted(void) {
  return interrupt_came != 0;
}

static void put_duration(loci__buffer *out, double seconds) {
  uint64_t s = (uint64_t)(seconds + 0.5);
  if (s >= 3600)
    loci__buffer_printf(out, "%llu:%02llu:%02llu", (unsigned long long)(s / 3600), (unsigned long long)(s / 60 % 60),
                        (unsigned long long)(s % 60));
  else loci__buffer_printf(out, "%llu:%02llu", (unsigned long long)(s / 60), (unsigned long long)(s % 60));
}

static void put_progress(loci__buffer *line, loci__cli *cli, const loci_progress *progress) {
  double done = (double)progress->done, seconds = progress->seconds - cli->rate_began;
  double rate = seconds > 0.2 ? (done - cli->rate_done0) / seconds : 0;
  loci__buffer_printf(line, "%s ", progress->stage ? progress->stage : "");
  loci__put_number(line, progress->done);
  if (progress->total) {
    loci__buffer_putc(line, '/');
    loci__put_number(line, progress->total);
  }
  loci__buffer_printf(line, " %s", progress->unit ? progress->unit : "");
  if (progress->total) loci__buffer_printf(line, "  %.0f %%", 100 * done / (double)progress->total);
  if (rate > 0) {
    loci__buffer_puts(line, "  ");
    if (rate < 10) loci__buffer_printf(line, "%.1f", rate);
    else loci__put_number(line, (uint64_t)rate);
    loci__buffer_puts(line, "/s");
  }
  if (rate > 0 && progress->total > progress->done) {
    loci__buffer_puts(line, "  ");
    put_duration(line, ((double)progress->total - done) / rate);
    loci__buffer_puts(line, " left");
  }
  if (progress->item) loci__buffer_printf(line, "  %s", loci__path_base(progress->item));
}

int loci__progress_show(void *user, const loci_progress *progress) {
  loci__cli *cli = user;
  if (loci__interrupted()) return 1;
  if (!cli->err_terminal || cli->common.quiet || cli->common.no_progress) return 0;
  const char *stage = progress->stage ? progress->stage : "";
  if (strcmp(stage, cli->rate_stage) != 0) {
    snprintf(cli->rate_stage, sizeof cli->rate_stage, "%s", stage);
    cli->rate_began = progress->seconds;
    cli->rate_done0 = (double)progress->done;
  }
  loci__buffer line, shown;
  loci__buffer_init(&line, NULL, 4096);
  loci__buffer_init(&shown, NULL, 0);
  put_progress(&line, cli, progress);
  if (line.data) {
    loci__buffer_puts(&shown, "\r\033[K");
    loci__put_shown(&shown, line.data, line.length, cli->width - 1);
    flockfile(stderr);
    fwrite(shown.data, 1, shown.length, stderr);
    fflush(stderr);
    cli->progress_shown = true;
    funlockfile(stderr);
  }
  loci__buffer_release(&line);
  loci__buffer_release(&shown);
  return 0;
}

int loci__progress_cancel(void *user, const loci_progress *progress) {
  (void)user, (void)progress;
  return loci__interrupted();
}

void loci__progress_clear(loci__cli *cli) {
  flockfile(stderr);
  if (cli->progress_shown) {
    fputs("\r\033[K", stderr);
    fflush(stderr);
    cli->progress_shown = false;
  }
  funlockfile(stderr);
}

void loci__log_show(void *user, loci_log_level level, const char *message) {
  loci__cli *cli = user;
  if (cli->common.quiet) return;
  const bool notes = cli->command && cli->command->uses & LOCI__USES_NOTES;
  int wanted = level == LOCI_LOG_WARNING ? 0 : level == LOCI_LOG_INFO ? !notes : 2;
  if (cli->common.verbose < wanted) return;
  flockfile(stderr);
  loci__progress_clear(cli);
  fprintf(stderr, "loci: %s\n", message);
  funlockfile(stderr);
}
