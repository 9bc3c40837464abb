/* base/helper_protocol.h: what the library and the program loci-extract say to each other over a stream socket.
 *
 * The library sends a request (header, then bytes), the helper answers it (header, then bytes), one at a time, in
 * order. All integers are little-endian u32 unless said otherwise. The helper opens with a greeting, so that another
 * program in its place is noticed. The helper's parser processes may be in an attacker's hands: the library believes
 * nothing that it reads here; the helper believes the library.
 *
 *   greeting  "loci-extract\0\0\0\0", version
 *   request   magic, operation, encoding, 0, u64 length; then the bytes
 *   reply     magic, status, reason, n_replaced, u64 length; then the bytes
 *
 * Operations and the bytes of their replies:
 *   GUNZIP    gzip members → their content
 *   DETECT    bytes → u32, an encoding of the list below (0: not known)
 *   DECODE    bytes in `encoding` → UTF-8; n_replaced sequences were ill-formed and became U+FFFD
 *   HTML      UTF-8 → a document in wire form (document.h)
 *   MARKDOWN  UTF-8 → a document in wire form
 *   PDF       a PDF → what pdftotext writes, UTF-8, preceded by the title: u32 length, title
 */
#ifndef LOCI_BASE_HELPER_PROTOCOL_H
#define LOCI_BASE_HELPER_PROTOCOL_H

#include <stdint.h>

#define LOCI__HELPER_GREETING "loci-extract\0\0\0" /* 16 bytes with the final NUL */

enum {
  LOCI__HELPER_VERSION = 1,
  LOCI__HELPER_REQUEST = 0x5152584C, /* "LXRQ" */
  LOCI__HELPER_REPLY = 0x5052584C,   /* "LXRP" */
  LOCI__HELPER_GREETING_SIZE = 20,
  LOCI__HELPER_HEADER_SIZE = 24,
  LOCI__HELPER_INPUT_LIMIT = 1 << 30,
  LOCI__HELPER_OUTPUT_LIMIT = 256 << 20, /* of one reply: text, documents, decompressed bytes */
  LOCI__HELPER_RATIO_LIMIT = 200         /* GUNZIP: output over input, once the output passes 1 MiB */
};

typedef enum loci__helper_operation {
  LOCI__HELPER_GUNZIP = 1,
  LOCI__HELPER_DETECT = 2,
  LOCI__HELPER_DECODE = 3,
  LOCI__HELPER_HTML = 4,
  LOCI__HELPER_MARKDOWN = 5,
  LOCI__HELPER_PDF = 6
} loci__helper_operation;

enum { LOCI__HELPER_OK = 0, LOCI__HELPER_SKIP = 1 };

/* Why a document gives nothing: X(name, words). */
#define LOCI__HELPER_REASONS(X)                   \
  X(NONE, "")                                     \
  X(BROKEN, "broken")                             \
  X(ENCRYPTED, "encrypted")                       \
  X(BOMB, "too large when decompressed")          \
  X(TOO_LARGE, "too large")                       \
  X(DIED, "helper died")                          \
  X(SLOW, "took too long")                        \
  X(FORBIDDEN, "copying its text is not allowed") \
  X(NO_TOOL, "pdftotext is not installed (package poppler-utils)")

typedef enum loci__helper_reason {
#define LOCI__X(name, words) LOCI__HELPER_##name,
  LOCI__HELPER_REASONS(LOCI__X)
#undef LOCI__X
      LOCI__HELPER_N_REASONS
} loci__helper_reason;

/* Encodings that the helper converts from: X(name, iconv's name). The names are uchardet's where it has one. */
#define LOCI__HELPER_ENCODINGS(X)           \
  X(NONE, "")                               \
  X(UTF_8, "UTF-8")                         \
  X(UTF_16LE, "UTF-16LE")                   \
  X(UTF_16BE, "UTF-16BE")                   \
  X(UTF_32LE, "UTF-32LE")                   \
  X(UTF_32BE, "UTF-32BE")                   \
  X(WINDOWS_1250, "WINDOWS-1250")           \
  X(WINDOWS_1251, "WINDOWS-1251")           \
  X(WINDOWS_1252, "WINDOWS-1252")           \
  X(WINDOWS_1253, "WINDOWS-1253")           \
  X(WINDOWS_1254, "WINDOWS-1254")           \
  X(WINDOWS_1255, "WINDOWS-1255")           \
  X(WINDOWS_1256, "WINDOWS-1256")           \
  X(WINDOWS_1257, "WINDOWS-1257")           \
  X(WINDOWS_1258, "WINDOWS-1258")           \
  X(ISO_8859_1, "ISO-8859-1")               \
  X(ISO_8859_2, "ISO-8859-2")               \
  X(ISO_8859_3, "ISO-8859-3")               \
  X(ISO_8859_4, "ISO-8859-4")               \
  X(ISO_8859_5, "ISO-8859-5")               \
  X(ISO_8859_6, "ISO-8859-6")               \
  X(ISO_8859_7, "ISO-8859-7")               \
  X(ISO_8859_8, "ISO-8859-8")               \
  X(ISO_8859_9, "ISO-8859-9")               \
  X(ISO_8859_10, "ISO-8859-10")             \
  X(ISO_8859_11, "ISO-8859-11")             \
  X(ISO_8859_13, "ISO-8859-13")             \
  X(ISO_8859_14, "ISO-8859-14")             \
  X(ISO_8859_15, "ISO-8859-15")             \
  X(ISO_8859_16, "ISO-8859-16")             \
  X(KOI8_R, "KOI8-R")                       \
  X(KOI8_U, "KOI8-U")                       \
  X(IBM852, "IBM852")                       \
  X(IBM855, "IBM855")                       \
  X(IBM865, "IBM865")                       \
  X(IBM866, "IBM866")                       \
  X(MAC_CYRILLIC, "MAC-CYRILLIC")           \
  X(MAC_CENTRALEUROPE, "MAC-CENTRALEUROPE") \
  X(MACINTOSH, "MACINTOSH")                 \
  X(TIS_620, "TIS-620")                     \
  X(VISCII, "VISCII")                       \
  X(SHIFT_JIS, "SHIFT_JIS")                 \
  X(CP932, "CP932")                         \
  X(EUC_JP, "EUC-JP")                       \
  X(ISO_2022_JP, "ISO-2022-JP")             \
  X(EUC_KR, "EUC-KR")                       \
  X(UHC, "UHC")                             \
  X(JOHAB, "JOHAB")                         \
  X(ISO_2022_KR, "ISO-2022-KR")             \
  X(GB18030, "GB18030")                     \
  X(ISO_2022_CN, "ISO-2022-CN")             \
  X(BIG5, "BIG5")                           \
  X(EUC_TW, "EUC-TW")

typedef enum loci__helper_encoding {
#define LOCI__X(name, iconv_name) LOCI__ENCODING_##name,
  LOCI__HELPER_ENCODINGS(LOCI__X)
#undef LOCI__X
      LOCI__ENCODING_COUNT
} loci__helper_encoding;

#endif
