/* eval_words.c: `loci eval analogy` and `loci eval similarity`, the figures of word vectors.
 *
 * DATA that is a folder stands for the files in it, by name; those that begin with a dot are left out.
 */
#include "eval.h"

#include <stdlib.h>

typedef struct run_state {
  loci__cli *cli;
  const loci__eval_values *v;
  loci_vectors *vectors;
  loci__eval_sheet sheet;
  bool analogy;
} run_state;

/* ---- one file ---------------------------------------------------------------------------------- */

static double percent(uint64_t part, uint64_t whole) {
  return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void put_section(run_state *r, const char *data, const loci_analogy_section *s) {
  loci__eval_sheet *sheet = &r->sheet;
  if (sheet->as_json) {
    loci__json_open(&sheet->json, '{');
    loci__put_key_text(&sheet->json, "section", s->name);
    loci__put_key_u64(&sheet->json, "questions", s->n);
    loci__put_key_u64(&sheet->json, "seen", s->n_seen);
    loci__put_key_u64(&sheet->json, "right", s->n_right);
    loci__put_key_u64(&sheet->json, "right_nothing_excluded", s->n_right_all);
    loci__json_close(&sheet->json, '}');
    return;
  }
  loci__table_add(&sheet->table, data);
  loci__table_add(&sheet->table, s->name);
  loci__table_addf(&sheet->table, "%llu", (unsigned long long)s->n);
  loci__table_addf(&sheet->table, "%llu", (unsigned long long)s->n_seen);
  loci__table_addf(&sheet->table, "%.2f", percent(s->n_right, s->n_seen));
  loci__table_addf(&sheet->table, "%.2f", percent(s->n_right_all, s->n_seen));
}

static loci_status eval_analogy(run_state *r, const char *data, loci_error *error) {
  loci_analogy_options options;
  loci_analogy_options_init(&options);
  if (r->v->most > SIZE_MAX) return loci__fail(error, LOCI_ERROR_USAGE, "--most is too large");
  options.most = (size_t)r->v->most;
  options.progress = loci__progress_show;
  options.progress_user = r->cli;
  loci_analogy_score score;
  LOCI__TRY(loci_eval_analogy(r->vectors, data, &options, &score, error));
  loci__json_writer *json = &r->sheet.json;
  if (r->sheet.as_json) {
    loci__json_open(json, '{');
    loci__put_key_text(json, "data", data);
    loci__json_key(json, "sections");
    loci__json_open(json, '[');
  }
  for (size_t i = 0; i < score.n_sections; i++) put_section(r, data, &score.sections[i]);
  if (r->sheet.as_json) {
    loci__json_close(json, ']');
    loci__json_key(json, "semantic");
  }
  put_section(r, data, &score.semantic);
  if (r->sheet.as_json) loci__json_key(json, "syntactic");
  put_section(r, data, &score.syntactic);
  if (r->sheet.as_json) loci__json_key(json, "total");
  put_section(r, data, &score.total);
  if (r->sheet.as_json) loci__json_close(json, '}');
  loci_analogy_score_release(&score);
  return LOCI_OK;
}

static loci_status eval_similarity(run_state *r, const char *data, loci_error *error) {
  loci_similarity_score score;
  LOCI__TRY(loci_eval_similarity(r->vectors, data, &score, error));
  loci__eval_sheet *s = &r->sheet;
  if (s->as_json) {
    loci__json_open(&s->json, '{');
    loci__put_key_text(&s->json, "data", data);
    loci__put_key_u64(&s->json, "pairs", score.n_pairs);
    loci__put_key_u64(&s->json, "seen", score.n_seen);
    loci__put_key_double(&s->json, "spearman", score.spearman);
    loci__put_key_double(&s->json, "spearman_all", score.spearman_all);
    loci__json_close(&s->json, '}');
    return LOCI_OK;
  }
  loci__table_add(&s->table, data);
  loci__table_addf(&s->table, "%llu", (unsigned long long)score.n_pairs);
  loci__table_addf(&s->table, "%llu", (unsigned long long)score.n_seen);
  loci__table_addf(&s->table, "%.4f", score.spearman);
  loci__table_addf(&s->table, "%.4f", score.spearman_all);
  return LOCI_OK;
}

/* ---- files and folders --------------------------------------------------------------------------- */

typedef struct names {
  char **items;
  size_t n, capacity;
  const char *folder;
  bool failed;
} names;

static int add_name(void *arg, const char *name) {
  names *list = arg;
  if (name[0] == '.') return 0;
  char *path = loci__path_join(NULL, list->folder, name);
  if (path == NULL || !loci__grow(NULL, &list->items, &list->capacity, list->n + 1, sizeof *list->items)) {
    loci__free(NULL, path);
    list->failed = true;
    return 1;
  }
  list->items[list->n++] = path;
  return 0;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static loci_status eval_data(run_state *r, const char *data, loci_error *error) {
  loci_file_info info;
  int err = loci__file_stat(r->cli->context, data, true, &info);
  if (err < 0) return loci__fail_file(error, "open", data, err);
  if (info.kind != LOCI_FILE_FOLDER) return r->analogy ? eval_analogy(r, data, error) : eval_similarity(r, data, error);
  names list = {.folder = data};
  err = loci__file_readdir(r->cli->context, data, add_name, &list);
  loci_status status = LOCI_OK;
  if (list.failed) status = loci__fail_memory(error, list.n * sizeof *list.items, "the files of a folder");
  else if (err < 0) status = loci__fail_file(error, "list", data, err);
  if (list.n > 1) qsort(list.items, list.n, sizeof *list.items, by_name);
  size_t n_files = 0;
  for (size_t i = 0; i < list.n; i++) {
    err = status == LOCI_OK ? loci__file_stat(r->cli->context, list.items[i], true, &info) : 0;
    if (err < 0) status = loci__fail_file(error, "open", list.items[i], err);
    if (status == LOCI_OK && info.kind == LOCI_FILE_REGULAR) {
      n_files++;
      status = r->analogy ? eval_analogy(r, list.items[i], error) : eval_similarity(r, list.items[i], error);
    }
    loci__free(NULL, list.items[i]);
  }
  loci__free(NULL, list.items);
  if (status == LOCI_OK && n_files == 0)
    status = loci__fail(error, LOCI_ERROR_USAGE, "there are no files in '%s'", data);
  return status;
}

/* ---- the command --------------------------------------------------------------------------------- */

static loci_status eval_all(run_state *r, loci_error *error) {
  static const char *const analogy[] = {"data", "section", ">questions", ">seen", ">right %", ">nothing excluded %"};
  static const char *const similarity[] = {"data", ">pairs", ">seen", ">Spearman", ">of all"};
  loci__eval_sheet *s = &r->sheet;
  s->as_json = r->v->json;
  loci__buffer_init(&s->out, NULL, 0);
  if (r->analogy) loci__table_init(&s->table, analogy, LOCI__COUNT(analogy));
  else loci__table_init(&s->table, similarity, LOCI__COUNT(similarity));
  if (s->as_json) {
    loci__json_writer_init(&s->json, &s->out);
    loci__json_open(&s->json, '{');
    loci__put_key_text(&s->json, "vectors", r->cli->arguments.items[1]);
    loci__json_key(&s->json, "results");
    loci__json_open(&s->json, '[');
  }
  loci_status status = LOCI_OK;
  for (size_t i = 2; i < r->cli->arguments.n && status == LOCI_OK; i++)
    status = eval_data(r, r->cli->arguments.items[i], error);
  if (status == LOCI_OK) {
    if (s->as_json) {
      loci__json_close(&s->json, ']');
      loci__json_close(&s->json, '}');
      loci__buffer_putc(&s->out, '\n');
    } else {
      loci__table_put(&s->table, &s->out, r->cli);
    }
    status = loci__output_flush(r->cli, &s->out, error);
  }
  loci__table_release(&s->table);
  loci__buffer_release(&s->out);
  return status;
}

loci_status loci__eval_words(loci__cli *cli, loci_error *error) {
  const loci__eval_values *v = cli->values;
  const char *kind = cli->arguments.items[0];
  run_state r = {.cli = cli, .v = v, .analogy = !strcmp(kind, "analogy")};
  if (cli->arguments.n < 3)
    return loci__fail(error, LOCI_ERROR_USAGE, "name the vectors and the data: loci eval %s vectors.bin %s", kind,
                      r.analogy ? "questions-words.txt" : "EN-WS-353-ALL.txt");
  if (v->model || v->mode || v->fusion || v->split || v->chunks)
    return loci__fail(error, LOCI_ERROR_USAGE, "`loci eval %s` takes --json%s, and the vectors as its first argument",
                      kind, r.analogy ? " and --most" : "");
  if (v->most && !r.analogy) return loci__fail(error, LOCI_ERROR_USAGE, "--most is for `loci eval analogy`");
  LOCI__TRY(loci_vectors_open(cli->context, cli->arguments.items[1], NULL, &r.vectors, error));
  const loci_status status = eval_all(&r, error);
  loci_vectors_close(r.vectors);
  return status;
}
