/* distil.c: `loci distil`, a static model from a transformer.
 */
#include "cli.h"

typedef struct values {
  const char *corpus, *output;
  uint64_t dim, seed;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"corpus", 0, LOCI__OPTION_TEXT, AT(corpus), "FILE", LOCI__OFFER_FILE,
     "text to learn from, a paragraph a line; without it only PCA and weights by rank"},
    {"dim", 0, LOCI__OPTION_COUNT, AT(dim), "N", LOCI__OFFER_NOTHING, "width of the vectors (256)"},
    {"seed", 0, LOCI__OPTION_COUNT, AT(seed), "N", LOCI__OFFER_NOTHING, "of the random choices (1)"},
    {"output", 'o', LOCI__OPTION_TEXT, AT(output), "DIR", LOCI__OFFER_FOLDER,
     "the folder to write, which must not exist or be empty"},
};

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  const char *teacher = cli->arguments.items[0];
  if (!v->output)
    return loci__fail(error, LOCI_ERROR_USAGE, "say where to write the model: loci distil %s -o DIR", teacher);
  if (v->dim > 65536) return loci__fail(error, LOCI_ERROR_USAGE, "--dim is at most 65536");
  loci_distil_options o;
  loci_distil_options_init(&o);
  o.corpus = v->corpus;
  if (v->dim) o.dim = (size_t)v->dim;
  if (v->seed) o.seed = v->seed;
  o.progress = loci__progress_show;
  o.progress_user = cli;
  loci_status status = loci_distil(cli->context, teacher, &o, v->output, error);
  loci__progress_clear(cli);
  if (status == LOCI_ERROR_CANCELLED)
    return loci__fail(error, status, "interrupted; nothing was written, the same command begins anew");
  if (status != LOCI_OK || cli->common.quiet) return status;
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__put_path(&out, cli, v->output, v->output);
  loci__buffer_putc(&out, '\n');
  status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

const loci__command loci__command_distil = {
    .name = "distil",
    .summary = "Make a small, fast static model from a transformer",
    .arguments = "MODEL",
    .about =
        "A static model keeps one vector a token: a thousand times faster than its teacher, and blind to order "
        "and context. The folder that is written opens in model2vec too. The same seed and corpus give the same "
        "bytes at any number of threads. Prints the folder.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci distil ~/models/all-MiniLM-L6-v2 --corpus text.txt -o my-model", "with a corpus"},
                 {"loci distil ~/models/all-MiniLM-L6-v2 --dim 128 -o small", "without, smaller"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_INTERRUPT,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_MODEL,
    .values_size = sizeof(values),
    .run = run,
};
