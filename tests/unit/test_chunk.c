/* test_chunk.c: sentences and chunks. What must hold of every chunking is checked over generated documents: no chunk is
 * longer than the limit when it is encoded again, nothing of the text is lost, lines rise, time is linear. */
#include "support.h"

#include "text/chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- sentences ------------------------------------------------------------------------------- */

typedef struct spans {
  const char *text;
  char out[4096];
} spans;

static void take(void *arg, size_t start, size_t length) {
  spans *s = arg;
  snprintf(s->out + strlen(s->out), sizeof s->out - strlen(s->out), "%s%.*s", s->out[0] ? "|" : "", (int)length,
           s->text + start);
}

static void expect_sentences(const char *text, const char *expected) {
  spans s = {.text = text};
  loci__sentences(text, strlen(text), take, &s);
  assert_string_equal(s.out, expected);
}

static void test_sentences(void **state) {
  (void)state;
  expect_sentences("One. Two! Three?", "One.|Two!|Three?");
  expect_sentences("  One.  \n Two.  ", "One.|Two.");
  expect_sentences("Pi is 3.14 or so. It is.", "Pi is 3.14 or so.|It is.");
  expect_sentences("Dr. Smith met J. S. Bach, e.g. in Leipzig. Then he left.",
                   "Dr. Smith met J. S. Bach, e.g. in Leipzig.|Then he left.");
  expect_sentences("He said \"Go.\" She went.", "He said \"Go.\"|She went.");
  expect_sentences("Wait... what? yes. no", "Wait... what? yes. no");
  expect_sentences("1. Wash your hands. 2. Dry.", "1. Wash your hands.|2. Dry.");
  expect_sentences("In 1996. The end.", "In 1996.|The end.");
  expect_sentences("See file.txt or x.y.z now. Ok.", "See file.txt or x.y.z now.|Ok.");
  expect_sentences("今日は。明日は！「はい。」そう", "今日は。|明日は！|「はい。」|そう");
  expect_sentences("यह है। वह है।", "यह है।|वह है।");
  expect_sentences("no end\n\nnew part", "no end|new part");
  expect_sentences("", "");
  expect_sentences(" \n ", "");
}

/* ---- a tokenizer of our own ------------------------------------------------------------------ */

