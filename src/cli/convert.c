/* convert.c: `loci convert`, word vectors from one format to another.
 */
#include "cli.h"

typedef struct values {
  int f16, int8, to;
  uint64_t prune, max_memory;
  loci__number top;
  const char *labels;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"f16", 0, LOCI__OPTION_FLAG, AT(f16), NULL, LOCI__OFFER_NOTHING, "16-bit floats, half the size (.npy, folders)"},
    {"int8", 0, LOCI__OPTION_FLAG, AT(int8), NULL, LOCI__OFFER_NOTHING,
     "8-bit numbers and a scale a word, a quarter of the size (folders)"},
    {"prune", 0, LOCI__OPTION_COUNT, AT(prune), "N", LOCI__OFFER_NOTHING,
     "keep the N most frequent words (the first N where counts are not known)"},
    {"all-but-the-top", 0, LOCI__OPTION_NUMBER, AT(top), "D", LOCI__OFFER_NOTHING,
     "take away the mean of all vectors and their parts along the D directions of greatest variance"},
    {"labels", 0, LOCI__OPTION_TEXT, AT(labels), "FILE", LOCI__OFFER_FILE,
     "the words of an .npy input, one a line (the same name with .labels or .txt)"},
    {"to", 0, LOCI__OPTION_CHOICE, AT(to), "word2vec|text|glove|fasttext|npy|folder", LOCI__OFFER_NOTHING,
     "the format of the output, when its ending does not say it"},
    {"max-memory", 0, LOCI__OPTION_SIZE, AT(max_memory), "SIZE", LOCI__OFFER_NOTHING,
     "refuse an input that needs more (no limit)"},
};

static const char *const names[] = {
    [LOCI_VECTORS_UNKNOWN] = "?",           [LOCI_VECTORS_WORD2VEC] = "word2vec", [LOCI_VECTORS_TEXT] = "text",
    [LOCI_VECTORS_GLOVE] = "GloVe text",    [LOCI_VECTORS_FASTTEXT] = "fastText", [LOCI_VECTORS_NPY] = "npy",
    [LOCI_VECTORS_FOLDER] = "static model", [LOCI_VECTORS_MEMORY] = "memory"};

static const char *name_of(loci_vectors_format format) {
  return (size_t)format < LOCI__COUNT(names) ? names[format] : names[0];
}

/* What the output has not, each on a line. */
static void tell(loci__cli *cli, const loci_convert_report *r, const char *output) {
  loci__note_verbose(cli, "%s: %zu words of %zu numbers, from %s to %s", output, r->n, r->dim, name_of(r->from),
                     name_of(r->to));
  if (r->dropped_subwords)
    loci__note(cli, "dropped: subwords; '%s' has no vectors for words that are not in it (--to fasttext keeps them)",
               output);
  if (r->n_pruned > 0) loci__note(cli, "dropped: %zu rarer words of %zu", r->n_pruned, r->n_read);
  if (r->n_duplicates > 0) loci__note(cli, "dropped: %zu words that stood there a second time", r->n_duplicates);
  if (r->n_unfit > 0)
    loci__note(cli, "dropped: %zu words that the format %s cannot hold (white space in them, or empty)", r->n_unfit,
               name_of(r->to));
  if (r->dropped_counts) loci__note(cli, "dropped: how often each word occurred");
  if (r->worst_error > 0)
    loci__note(cli, "rounded: by at most %.2g of the greatest number of a vector", r->worst_error);
}

static loci_status run(loci__cli *cli, loci_error *error) {
  static const loci_vectors_format formats[] = {LOCI_VECTORS_UNKNOWN, LOCI_VECTORS_WORD2VEC, LOCI_VECTORS_TEXT,
                                                LOCI_VECTORS_GLOVE,   LOCI_VECTORS_FASTTEXT, LOCI_VECTORS_NPY,
                                                LOCI_VECTORS_FOLDER};
  const values *v = cli->values;
  const char *input = cli->arguments.items[0], *output = cli->arguments.items[1];
  if (v->f16 && v->int8) return loci__fail(error, LOCI_ERROR_USAGE, "--f16 and --int8 exclude each other");
  loci_convert_options o;
  loci_convert_options_init(&o);
  o.input.labels = v->labels;
  o.input.max_memory = (size_t)v->max_memory;
  o.format = formats[v->to];
  o.precision = v->f16 ? LOCI_PRECISION_F16 : v->int8 ? LOCI_PRECISION_INT8 : LOCI_PRECISION_F32;
  o.prune = (size_t)v->prune;
  o.all_but_the_top = v->top.given;
  o.n_top = (size_t)v->top.value;
  o.progress = loci__progress_show;
  o.progress_user = cli;
  loci_convert_report report = {.struct_size = sizeof report};
  loci_status status = loci_convert(cli->context, input, &o, output, &report, error);
  loci__progress_clear(cli);
  if (status == LOCI_ERROR_CANCELLED) return loci__fail(error, status, "interrupted; nothing was written");
  if (status != LOCI_OK) return status;
  tell(cli, &report, output);
  if (cli->common.quiet) return LOCI_OK;
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__put_path(&out, cli, output, output);
  loci__buffer_putc(&out, '\n');
  status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

const loci__command loci__command_convert = {
    .name = "convert",
    .summary = "Word vectors from one format to another",
    .arguments = "INPUT OUTPUT",
    .about =
        "INPUT is a file of word vectors (word2vec .bin or text, GloVe text, fastText .bin or .vec, .npy with its "
        "words "
        "in a file beside it) or a static model's folder, and is known by its content. The ending of OUTPUT says what "
        "is "
        "written: .bin word2vec, .txt or .vec text, .npy an array with its words in a .labels file, no ending a static "
        "model's folder. Numbers are kept bit by bit but for --f16, --int8 and --all-but-the-top. What the output "
        "cannot hold is told. "
        "Prints OUTPUT.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci convert GoogleNews.bin words.txt", "to text that every tool reads"},
                 {"loci convert glove.840B.300d.txt glove.npy --f16 --prune 400000", "to an array of 240 MB"},
                 {"loci convert cc.de.300.bin de --int8", "to a model that `loci embed` opens at once"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_INTERRUPT,
    .least = 2,
    .most = 2,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
