/* classify.c: `loci classify`, the labels of texts by a classifier.
 */
#include "cli.h"

typedef struct values {
  const char *file;
  uint64_t k;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"file", 'f', LOCI__OPTION_TEXT, AT(file), "FILE", LOCI__OFFER_FILE,
     "each line of FILE is a text, empty lines too (- is standard input)"},
    {"best", 'k', LOCI__OPTION_COUNT, AT(k), "N", LOCI__OFFER_NOTHING, "the N most probable labels (1)"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object a text, each in a line"},
};

enum { LINES_AT_ONCE = 4096, FLUSH_AT = 1 << 20 };

typedef struct job {
  loci__cli *cli;
  loci_classifier *classifier;
  size_t k;
  bool json;
  uint32_t *labels;
  float *probabilities;
  loci__buffer out;
  uint64_t n_texts, n_without;
} job;

static void put_json(job *j, size_t n) {
  loci__json_writer json;
  loci__json_writer_init(&json, &j->out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "labels");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < n; i++) {
    loci__json_open(&json, '{');
    loci__json_key(&json, "label");
    loci__json_put_text(&json, loci_classifier_label(j->classifier, j->labels[i]));
    loci__json_key(&json, "probability");
    loci__json_put_double(&json, (double)j->probabilities[i]);
    loci__json_close(&json, '}');
  }
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
}

static loci_status classify_text(job *j, const char *text, size_t length, loci_error *error) {
  size_t n;
  LOCI__TRY(loci_classify(j->classifier, text, length, j->k, j->labels, j->probabilities, &n, error));
  j->n_texts++;
  j->n_without += n == 0;
  if (j->json) {
    put_json(j, n);
  } else {
    for (size_t i = 0; i < n; i++) {
      const char *label = loci_classifier_label(j->classifier, j->labels[i]);
      if (i) loci__buffer_putc(&j->out, '\t');
      loci__put_field(&j->out, label, strlen(label));
      loci__buffer_printf(&j->out, "\t%.6f", (double)j->probabilities[i]);
    }
  }
  loci__buffer_putc(&j->out, '\n');
  return j->out.length >= FLUSH_AT ? loci__output_flush(j->cli, &j->out, error) : LOCI_OK;
}

static loci_status classify_lines(job *j, const char *path, loci_error *error) {
  loci__input input;
  LOCI__TRY(loci__input_open(&input, j->cli->context, path, error));
  loci_text *texts = NULL;
  size_t capacity = 0;
  loci_status status = LOCI_OK;
  while (status == LOCI_OK) {
    size_t n;
    status = loci__input_lines(&input, LINES_AT_ONCE, &texts, &capacity, &n, error);
    if (status != LOCI_OK || n == 0) break;
    for (size_t i = 0; status == LOCI_OK && i < n; i++)
      status = classify_text(j, texts[i].data, texts[i].length, error);
    if (status == LOCI_OK && loci__interrupted())
      status = loci__fail(error, LOCI_ERROR_CANCELLED, "interrupted after %llu texts", (unsigned long long)j->n_texts);
  }
  loci__free(j->cli->context, texts);
  loci__input_close(&input);
  return status;
}

static loci_status classify_all(job *j, loci_error *error) {
  const values *v = j->cli->values;
  const loci__words *words = &j->cli->arguments;
  if (v->file) LOCI__TRY(classify_lines(j, v->file, error));
  else if (words->n == 2 && !strcmp(words->items[1], "-")) LOCI__TRY(classify_lines(j, "-", error));
  for (size_t i = 1; !v->file && i < words->n; i++)
    if (words->n != 2 || strcmp(words->items[1], "-") != 0)
      LOCI__TRY(classify_text(j, words->items[i], strlen(words->items[i]), error));
  LOCI__TRY(loci__output_flush(j->cli, &j->out, error));
  if (j->n_without > 0) {
    loci__note(j->cli, "%llu of %llu texts without a label: no word of theirs is known",
               (unsigned long long)j->n_without, (unsigned long long)j->n_texts);
    j->cli->nothing = true;
  }
  return LOCI_OK;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  if (v->file && cli->arguments.n > 1)
    return loci__fail(error, LOCI_ERROR_USAGE, "texts come from --file or from the command line, not both");
  if (!v->file && cli->arguments.n < 2)
    return loci__fail(error, LOCI_ERROR_USAGE,
                      "name a text, or - for the lines of standard input: loci classify %s "
                      "\"a text\"",
                      cli->arguments.items[0]);
  job j = {.cli = cli, .json = v->json > 0};
  LOCI__TRY(loci_classifier_open(cli->context, cli->arguments.items[0], &j.classifier, error));
  size_t n_labels = loci_classifier_labels(j.classifier);
  j.k = v->k == 0 ? 1 : v->k < n_labels ? (size_t)v->k : n_labels;
  loci__buffer_init(&j.out, NULL, 0);
  j.labels = loci__alloc_array(cli->context, j.k, sizeof *j.labels);
  j.probabilities = loci__alloc_array(cli->context, j.k, sizeof *j.probabilities);
  loci_status status =
      j.labels && j.probabilities ? classify_all(&j, error) : loci__fail_memory(error, j.k * 8, "labels");
  loci__free(cli->context, j.labels);
  loci__free(cli->context, j.probabilities);
  loci__buffer_release(&j.out);
  loci_classifier_close(j.classifier);
  return status;
}

const loci__command loci__command_classify = {
    .name = "classify",
    .summary = "Label texts with a classifier",
    .arguments = "MODEL [TEXT… | -]",
    .about =
        "MODEL is what `loci train classify` writes, or a supervised .bin of the fastText program's. Prints a line for "
        "each text: the label, a tab, its probability; with -k more such pairs. The line is empty for a text of which "
        "no word is known.\n\n"
        "Texts are split at white space and are not folded, as the model's were.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci classify model.bin \"how do I cook rice ?\"", "one text"},
                 {"loci classify model.bin -k 3 --json - < texts.txt", "three labels for each line"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_INTERRUPT,
    .least = 1,
    .most = SIZE_MAX,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
