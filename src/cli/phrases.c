/* phrases.c: `loci phrases`, a corpus with the words that belong together joined.
 */
#include "corpus.h"

typedef struct values {
  loci__corpus_values corpus;
  const char *output;
  loci__real threshold;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"output", 'o', LOCI__OPTION_TEXT, AT(output), "FILE", LOCI__OFFER_FILE, "where to write the text"},
    {"threshold", 0, LOCI__OPTION_REAL, AT(threshold), "X", LOCI__OFFER_NOTHING, "higher means fewer phrases (100)"},
    LOCI__CORPUS_OPTIONS(AT(corpus), "space", "none", "58",
                         "rarer words and pairs are joined to nothing; also taken from a pair's count (5)"),
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "what was found as a JSON object"},
};

static const loci__spelling spellings[] = {
    {"train", LOCI__SPELLING_ARGUMENT, NULL, NULL},          {"output", LOCI__SPELLING_OPTION, "output", NULL},
    {"min-count", LOCI__SPELLING_OPTION, "min-count", NULL}, {"threshold", LOCI__SPELLING_OPTION, "threshold", NULL},
    {"debug", LOCI__SPELLING_IGNORED, NULL, NULL},
};

static void put_json(loci__buffer *out, const loci_phrases_info *info) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  loci__json_key(&json, "tokens");
  loci__json_put_u64(&json, info->n_tokens);
  loci__json_key(&json, "phrases");
  loci__json_put_u64(&json, info->n_phrases);
  loci__json_key(&json, "joined");
  loci__json_put_u64(&json, info->n_joined);
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  const char *corpus = cli->arguments.items[0];
  if (!v->output)
    return loci__fail(error, LOCI_ERROR_USAGE, "say where to write the text: loci phrases %s -o FILE", corpus);
  loci_phrases_options o;
  loci_phrases_options_init(&o);
  loci__corpus_options_fill(&v->corpus, cli, &o.corpus);
  if (v->threshold.given) o.threshold = v->threshold.value;
  loci_phrases_info info;
  loci_status status = loci_phrases(cli->context, corpus, &o, v->output, &info, error);
  loci__progress_clear(cli);
  if (status != LOCI_OK) return status;
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  if (v->json) {
    put_json(&out, &info);
  } else if (!cli->common.quiet) {
    loci__note(cli, "%llu different pairs are phrases; joined %llu times in %llu words",
               (unsigned long long)info.n_phrases, (unsigned long long)info.n_joined,
               (unsigned long long)info.n_tokens);
    loci__put_path(&out, cli, v->output, v->output);
    loci__buffer_putc(&out, '\n');
  }
  status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

const loci__command loci__command_phrases = {
    .name = "phrases",
    .summary = "Join the words of a corpus that belong together",
    .arguments = "CORPUS",
    .about =
        "Writes CORPUS with pairs of words that occur together far more often than chance would have it joined by "
        "\"_\": "
        "\"new york\" becomes \"new_york\". A second run over the output joins longer phrases. The bytes are those of "
        "the word2phrase program: each word behind a space or \"_\", so that lines begin with a space. Prints the "
        "output's name.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .spellings = spellings,
    .n_spellings = LOCI__COUNT(spellings),
    .examples = {{"loci phrases corpus.txt -o pairs.txt", "pairs"},
                 {"loci phrases pairs.txt -o phrases.txt --threshold 50", "phrases of up to four words"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_INTERRUPT | LOCI__USES_THREADS | LOCI__USES_NOTES,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
