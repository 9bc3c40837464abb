/* cli/eval.h: what the files of `loci eval` share. */
#ifndef LOCI_CLI_EVAL_H
#define LOCI_CLI_EVAL_H

#include "cli.h"

typedef struct loci__eval_values {
  const char *model, *split;
  int mode, fusion, chunks, json;
  uint64_t most, best;
} loci__eval_values;

/* Rows are shown when all are there: a table's columns need every cell. A JSON object likewise is written once. */
typedef struct loci__eval_sheet {
  loci__table table;
  loci__json_writer json;
  loci__buffer out;
  bool as_json;
} loci__eval_sheet;

static inline void loci__put_key_double(loci__json_writer *json, const char *key, double value) {
  loci__json_key(json, key);
  loci__json_put_double(json, value);
}

static inline void loci__put_key_u64(loci__json_writer *json, const char *key, uint64_t value) {
  loci__json_key(json, key);
  loci__json_put_u64(json, value);
}

static inline void loci__put_key_text(loci__json_writer *json, const char *key, const char *text) {
  loci__json_key(json, key);
  loci__json_put_text(json, text);
}

/* `loci eval analogy|similarity VECTORS DATA…` */
loci_status loci__eval_words(loci__cli *cli, loci_error *error);

/* `loci eval cluster VECTORS DATA…` */
loci_status loci__eval_cluster(loci__cli *cli, loci_error *error);

/* `loci eval classify MODEL DATA…` */
loci_status loci__eval_classify(loci__cli *cli, loci_error *error);

#endif
