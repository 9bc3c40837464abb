/* show.c: `loci show`, what a model is.
 */
#include "cli.h"

typedef struct values {
  int json;
} values;

static const loci__option options[] = {
    {"json", 0, LOCI__OPTION_FLAG, offsetof(values, json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

static void put_optional(loci__json_writer *json, const char *key, const char *text) {
  loci__json_key(json, key);
  if (text) loci__json_put_text(json, text);
  else loci__json_put_null(json);
}

static void put_number(loci__json_writer *json, const char *key, uint64_t number) {
  loci__json_key(json, key);
  loci__json_put_u64(json, number);
}

static void put_json(loci__buffer *out, const loci_model *model, const loci_model_info *m) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  put_optional(&json, "name", m->name);
  put_optional(&json, "path", m->path);
  put_optional(&json, "architecture", m->architecture);
  put_optional(&json, "pooling", m->pooling);
  put_optional(&json, "similarity", m->similarity);
  put_optional(&json, "fingerprint", m->fingerprint);
  put_optional(&json, "language", m->language);
  put_optional(&json, "licence", m->licence);
  put_number(&json, "dim", m->dim);
  put_number(&json, "hidden_size", m->hidden_size);
  put_number(&json, "layers", m->n_layers);
  put_number(&json, "heads", m->n_heads);
  put_number(&json, "vocabulary_size", m->vocabulary_size);
  put_number(&json, "parameters", m->n_parameters);
  loci__json_key(&json, "max_tokens");
  if (m->max_tokens == SIZE_MAX) loci__json_put_null(&json);
  else loci__json_put_u64(&json, m->max_tokens);
  loci__json_key(&json, "normalize");
  loci__json_put_bool(&json, m->normalize);
  put_optional(&json, "default_prompt", m->default_prompt);
  loci__json_key(&json, "prompts");
  loci__json_open(&json, '{');
  for (size_t i = 0; i < loci_model_prompts(model); i++) {
    const char *name = NULL, *text = loci_model_prompt(model, i, &name);
    put_optional(&json, name, text);
  }
  loci__json_close(&json, '}');
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

static void add_text(loci__table *table, const char *what, const char *text) {
  if (!text || !*text) return;
  loci__table_add(table, what);
  loci__table_add(table, text);
}

static void add_number(loci__table *table, const loci__cli *cli, const char *what, uint64_t number) {
  if (!number) return;
  loci__buffer text;
  loci__buffer_init(&text, NULL, 0);
  if (cli->out_terminal) loci__put_number(&text, number);
  else loci__buffer_printf(&text, "%llu", (unsigned long long)number);
  add_text(table, what, text.data);
  loci__buffer_release(&text);
}

static void put_rows(loci__buffer *out, const loci__cli *cli, const loci_model *model, const loci_model_info *m) {
  static const char *const headings[] = {"what", "value"};
  loci__table table;
  loci__table_init(&table, headings, LOCI__COUNT(headings));
  add_text(&table, "name", m->name);
  add_text(&table, "path", m->path);
  add_text(&table, "architecture", m->architecture);
  add_text(&table, "pooling", m->pooling);
  add_text(&table, "similarity", m->similarity);
  add_text(&table, "language", m->language);
  add_text(&table, "licence", m->licence);
  add_number(&table, cli, "dim", m->dim);
  add_number(&table, cli, "hidden size", m->hidden_size);
  add_number(&table, cli, "layers", m->n_layers);
  add_number(&table, cli, "heads", m->n_heads);
  add_number(&table, cli, "vocabulary", m->vocabulary_size);
  add_number(&table, cli, "parameters", m->n_parameters);
  if (m->max_tokens == SIZE_MAX) add_text(&table, "longest text", "no limit");
  else add_number(&table, cli, "longest text (tokens)", m->max_tokens);
  add_text(&table, "normalises", m->normalize ? "yes" : "no");
  for (size_t i = 0; i < loci_model_prompts(model); i++) {
    const char *name = NULL, *text = loci_model_prompt(model, i, &name);
    loci__table_addf(&table, "prompt \"%s\"%s", name ? name : "",
                     name && m->default_prompt && !strcmp(name, m->default_prompt) ? " (default)" : "");
    loci__table_addf(&table, "\"%s\"", text ? text : "");
  }
  add_text(&table, "fingerprint", m->fingerprint);
  loci__table_put(&table, out, cli);
  loci__table_release(&table);
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  loci_model *model = NULL;
  LOCI__TRY(loci_model_open(cli->context, cli->arguments.n ? cli->arguments.items[0] : NULL, &model, error));
  char fingerprint[33];
  loci_status status = loci_model_fingerprint(model, fingerprint, error);
  if (status == LOCI_OK) {
    loci_model_info info = {.struct_size = sizeof info};
    loci_model_get_info(model, &info);
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    if (v->json) put_json(&out, model, &info);
    else put_rows(&out, cli, model, &info);
    status = loci__output_flush(cli, &out, error);
    loci__buffer_release(&out);
  }
  loci_model_close(model);
  return status;
}

const loci__command loci__command_show = {
    .name = "show",
    .summary = "Say what a model is: its shape, pooling, prompts, length, fingerprint",
    .arguments = "[MODEL]",
    .about =
        "MODEL is a folder or file, or a name that is looked up where `loci doctor` says; without it, the "
        "built-in model. Two models of one fingerprint give vectors that can be compared.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci show ~/models/all-MiniLM-L6-v2", "a folder as sentence-transformers saves it"},
                 {"loci show loci-static-en --json", "the built-in model, for a program"}},
    .uses = LOCI__USES_CONTEXT,
    .most = 1,
    .offer = LOCI__OFFER_MODEL,
    .values_size = sizeof(values),
    .run = run,
};
