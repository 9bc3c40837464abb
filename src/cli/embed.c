/* embed.c: `loci embed`, texts to vectors.
 *
 * Texts are the arguments, or the lines of a file or of stdin, embedded and written in batches, so a large input takes
 * bounded memory. The exception is npy, whose header says the number of rows first: a regular file is counted in a
 * pass of its own, anything else is read to its end before the first text is embedded.
 */
#include "cli.h"

typedef enum format { JSONL = 1, JSON, NPY, CSV, BIN, BASE64 } format;

typedef struct values {
  const char *file, *model;
  int role, on_long, format, pooling; /* 1 + index, 0 = not given */
  uint64_t max_length;
  int no_normalize;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"file", 'f', LOCI__OPTION_TEXT, AT(file), "FILE", LOCI__OFFER_FILE,
     "each line of FILE is a text, empty lines too (- is standard input)"},
    {"model", 'm', LOCI__OPTION_TEXT, AT(model), "MODEL", LOCI__OFFER_MODEL,
     "a folder, a file or a name; default: the built-in model"},
    {"pooling", 0, LOCI__OPTION_CHOICE, AT(pooling), LOCI__POOLING_WORDS, LOCI__OFFER_NOTHING, LOCI__POOLING_HELP},
    {"role", 0, LOCI__OPTION_CHOICE, AT(role), "query|document", LOCI__OFFER_NOTHING,
     "put the model's prompt for a question or a document before each text; default: the model's default prompt"},
    {"max-length", 0, LOCI__OPTION_COUNT, AT(max_length), "N", LOCI__OFFER_NOTHING,
     "cut texts after N tokens, special ones included; default: the model's length"},
    {"on-long", 0, LOCI__OPTION_CHOICE, AT(on_long), "truncate|error", LOCI__OFFER_NOTHING,
     "cut what is longer and say how many were (truncate), or stop there (error)"},
    {"no-normalize", 0, LOCI__OPTION_FLAG, AT(no_normalize), NULL, LOCI__OFFER_NOTHING,
     "leave the vectors' length as it is; default: length 1 (L2)"},
    {"format", 0, LOCI__OPTION_CHOICE, AT(format), "jsonl|json|npy|csv|bin|base64", LOCI__OFFER_NOTHING,
     "how the vectors are written (jsonl)"},
};

enum {
  LINES_AT_ONCE = 4096,
  FLUSH_AT = 1 << 20 /* bytes of output */
};

typedef struct job {
  loci__cli *cli;
  const values *v;
  format format;
  loci_model *model;
  loci_model_info info;
  loci_embed_options options;
  loci__buffer out;
  float *vectors;
  loci_embed_info *infos;
  size_t capacity; /* of vectors and infos, in texts */
  uint64_t n_done, n_truncated;
  uint64_t n_unknown; /* texts with words, none of which the model knows */
  uint64_t total;     /* 0 = not known */
  uint32_t longest;
  double began;
} job;

/* ---- writing ------------------------------------------------------------------------------------- */

static void put_u32(unsigned char *out, uint32_t x) {
  for (int i = 0; i < 4; i++) out[i] = (unsigned char)(x >> (8 * i));
}

/* Little-endian whatever this machine is. */
static void put_floats(loci__buffer *out, const float *vector, size_t dim) {
  if (!loci__buffer_reserve(out, 4 * dim)) return;
  unsigned char *at = (unsigned char *)out->data + out->length;
  for (size_t i = 0; i < dim; i++) {
    uint32_t bits;
    memcpy(&bits, &vector[i], sizeof bits);
    put_u32(at + 4 * i, bits);
  }
  out->length += 4 * dim;
  out->data[out->length] = 0;
}

/* Standard alphabet with padding (RFC 4648, section 4), over the little-endian floats. */
static void put_base64(loci__buffer *out, const float *vector, size_t dim) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  loci__buffer raw;
  loci__buffer_init(&raw, NULL, 0);
  put_floats(&raw, vector, dim);
  const unsigned char *b = (const unsigned char *)raw.data;
  if (raw.failed != LOCI_OK) out->failed = raw.failed;
  for (size_t i = 0; i < raw.length; i += 3) {
    size_t n = raw.length - i < 3 ? raw.length - i : 3;
    uint32_t bits = (uint32_t)b[i] << 16 | (n > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (n > 2 ? b[i + 2] : 0);
    char four[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63], n > 1 ? alphabet[bits >> 6 & 63] : '=',
                    n > 2 ? alphabet[bits & 63] : '='};
    loci__buffer_append(out, four, 4);
  }
  loci__buffer_release(&raw);
}

