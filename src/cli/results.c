/* results.c: how passages are shown, for search, similar and get; and how a person names a place ("report.md:120").
 */
#include "cli.h"

#include <math.h>

enum { EXCERPT_LINES = 3, INDENT = 4 };

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void put_explain(loci__json_writer *json, const loci_result *r) {
  loci__json_key(json, "explain");
  loci__json_open(json, '{');
  loci__json_key(json, "cosine");
  loci__json_put_double(json, r->cosine);
  loci__json_key(json, "cosine_percentile");
  loci__json_put_double(json, r->cosine_percentile);
  loci__json_key(json, "cosine_standard");
  loci__json_put_double(json, r->cosine_standard);
  loci__json_key(json, "rank_vector");
  loci__json_put_u64(json, r->rank_vector);
  loci__json_key(json, "bm25");
  loci__json_put_double(json, r->bm25);
  loci__json_key(json, "bm25_standard");
  loci__json_put_double(json, r->bm25_standard);
  loci__json_key(json, "rank_text");
  loci__json_put_u64(json, r->rank_text);
  loci__json_close(json, '}');
}

static void put_json(loci__buffer *out, const char *query, size_t length, const loci_results *results, bool explain) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "query");
  loci__json_put_textn(&json, query, length);
  loci__json_key(&json, "results");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < results->n; i++) {
    const loci_result *r = &results->items[i];
    loci__json_open(&json, '{');
    loci__json_key(&json, "rank");
    loci__json_put_u64(&json, r->rank);
    loci__json_key(&json, "score");
    loci__json_put_double(&json, r->score);
    loci__json_key(&json, "path");
    loci__json_put_text(&json, r->path);
    loci__json_key(&json, "line_start");
    loci__json_put_u64(&json, r->line_start);
    loci__json_key(&json, "line_end");
    loci__json_put_u64(&json, r->line_end);
    loci__json_key(&json, "page");
    if (r->page) loci__json_put_u64(&json, r->page);
    else loci__json_put_null(&json);
    loci__json_key(&json, "heading");
    loci__json_put_text(&json, r->heading);
    loci__json_key(&json, "text");
    loci__json_put_text(&json, r->text);
    loci__json_key(&json, "title");
    loci__json_put_text(&json, r->title);
    loci__json_key(&json, "sentence");
    loci__json_put_textn(&json, r->text + r->best_start, r->best_length);
    loci__json_key(&json, "folded");
    loci__json_put_u64(&json, r->n_folded);
    if (explain) put_explain(&json, r);
    loci__json_close(&json, '}');
  }
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

/* ---- TSV ----------------------------------------------------------------------------------------- */

static void put_number_field(loci__buffer *out, double value) {
  if (isnan(value)) loci__buffer_puts(out, "\t");
  else loci__buffer_printf(out, "\t%.4f", value);
}

static void put_tsv(loci__buffer *out, const loci__cli *cli, const loci_result *r, loci__results_style style) {
  loci__buffer_printf(out, "%zu\t%.4f\t", r->rank, r->score);
  loci__put_path(out, cli, r->path, r->path);
  loci__buffer_printf(out, "\t%u\t%u\t", r->line_start, r->line_end);
  if (r->page) loci__buffer_printf(out, "%u", r->page);
  loci__buffer_putc(out, '\t');
  loci__put_field(out, r->heading, strlen(r->heading));
  loci__buffer_putc(out, '\t');
  bool sentence = style.excerpt && r->best_length;
  loci__put_field(out, r->text + (sentence ? r->best_start : 0), sentence ? r->best_length : strlen(r->text));
  if (style.explain) {
    put_number_field(out, r->cosine);
    put_number_field(out, r->cosine_percentile);
    loci__buffer_printf(out, "\t%zu", r->rank_vector);
    put_number_field(out, r->bm25);
    loci__buffer_printf(out, "\t%zu", r->rank_text);
  }
  loci__buffer_putc(out, '\n');
}

/* ---- cards --------------------------------------------------------------------------------------- */

/* A piece of text that is not broken: a word, or one wide (CJK) character. */
typedef struct piece {
  size_t start, end;
  bool space_before;
} piece;

static bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static bool next_piece(const char *text, size_t length, size_t at, piece *out) {
  out->space_before = at == 0;
  while (at < length && is_space(text[at])) at++, out->space_before = true;
  if (at >= length) return false;
  out->start = at;
  while (at < length && !is_space(text[at])) {
    size_t used;
    loci__utf8_next(text + at, length - at, &used, NULL);
    bool wide = loci__shown_width(text + at, used) == 2;
    if (wide && at > out->start) break;
    at += used;
    if (wide) break;
  }
  out->end = at;
  return true;
}

/* Where an excerpt of `columns` begins so that the best sentence stands in it, with a third of the rest before it. */
static size_t excerpt_start(const char *text, size_t length, size_t best_start, size_t best_length, size_t columns) {
  if (loci__shown_width(text, length) <= columns) return 0;
  size_t best = loci__shown_width(text + best_start, best_length);
  size_t before = best < columns ? (columns - best) / 3 : 0;
  piece p;
  size_t at = 0;
  while (next_piece(text, length, at, &p)) {
    if (p.start >= best_start || loci__shown_width(text + p.start, best_start - p.start) <= before) return p.start;
    at = p.end;
  }
  return 0;
}

static void put_excerpt(loci__buffer *out, const loci__cli *cli, const loci_result *r) {
  size_t length = strlen(r->text), line = cli->width - INDENT - 2; /* room for " …" */
  size_t best_end = r->best_start + r->best_length;
  size_t at = excerpt_start(r->text, length, r->best_start, r->best_length, line * EXCERPT_LINES - 4);
  size_t column = 0, n_lines = 1;
  bool in_match = false;
  piece p;
  loci__buffer_printf(out, "%*s", INDENT, "");
  if (at) {
    loci__buffer_puts(out, "… ");
    column = 2;
  }
  bool first = true;
  for (; next_piece(r->text, length, at, &p); at = p.end, first = false) {
    size_t width = loci__shown_width(r->text + p.start, p.end - p.start), space = p.space_before && !first;
    if (column && column + space + width > line) {
      if (n_lines == EXCERPT_LINES) {
        if (in_match) loci__put_style(out, cli->colour, LOCI__STYLE_PLAIN);
        loci__buffer_puts(out, " …\n");
        return;
      }
      if (in_match) loci__put_style(out, cli->colour, LOCI__STYLE_PLAIN);
      in_match = false;
      loci__buffer_printf(out, "\n%*s", INDENT, "");
      n_lines++;
      column = 0, space = 0;
    }
    bool match = p.start < best_end && p.end > r->best_start;
    if (in_match && !match) loci__put_style(out, cli->colour, LOCI__STYLE_PLAIN);
    if (space) loci__buffer_putc(out, ' ');
    if (match && !in_match) loci__put_style(out, cli->colour, LOCI__STYLE_MATCH);
    in_match = match;
    loci__put_shown(out, r->text + p.start, p.end - p.start, 0);
    column += space + width;
  }
  if (in_match) loci__put_style(out, cli->colour, LOCI__STYLE_PLAIN);
  loci__buffer_putc(out, '\n');
}

static void put_whole(loci__buffer *out, const char *text) {
  while (*text) {
    size_t length = strcspn(text, "\n");
    loci__put_shown(out, text, length, 0);
    loci__buffer_putc(out, '\n');
    text += length + (text[length] == '\n');
  }
}

static void put_explained(loci__buffer *out, const loci__cli *cli, const loci_result *r) {
  loci__put_style(out, cli->colour, LOCI__STYLE_DIM);
  loci__buffer_printf(out, "%*s", INDENT, "");
  const char *between = "";
  if (!isnan(r->cosine)) {
    loci__buffer_printf(out, "meaning: cosine %.3f", r->cosine);
    if (!isnan(r->cosine_percentile)) loci__buffer_printf(out, ", above %.1f %% of random pairs", r->cosine_percentile);
    if (r->rank_vector) loci__buffer_printf(out, ", rank %zu", r->rank_vector);
    between = "; ";
  }
  if (!isnan(r->bm25)) {
    loci__buffer_printf(out, "%swords: BM25 %.2f", between, r->bm25);
    if (r->rank_text) loci__buffer_printf(out, ", rank %zu", r->rank_text);
  }
  loci__put_style(out, cli->colour, LOCI__STYLE_PLAIN);
  loci__buffer_putc(out, '\n');
}

