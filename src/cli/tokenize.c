/* tokenize.c: `loci tokenize`, a text as the model sees it.
 */
#include "cli.h"

typedef struct values {
  const char *file, *model;
  int no_special, json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"file", 'f', LOCI__OPTION_TEXT, AT(file), "FILE", LOCI__OFFER_FILE,
     "the text is the whole of FILE (- is standard input)"},
    {"model", 'm', LOCI__OPTION_TEXT, AT(model), "MODEL", LOCI__OFFER_MODEL,
     "a model, a tokenizer.json or a vocab.txt; default: the built-in model"},
    {"no-special", 0, LOCI__OPTION_FLAG, AT(no_special), NULL, LOCI__OFFER_NOTHING,
     "without the special tokens that the model puts around a text"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

static void put_json(loci__buffer *out, const loci_tokenizer *tokenizer, const loci_tokens *tokens) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "ids");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < tokens->n_tokens; i++) loci__json_put_i64(&json, tokens->ids[i]);
  loci__json_close(&json, ']');
  loci__json_key(&json, "type_ids");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < tokens->n_tokens; i++) loci__json_put_i64(&json, tokens->type_ids[i]);
  loci__json_close(&json, ']');
  loci__json_key(&json, "tokens");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < tokens->n_tokens; i++) {
    const char *piece = loci_tokenizer_piece(tokenizer, tokens->ids[i]);
    if (piece) loci__json_put_text(&json, piece);
    else loci__json_put_null(&json);
  }
  loci__json_close(&json, ']');
  loci__json_key(&json, "offsets");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < tokens->n_tokens; i++) {
    loci__json_open(&json, '[');
    loci__json_put_u64(&json, tokens->starts[i]);
    loci__json_put_u64(&json, tokens->ends[i]);
    loci__json_close(&json, ']');
  }
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

static void put_rows(loci__buffer *out, const loci__cli *cli, const loci_tokenizer *tokenizer,
                     const loci_tokens *tokens) {
  static const char *const headings[] = {">id", "piece", ">start", ">end"};
  if (!cli->out_terminal) {
    /* A long text has millions of tokens: written as they are, not kept in a table first. */
    for (size_t i = 0; i < tokens->n_tokens; i++) {
      const char *piece = loci_tokenizer_piece(tokenizer, tokens->ids[i]);
      loci__buffer_printf(out, "%d\t", tokens->ids[i]);
      loci__put_field(out, piece ? piece : "", piece ? strlen(piece) : 0);
      loci__buffer_printf(out, "\t%u\t%u\n", tokens->starts[i], tokens->ends[i]);
    }
    return;
  }
  loci__table table;
  loci__table_init(&table, headings, LOCI__COUNT(headings));
  for (size_t i = 0; i < tokens->n_tokens; i++) {
    const char *piece = loci_tokenizer_piece(tokenizer, tokens->ids[i]);
    loci__table_addf(&table, "%d", tokens->ids[i]);
    loci__table_add(&table, piece ? piece : "");
    loci__table_addf(&table, "%u", tokens->starts[i]);
    loci__table_addf(&table, "%u", tokens->ends[i]);
  }
  loci__table_put(&table, out, cli);
  loci__table_release(&table);
}

static loci_status tokenize(loci__cli *cli, const loci_tokenizer *tokenizer, const char *text, size_t length,
                            loci_error *error) {
  const values *v = cli->values;
  loci_tokens tokens;
  loci_tokens_init(&tokens);
  loci_status status = loci_tokenizer_encode(tokenizer, text, length, !v->no_special, &tokens, error);
  if (status == LOCI_OK) {
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    if (v->json) put_json(&out, tokenizer, &tokens);
    else put_rows(&out, cli, tokenizer, &tokens);
    status = loci__output_flush(cli, &out, error);
    loci__buffer_release(&out);
  }
  loci_tokens_release(&tokens);
  return status;
}

/* A model is opened for its tokenizer alone when it has no weights to speak of: a tokenizer.json or vocab.txt. */
static bool is_tokenizer_file(const char *model) {
  if (!model) return false;
  const char *base = loci__path_base(model);
  return !strcmp(base, "tokenizer.json") || !strcmp(base, "vocab.txt") || loci__ends_with(base, ".tokenizer.json");
}

static loci_status with_tokenizer(loci__cli *cli, const char *text, size_t length, loci_error *error) {
  const values *v = cli->values;
  if (is_tokenizer_file(v->model)) {
    loci_tokenizer *tokenizer = NULL;
    LOCI__TRY(loci_tokenizer_open(cli->context, v->model, &tokenizer, error));
    loci_status status = tokenize(cli, tokenizer, text, length, error);
    loci_tokenizer_close(tokenizer);
    return status;
  }
  loci_model *model = NULL;
  LOCI__TRY(loci_model_open(cli->context, v->model, &model, error));
  loci_status status = tokenize(cli, loci_model_tokenizer(model), text, length, error);
  loci_model_close(model);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  const char *path = v->file, *argument = cli->arguments.n ? cli->arguments.items[0] : NULL;
  if (argument && !strcmp(argument, "-") && !path) path = "-", argument = NULL;
  if (!path == !argument)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "give a text, -f FILE, or - for standard input, one of them: "
                      "loci tokenize \"a text\"");
  if (argument) return with_tokenizer(cli, argument, strlen(argument), error);
  loci__input input;
  const char *text = NULL;
  size_t length = 0;
  loci_status status = loci__input_open(&input, cli->context, path, error);
  if (status == LOCI_OK) status = loci__input_all(&input, &text, &length, error);
  if (status == LOCI_OK) status = with_tokenizer(cli, text, length, error);
  loci__input_close(&input);
  return status;
}

const loci__command loci__command_tokenize = {
    .name = "tokenize",
    .summary = "Show a text as the tokens that a model sees",
    .arguments = "TEXT | -",
    .about =
        "The whole input is one text, never cut. Outside of a terminal the tokens are tab-separated lines: id, "
        "piece, start, end. Offsets count bytes of the input; those of special tokens are 0. With --json one "
        "object: {\"ids\":[],\"type_ids\":[],\"tokens\":[],\"offsets\":[[start,end]]}.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci tokenize \"unbelievable\"", "a table"},
                 {"loci tokenize -f README.md --json", "a whole file"},
                 {"loci tokenize --no-special - < text", "standard input, without [CLS] and [SEP]"}},
    .uses = LOCI__USES_CONTEXT,
    .most = 1,
    .values_size = sizeof(values),
    .run = run,
};
