/* extract.c: a file's bytes to a document: what they are (sniff.c), then step by step to blocks.
 *
 *   gzip → GUNZIP → sniffed again under the inner name, once
 *   PDF → PDF → text.c, by pages
 *   text in another encoding → (DETECT →) DECODE → as UTF-8
 *   HTML, Markdown in UTF-8 → HTML, MARKDOWN → document.c reads the wire form
 *   plain text in UTF-8 → text.c, here: no process is started for it
 *
 * Capitals are requests to the helper. All requests for one file share one deadline.
 */
#include "extract.h"

#include "client.h"
#include "sniff.h"
#include "text.h"

/* By the clock, so that a helper that hangs is noticed; generous, since a busy machine is not the document's fault. Work
 * that never ends is stopped by the helper's own limit of 20 s of processor time. */
#define FILE_SECONDS 60.0

struct loci__extractor {
  loci_context *context;
  loci__helper *helper;
};

/* One file on its way. `owned` is what `bytes` points into, when it is not the caller's. */
typedef struct job {
  loci__extractor *extractor;
  char *name;
  const char *bytes;
  size_t length;
  char *owned;
  double deadline;
  const char *skipped;
} job;

loci_status loci__extractor_open(loci_context *context, loci__extractor **out, loci_error *error) {
  *out = NULL;
  loci__extractor *extractor = loci__alloc_zero(context, 1, sizeof *extractor);
  if (!extractor) return loci__fail_memory(error, sizeof *extractor, "an extractor");
  extractor->context = context;
  loci_status status = loci__helper_new(context, &extractor->helper, error);
  if (status != LOCI_OK) loci__extractor_close(extractor);
  else *out = extractor;
  return status;
}