static void put_card(loci__buffer *out, const loci__cli *cli, const loci_result *r, loci__results_style style) {
  loci__buffer shown;
  loci__buffer_init(&shown, NULL, 0);
  loci__buffer_printf(&shown, "%s:%u", loci__shown_path(r->path), r->line_start);
  if (style.excerpt) loci__buffer_printf(out, "%2zu  ", r->rank);
  loci__put_path(out, cli, r->path, shown.data ? shown.data : r->path);
  loci__buffer_release(&shown);
  if (r->page) loci__buffer_printf(out, "  page %u", r->page);
  const char *heading = *r->heading ? r->heading : r->title;
  if (*heading) {
    loci__buffer_puts(out, "  ");
    loci__put_style(out, cli->colour, LOCI__STYLE_STRONG);
    loci__put_shown(out, heading, strlen(heading), cli->width);
    loci__put_style(out, cli->colour, LOCI__STYLE_PLAIN);
  }
  if (style.excerpt) {
    loci__put_style(out, cli->colour, LOCI__STYLE_DIM);
    loci__buffer_printf(out, "  %.3f", r->score);
    if (r->n_folded) loci__buffer_printf(out, "  +%zu alike", r->n_folded);
    loci__put_style(out, cli->colour, LOCI__STYLE_PLAIN);
  }
  loci__buffer_putc(out, '\n');
  if (style.excerpt) put_excerpt(out, cli, r);
  else put_whole(out, r->text);
  if (style.explain) put_explained(out, cli, r);
}

void loci__results_put(loci__buffer *out, const loci__cli *cli, const char *query, size_t length,
                       const loci_results *results, loci__results_style style) {
  if (style.json) {
    put_json(out, query, length, results, style.explain);
    return;
  }
  for (size_t i = 0; i < results->n; i++) {
    const loci_result *r = &results->items[i];
    if (cli->out_terminal) {
      if (i) loci__buffer_putc(out, '\n');
      put_card(out, cli, r, style);
    } else if (style.excerpt) {
      put_tsv(out, cli, r, style);
    } else {
      /* The bytes as they are: a text in a pipe is for a program. */
      if (i) loci__buffer_putc(out, '\n');
      loci__buffer_puts(out, r->text);
      if (!loci__ends_with(r->text, "\n")) loci__buffer_putc(out, '\n');
    }
  }
}

/* ---- places -------------------------------------------------------------------------------------- */

loci_status loci__place_parse(loci__cli *cli, const char *text, char **path, uint32_t *line, loci_error *error) {
  *line = 0;
  *path = NULL;
  size_t length = strlen(text);
  const char *colon = strrchr(text, ':');
  if (colon && colon != text && !loci__file_exists(cli->context, text)) {
    char digits[16];
    size_t n = strspn(colon + 1, "0123456789"), rest = 1 + n;
    /* "12-18", as a range of lines is written, means its first. */
    if (n && colon[rest] == '-') rest += 1 + strspn(colon + rest + 1, "0123456789");
    uint64_t number;
    if (n && n < sizeof digits && !colon[rest]) {
      memcpy(digits, colon + 1, n);
      digits[n] = 0;
      if (!loci__parse_u64(digits, &number) || number < 1 || number > UINT32_MAX)
        return loci__fail(error, LOCI_ERROR_USAGE, "'%s' names no line; lines count from 1", text);
      *line = (uint32_t)number;
      length = (size_t)(colon - text);
    }
  }
  char *name = loci__strndup(NULL, text, length);
  if (name) *path = loci__environment_place(cli, name);
  loci__free(NULL, name);
  return *path ? LOCI_OK : loci__fail_memory(error, length, "a path");
}