static void put_numbers(loci__buffer *out, const float *vector, size_t dim) {
  char number[32];
  for (size_t i = 0; i < dim; i++) {
    if (i) loci__buffer_putc(out, ',');
    loci__buffer_append(out, number, loci__format_float(vector[i], number));
  }
}

/* NPY 1.0: magic, version, length of the header, the header, padded so that the data begins at a multiple of 64. */
static void put_npy_header(loci__buffer *out, uint64_t n, size_t dim) {
  char header[160];
  int length = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %zu), }",
                        (unsigned long long)n, dim);
  size_t padded = (10 + (size_t)length + 1 + 63) / 64 * 64;
  const unsigned char size[2] = {(unsigned char)((padded - 10) & 255), (unsigned char)((padded - 10) >> 8)};
  loci__buffer_append(out, "\x93NUMPY\x01\x00", 8);
  loci__buffer_append(out, size, 2);
  loci__buffer_printf(out, "%s%*s\n", header, (int)(padded - 10 - (size_t)length - 1), "");
}

static void put_begin(job *j) {
  if (j->format == NPY) put_npy_header(&j->out, j->total, j->info.dim);
  if (j->format != JSON) return;
  loci__json_writer json;
  loci__json_writer_init(&json, &j->out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "model");
  loci__json_put_text(&json, j->info.name);
  loci__json_key(&json, "dim");
  loci__json_put_u64(&json, j->info.dim);
  loci__json_key(&json, "embeddings");
  loci__buffer_putc(&j->out, '[');
}

static void put_vector(job *j, const float *vector, const loci_embed_info *info, bool first) {
  loci__buffer *out = &j->out;
  size_t dim = j->info.dim;
  switch (j->format) {
    case JSONL:
      loci__buffer_puts(out, "{\"embedding\":[");
      put_numbers(out, vector, dim);
      loci__buffer_printf(out, "],\"tokens\":%u,\"truncated\":%s}\n", info->n_tokens,
                          info->truncated ? "true" : "false");
      break;
    case JSON:
      loci__buffer_puts(out, first ? "[" : ",[");
      put_numbers(out, vector, dim);
      loci__buffer_putc(out, ']');
      break;
    case CSV:
      put_numbers(out, vector, dim);
      loci__buffer_putc(out, '\n');
      break;
    case NPY:
    case BIN: put_floats(out, vector, dim); break;
    case BASE64:
      put_base64(out, vector, dim);
      loci__buffer_putc(out, '\n');
      break;
  }
}

static void put_end(job *j) {
  if (j->format == JSON) loci__buffer_printf(&j->out, "],\"truncated\":%llu}\n", (unsigned long long)j->n_truncated);
}

/* ---- embedding ----------------------------------------------------------------------------------- */

static loci_status make_room(job *j, size_t n, loci_error *error) {
  if (n <= j->capacity) return LOCI_OK;
  size_t floats;
  if (!loci__mul(n, j->info.dim, &floats)) return loci__fail_memory(error, SIZE_MAX, "the vectors");
  float *vectors = loci__resize_array(NULL, j->vectors, floats, sizeof *vectors);
  if (vectors) j->vectors = vectors;
  loci_embed_info *infos = loci__resize_array(NULL, j->infos, n, sizeof *infos);
  if (infos) j->infos = infos;
  if (!vectors || !infos) return loci__fail_memory(error, floats * sizeof *vectors, "the vectors");
  j->capacity = n;
  return LOCI_OK;
}

/* The first that is too long, by its number in the whole input, which the library, given a batch, cannot know. */
static loci_status refuse_long(const job *j, size_t n, loci_error *error) {
  for (size_t i = 0; i < n; i++)
    if (j->infos[i].truncated)
      return loci__fail(error, LOCI_ERROR_LIMIT,
                        "text %llu has %u tokens, and the limit is %u; shorten it, or have it cut: --on-long truncate",
                        (unsigned long long)(j->n_done + i + 1), j->infos[i].n_tokens_whole, j->infos[i].n_tokens);
  return LOCI_OK;
}

