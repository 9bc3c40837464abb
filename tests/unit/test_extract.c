/* test_extract.c: bytes to blocks through the real helper program, and helpers that die, hang or lie. */
#include "support.h"

#include "extract/client.h"
#include "extract/extract.h"
#include "extract/sniff.h"
#include "extract/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char *last_skipped;

/* Blocks as lines: kind, level, lines, page, text with its line ends shown as '/'. */
static char *dump(loci_context *context, const char *path, const char *bytes, size_t length) {
  loci__extractor *extractor;
  loci_error error = {0};
  loci__document document;
  assert_ok(loci__extractor_open(context, &extractor, &error), &error);
  assert_ok(loci__extract(extractor, path, bytes, length, &document, &last_skipped, &error), &error);
  loci__extractor_close(extractor);
  size_t size = 4096 + length * 4;
  char *out = malloc(size);
  assert_non_null(out);
  size_t n = 0;
  if (last_skipped) n += (size_t)snprintf(out, size, "skipped: %s\n", last_skipped);
  if (!last_skipped && document.title[0]) n += (size_t)snprintf(out, size, "title: %s\n", document.title);
  out[n] = 0;
  for (size_t i = 0; i < document.n_blocks; i++) {
    const loci__block *block = &document.blocks[i];
    assert_int_equal(strlen(block->text), block->length);
    n += (size_t)snprintf(out + n, size - n, "%c%u %u-%u ", "phict"[block->kind], block -> level, block -> line_start,
                          block -> line_end);
    if (block->page) n += (size_t)snprintf(out + n, size - n, "page %u ", block->page);
    for (const char *p = block->text; *p && n + 3 < size; p++) out[n++] = *p == '\n' ? '/' : *p == '\t' ? '|' : *p;
    out[n++] = '\n';
    out[n] = 0;
  }
  loci__document_release(&document);
  return out;
}

static void expect(const char *path, const char *text, size_t length, const char *expected) {
  loci_context *context = test_context_new(1, NULL);
  char *got = dump(context, path, text, length);
  assert_string_equal(got, expected);
  free(got);
  test_context_free(context);
}

static void expect_text(const char *path, const char *text, const char *expected) {
  expect(path, text, strlen(text), expected);
}

/* What pdftotext prints: pages part by form feeds. */
static void test_pages(void **state) {
  (void)state;
  static const char text[] =
      "Book\n\nChapter 1\n\nThe start\n\nOne.\n\n1\n"
      "\fBook\n\n1.6.2\n\nRegular expressions\n\nTwo.\n2\n"
      "\fBook\n\nCHAPTER 1. THE START\n\n1.6.3\n\nnot a title.\n\n1.7 Last . . . . . 9\n\n3\n";
  loci__document_builder builder;
  loci__builder_init(&builder, NULL);
  loci__text_blocks(&builder, text, sizeof text - 1, LOCI__TEXT_PAGES);
  static const struct {
    loci__block_kind kind;
    uint32_t level, line_start, line_end, page;
    const char *text;
  } expected[] = {
      {LOCI__BLOCK_HEADING, 1, 3, 5, 1, "Chapter 1 The start"},
      {LOCI__BLOCK_PARAGRAPH, 0, 7, 7, 1, "One."},
      {LOCI__BLOCK_HEADING, 3, 12, 14, 2, "1.6.2 Regular expressions"},
      {LOCI__BLOCK_PARAGRAPH, 0, 16, 16, 2, "Two."},
      {LOCI__BLOCK_PARAGRAPH, 0, 22, 22, 3, "1.6.3"},
      {LOCI__BLOCK_PARAGRAPH, 0, 24, 24, 3, "not a title."},
      {LOCI__BLOCK_PARAGRAPH, 0, 26, 26, 3, "1.7 Last . . . . . 9"},
  };
  assert_int_equal(builder.n_blocks, LOCI__COUNT(expected));
  for (size_t i = 0; i < builder.n_blocks; i++) {
    const loci__block *block = &builder.blocks[i];
    assert_string_equal(block->text, expected[i].text);
    assert_int_equal(block->kind, expected[i].kind);
    assert_int_equal(block->level, expected[i].level);
    assert_int_equal(block->line_start, expected[i].line_start);
    assert_int_equal(block->line_end, expected[i].line_end);
    assert_int_equal(block->page, expected[i].page);
  }
  loci__builder_release(&builder);
}

