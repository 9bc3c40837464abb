/* vocab.c: `loci vocab`, the words of a corpus and their counts, and what subsampling would leave of them.
 */
#include "corpus.h"

#include <math.h>

typedef struct values {
  loci__corpus_values corpus;
  const char *output;
  uint64_t n, dim, max_vocabulary;
  loci__real sample;
  int json;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"output", 'o', LOCI__OPTION_TEXT, AT(output), "FILE", LOCI__OFFER_FILE,
     "save words and counts, \"word count\" a line"},
    {"n", 'n', LOCI__OPTION_COUNT, AT(n), "N", LOCI__OFFER_NOTHING, "show so many of the most frequent words (20)"},
    {"sample", 0, LOCI__OPTION_REAL, AT(sample), "SHARE", LOCI__OFFER_NOTHING,
     "the threshold of the subsampling that is previewed; 0 = none (1e-4)"},
    {"dim", 0, LOCI__OPTION_COUNT, AT(dim), "N", LOCI__OFFER_NOTHING,
     "width of the vectors whose memory is estimated (300)"},
    LOCI__CORPUS_OPTIONS(AT(corpus), "words", "lower", "1024", "leave out words that are rarer (5)"),
    {"max-vocabulary", 0, LOCI__OPTION_COUNT, AT(max_vocabulary), "N", LOCI__OFFER_NOTHING,
     "keep so many of the most frequent words only"},
    {"json", 0, LOCI__OPTION_FLAG, AT(json), NULL, LOCI__OFFER_NOTHING, "a JSON object"},
};

typedef struct preview {
  loci_vocabulary_info info;
  double sample;
  double n_left;      /* tokens that subsampling is expected to leave */
  uint64_t n_thinned; /* words of which it takes any */
  uint64_t bytes;     /* of the two matrices of word2vec */
} preview;

/* The chance that word2vec keeps an occurrence of a word (its program's formula, not the paper's). */
static double keep_of(const preview *p, uint64_t count) {
  double expected = p->sample * (double)p->info.n_tokens;
  if (p->sample <= 0 || count == 0) return 1;
  double keep = (sqrt((double)count / expected) + 1) * expected / (double)count;
  return keep < 1 ? keep : 1;
}

static preview make_preview(const loci_vocabulary *vocabulary, const values *v) {
  preview p = {.info = {.struct_size = sizeof p.info}, .sample = v->sample.given ? v->sample.value : 1e-4};
  loci_vocabulary_get_info(vocabulary, &p.info);
  for (size_t i = 0; i < p.info.n_words; i++) {
    uint64_t count = 0;
    loci_vocabulary_word(vocabulary, i, &count);
    double keep = keep_of(&p, count);
    p.n_left += keep * (double)count;
    p.n_thinned += keep < 1;
  }
  p.bytes = (uint64_t)p.info.n_words * (v->dim ? v->dim : 300) * 2 * sizeof(float);
  return p;
}

static void put_json(loci__buffer *out, const loci_vocabulary *vocabulary, const preview *p, size_t n) {
  loci__json_writer json;
  loci__json_writer_init(&json, out);
  loci__json_open(&json, '{');
  const struct {
    const char *key;
    uint64_t value;
  } numbers[] = {{"words", p->info.n_words},
                 {"tokens", p->info.n_tokens},
                 {"all_words", p->info.n_all_words},
                 {"all_tokens", p->info.n_all_tokens},
                 {"lines", p->info.n_lines},
                 {"bytes", p->info.n_bytes},
                 {"cut", p->info.n_cut}};
  for (size_t i = 0; i < LOCI__COUNT(numbers); i++) {
    loci__json_key(&json, numbers[i].key);
    loci__json_put_u64(&json, numbers[i].value);
  }
  loci__json_key(&json, "hash");
  loci__json_put_text(&json, p->info.hash);
  loci__json_key(&json, "sample");
  loci__json_put_double(&json, p->sample);
  loci__json_key(&json, "tokens_after_sampling");
  loci__json_put_u64(&json, (uint64_t)(p->n_left + .5));
  loci__json_key(&json, "memory_bytes");
  loci__json_put_u64(&json, p->bytes);
  loci__json_key(&json, "top");
  loci__json_open(&json, '[');
  for (size_t i = 0; i < n; i++) {
    uint64_t count;
    const char *word = loci_vocabulary_word(vocabulary, i, &count);
    loci__json_open(&json, '{');
    loci__json_key(&json, "word");
    loci__json_put_text(&json, word);
    loci__json_key(&json, "count");
    loci__json_put_u64(&json, count);
    loci__json_key(&json, "keep");
    loci__json_put_double(&json, keep_of(p, count));
    loci__json_close(&json, '}');
  }
  loci__json_close(&json, ']');
  loci__json_close(&json, '}');
  loci__buffer_putc(out, '\n');
}