void loci__extractor_close(loci__extractor *extractor) {
  if (!extractor) return;
  loci__helper_free(extractor->helper);
  loci__free(extractor->context, extractor);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static loci_status ask(job *j, loci__helper_operation operation, loci__helper_encoding encoding,
                       loci__helper_answer *answer, loci_error *error) {
  double left = j->deadline - loci__now();
  LOCI__TRY(loci__helper_ask(j->extractor->helper, operation, encoding, j->bytes, j->length, left, answer, error));
  j->skipped = answer->skipped;
  return LOCI_OK;
}

/* The job goes on with the answer's bytes in the place of its own. */
static void take_over(job *j, loci__helper_answer *answer) {
  loci__free(j->extractor->context, j->owned);
  j->owned = answer->bytes;
  j->bytes = answer->bytes;
  j->length = answer->length;
}

static loci_status gunzip(job *j, loci_error *error) {
  loci__helper_answer answer;
  LOCI__TRY(ask(j, LOCI__HELPER_GUNZIP, LOCI__ENCODING_NONE, &answer, error));
  if (j->skipped) return LOCI_OK;
  take_over(j, &answer);
  size_t n = strlen(j->name);
  if (n > 3 && !strcmp(j->name + n - 3, ".gz")) j->name[n - 3] = 0;
  return LOCI_OK;
}

/* Line ends become '\n', so that every parser counts the same lines. */
static loci_status unify_line_ends(job *j, loci_error *error) {
  if (!memchr(j->bytes, '\r', j->length)) return LOCI_OK;
  char *copy = loci__alloc(j->extractor->context, j->length + 1);
  if (!copy) return loci__fail_memory(error, j->length + 1, "a text");
  size_t n = 0;
  for (size_t i = 0; i < j->length; i++) {
    if (j->bytes[i] != '\r') copy[n++] = j->bytes[i];
    else if (i + 1 == j->length || j->bytes[i + 1] != '\n') copy[n++] = '\n';
  }
  copy[n] = 0;
  loci__free(j->extractor->context, j->owned);
  j->bytes = j->owned = copy;
  j->length = n;
  return LOCI_OK;
}

/* bytes become valid UTF-8 without a byte order mark and without NUL, lines ended by '\n'. */
static loci_status to_utf8(job *j, loci__sniffed *what, loci_error *error) {
  loci_context *context = j->extractor->context;
  loci__helper_answer answer;
  if (what->encoding == LOCI__ENCODING_NONE) {
    LOCI__TRY(ask(j, LOCI__HELPER_DETECT, LOCI__ENCODING_NONE, &answer, error));
    if (j->skipped) return LOCI_OK;
    uint32_t guess = 0;
    bool sane = answer.length == 4;
    for (size_t i = 0; sane && i < 4; i++) guess |= (uint32_t)(unsigned char)answer.bytes[i] << 8 * i;
    loci__free(context, answer.bytes);
    if (!sane || guess == LOCI__ENCODING_NONE || guess >= LOCI__ENCODING_COUNT) {
      j->skipped = "unknown encoding";
      return LOCI_OK;
    }
    what->encoding = (loci__helper_encoding)guess;
  }
  j->bytes += what->mark;
  j->length -= what->mark;
  if (what->encoding != LOCI__ENCODING_UTF_8) {
    LOCI__TRY(ask(j, LOCI__HELPER_DECODE, what->encoding, &answer, error));
    if (j->skipped) return LOCI_OK;
    take_over(j, &answer);
  }
  if (loci__utf8_valid(j->bytes, j->length) && !memchr(j->bytes, 0, j->length)) return unify_line_ends(j, error);
  loci__buffer repaired;
  loci__buffer_init(&repaired, context, 0);
  loci__utf8_repair(&repaired, j->bytes, j->length);
  size_t length = repaired.length;
  loci_status status = loci__buffer_status(&repaired, "a text", error);
  char *taken = status == LOCI_OK ? loci__buffer_take(&repaired) : NULL;
  loci__buffer_release(&repaired);
  if (status != LOCI_OK) return status;
  if (!taken) return loci__fail_memory(error, length, "a text");
  for (size_t i = 0; i < length; i++)
    if (!taken[i]) taken[i] = ' ';
  j->length = length;
  loci__free(context, j->owned);
  j->bytes = j->owned = taken;
  return unify_line_ends(j, error);
}

static loci_status parse_wire(job *j, loci__helper_operation operation, const char *format, const char *encoding,
                              loci__document *out, loci_error *error) {
  loci__helper_answer answer;
  LOCI__TRY(ask(j, operation, LOCI__ENCODING_UTF_8, &answer, error));
  if (j->skipped) return LOCI_OK;
  loci_status status =
      loci__document_read(j->extractor->context, answer.bytes, answer.length, format, encoding, out, error);
  loci__free(j->extractor->context, answer.bytes);
  if (status == LOCI_ERROR_FORMAT) {
    j->skipped = "helper died"; /* or lies: nothing of it is believed, and the next file gets a fresh one */
    loci__helper_stop(j->extractor->helper);
    return LOCI_OK;
  }
  return status;
}

static loci_status parse_text(job *j, loci__text_style style, const char *format, const char *encoding,
                              const char *title, size_t title_length, loci__document *out, loci_error *error) {
  loci__document_builder builder;
  loci__builder_init(&builder, j->extractor->context);
  loci__builder_title(&builder, title, title_length);
  loci__text_blocks(&builder, j->bytes, j->length, style);
  return loci__builder_finish(&builder, format, encoding, out, error);
}

static loci_status parse_pdf(job *j, loci__document *out, loci_error *error) {
  loci__helper_answer answer;
  LOCI__TRY(ask(j, LOCI__HELPER_PDF, LOCI__ENCODING_NONE, &answer, error));
  if (j->skipped) return LOCI_OK;
  take_over(j, &answer);
  loci__sniffed what = {.encoding = LOCI__ENCODING_UTF_8};
  size_t title = 0;
  if (j->length < 4) {
    j->skipped = "helper died";
    return LOCI_OK;
  }
  for (size_t i = 0; i < 4; i++) title |= (size_t)(unsigned char)j->bytes[i] << 8 * i;
  if (title > j->length - 4) {
    j->skipped = "helper died";
    return LOCI_OK;
  }
  /* The title's bytes stay in the front: made UTF-8 with the rest, its length is told anew by a line end. */
  memmove(j->owned, j->owned + 4, title);
  memmove(j->owned + title + 1, j->owned + 4 + title, j->length - 4 - title);
  for (size_t i = 0; i < title; i++)
    if (j->owned[i] == '\n') j->owned[i] = ' ';
  j->owned[title] = '\n';
  j->length -= 3;
  LOCI__TRY(to_utf8(j, &what, error));
  const char *name = j->bytes;
  title = (size_t)((const char *)memchr(name, '\n', j->length) - name);
  j->bytes += title + 1;
  j->length -= title + 1;
  LOCI__TRY(parse_text(j, LOCI__TEXT_PAGES, "pdf", "UTF-8", name, title, out, error));
  if (!out->n_blocks) j->skipped = "no text in it (scanned pages need OCR, which is not implemented)";
  return LOCI_OK;
}

static loci_status run(job *j, loci__document *out, loci_error *error) {
  loci__sniffed what = loci__sniff(j->name, j->bytes, j->length);
  if (what.kind == LOCI__SNIFF_GZIP) {
    LOCI__TRY(gunzip(j, error));
    if (j->skipped) return LOCI_OK;
    what = loci__sniff(j->name, j->bytes, j->length);
    if (what.kind == LOCI__SNIFF_GZIP) {
      j->skipped = "compressed twice";
      return LOCI_OK;
    }
  }
  if (what.kind == LOCI__SNIFF_NOTHING) {
    j->skipped = what.skipped;
    return LOCI_OK;
  }
  if (what.kind == LOCI__SNIFF_PDF) return parse_pdf(j, out, error);
  LOCI__TRY(to_utf8(j, &what, error));
  if (j->skipped) return LOCI_OK;
  const char *encoding = loci__encoding_name(what.encoding);
  switch (what.kind) {
    case LOCI__SNIFF_HTML: return parse_wire(j, LOCI__HELPER_HTML, "html", encoding, out, error);
    case LOCI__SNIFF_MARKDOWN: return parse_wire(j, LOCI__HELPER_MARKDOWN, "markdown", encoding, out, error);
    case LOCI__SNIFF_SOURCE: return parse_text(j, LOCI__TEXT_SOURCE, "text", encoding, NULL, 0, out, error);
    case LOCI__SNIFF_ASCIIDOC: return parse_text(j, LOCI__TEXT_ASCIIDOC, "text", encoding, NULL, 0, out, error);
    default: return parse_text(j, LOCI__TEXT_PLAIN, "text", encoding, NULL, 0, out, error);
  }
}

loci_status loci__extract(loci__extractor *extractor, const char *path, const char *bytes, size_t length,
                          loci__document *out, const char **skipped, loci_error *error) {
  memset(out, 0, sizeof *out);
  *skipped = NULL;
  job j = {.extractor = extractor,
           .name = loci__strdup(extractor->context, loci__path_base(path)),
           .bytes = bytes,
           .length = length,
           .deadline = loci__now() + FILE_SECONDS};
  if (!j.name) return loci__fail_memory(error, strlen(path), "a path");
  loci_status status = run(&j, out, error);
  if (status == LOCI_OK && !j.skipped && !out->n_blocks) j.skipped = "empty";
  if (status != LOCI_OK || j.skipped) loci__document_release(out);
  *skipped = status == LOCI_OK ? j.skipped : NULL;
  loci__free(extractor->context, j.name);
  loci__free(extractor->context, j.owned);
  if (status != LOCI_OK && error) loci__error_prefix(error, "%s", path);
  return status;
}