/* ---- formats --------------------------------------------------------------------------------- */

static void test_plain(void **state) {
  (void)state;
  expect_text(
      "a.txt",
      "The Title\n=========\n\nOne  two\n   three.\n\n1.2. A part\n\n* first\n  goes on\n* second\n\n"
      "Under\n-----\nText\r\nmore\rlast",
      "h1 1-2 The Title\np0 4-5 One two/three.\nh2 7-7 1.2. A part\ni0 9-10 * first/goes on\ni0 11-11 * second\n"
      "h2 13-14 Under\np0 15-17 Text/more/last\n");
  expect_text("a.c", "int a;\n\n\n  int f(void) {\n    return 1;\n  }\n",
              "c0 1-1 int a;\nc0 4-6   int f(void) {/    return 1;/  }\n");
  expect_text("a.adoc", "= Book\n\n== Part\nText\n", "h1 1-1 Book\nh2 3-3 Part\np0 4-4 Text\n");
  /* An item of a list is no heading, nor is a sentence. */
  expect_text("a", "1. Wash\n\n2. Dry\n\n1.5 times is enough.\n\nMr.\n",
              "i0 1-1 1. Wash\ni0 3-3 2. Dry\np0 5-5 1.5 times is enough.\np0 7-7 Mr.\n");
  expect_text("a.txt",
              "Chapter\xC2\xA0"
              "4.\xC2\xA0The house\n\nx",
              "h1 1-1 Chapter 4. The house\np0 3-3 x\n");
  expect_text("a.txt", " \n\n", "skipped: empty\n");
  expect_text("a.txt", "", "skipped: empty\n");
}

static void test_markdown(void **state) {
  (void)state;
  expect_text("a.md",
              "---\ntitle: \"Front\"\n---\n# One *two*\n\nText with `code` &amp; [link](x)\nnext line.\n\n- a\n- b\n\n"
              "  more b\n\n```c\nint x;\n\nint y;\n```\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\nSet\next\n---\n\n"
              "<div class=\"x\">raw <b>html</b></div>\n\n> quoted\n",
              "title: Front\nh1 4-4 One two\np0 6-7 Text with code & link/next line.\ni0 9-9 a\ni0 10-10 b\n"
              "i0 12-12 more b\nc0 15-17 int x;//int y;\nt0 20-22 A|B/1|2\nh2 24-25 Set ext\np0 28-28 raw  html\n"
              "p0 30-30 quoted\n");
  expect_text("README.md", "# Name\ntext\n", "title: Name\nh1 1-1 Name\np0 2-2 text\n");
}

static void test_html(void **state) {
  (void)state;
  expect_text("a.html",
              "<!DOCTYPE html>\n<html><head><title>The\n page</title><style>p{}</style>\n<script>var x='<p>';</script>"
              "</head>\n<body>\n<nav><ul><li>Home</li></ul></nav>\n<div class=\"a toc\">Contents</div>\n"
              "<h1>Top <em>head</em><a class=\"headerlink\" href=\"#\">&para;</a></h1>\n<p>One &amp; two\nthree"
              "<br>four</p>\n<ul><li>item <p>para</p></li></ul>\n<pre>\n  code\n\n   more</pre>\n"
              "<table><tr><th>A</th><th>B</th></tr>\n<tr><td>1</td><td>2\n2</td></tr></table>\n"
              "<table><tr><td><h2>Layout</h2>text</td></tr></table>\nloose<footer>foot</footer>\n</body></html>\n",
              "title: The page\nh1 8-8 Top head\np0 9-10 One & two/three/four\ni0 11-11 item\ni0 11-11 para\n"
              "c0 13-15   code//   more\nt0 16-18 A|B/1|2 2\nh2 19-19 Layout\np0 19-19 text\np0 20-20 loose\n");
  /* The main part alone, where there is one. */
  expect_text("a.html", "<html><body><div>chrome</div><main><h1>T</h1><p>text of the page</p></main><div>chrome</div>",
              "title: T\nh1 1-1 T\np0 1-1 text of the page\n");
  /* All of it boilerplate: then none of it. */
  expect_text("a.html", "<html><body><div class=footer><p>only this</p></div></body></html>", "p0 1-1 only this\n");
  /* By content under another name. */
  expect_text("page", "<html><body><p>x</p></body></html>", "p0 1-1 x\n");
}

