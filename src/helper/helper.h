/* helper/: loci-extract, the program that reads hostile documents for the library.
 *
 * Model of the world. The main process (main.c) speaks base/helper_protocol.h on its standard input and output and parses
 * nothing but the fixed headers of a library it trusts. Each request is worked on in a child of its own, forked after
 * the libraries were loaded and initialised, that puts itself under rlimits and a seccomp filter (sandbox.c) before it
 * touches a byte of the document. A child's answer goes into a memory file that the main process made for it; its exit
 * status says whether the answer counts. So a parser in an attacker's hands can spoil its own document and no other.
 *
 * The workers (html.c, markdown.c, gzip.c, encoding.c) are plain functions from bytes to a buffer, which the tests and
 * the fuzz targets call without any of this. Only PDF is another program's work (pdf.c).
 */
#ifndef LOCI_HELPER_HELPER_H
#define LOCI_HELPER_HELPER_H

#include "../base/base.h"
#include "../base/document.h"
#include "../base/helper_protocol.h"

/* Workers. `text` is valid UTF-8 without NUL. A reason other than NONE means that the document gives nothing. */
loci__helper_reason helper_html(const char *text, size_t length, loci__buffer *out);
loci__helper_reason helper_markdown(const char *text, size_t length, loci__buffer *out);
loci__helper_reason helper_gunzip(const char *bytes, size_t length, loci__buffer *out);
loci__helper_encoding helper_detect(const char *bytes, size_t length);

/* iconv loads its tables from files: opened by the main process, before the fork. NULL when not to be had. */
void *helper_decoder_open(loci__helper_encoding encoding);
loci__helper_reason helper_decode(void *decoder, loci__helper_encoding encoding, const char *bytes, size_t length,
                                  loci__buffer *out, uint32_t *n_replaced);

/* Runs pdftotext over `bytes`, confined; what it prints goes into the memory file `output`. Called by the main process,
 * which reads none of it: helper_pdf, a worker, takes what was printed (any bytes) to title and text. */
loci__helper_reason helper_run_pdftotext(const char *bytes, size_t length, int output);
loci__helper_reason helper_pdf(const char *printed, size_t length, loci__buffer *out);

/* sandbox.c. Both are called in a fresh child, and the child must end when they answer false. */
bool helper_confine_worker(void);
bool helper_confine_program(void);
/* A memory file, closed on exec; −1 when not to be had. */
int helper_memory_file(const char *name);
bool helper_write_all(int fd, const void *bytes, size_t length);
/* Why a child gave nothing, by the status that waitpid told. */
loci__helper_reason helper_reason_of(int status);

enum { HELPER_EXIT_REASON = 64 }; /* a worker that skips exits with this plus its reason */

/* The HTML entity between '&' and ';' ("amp", "#8217", "#x2019") appended as UTF-8; false when there is none such. */
bool helper_put_entity(loci__buffer *out, const char *name, size_t length);

#endif
