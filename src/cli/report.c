/* report.c: what `index` and `reindex` say: their summary, and the skipped files by reason.
 */
#include "cli.h"

#include <stdlib.h>

enum { LISTED_PER_REASON = 10, COLUMNS = 3 };

static const char *const headings[COLUMNS] = {"action", "path", "reason"};

void loci__skips_init(loci__skips *skips, loci__cli *cli, bool dry_run) {
  *skips = (loci__skips){.cli = cli, .dry_run = dry_run};
  loci__table_init(&skips->rows, headings, COLUMNS);
}

void loci__skips_release(loci__skips *skips) {
  loci__table_release(&skips->rows);
}

void loci__skips_event(void *user, const char *action, const char *path, const char *reason) {
  loci__skips *skips = user;
  loci__table_add(&skips->rows, action);
  loci__table_add(&skips->rows, path);
  loci__table_add(&skips->rows, reason ? reason : "");
}

static int by_reason(const void *a, const void *b) {
  const char *const *x = a, *const *y = b;
  int order = strcmp(x[2], y[2]);
  return order ? order : strcmp(x[1], y[1]);
}

static void tell_group(loci__skips *skips, const char **rows, size_t n) {
  loci__cli *cli = skips->cli;
  loci__buffer line;
  loci__buffer_init(&line, NULL, 0);
  loci__buffer_puts(&line, "skipped ");
  loci__put_count(&line, n, "file");
  loci__buffer_printf(&line, ", %s:", rows[2]);
  if (line.data) loci__note(cli, "%s", line.data);
  size_t listed = cli->common.verbose || n <= LISTED_PER_REASON ? n : LISTED_PER_REASON;
  for (size_t i = 0; i < listed; i++) {
    const char *path = loci__shown_path(rows[i * COLUMNS + 1]);
    loci__buffer_clear(&line);
    loci__put_shown(&line, path, strlen(path), 0);
    if (line.data) loci__note(cli, "  %s", line.data);
  }
  if (listed < n) loci__note(cli, "  and %zu more; --verbose lists them all", n - listed);
  loci__buffer_release(&line);
}

void loci__skips_tell(loci__skips *skips) {
  loci__table *rows = &skips->rows;
  if (skips->cli->common.quiet || rows->failed) return;
  size_t n = 0;
  const char **skipped = loci__alloc_array(NULL, rows->n_cells + 1, sizeof *skipped);
  if (!skipped) return;
  for (size_t i = 0; i + 2 < rows->n_cells; i += COLUMNS)
    if (!strcmp(rows->cells[i], "skipped")) {
      memcpy(skipped + n * COLUMNS, rows->cells + i, COLUMNS * sizeof *skipped);
      n++;
    }
  qsort(skipped, n, COLUMNS * sizeof *skipped, by_reason);
  for (size_t first = 0, i = 1; i <= n; i++)
    if (i == n || strcmp(skipped[i * COLUMNS + 2], skipped[first * COLUMNS + 2]) != 0) {
      tell_group(skips, skipped + first * COLUMNS, i - first);
      first = i;
    }
  loci__free(NULL, skipped);
}

static void put_part(loci__buffer *out, const char **between, uint64_t n, const char *what) {
  if (!n) return;
  loci__buffer_puts(out, *between);
  loci__put_number(out, n);
  loci__buffer_printf(out, " %s", what);
  *between = ", ";
}

static void put_json(loci__buffer *out, const loci_index_report *r, bool dry_run) {
  const struct {
    const char *key;
    uint64_t value;
  } counts[] = {{"seen", r->n_seen},           {"new", r->n_new},        {"changed", r->n_changed},
                {"unchanged", r->n_unchanged}, {"gone", r->n_gone},      {"skipped", r->n_skipped},
                {"chunks", r->n_chunks},       {"tokens", r->n_tokens},  {"bytes", r->n_bytes},
                {"truncated", r->n_truncated}, {"unknown", r->n_unknown}};
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "dry_run");
  loci__json_put_bool(&json, dry_run);
  for (size_t i = 0; i < LOCI__COUNT(counts); i++) {
    loci__json_key(&json, counts[i].key);
    loci__json_put_u64(&json, counts[i].value);
  }
  loci__json_key(&json, "seconds");
  loci__json_put_double(&json, r->seconds);
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

void loci__report_put(loci__buffer *out, const loci_index_report *report, bool json, loci__report_kind kind) {
  if (json) {
    put_json(out, report, kind == LOCI__REPORT_DRY_RUN);
    return;
  }
  if (kind == LOCI__REPORT_REINDEX) {
    loci__put_count(out, report->n_changed, "document");
  } else {
    loci__put_count(out, report->n_seen, "file");
    const char *between = ": ";
    put_part(out, &between, report->n_new, "new");
    put_part(out, &between, report->n_changed, "changed");
    put_part(out, &between, report->n_unchanged, "unchanged");
    put_part(out, &between, report->n_gone, "gone");
    /* They are among the new and unchanged ones: known, so that they are not read again. */
    if (report->n_skipped) loci__buffer_printf(out, " (%llu skipped)", (unsigned long long)report->n_skipped);
  }
  if (kind != LOCI__REPORT_DRY_RUN) {
    loci__buffer_puts(out, "; ");
    loci__put_count(out, report->n_chunks, "passage");
    loci__buffer_puts(out, " embedded (");
    loci__put_count(out, report->n_tokens, "token");
    loci__buffer_printf(out, ") in %.1f s", report->seconds);
  }
  loci__buffer_putc(out, '\n');
}