/* Line numbers stay right over 65,535 lines, and each paragraph says its own. */
static void test_html_lines(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__buffer text;
  loci__buffer_init(&text, context, 0);
  loci__buffer_puts(&text, "<html><body>\n");
  uint32_t line = 2;
  for (int i = 0; i < 30000; i++) {
    loci__buffer_printf(&text, "<p\nclass='x'><b>%u</b>\n%u &lt;\n<!-- \n\n --></p>", line + 1, line + 2);
    line += 5;
  }
  loci__extractor *extractor;
  loci_error error = {0};
  loci__document document;
  assert_ok(loci__extractor_open(context, &extractor, &error), &error);
  assert_ok(loci__extract(extractor, "a.html", text.data, text.length, &document, &last_skipped, &error), &error);
  assert_null(last_skipped);
  assert_int_equal(document.n_blocks, 30000);
  for (size_t i = 0; i < document.n_blocks; i++) {
    const loci__block *block = &document.blocks[i];
    assert_int_equal(strtoul(block->text, NULL, 10), block->line_start);
    assert_int_equal(strtoul(strchr(block->text, '\n'), NULL, 10), block->line_end);
  }
  loci__document_release(&document);
  loci__extractor_close(extractor);
  loci__buffer_release(&text);
  test_context_free(context);
}

static void test_encodings(void **state) {
  (void)state;
  expect("a.txt", "\xFF\xFEh\0i\0 \0\xE9\0", 10, "p0 1-1 hi \xC3\xA9\n");
  expect("a.txt", "h\0i\0 \0h\0o\0", 10, "p0 1-1 hi ho\n");
  expect_text("a.txt", "\xEF\xBB\xBFmark", "p0 1-1 mark\n");
  expect_text("a.html", "<html><meta charset=windows-1251><body><p>\xCF\xF0\xE8\xE2\xE5\xF2</p></body></html>",
              "p0 1-1 \xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82\n");
  /* What is declared wrongly but is valid UTF-8 is UTF-8. */
  expect_text("a.html", "<html><meta charset=windows-1251><body><p>\xC3\xA9\xC3\xA8</p></body></html>",
              "p0 1-1 \xC3\xA9\xC3\xA8\n");
  /* Nearly UTF-8 is repaired. */
  expect_text(
      "a.txt", "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9 \xFF!",
      "p0 1-1 \xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9 \xEF\xBF\xBD!\n");
  expect_text("a.txt",
              "Das Wetter ist sch\xF6n, die B\xE4ume sind gr\xFCn und die V\xF6gel h\xF6ren nicht auf zu singen; "
              "\xFC"
              "berall bl\xFCht es und die Stra\xDF"
              "en sind voller fr\xF6hlicher Menschen.\n",
              "p0 1-1 Das Wetter ist sch\xC3\xB6n, die B\xC3\xA4ume sind gr\xC3\xBCn und die V\xC3\xB6gel h\xC3\xB6ren "
              "nicht auf zu singen; \xC3\xBC"
              "berall bl\xC3\xBCht es und die Stra\xC3\x9F"
              "en sind voller "
              "fr\xC3\xB6hlicher Menschen.\n");
}