/* The library counts the texts of a batch, a person those of the input. */
static int show_batch(void *user, const loci_progress *batch) {
  const job *j = user;
  loci_progress progress = *batch;
  progress.done += j->n_done;
  progress.total = j->total;
  progress.seconds = loci__now() - j->began;
  return loci__progress_show(j->cli, &progress);
}

static bool is_zero(const float *vector, size_t dim) {
  for (size_t d = 0; d < dim; d++)
    if (vector[d] != 0.0f) return false;
  return true;
}

static loci_status embed_batch(job *j, const loci_text *texts, size_t n, loci_error *error) {
  LOCI__TRY(make_room(j, n, error));
  LOCI__TRY(loci_embed(j->model, texts, n, &j->options, j->vectors, j->infos, error));
  if (j->v->on_long == 2) LOCI__TRY(refuse_long(j, n, error));
  for (size_t i = 0; i < n; i++) {
    put_vector(j, j->vectors + i * j->info.dim, &j->infos[i], j->n_done + i == 0);
    j->n_unknown += j->infos[i].n_tokens > 0 && is_zero(j->vectors + i * j->info.dim, j->info.dim);
    if (j->infos[i].truncated) {
      j->n_truncated++;
      if (j->infos[i].n_tokens_whole > j->longest) j->longest = j->infos[i].n_tokens_whole;
    }
    if (j->out.length >= FLUSH_AT) LOCI__TRY(loci__output_flush(j->cli, &j->out, error));
  }
  j->n_done += n;
  return LOCI_OK;
}

static loci_status count_lines(job *j, const char *path, loci_error *error) {
  loci__input input;
  loci_text *texts = NULL;
  size_t capacity = 0, n = 0;
  loci_status status = loci__input_open(&input, j->cli->context, path, error);
  if (status == LOCI_OK && input.regular) {
    do status = loci__input_lines(&input, LINES_AT_ONCE, &texts, &capacity, &n, error);
    while (status == LOCI_OK && n);
    j->total = input.n_read;
  }
  loci__free(NULL, texts);
  loci__input_close(&input);
  return status;
}

static loci_status embed_lines(job *j, const char *path, loci_error *error) {
  if (strcmp(path, "-") != 0) LOCI__TRY(count_lines(j, path, error));
  loci__input input;
  loci_text *texts = NULL;
  size_t capacity = 0, n = 0;
  LOCI__TRY(loci__input_open(&input, j->cli->context, path, error));
  loci_status status = LOCI_OK;
  bool whole = j->format == NPY && !input.regular;
  if (whole) {
    status = loci__input_lines(&input, SIZE_MAX, &texts, &capacity, &n, error);
    j->total = n;
  }
  if (status == LOCI_OK) put_begin(j);
  for (size_t at = 0; status == LOCI_OK;) {
    if (!whole) {
      at = 0;
      status = loci__input_lines(&input, LINES_AT_ONCE, &texts, &capacity, &n, error);
    }
    if (status != LOCI_OK || at == n) break;
    size_t batch = n - at < LINES_AT_ONCE ? n - at : LINES_AT_ONCE;
    status = embed_batch(j, texts + at, batch, error);
    at += batch;
  }
  if (status == LOCI_OK && j->format == NPY && j->n_done != j->total)
    status = loci__fail(error, LOCI_ERROR_FORMAT,
                        "'%s' was changed while it was read, so the header of the npy is "
                        "wrong; run the command again",
                        input.name);
  loci__free(NULL, texts);
  loci__input_close(&input);
  return status;
}

static loci_status embed_arguments(job *j, loci_error *error) {
  size_t n = j->cli->arguments.n;
  loci_text *texts = loci__alloc_array(NULL, n, sizeof *texts);
  if (!texts) return loci__fail_memory(error, n * sizeof *texts, "the texts");
  for (size_t i = 0; i < n; i++) texts[i] = (loci_text){j->cli->arguments.items[i], strlen(j->cli->arguments.items[i])};
  j->total = n;
  put_begin(j);
  loci_status status = embed_batch(j, texts, n, error);
  loci__free(NULL, texts);
  return status;
}