static loci_tokenizer *open_tokenizer(loci_context *context) {
  char path[1024];
  snprintf(path, sizeof path, "%s/vocab.txt", test_folder());
  loci__buffer text;
  loci__buffer_init(&text, NULL, 0);
  loci__buffer_puts(&text, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
  for (char c = 'a'; c <= 'z'; c++) loci__buffer_printf(&text, "%c\n##%c\n", c, c);
  for (char c = '0'; c <= '9'; c++) loci__buffer_printf(&text, "%c\n##%c\n", c, c);
  loci__buffer_puts(&text,
                    ".\n,\n!\n?\n-\n:\nthe\nof\nword\n##ing\n##ord\nwo\n##rd\nun\n##aff\n##able\n日\n本\n語\n。\n");
  test_write(path, text.data, text.length);
  loci__buffer_release(&text);
  loci_tokenizer *tokenizer;
  loci_error error = {0};
  assert_ok(loci_tokenizer_open(context, path, &tokenizer, &error), &error);
  return tokenizer;
}

/* ---- documents by chance --------------------------------------------------------------------- */

static void put_words(loci__random *random, loci__buffer *out, size_t n, bool code) {
  static const char *const words[] = {"the",
                                      "of",
                                      "word",
                                      "wording",
                                      "unaffable",
                                      "a",
                                      "zebra",
                                      "it",
                                      "is",
                                      "3.14",
                                      "Dr.",
                                      "end.",
                                      "End.",
                                      "what?",
                                      "日本語。",
                                      "日本語",
                                      "x",
                                      "étude",
                                      "\xF0\x9F\x98\x80"};
  for (size_t i = 0; i < n; i++) {
    if (i) loci__buffer_putc(out, loci__random_below(random, 12) ? ' ' : '\n');
    if (code && loci__random_below(random, 6) == 0) loci__buffer_puts(out, "    ");
    if (loci__random_below(random, 400) == 0) { /* a word longer than any chunk */
      size_t length = loci__random_below(random, 3000);
      for (size_t k = 0; k < length; k++) loci__buffer_putc(out, (char)('a' + loci__random_below(random, 26)));
    }
    if (loci__random_below(random, 200) == 0) /* no white space for long */
      for (size_t k = 0; k < 300; k++) loci__buffer_puts(out, "日本語");
    if (loci__random_below(random, 300) == 0) /* short words, no white space */
      for (size_t k = 0; k < 300; k++) loci__buffer_puts(out, "wo-un,a:");
    loci__buffer_puts(out, words[loci__random_below(random, LOCI__COUNT(words))]);
  }
}

/* exact: each '\n' is a line of the source; else a block has more lines than its text. */
static void make_document(loci__random *random, size_t n_blocks, bool exact, loci__document *out) {
  loci__document_builder builder;
  loci__builder_init(&builder, NULL);
  uint32_t line = 1;
  for (size_t i = 0; i < n_blocks; i++) {
    loci__block_kind kind = (loci__block_kind)loci__random_below(random, 5);
    uint32_t level = kind == LOCI__BLOCK_HEADING ? 1 + (uint32_t)loci__random_below(random, 6) : 0;
    size_t n_words = kind == LOCI__BLOCK_HEADING      ? 1 + loci__random_below(random, 6)
                     : loci__random_below(random, 10) ? 1 + loci__random_below(random, 80)
                                                      : 1 + loci__random_below(random, 2000);
    put_words(random, &builder.text, n_words, kind == LOCI__BLOCK_CODE);
    uint32_t newlines = 0;
    for (size_t k = 0; k < builder.text.length; k++) newlines += builder.text.data[k] == '\n';
    uint32_t end = line + newlines + (exact ? 0 : (uint32_t)loci__random_below(random, 20));
    loci__builder_end(&builder, kind, level, line, end, 1 + (uint32_t)i / 10);
    line = end + 1 + (uint32_t)loci__random_below(random, 3);
  }
  loci_error error = {0};
  assert_ok(loci__builder_finish(&builder, "text", "UTF-8", out, &error), &error);
}

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Appends what is not white space. */
static void squeeze(loci__buffer *out, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (!is_space(text[i])) loci__buffer_putc(out, text[i]);
}

static void check_chunks(const loci__document *document, const loci_tokenizer *tokenizer, const loci__chunks *chunks,
                         size_t max_tokens, double overlap, bool exact) {
  loci__buffer whole, one;
  loci__buffer_init(&whole, NULL, 0);
  loci__buffer_init(&one, NULL, 0);
  for (size_t i = 0; i < document->n_blocks; i++) squeeze(&whole, document->blocks[i].text, document->blocks[i].length);
  loci_tokens tokens;
  loci_tokens_init(&tokens);
  loci_error error = {0};
  size_t covered = 0;
  for (size_t i = 0; i < chunks->n; i++) {
    const loci__chunk *chunk = &chunks->items[i];
    assert_int_equal(strlen(chunk->text), chunk->length);
    assert_true(loci__utf8_valid(chunk->text, chunk->length));
    assert_ok(loci_tokenizer_encode(tokenizer, chunk->text, chunk->length, 1, &tokens, &error), &error);
    assert_int_equal(tokens.n_tokens, chunk->n_tokens);
    assert_true(chunk->n_tokens <= max_tokens);
    assert_true(chunk->line_start >= 1 && chunk->line_start <= chunk->line_end);
    if (i) {
      assert_true(chunk->line_start >= chunks->items[i - 1].line_start);
      assert_true(chunk->line_end >= chunks->items[i - 1].line_end);
      assert_true(chunk->page >= chunks->items[i - 1].page);
    }
    /* It stands in the text, begins no later than where the last one ended, and reaches beyond. */
    loci__buffer_clear(&one);
    squeeze(&one, chunk->text, chunk->length);
    size_t at = covered;
    while (at + one.length > whole.length || memcmp(whole.data + at, one.data, one.length) != 0 ||
           at + one.length <= covered) {
      assert_true(at > 0);
      at--;
    }
    if (covered > at) {
      assert_ok(loci_tokenizer_encode(tokenizer, whole.data + at, covered - at, 0, &tokens, &error), &error);
      assert_true(overlap > 0);
    }
    covered = at + one.length;
  }
  assert_int_equal(covered, whole.length);
  /* Lines: in an exact document, a chunk's first line of text stands on its line_start. */
  for (size_t i = 0; exact && i < chunks->n; i++) {
    const loci__chunk *chunk = &chunks->items[i];
    const loci__block *block = NULL;
    for (size_t k = 0; k < document->n_blocks && !block; k++)
      if (document->blocks[k].line_start <= chunk->line_start && document->blocks[k].line_end >= chunk->line_start)
        block = &document->blocks[k];
    assert_non_null(block);
    const char *line = block->text;
    for (uint32_t k = block->line_start; k < chunk->line_start; k++) line = strchr(line, '\n') + 1;
    size_t first = strcspn(chunk->text, "\n"), length = strcspn(line, "\n");
    while (first && is_space(chunk->text[first - 1])) first--;
    if (!(first <= length && memmem(line, length, chunk->text, first)))
      fail_msg("chunk %zu at line %u: \"%.*s\" is not on \"%.*s\"", i, chunk->line_start, (int)first, chunk->text,
               (int)length, line);
  }
  loci_tokens_release(&tokens);
  loci__buffer_release(&whole);
  loci__buffer_release(&one);
}

static void test_properties(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_tokenizer *tokenizer = open_tokenizer(context);
  loci__random random;
  loci__random_init(&random, 7);
  for (int round = 0; round < 120; round++) {
    bool exact = round % 2;
    loci__document document;
    make_document(&random, 1 + loci__random_below(&random, 40), exact, &document);
    static const size_t limits[] = {16, 40, 128, 256};
    static const double overlaps[] = {0, 0.15, 0.5};
    loci__chunk_options options = {.max_tokens = limits[loci__random_below(&random, 4)],
                                   .overlap = overlaps[loci__random_below(&random, 3)]};
    loci__chunks chunks;
    loci_error error = {0};
    assert_ok(loci__chunk_document(context, &document, tokenizer, &options, &chunks, &error), &error);
    check_chunks(&document, tokenizer, &chunks, options.max_tokens, options.overlap, exact);
    loci__chunks_release(&chunks);
    loci__document_release(&document);
  }
  loci_tokenizer_close(tokenizer);
  test_context_free(context);
}

/* ---- what a reader expects ------------------------------------------------------------------- */

static void add(loci__document_builder *builder, loci__block_kind kind, uint32_t level, const char *text) {
  static uint32_t line;
  if (!builder->n_blocks) line = 0;
  loci__buffer_puts(&builder->text, text);
  line++;
  loci__builder_end(builder, kind, level, line, line, 0);
}

static void test_sections(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_tokenizer *tokenizer = open_tokenizer(context);
  loci__document_builder builder;
  loci__builder_init(&builder, NULL);
  char sentence[2048] = "";
  for (int i = 0; i < 40; i++) strcat(sentence, "The of the word. ");
  add(&builder, LOCI__BLOCK_HEADING, 1, "A");
  add(&builder, LOCI__BLOCK_HEADING, 2, "B");
  add(&builder, LOCI__BLOCK_PARAGRAPH, 0, sentence); /* 200 tokens */
  add(&builder, LOCI__BLOCK_HEADING, 2, "C");
  add(&builder, LOCI__BLOCK_PARAGRAPH, 0, "the word.");
  add(&builder, LOCI__BLOCK_HEADING, 2, "D");
  add(&builder, LOCI__BLOCK_PARAGRAPH, 0, "of the word.");
  add(&builder, LOCI__BLOCK_HEADING, 1, "E");
  add(&builder, LOCI__BLOCK_ITEM, 0, "the of.");
  loci__document document;
  loci_error error = {0};
  assert_ok(loci__builder_finish(&builder, "text", "UTF-8", &document, &error), &error);
  loci__chunks chunks;
  loci__chunk_options options = {.max_tokens = 128, .overlap = 0.15};
  assert_ok(loci__chunk_document(context, &document, tokenizer, &options, &chunks, &error), &error);
  assert_int_equal(chunks.n, 4);
  assert_string_equal(chunks.items[0].heading, "A > B");
  assert_string_equal(chunks.items[1].heading, "A > B");
  assert_int_equal(strncmp(chunks.items[0].text, "A\n\nB\n\nThe of the word.", 22), 0);
  /* Even parts: 202 tokens in two chunks that repeat up to 19. */
  assert_in_range(chunks.items[0].n_tokens, 100, 128);
  assert_in_range(chunks.items[1].n_tokens, 100, 128);
  /* Small neighbours below one heading share a chunk, and it says what they share. */
  assert_string_equal(chunks.items[2].text, "C\n\nthe word.\n\nD\n\nof the word.");
  assert_string_equal(chunks.items[2].heading, "A");
  assert_int_equal(chunks.items[2].line_start, 4);
  assert_int_equal(chunks.items[2].line_end, 7);
  assert_string_equal(chunks.items[3].text, "E\nthe of.");
  assert_string_equal(chunks.items[3].heading, "E");
  loci__chunks_release(&chunks);

  options.max_tokens = 8;
  assert_int_equal(loci__chunk_document(context, &document, tokenizer, &options, &chunks, &error), LOCI_ERROR_USAGE);
  loci__chunks_release(&chunks);
  loci__document_release(&document);
  loci_tokenizer_close(tokenizer);
  test_context_free(context);
}

/* ---- time ------------------------------------------------------------------------------------ */

static double time_of(loci_context *context, const loci_tokenizer *tokenizer, const char *piece, size_t n,
                      loci__block_kind kind) {
  loci__document_builder builder;
  loci__builder_init(&builder, NULL);
  for (size_t i = 0; builder.text.length < n; i++) loci__buffer_puts(&builder.text, piece);
  loci__builder_end(&builder, kind, 0, 1, 1, 0);
  loci__document document;
  loci_error error = {0};
  assert_ok(loci__builder_finish(&builder, "text", "UTF-8", &document, &error), &error);
  double best = 1e9;
  for (int run = 0; run < 3; run++) {
    loci__chunks chunks;
    loci__chunk_options options = {.max_tokens = 256, .overlap = 0.15};
    clock_t began = clock(); /* of the processor: the machine may be busy with other things */
    assert_ok(loci__chunk_document(context, &document, tokenizer, &options, &chunks, &error), &error);
    double took = (double)(clock() - began) / CLOCKS_PER_SEC;
    if (took < best) best = took;
    loci__chunks_release(&chunks);
  }
  loci__document_release(&document);
  return best;
}

static void test_linear(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci_tokenizer *tokenizer = open_tokenizer(context);
  static const char *const shapes[] = {"a",  "a.a.",      "a. ", "日本語", "日。", "the word of it is. ", "\n",
                                       ". ", "e\xCC\x81", "(((", "Mr. ",   "1. ",  "\xE2\x80\x8D"};
  for (size_t i = 0; i < LOCI__COUNT(shapes); i++)
    for (int code = 0; code < 2; code++) {
      loci__block_kind kind = code ? LOCI__BLOCK_CODE : LOCI__BLOCK_PARAGRAPH;
      double small = time_of(context, tokenizer, shapes[i], 200000, kind);
      double large = time_of(context, tokenizer, shapes[i], 800000, kind);
      if (large > 5 * small + 0.02) fail_msg("\"%s\": %g s for 200 kB, %g s for 800 kB", shapes[i], small, large);
      if (large > 2) fail_msg("\"%s\": %g s for 800 kB", shapes[i], large);
    }
  loci_tokenizer_close(tokenizer);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sentences),
      cmocka_unit_test(test_properties),
      cmocka_unit_test(test_sections),
      cmocka_unit_test(test_linear),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