static void test_binaries(void **state) {
  (void)state;
  expect("a.txt", "ab\0\1cd", 6, "skipped: binary\n");
  expect("a.png", "\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16, "skipped: binary\n");
  expect("a.docx", "PK\3\4\0\0\0\0", 8, "skipped: not implemented: a ZIP archive or document (DOCX, ODT, EPUB …)\n");
  expect_text("a.rtf", "{\\rtf1 x}", "skipped: not implemented: RTF\n");
  expect_text("a.pdf", "%PDF-1.4\nnothing\n", "skipped: broken\n");
  expect("a.gz", "\x1F\x8B\x08\0\0\0\0\0", 8, "skipped: broken\n");
}

/* ---- gzip ------------------------------------------------------------------------------------ */

static char *gzip(const char *bytes, size_t length, size_t *out_length) {
  z_stream stream = {0};
  assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  size_t size = deflateBound(&stream, length);
  char *out = malloc(size);
  stream.next_in = (Bytef *)(uintptr_t)bytes;
  stream.avail_in = (uInt)length;
  stream.next_out = (Bytef *)out;
  stream.avail_out = (uInt)size;
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  *out_length = stream.total_out;
  deflateEnd(&stream);
  return out;
}

static void test_gzip(void **state) {
  (void)state;
  size_t n, m;
  char *once = gzip("# Head\n\ntext\n", 13, &n);
  expect("a.md.gz", once, n, "title: Head\nh1 1-1 Head\np0 3-3 text\n");
  expect("a.txt.gz", once, n, "p0 1-1 # Head\np0 3-3 text\n");
  expect("a.txt.gz", once, n - 9, "skipped: broken\n");
  char *twice = gzip(once, n, &m);
  expect("a.gz.gz", twice, m, "skipped: compressed twice\n");
  free(twice);
  /* Two members, one after the other. */
  char *both = malloc(n * 2);
  memcpy(both, once, n);
  memcpy(both + n, once, n);
  expect("a.txt.gz", both, n * 2, "p0 1-1 # Head\np0 3-4 text/# Head\np0 6-6 text\n");
  free(both);
  free(once);
  size_t size = 64 << 20;
  char *zeros = calloc(size, 1);
  memset(zeros, 'a', size);
  char *bomb = gzip(zeros, size, &m);
  expect("a.txt.gz", bomb, m, "skipped: too large when decompressed\n");
  free(bomb);
  free(zeros);
}

/* ---- hostile shapes -------------------------------------------------------------------------- */

static void test_deep_html(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  size_t n = 200000;
  char *text = malloc(n * 5 + 16);
  for (size_t i = 0; i < n; i++) memcpy(text + i * 5, "<div>", 5);
  strcpy(text + n * 5, "at the bottom");
  double began = loci__now();
  char *got = dump(context, "a.html", text, n * 5 + 13);
  assert_string_equal(got, "p0 1-1 at the bottom\n");
  assert_true(loci__now() - began < 60);
  free(got);
  free(text);
  test_context_free(context);
}

/* ---- helpers that misbehave ------------------------------------------------------------------ */

static loci_context *context_with_helper(const char *script) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/helper", test_folder());
  test_write(path, script, strlen(script));
  assert_int_equal(chmod(path, 0755), 0);
  loci_context_options options;
  loci_context_options_init(&options);
  options.threads = 1;
  options.helper = path;
  loci_context *context;
  loci_error error = {0};
  assert_ok(loci_context_new(&options, &context, &error), &error);
  return context;
}

#define GREET "#!/bin/sh\nprintf 'loci-extract\\0\\0\\0\\0\\1\\0\\0\\0'\n"

static loci_status ask_with(const char *script, double seconds, const char **skipped, loci_error *error) {
  loci_context *context = context_with_helper(script);
  loci__helper *helper;
  loci__helper_answer answer = {0};
  assert_ok(loci__helper_new(context, &helper, error), error);
  double began = loci__now();
  loci_status status =
      loci__helper_ask(helper, LOCI__HELPER_HTML, LOCI__ENCODING_UTF_8, "<p>x", 4, seconds, &answer, error);
  assert_true(loci__now() - began < seconds + 5);
  *skipped = answer.skipped;
  loci__free(context, answer.bytes);
  loci__helper_free(helper);
  loci_context_free(context);
  return status;
}

