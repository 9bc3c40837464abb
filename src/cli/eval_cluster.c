/* eval_cluster.c: `loci eval cluster`, whether the clusters of words are the classes that people sort them into.
 */
#include "eval.h"

static void put(loci__eval_sheet *sheet, const char *data, const loci_cluster_score *s) {
  if (sheet->as_json) {
    loci__json_writer *json = &sheet->json;
    loci__json_open(json, '{');
    loci__put_key_text(json, "data", data);
    loci__put_key_u64(json, "words", s->n);
    loci__put_key_u64(json, "seen", s->n_seen);
    loci__put_key_u64(json, "repeated", s->n_repeated);
    loci__put_key_u64(json, "classes", s->n_classes);
    loci__put_key_double(json, "purity", s->score.purity);
    loci__put_key_double(json, "v_measure", s->score.v_measure);
    loci__put_key_double(json, "homogeneity", s->score.homogeneity);
    loci__put_key_double(json, "completeness", s->score.completeness);
    loci__put_key_double(json, "adjusted_rand", s->score.adjusted_rand);
    loci__put_key_double(json, "inertia", s->inertia);
    loci__json_close(json, '}');
    return;
  }
  loci__table_add(&sheet->table, data);
  loci__table_addf(&sheet->table, "%llu", (unsigned long long)s->n);
  loci__table_addf(&sheet->table, "%llu", (unsigned long long)s->n_seen);
  loci__table_addf(&sheet->table, "%llu", (unsigned long long)s->n_classes);
  loci__table_addf(&sheet->table, "%.4f", s->score.purity);
  loci__table_addf(&sheet->table, "%.4f", s->score.v_measure);
  loci__table_addf(&sheet->table, "%.4f", s->score.homogeneity);
  loci__table_addf(&sheet->table, "%.4f", s->score.completeness);
  loci__table_addf(&sheet->table, "%.4f", s->score.adjusted_rand);
}

static loci_status eval_all(loci__cli *cli, const loci_vectors *vectors, loci__eval_sheet *sheet, loci_error *error) {
  static const char *const headings[] = {"data",       ">words",       ">seen",         ">classes",      ">purity",
                                         ">V-measure", ">homogeneity", ">completeness", ">adjusted Rand"};
  const loci__eval_values *v = cli->values;
  loci__buffer_init(&sheet->out, NULL, 0);
  loci__table_init(&sheet->table, headings, LOCI__COUNT(headings));
  if (sheet->as_json) {
    loci__json_writer_init(&sheet->json, &sheet->out);
    loci__json_open(&sheet->json, '{');
    loci__put_key_text(&sheet->json, "vectors", cli->arguments.items[1]);
    loci__json_key(&sheet->json, "results");
    loci__json_open(&sheet->json, '[');
  }
  loci_cluster_eval_options o;
  loci_cluster_eval_options_init(&o);
  o.k = (size_t)v->best;
  loci_status status = LOCI_OK;
  for (size_t i = 2; i < cli->arguments.n && status == LOCI_OK; i++) {
    loci_cluster_score score;
    status = loci_eval_cluster(vectors, cli->arguments.items[i], &o, &score, error);
    if (status == LOCI_OK) put(sheet, cli->arguments.items[i], &score);
  }
  if (status == LOCI_OK) {
    if (sheet->as_json) {
      loci__json_close(&sheet->json, ']');
      loci__json_close(&sheet->json, '}');
      loci__buffer_putc(&sheet->out, '\n');
    } else {
      loci__table_put(&sheet->table, &sheet->out, cli);
    }
    status = loci__output_flush(cli, &sheet->out, error);
  }
  loci__table_release(&sheet->table);
  loci__buffer_release(&sheet->out);
  return status;
}

loci_status loci__eval_cluster(loci__cli *cli, loci_error *error) {
  const loci__eval_values *v = cli->values;
  loci__eval_sheet sheet = {.as_json = v->json};
  if (cli->arguments.n < 3)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "name the vectors and the words with their classes: loci eval cluster vectors.bin kinds.txt");
  if (v->model || v->mode || v->fusion || v->split || v->chunks || v->most)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "`loci eval cluster` takes -k and --json, and the vectors as its first argument");
  if (v->best > SIZE_MAX) return loci__fail(error, LOCI_ERROR_USAGE, "-k is too large");
  loci_vectors *vectors;
  LOCI__TRY(loci_vectors_open(cli->context, cli->arguments.items[1], NULL, &vectors, error));
  const loci_status status = eval_all(cli, vectors, &sheet, error);
  loci_vectors_close(vectors);
  return status;
}
