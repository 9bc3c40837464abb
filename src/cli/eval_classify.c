/* eval_classify.c: `loci eval classify`, a classifier's precision and recall on labelled lines.
 */
#include "eval.h"

static loci_status put_file(loci__eval_sheet *s, const loci_classifier *classifier, const char *data, size_t k,
                            loci_error *error) {
  loci_classify_score score;
  LOCI__TRY(loci_eval_classify(classifier, data, k, &score, error));
  if (s->as_json) {
    loci__json_open(&s->json, '{');
    loci__put_key_text(&s->json, "data", data);
    loci__put_key_u64(&s->json, "texts", score.n_texts);
    loci__put_key_u64(&s->json, "left_out", score.n_without);
    loci__put_key_double(&s->json, "precision", score.precision);
    loci__put_key_double(&s->json, "recall", score.recall);
    loci__json_close(&s->json, '}');
    return LOCI_OK;
  }
  loci__table_add(&s->table, data);
  loci__table_addf(&s->table, "%llu", (unsigned long long)score.n_texts);
  loci__table_addf(&s->table, "%llu", (unsigned long long)score.n_without);
  loci__table_addf(&s->table, "%.4f", score.precision);
  loci__table_addf(&s->table, "%.4f", score.recall);
  return LOCI_OK;
}

static loci_status put_files(loci__eval_sheet *s, loci__cli *cli, const loci_classifier *classifier,
                             loci_error *error) {
  const loci__eval_values *v = cli->values;
  size_t k = v->best ? (size_t)v->best : 1;
  for (size_t i = 2; i < cli->arguments.n; i++) LOCI__TRY(put_file(s, classifier, cli->arguments.items[i], k, error));
  return LOCI_OK;
}

loci_status loci__eval_classify(loci__cli *cli, loci_error *error) {
  static const char *const headings[] = {"data", ">texts", ">left out", ">precision", ">recall"};
  const loci__eval_values *v = cli->values;
  if (cli->arguments.n < 3)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "name a classifier and labelled lines: loci eval classify model.bin "
                      "test.txt");
  loci_classifier *classifier;
  LOCI__TRY(loci_classifier_open(cli->context, cli->arguments.items[1], &classifier, error));
  loci__eval_sheet s = {.as_json = v->json};
  loci__buffer_init(&s.out, NULL, 0);
  loci__table_init(&s.table, headings, LOCI__COUNT(headings));
  if (s.as_json) {
    loci__json_writer_init(&s.json, &s.out);
    loci__json_open(&s.json, '{');
    loci__put_key_text(&s.json, "model", cli->arguments.items[1]);
    loci__json_key(&s.json, "results");
    loci__json_open(&s.json, '[');
  }
  loci_status status = put_files(&s, cli, classifier, error);
  if (status == LOCI_OK) {
    if (s.as_json) {
      loci__json_close(&s.json, ']');
      loci__json_close(&s.json, '}');
      loci__buffer_putc(&s.out, '\n');
    } else {
      loci__table_put(&s.table, &s.out, cli);
    }
    status = loci__output_flush(cli, &s.out, error);
  }
  loci__table_release(&s.table);
  loci__buffer_release(&s.out);
  loci_classifier_close(classifier);
  return status;
}
