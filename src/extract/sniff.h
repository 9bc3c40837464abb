/* extract/sniff.h: what bytes are, by their content first, then by the name they come under. Reads only the beginning
 * (and, for UTF-8, all) of them; parses nothing.
 */
#ifndef LOCI_EXTRACT_SNIFF_H
#define LOCI_EXTRACT_SNIFF_H

#include "../base/base.h"
#include "../base/helper_protocol.h"

typedef enum loci__sniffed_kind {
  LOCI__SNIFF_TEXT,
  LOCI__SNIFF_SOURCE,   /* program text and data: lines and indentation are kept */
  LOCI__SNIFF_ASCIIDOC, /* text whose headings open with '=' */
  LOCI__SNIFF_MARKDOWN,
  LOCI__SNIFF_HTML,
  LOCI__SNIFF_PDF,
  LOCI__SNIFF_GZIP,
  LOCI__SNIFF_NOTHING /* `skipped` says why */
} loci__sniffed_kind;

typedef struct loci__sniffed {
  loci__sniffed_kind kind;
  const char *skipped;            /* static */
  loci__helper_encoding encoding; /* of a text: UTF_8 when it is valid or nearly so, what a mark or a declaration
                                   * says, NONE when it must be guessed */
  size_t mark;                    /* bytes of a byte order mark */
} loci__sniffed;

/* name: the last part of the path, without ".gz" when that was taken off already. */
loci__sniffed loci__sniff(const char *name, const char *bytes, size_t length);

/* An encoding by a label of the WHATWG Encoding standard (or iconv's name); NONE when not known. */
loci__helper_encoding loci__encoding_by_label(const char *label, size_t length);
const char *loci__encoding_name(loci__helper_encoding encoding);

#endif
