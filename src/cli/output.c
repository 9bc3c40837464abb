/* output.c: stdout and what stands on it: terminals and colours, numbers and sizes, links, tables.
 *
 * Three faces of one result: columns and colours on a terminal, TSV in a pipe, JSON when asked. What comes out of
 * documents is hostile to a terminal too (an escape sequence in a heading could retitle the window or hide text), so
 * everything that a terminal gets goes through loci__put_shown; TSV escapes control characters.
 *
 * Broken pipes: SIGPIPE is ignored while the library works (its helper process may die), so a closed stdout shows as
 * EPIPE here; the command then dies of the signal as its shell expects, in silence.
 */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- terminals ----------------------------------------------------------------------------------- */

static bool is_set(const char *name) {
  const char *value = getenv(name);
  return value && *value;
}

static bool wants_colour(const loci__cli *cli, bool terminal) {
  if (cli->common.color == 2) return true;
  if (cli->common.color == 3) return false;
  if (is_set("NO_COLOR")) return false;
  if (is_set("CLICOLOR_FORCE") && strcmp(getenv("CLICOLOR_FORCE"), "0") != 0) return true;
  const char *term = getenv("TERM");
  return terminal && term && strcmp(term, "dumb") != 0;
}

void loci__output_begin(loci__cli *cli) {
  cli->out_terminal = isatty(STDOUT_FILENO) == 1;
  cli->err_terminal = isatty(STDERR_FILENO) == 1;
  cli->colour = wants_colour(cli, cli->out_terminal);
  cli->err_colour = wants_colour(cli, cli->err_terminal);
  cli->width = 80;
  struct winsize size;
  uint64_t columns;
  if (ioctl(cli->out_terminal ? STDOUT_FILENO : STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
    cli->width = size.ws_col;
  else if (is_set("COLUMNS") && loci__parse_u64(getenv("COLUMNS"), &columns) && columns >= 20 && columns < 1000)
    cli->width = (unsigned)columns;
}

static loci_status write_failed(loci_error *error) {
  if (errno == EPIPE) {
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
  }
  return loci__fail_file(error, "write", "standard output", errno);
}

loci_status loci__output_flush(loci__cli *cli, loci__buffer *out, loci_error *error) {
  LOCI__TRY(loci__buffer_status(out, "the output", error));
  if (out->length) {
    if (cli->out_terminal) loci__progress_clear(cli);
    if (fwrite(out->data, 1, out->length, stdout) != out->length || fflush(stdout) != 0) return write_failed(error);
  }
  loci__buffer_clear(out);
  return LOCI_OK;
}

loci_status loci__output_end(loci_error *error) {
  if (fflush(stdout) != 0 || ferror(stdout)) return write_failed(error);
  if (fclose(stdout) != 0) return write_failed(error);
  return LOCI_OK;
}

static void note(loci__cli *cli, const char *format, va_list arguments) {
  loci__progress_clear(cli);
  flockfile(stderr);
  fputs("loci: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  funlockfile(stderr);
}

void loci__note(loci__cli *cli, const char *format, ...) {
  if (cli->common.quiet) return;
  va_list arguments;
  va_start(arguments, format);
  note(cli, format, arguments);
  va_end(arguments);
}

void loci__note_verbose(loci__cli *cli, const char *format, ...) {
  if (!cli->common.verbose || cli->common.quiet) return;
  va_list arguments;
  va_start(arguments, format);
  note(cli, format, arguments);
  va_end(arguments);
}

void loci__put_style(loci__buffer *out, bool colour, loci__style style) {
  if (!colour) return;
  switch (style) {
    case LOCI__STYLE_PLAIN: loci__buffer_puts(out, "\033[0m"); break;
    case LOCI__STYLE_STRONG: loci__buffer_puts(out, "\033[1m"); break;
    case LOCI__STYLE_DIM: loci__buffer_puts(out, "\033[2m"); break;
    case LOCI__STYLE_PATH: loci__buffer_puts(out, "\033[35m"); break;
    case LOCI__STYLE_MATCH: loci__buffer_puts(out, "\033[1;32m"); break;
  }
}

/* ---- text on a terminal -------------------------------------------------------------------------- */

typedef struct range {
  uint32_t first, last;
} range;

/* Marks that take no column: the combining blocks of the scripts that documents are usually written in. Being off by
 * a column in others shifts a table, nothing else. */
static const range narrow[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A},
                               {0x064B, 0x065F}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},
                               {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF},
                               {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}};
/* East Asian wide and emoji (UAX #11, by block). */
static const range wide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},  {0x3400, 0x4DBF},
                             {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xAC00, 0xD7A3},  {0xF900, 0xFAFF},
                             {0xFE30, 0xFE4F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F},
                             {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

static bool within(const range *ranges, size_t n, uint32_t scalar) {
  for (size_t i = 0; i < n; i++)
    if (scalar >= ranges[i].first && scalar <= ranges[i].last) return true;
  return false;
}

static size_t scalar_width(uint32_t scalar) {
  if (scalar < 0x300) return 1;
  if (within(narrow, LOCI__COUNT(narrow), scalar)) return 0;
  return within(wide, LOCI__COUNT(wide), scalar) ? 2 : 1;
}

/* What is shown for a scalar value: itself, a space, or U+FFFD for what would steer the terminal or turn the
 * direction of what follows (bidirectional controls can make a text look like another). */
static uint32_t shown_scalar(uint32_t scalar) {
  if (scalar == '\n' || scalar == '\t' || scalar == '\r' || scalar == '\f') return ' ';
  if (scalar < 0x20 || (scalar >= 0x7F && scalar < 0xA0)) return LOCI__REPLACEMENT;
  if ((scalar >= 0x202A && scalar <= 0x202E) || (scalar >= 0x2066 && scalar <= 0x2069)) return LOCI__REPLACEMENT;
  return scalar;
}

size_t loci__shown_width(const char *text, size_t length) {
  size_t width = 0;
  for (size_t i = 0, used; i < length; i += used)
    width += scalar_width(shown_scalar(loci__utf8_next(text + i, length - i, &used, NULL)));
  return width;
}

size_t loci__put_shown(loci__buffer *out, const char *text, size_t length, size_t columns) {
  bool cut = columns && loci__shown_width(text, length) > columns;
  size_t limit = cut ? columns - 1 : columns, width = 0;
  for (size_t i = 0, used; i < length; i += used) {
    uint32_t scalar = shown_scalar(loci__utf8_next(text + i, length - i, &used, NULL));
    if (cut && width + scalar_width(scalar) > limit) break;
    char bytes[4];
    loci__buffer_append(out, bytes, loci__utf8_put(scalar, bytes));
    width += scalar_width(scalar);
  }
  if (cut) {
    loci__buffer_puts(out, "…");
    width++;
  }
  return width;
}

void loci__put_field(loci__buffer *out, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    switch (c) {
      case '\t': loci__buffer_puts(out, "\\t"); break;
      case '\n': loci__buffer_puts(out, "\\n"); break;
      case '\r': loci__buffer_puts(out, "\\r"); break;
      case '\\': loci__buffer_puts(out, "\\\\"); break;
      default:
        if (c < 0x20 || c == 0x7F) loci__buffer_printf(out, "\\x%02x", c);
        else loci__buffer_putc(out, (char)c);
    }
  }
}