static void put_rows(loci__buffer *out, const loci__cli *cli, const loci_vocabulary *vocabulary, const preview *p,
                     size_t n) {
  static const char *const totals[] = {"what", ">number"};
  static const char *const words[] = {"word", ">count", ">kept"};
  const struct {
    const char *name;
    uint64_t value;
  } rows[] = {{"words", p->info.n_words},
              {"tokens of them", p->info.n_tokens},
              {"words, rare ones included", p->info.n_all_words},
              {"tokens, rare ones included", p->info.n_all_tokens},
              {"words that were cut", p->info.n_cut},
              {"lines", p->info.n_lines},
              {"bytes", p->info.n_bytes},
              {"tokens after subsampling", (uint64_t)(p->n_left + .5)},
              {"words that subsampling thins", p->n_thinned},
              {"bytes of word2vec's vectors", p->bytes}};
  loci__table table;
  loci__table_init(&table, totals, LOCI__COUNT(totals));
  for (size_t i = 0; i < LOCI__COUNT(rows); i++) {
    loci__table_add(&table, rows[i].name);
    loci__table_addf(&table, "%llu", (unsigned long long)rows[i].value);
  }
  loci__table_put(&table, out, cli);
  loci__table_release(&table);
  loci__buffer_putc(out, '\n');
  loci__table_init(&table, words, LOCI__COUNT(words));
  for (size_t i = 0; i < n; i++) {
    uint64_t count;
    loci__table_add(&table, loci_vocabulary_word(vocabulary, i, &count));
    loci__table_addf(&table, "%llu", (unsigned long long)count);
    loci__table_addf(&table, "%.1f %%", 100 * keep_of(p, count));
  }
  loci__table_put(&table, out, cli);
  loci__table_release(&table);
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  loci_corpus_options o;
  loci_corpus_options_init(&o);
  loci__corpus_options_fill(&v->corpus, cli, &o);
  o.max_vocabulary = v->max_vocabulary;
  loci_vocabulary *vocabulary;
  loci_status status = loci_vocabulary_count(cli->context, cli->arguments.items[0], &o, &vocabulary, error);
  loci__progress_clear(cli);
  if (status != LOCI_OK) return status;
  if (v->output) status = loci_vocabulary_write(vocabulary, v->output, error);
  if (status == LOCI_OK) {
    preview p = make_preview(vocabulary, v);
    size_t n = v->n ? (size_t)v->n : 20;
    if (n > p.info.n_words) n = p.info.n_words;
    loci__buffer out;
    loci__buffer_init(&out, NULL, 0);
    if (v->json) put_json(&out, vocabulary, &p, n);
    else put_rows(&out, cli, vocabulary, &p, n);
    status = loci__output_flush(cli, &out, error);
    loci__buffer_release(&out);
  }
  loci_vocabulary_free(vocabulary);
  return status;
}

const loci__command loci__command_vocab = {
    .name = "vocab",
    .summary = "Count the words of a corpus",
    .arguments = "CORPUS",
    .about =
        "CORPUS is a file of UTF-8 text of any size, with lines and words of any length; it is streamed. Shows totals, "
        "and the most frequent words with their counts and the share of their occurrences that subsampling (--sample) "
        "keeps. With -o words and counts are saved; `loci train … --vocabulary FILE` takes them.\n\n"
        "Words are ordered by falling count, equal ones by their first appearance: the same at any number of threads.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci vocab corpus.txt", "totals and the 20 most frequent words"},
                 {"loci vocab corpus.txt --min-count 10 -o corpus.vocab", "save what occurs 10 times"},
                 {"loci vocab --split space --fold none corpus.txt --json", "as the classic programs count"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_INTERRUPT | LOCI__USES_THREADS | LOCI__USES_NOTES,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
