/* train/card.c: OUTPUT.card.md (after Mitchell et al. 2019, "Model Cards for Model Reporting"). Nothing in it depends on
 * time, machine or number of threads, so that the same run writes the same card. */
#include "card.h"

#include "../model/words.h"

/* Below so many tokens, methods that learn from samples of contexts lose to counting all of them (docs/words.md). */
static const uint64_t FEW_TOKENS = 10 * 1000 * 1000;

void loci__card_quote(loci__buffer *out, const char *text) {
  loci__buffer repaired;
  loci__buffer_init(&repaired, out->context, 0);
  loci__utf8_repair(&repaired, text, strlen(text));
  loci__buffer_putc(out, '"');
  for (const char *at = repaired.data ? repaired.data : ""; *at; at++) {
    unsigned char c = (unsigned char)*at;
    if (c == '"' || c == '\\') loci__buffer_printf(out, "\\%c", c);
    else if (c == '\n') loci__buffer_puts(out, "\\n");
    else if (c < 0x20 || c == 0x7F) loci__buffer_printf(out, "\\x%02X", c);
    else loci__buffer_putc(out, (char)c);
  }
  loci__buffer_putc(out, '"');
  if (repaired.failed) out->failed = repaired.failed;
  loci__buffer_release(&repaired);
}

static void quoted(loci__buffer *out, const char *name, const char *text) {
  loci__buffer_printf(out, "%s: ", name);
  loci__card_quote(out, text);
  loci__buffer_putc(out, '\n');
}

static void front_matter(const loci__trainer *trainer, size_t dim, const char *more, loci__buffer *out) {
  const loci_corpus_options *o = &trainer->common->corpus;
  loci__buffer_puts(out, "---\nlibrary_name: loci\nlanguage: unknown\ntags:\n- word-embeddings\n");
  loci__buffer_printf(out, "loci: %s\nmethod: %s\n", LOCI_VERSION, trainer->method);
  loci__words_put_splitter(out, &trainer->splitter, o->split_model);
  if (trainer->common->vocabulary) quoted(out, "vocabulary", loci__path_base(trainer->common->vocabulary));
  else loci__buffer_printf(out, "min_count: %llu\n", (unsigned long long)o->min_count);
  if (o->max_vocabulary) loci__buffer_printf(out, "max_vocabulary: %llu\n", (unsigned long long)o->max_vocabulary);
  /* A trainer whose settings name the width puts it there. */
  if (!trainer->settings.data || !strstr(trainer->settings.data, "dim: ")) loci__buffer_printf(out, "dim: %zu\n", dim);
  loci__buffer_append(out, trainer->settings.data ? trainer->settings.data : "", trainer->settings.length);
  loci__buffer_printf(out, "seed: %llu\n", (unsigned long long)trainer->common->seed);
  loci__buffer_printf(out, "words: %zu\ntokens: %llu\n", trainer->counts.n_words,
                      (unsigned long long)trainer->counts.n_tokens);
  quoted(out, "corpus", loci__path_base(trainer->corpus));
  loci__buffer_printf(out, "corpus_bytes: %llu\ncorpus_hash: xxh3-128:%s\n", (unsigned long long)trainer->corpus_bytes,
                      trainer->corpus_hash);
  if (trainer->common->command) quoted(out, "command", trainer->common->command);
  if (more) loci__buffer_puts(out, more);
  loci__buffer_puts(out, "---\n\n");
}

/* Text in one line, whatever is in it. */
static void put_line(loci__buffer *out, const char *text) {
  size_t from = out->length;
  loci__utf8_repair(out, text, strlen(text));
  for (size_t i = from; i < out->length; i++) {
    if ((unsigned char)out->data[i] < 0x20) out->data[i] = ' ';
  }
}

static bool learns_from_samples(const char *method) {
  return strcmp(method, "word2vec") == 0 || strcmp(method, "glove") == 0 || strcmp(method, "fasttext") == 0;
}

void loci__card_write(const loci__trainer *trainer, size_t dim, const char *more, loci__buffer *out) {
  const loci_vocabulary_info *counts = &trainer->counts;
  front_matter(trainer, dim, more, out);
  loci__buffer_printf(out, "# %s\n\n", loci__path_base(trainer->output));
  loci__buffer_printf(out,
                      "Vectors of %zu numbers for %zu words, learned by `loci train %s` from %llu tokens of running "
                      "text.\n",
                      dim, counts->n_words, trainer->method, (unsigned long long)counts->n_tokens);
  if (learns_from_samples(trainer->method) && counts->n_tokens < FEW_TOKENS) {
    loci__buffer_puts(
        out,
        "\n**Warning: fewer than 10 million tokens.** A method that goes through the text in small steps sees a word's "
        "contexts too\nseldom here to tell its neighbours from chance. Counting every co-occurrence and factoring the "
        "table at once uses a small\ntext better: `loci train ppmi` on the same corpus is likely to give better "
        "vectors "
        "(docs/words.md has the comparison).\n");
  }
  loci__buffer_puts(out, "\n## How it was made\n\n");
  if (trainer->common->command) {
    loci__buffer_puts(out, "    ");
    put_line(out, trainer->common->command);
    loci__buffer_puts(out, "\n\n");
  }
  loci__buffer_puts(
      out,
      "The settings stand at the top of this file. The corpus is known by its size and its XXH3-128 hash; "
      "beside the vectors,\nthe file `.vocab` holds each word with its count.\n");
  loci__buffer_puts(out,
                    "\n## Limits\n\n"
                    "- One vector a word: \"bank\" has the same one in every sentence.\n"
                    "- Near means used alike, not equal in meaning: opposites lie close together.\n"
                    "- Words of the corpus and no others; rare ones have poor vectors.\n"
                    "- It mirrors the text it was learned from, prejudices included.\n");
  if (trainer->bias.length > 0) loci__buffer_append(out, trainer->bias.data, trainer->bias.length);
}