void loci__put_path(loci__buffer *out, const loci__cli *cli, const char *path, const char *shown) {
  loci__put_style(out, cli->colour, LOCI__STYLE_PATH);
  if (cli->out_terminal) {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    loci__buffer_printf(out, "\033]8;;file://%s", host);
    for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
      bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                   strchr("/-._~", *c) != NULL;
      if (plain) loci__buffer_putc(out, (char)*c);
      else loci__buffer_printf(out, "%%%02X", *c);
    }
    loci__buffer_puts(out, "\033\\");
    loci__put_shown(out, shown, strlen(shown), 0);
    loci__buffer_puts(out, "\033]8;;\033\\");
  } else {
    loci__put_field(out, shown, strlen(shown));
  }
  loci__put_style(out, cli->colour, LOCI__STYLE_PLAIN);
}

const char *loci__shown_path(const char *path) {
  char *here = loci__path_absolute(NULL, ".");
  size_t length = here ? strlen(here) : 0;
  bool below = length > 1 && !strncmp(path, here, length) && path[length] == '/' && path[length + 1];
  loci__free(NULL, here);
  return below ? path + length + 1 : path;
}

/* ---- numbers ------------------------------------------------------------------------------------- */

void loci__put_bytes(loci__buffer *out, uint64_t bytes) {
  static const char *const units[] = {"kB", "MB", "GB", "TB"};
  if (bytes < 1000) {
    loci__buffer_printf(out, "%llu bytes", (unsigned long long)bytes);
    return;
  }
  double value = (double)bytes / 1000;
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < LOCI__COUNT(units)) value /= 1000, unit++;
  loci__buffer_printf(out, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void loci__put_number(loci__buffer *out, uint64_t number) {
  char digits[24];
  int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
  for (int i = 0; i < n; i++) {
    if (i && (n - i) % 3 == 0) loci__buffer_putc(out, ',');
    loci__buffer_putc(out, digits[i]);
  }
}

void loci__put_count(loci__buffer *out, uint64_t n, const char *noun) {
  loci__put_number(out, n);
  loci__buffer_printf(out, " %s%s", noun, n == 1 ? "" : "s");
}

/* ---- tables -------------------------------------------------------------------------------------- */

void loci__table_init(loci__table *table, const char *const *headings, size_t n_columns) {
  *table = (loci__table){.headings = headings, .n_columns = n_columns};
  loci__arena_init(&table->arena, NULL);
}

void loci__table_addn(loci__table *table, const char *text, size_t length) {
  char *copy = loci__arena_strndup(&table->arena, text, length);
  if (!copy || !loci__grow(NULL, &table->cells, &table->capacity, table->n_cells + 1, sizeof *table->cells)) {
    table->failed = true;
    return;
  }
  table->cells[table->n_cells++] = copy;
}

void loci__table_add(loci__table *table, const char *text) {
  loci__table_addn(table, text, strlen(text));
}

void loci__table_addf(loci__table *table, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  loci__table_add(table, text);
}

static void put_columns(loci__table *table, loci__buffer *out, const loci__cli *cli) {
  enum { MOST_COLUMNS = 16 };
  size_t widths[MOST_COLUMNS] = {0}, n = table->n_columns;
  for (size_t j = 0; j < n; j++) widths[j] = loci__shown_width(table->headings[j], strlen(table->headings[j]));
  for (size_t j = 0; j < n; j++)
    if (*table->headings[j] == '>') widths[j]--;
  for (size_t i = 0; i < table->n_cells; i++) {
    size_t width = loci__shown_width(table->cells[i], strlen(table->cells[i]));
    if (width > widths[i % n]) widths[i % n] = width;
  }
  size_t n_rows = table->n_cells / n;
  for (size_t row = 0; row <= n_rows; row++) {
    if (!row) loci__put_style(out, cli->colour, LOCI__STYLE_STRONG);
    for (size_t j = 0; j < n; j++) {
      bool right = *table->headings[j] == '>';
      const char *text = row ? table->cells[(row - 1) * n + j] : table->headings[j] + right;
      size_t width = loci__shown_width(text, strlen(text)), pad = widths[j] - width;
      if (j) loci__buffer_puts(out, "  ");
      if (right) loci__buffer_printf(out, "%*s", (int)pad, "");
      loci__put_shown(out, text, strlen(text), 0);
      if (!right && j + 1 < n) loci__buffer_printf(out, "%*s", (int)pad, "");
    }
    if (!row) loci__put_style(out, cli->colour, LOCI__STYLE_PLAIN);
    loci__buffer_putc(out, '\n');
  }
}

void loci__table_put(loci__table *table, loci__buffer *out, const loci__cli *cli) {
  if (table->failed) {
    out->failed = LOCI_ERROR_MEMORY;
    return;
  }
  if (cli->out_terminal) {
    if (table->n_cells) put_columns(table, out, cli);
    return;
  }
  for (size_t i = 0; i < table->n_cells; i++) {
    loci__put_field(out, table->cells[i], strlen(table->cells[i]));
    loci__buffer_putc(out, (i + 1) % table->n_columns ? '\t' : '\n');
  }
}

void loci__table_release(loci__table *table) {
  loci__arena_release(&table->arena);
  loci__free(NULL, table->cells);
  *table = (loci__table){0};
}