static void test_bad_helpers(void **state) {
  (void)state;
  const char *skipped;
  loci_error error = {0};
  assert_int_equal(ask_with("#!/bin/sh\nexit 0\n", 5, &skipped, &error), LOCI_ERROR_IO);
  assert_non_null(strstr(error.message, "does not answer as loci-extract"));
  assert_int_equal(ask_with("#!/bin/sh\necho hello, this is some other program entirely\n", 5, &skipped, &error),
                   LOCI_ERROR_IO);
  assert_int_equal(ask_with("not a program", 5, &skipped, &error), LOCI_ERROR_IO);
  static const struct {
    const char *script, *skipped;
  } cases[] = {
      {GREET "exit 1\n", "helper died"},
      {GREET "kill -9 $$\n", "helper died"},
      {GREET "exec sleep 100\n", "took too long"},
      {GREET "head -c 28 >/dev/null; printf 'LXRX\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'\n",
       "helper died"},
      /* More than it may send. */
      {GREET "head -c 28 >/dev/null; printf 'LXRP\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\1\\0\\0\\0'\n",
       "helper died"},
      /* Less than it says. */
      {GREET "head -c 28 >/dev/null; printf 'LXRP\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\100\\0\\0\\0\\0\\0\\0\\0abc'\n",
       "helper died"},
      /* A reason that there is none. */
      {GREET "head -c 28 >/dev/null; printf 'LXRP\\1\\0\\0\\0\\177\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'\n",
       "helper died"},
      {GREET "head -c 28 >/dev/null; printf 'LXRP\\1\\0\\0\\0\\2\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'\n",
       "encrypted"},
  };
  for (size_t i = 0; i < LOCI__COUNT(cases); i++) {
    /* Only the one that sleeps is waited for; the others answer at once, however busy the machine. */
    double seconds = strstr(cases[i].script, "sleep") ? 1 : 30;
    assert_ok(ask_with(cases[i].script, seconds, &skipped, &error), &error);
    assert_non_null(skipped);
    assert_string_equal(skipped, cases[i].skipped);
  }
  /* A reply that is not a document: the file is skipped, and nothing of it is kept. */
  loci_context *context = context_with_helper(
      GREET
      "head -c 33 >/dev/null; printf "
      "'LXRP\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\10\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\377\\377\\0\\0'\n");
  char *got = dump(context, "a.html", "<p>x</p>\n", 9);
  assert_string_equal(got, "skipped: helper died\n");
  free(got);
  loci_context_free(context);
}

/* After a death the next file is read as if nothing had been. */
static void test_restart(void **state) {
  (void)state;
  loci_context *context = test_context_new(1, NULL);
  loci__helper *helper;
  loci_error error = {0};
  loci__helper_answer answer;
  assert_ok(loci__helper_new(context, &helper, &error), &error);
  for (int i = 0; i < 3; i++) {
    assert_ok(loci__helper_ask(helper, LOCI__HELPER_MARKDOWN, LOCI__ENCODING_UTF_8, "# x", 3, 20, &answer, &error),
              &error);
    assert_null(answer.skipped);
    loci__free(context, answer.bytes);
    loci__helper_stop(helper);
  }
  assert_ok(loci__helper_ask(helper, LOCI__HELPER_MARKDOWN, LOCI__ENCODING_UTF_8, "# x", 3, 1e-9, &answer, &error),
            &error);
  assert_string_equal(answer.skipped, "took too long");
  loci__helper_free(helper);
  test_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain),       cmocka_unit_test(test_pages),      cmocka_unit_test(test_markdown),
      cmocka_unit_test(test_html),        cmocka_unit_test(test_html_lines), cmocka_unit_test(test_encodings),
      cmocka_unit_test(test_binaries),    cmocka_unit_test(test_gzip),       cmocka_unit_test(test_deep_html),
      cmocka_unit_test(test_bad_helpers), cmocka_unit_test(test_restart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
