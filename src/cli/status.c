/* status.c: `loci status`, what a collection holds and whether its files changed.
 */
#include "cli.h"

typedef struct values {
  int json;
} values;

static const loci__option options[] = {
    {"json", 0, LOCI__OPTION_FLAG, offsetof(values, json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

static void put_json(loci__buffer *out, const loci_collection_status *s) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "path");
  loci__json_put_text(&json, s->path);
  loci__json_key(&json, "model");
  loci__json_put_text(&json, s->model);
  loci__json_key(&json, "fingerprint");
  loci__json_put_text(&json, s->fingerprint);
  const struct {
    const char *key;
    uint64_t value;
  } counts[] = {{"dim", s->dim},
                {"documents", s->n_documents},
                {"passages", s->n_chunks},
                {"store_bytes", s->store_bytes},
                {"segment_bytes", s->segment_bytes},
                {"passages_in_segments", s->n_rows_in_segments},
                {"files_new", s->n_files_new},
                {"files_changed", s->n_files_changed},
                {"files_gone", s->n_files_gone}};
  for (size_t i = 0; i < LOCI__COUNT(counts); i++) {
    loci__json_key(&json, counts[i].key);
    loci__json_put_u64(&json, counts[i].value);
  }
  loci__json_key(&json, "roots");
  loci__json_open(&json, '[');
  for (uint64_t i = 0; i < s->n_roots; i++) loci__json_put_text(&json, s->roots[i]);
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

static void add_number(loci__table *table, const loci__cli *cli, const char *name, uint64_t number, bool is_size) {
  loci__buffer text;
  loci__buffer_init(&text, NULL, 0);
  /* For a program the plain number, for a person a readable one. */
  if (!cli->out_terminal) loci__buffer_printf(&text, "%llu", (unsigned long long)number);
  else if (is_size) loci__put_bytes(&text, number);
  else loci__put_number(&text, number);
  loci__table_add(table, name);
  loci__table_add(table, text.data ? text.data : "");
  loci__buffer_release(&text);
}

static void put_rows(loci__buffer *out, const loci__cli *cli, const loci_collection_status *s) {
  static const char *const headings[] = {"what", "value"};
  loci__table table;
  loci__table_init(&table, headings, LOCI__COUNT(headings));
  loci__table_add(&table, "collection");
  loci__table_add(&table, s->path);
  loci__table_add(&table, "model");
  loci__table_add(&table, *s->model ? s->model : "(none yet)");
  if (*s->fingerprint) {
    loci__table_add(&table, "fingerprint");
    loci__table_add(&table, s->fingerprint);
  }
  add_number(&table, cli, "dim", s->dim, false);
  add_number(&table, cli, "documents", s->n_documents, false);
  add_number(&table, cli, "passages", s->n_chunks, false);
  add_number(&table, cli, "size", s->store_bytes, true);
  add_number(&table, cli, "segments", s->segment_bytes, true);
  add_number(&table, cli, "new files", s->n_files_new, false);
  add_number(&table, cli, "changed files", s->n_files_changed, false);
  add_number(&table, cli, "gone files", s->n_files_gone, false);
  for (uint64_t i = 0; i < s->n_roots; i++) {
    loci__table_add(&table, "root");
    loci__table_add(&table, s->roots[i]);
  }
  loci__table_put(&table, out, cli);
  loci__table_release(&table);
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  loci_collection *collection = NULL;
  LOCI__TRY(loci__collection_open(cli, LOCI_COLLECTION_READ, &collection, error));
  loci_collection_status s = {.struct_size = sizeof s};
  loci_status status = loci_collection_get_status(collection, 1, &s, error);
  if (status == LOCI_OK) {
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    if (v->json) put_json(&out, &s);
    else put_rows(&out, cli, &s);
    status = loci__output_flush(cli, &out, error);
    if (status == LOCI_OK && s.n_files_new + s.n_files_changed + s.n_files_gone)
      loci__note(cli, "files changed since; `loci index` brings the collection up to date");
    loci__buffer_release(&out);
  }
  loci_collection_close(collection);
  return status;
}

const loci__command loci__command_status = {
    .name = "status",
    .summary = "Say where a collection lies, what it holds, and whether files changed",
    .arguments = "",
    .about = "Looks at every file under the collection's roots (size and time of change), and reads none.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci status", "the default collection"}, {"loci status -c papers --json", "another, for a program"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_COLLECTION,
    .values_size = sizeof(values),
    .run = run,
};