static loci_status embed(job *j, const char *path, loci_error *error) {
  loci_embed_options_init(&j->options);
  if (j->v->role) j->options.role = j->v->role == 1 ? LOCI_ROLE_QUERY : LOCI_ROLE_DOCUMENT;
  if (j->v->max_length > SIZE_MAX) return loci__fail(error, LOCI_ERROR_USAGE, "--max-length is too large");
  j->options.max_tokens = (size_t)j->v->max_length;
  j->options.normalize = j->v->no_normalize ? LOCI_NORMALIZE_NO : LOCI_NORMALIZE_YES;
  j->options.progress = show_batch;
  j->options.progress_user = j;
  loci_status status = path ? embed_lines(j, path, error) : embed_arguments(j, error);
  if (status == LOCI_ERROR_CANCELLED)
    return loci__fail(error, status, "interrupted after %llu texts", (unsigned long long)j->n_done);
  if (status != LOCI_OK) return status;
  put_end(j);
  LOCI__TRY(loci__output_flush(j->cli, &j->out, error));
  if (j->n_truncated)
    loci__note(j->cli, "%llu of %llu texts were cut: the longest has %u tokens; --on-long error stops there instead",
               (unsigned long long)j->n_truncated, (unsigned long long)j->n_done, j->longest);
  if (j->n_unknown)
    loci__note(j->cli, "%llu of %llu texts have no word that the model knows: their vectors are 0",
               (unsigned long long)j->n_unknown, (unsigned long long)j->n_done);
  return LOCI_OK;
}

/* A text among the arguments that is one word. */
static bool one_word(const loci__cli *cli) {
  for (size_t i = 0; i < cli->arguments.n; i++) {
    const char *text = cli->arguments.items[i];
    if (*text && strcmp(text, "-") != 0 && !strpbrk(text, " \t\n")) return true;
  }
  return false;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  const char *path = v->file;
  if (cli->arguments.n == 1 && !strcmp(cli->arguments.items[0], "-") && !path) path = "-";
  else if (!path == !cli->arguments.n)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "give texts, -f FILE, or - for standard input, one of them: "
                      "loci embed \"a text\"");
  job j = {.cli = cli, .v = v, .format = v->format ? (format)v->format : JSONL, .began = loci__now()};
  j.info.struct_size = sizeof j.info;
  loci__buffer_init(&j.out, NULL, 0);
  if ((j.format == NPY || j.format == BIN) && cli->out_terminal)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "the format %s is bytes, not for a terminal; send it to a file: "
                      "> vectors.%s",
                      j.format == NPY ? "npy" : "bin", j.format == NPY ? "npy" : "bin");
  char *pooled = NULL;
  LOCI__TRY(loci__environment_pooling(v->model, v->pooling, &pooled, error));
  loci_status status = loci_model_open(cli->context, pooled ? pooled : v->model, &j.model, error);
  loci__free(NULL, pooled);
  if (status == LOCI_OK) {
    if (!v->model) loci__environment_tell_limits(cli);
    loci_model_get_info(j.model, &j.info);
    if (one_word(cli) && (!strcmp(j.info.architecture, "static") || !strcmp(j.info.architecture, "words")))
      loci__environment_tell_static(cli);
    status = embed(&j, path, error);
    loci_model_close(j.model);
  }
  loci__buffer_release(&j.out);
  loci__free(NULL, j.vectors);
  loci__free(NULL, j.infos);
  return status;
}

const loci__command loci__command_embed = {
    .name = "embed",
    .summary = "Turn texts into vectors",
    .arguments = "TEXT… | -",
    .about =
        "A text gives the same numbers whatever stands beside it. Texts longer than the model takes are cut, and how "
        "many were is said on standard error.\n\n"
        "Formats: `jsonl`, a line {\"embedding\":[…],\"tokens\":n,\"truncated\":bool} a text; `json`, one object "
        "{\"model\",\"dim\",\"embeddings\":[[…]],\"truncated\":n}; `npy`, float32, a row a text, as numpy.load reads "
        "it; `csv`, a line of numbers a text, no heading; `bin`, raw little-endian float32; `base64`, the same bytes, "
        "a "
        "line a text.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci embed \"a slow laptop\"", "one vector, as JSON"},
                 {"loci embed -f lines.txt --format npy > lines.npy", "a row a line, for NumPy"},
                 {"loci embed --role query -m ~/models/e5-small-v2 \"how to fix it\"", "with the model's prompt"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_INTERRUPT,
    .most = SIZE_MAX,
    .values_size = sizeof(values),
    .run = run,
};
