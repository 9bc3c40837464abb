/* sniff.c: see sniff.h. Signatures follow the WHATWG MIME Sniffing standard and the formats' own specifications; a text
 * with control bytes that no text has is binary.
 *
 * Order: signatures of what is not text; byte order marks and the zero bytes of UTF-16; then text, which is HTML when it
 * opens with a tag of HTML, else what its name says, else plain. Valid UTF-8 is UTF-8 whatever a declaration says: a
 * text of another encoding is hardly ever valid by chance.
 */
#include "sniff.h"

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same(const char *a, const char *b, size_t length) { /* b in lower case */
  for (size_t i = 0; i < length; i++)
    if (lower(a[i]) != b[i]) return false;
  return true;
}

/* ---- encodings ------------------------------------------------------------------------------- */

static const char *const encoding_names[] = {
#define LOCI__X(name, iconv_name) iconv_name,
    LOCI__HELPER_ENCODINGS(LOCI__X)
#undef LOCI__X
};

const char *loci__encoding_name(loci__helper_encoding encoding) {
  return (unsigned)encoding < LOCI__ENCODING_COUNT ? encoding_names[encoding] : "";
}

/* Labels that are not the list's own names. The web reads "iso-8859-1" and "ascii" as windows-1252. */
static const struct {
  const char *label;
  loci__helper_encoding encoding;
} labels[] = {
    {"utf8", LOCI__ENCODING_UTF_8},
    {"unicode-1-1-utf-8", LOCI__ENCODING_UTF_8},
    {"utf-16", LOCI__ENCODING_UTF_16LE},
    {"ascii", LOCI__ENCODING_WINDOWS_1252},
    {"us-ascii", LOCI__ENCODING_WINDOWS_1252},
    {"iso-8859-1", LOCI__ENCODING_WINDOWS_1252},
    {"iso8859-1", LOCI__ENCODING_WINDOWS_1252},
    {"iso_8859-1", LOCI__ENCODING_WINDOWS_1252},
    {"latin1", LOCI__ENCODING_WINDOWS_1252},
    {"l1", LOCI__ENCODING_WINDOWS_1252},
    {"cp1252", LOCI__ENCODING_WINDOWS_1252},
    {"x-cp1252", LOCI__ENCODING_WINDOWS_1252},
    {"cp1250", LOCI__ENCODING_WINDOWS_1250},
    {"cp1251", LOCI__ENCODING_WINDOWS_1251},
    {"cp1253", LOCI__ENCODING_WINDOWS_1253},
    {"cp1254", LOCI__ENCODING_WINDOWS_1254},
    {"cp1255", LOCI__ENCODING_WINDOWS_1255},
    {"cp1256", LOCI__ENCODING_WINDOWS_1256},
    {"cp1257", LOCI__ENCODING_WINDOWS_1257},
    {"cp1258", LOCI__ENCODING_WINDOWS_1258},
    {"iso-8859-9", LOCI__ENCODING_WINDOWS_1254},
    {"latin5", LOCI__ENCODING_WINDOWS_1254},
    {"latin2", LOCI__ENCODING_ISO_8859_2},
    {"iso8859-2", LOCI__ENCODING_ISO_8859_2},
    {"iso-8859-8-i", LOCI__ENCODING_ISO_8859_8},
    {"latin9", LOCI__ENCODING_ISO_8859_15},
    {"koi8", LOCI__ENCODING_KOI8_R},
    {"koi", LOCI__ENCODING_KOI8_R},
    {"cp866", LOCI__ENCODING_IBM866},
    {"866", LOCI__ENCODING_IBM866},
    {"x-mac-cyrillic", LOCI__ENCODING_MAC_CYRILLIC},
    {"x-mac-roman", LOCI__ENCODING_MACINTOSH},
    {"shift-jis", LOCI__ENCODING_CP932},
    {"shift_jis", LOCI__ENCODING_CP932},
    {"sjis", LOCI__ENCODING_CP932},
    {"x-sjis", LOCI__ENCODING_CP932},
    {"windows-31j", LOCI__ENCODING_CP932},
    {"x-euc-jp", LOCI__ENCODING_EUC_JP},
    {"euc-kr", LOCI__ENCODING_UHC},
    {"ks_c_5601-1987", LOCI__ENCODING_UHC},
    {"windows-949", LOCI__ENCODING_UHC},
    {"gb2312", LOCI__ENCODING_GB18030},
    {"gbk", LOCI__ENCODING_GB18030},
    {"hz-gb-2312", LOCI__ENCODING_NONE},
    {"big5-hkscs", LOCI__ENCODING_BIG5},
    {"tis620", LOCI__ENCODING_TIS_620},
    {"windows-874", LOCI__ENCODING_ISO_8859_11},
};

loci__helper_encoding loci__encoding_by_label(const char *label, size_t length) {
  for (size_t i = 0; i < LOCI__COUNT(labels); i++)
    if (strlen(labels[i].label) == length && same(label, labels[i].label, length)) return labels[i].encoding;
  for (unsigned e = 1; e < LOCI__ENCODING_COUNT; e++) {
    const char *name = encoding_names[e];
    size_t n = 0;
    while (n < length && name[n] && lower(name[n]) == lower(label[n])) n++;
    if (n == length && !name[n]) return (loci__helper_encoding)e;
  }
  return LOCI__ENCODING_NONE;
}

/* "charset=…" of a <meta> or "encoding=…" of an XML declaration, within the beginning. */
static loci__helper_encoding declared_encoding(const char *bytes, size_t length) {
  if (length > 4096) length = 4096;
  for (size_t i = 0; i + 9 < length; i++) {
    size_t at = 0;
    if (same(bytes + i, "charset", 7)) at = i + 7;
    else if (same(bytes + i, "encoding", 8)) at = i + 8;
    if (!at) continue;
    while (at < length && bytes[at] == ' ') at++;
    if (at >= length || bytes[at] != '=') continue;
    at++;
    while (at < length && (bytes[at] == ' ' || bytes[at] == '"' || bytes[at] == '\'')) at++;
    size_t end = at;
    while (end < length && !memchr(" \"';/>?\r\n\t", bytes[end], 10)) end++;
    loci__helper_encoding encoding = loci__encoding_by_label(bytes + at, end - at);
    /* A declaration that can be read as bytes of ASCII is not in UTF-16 or UTF-32. */
    if (encoding >= LOCI__ENCODING_UTF_16LE && encoding <= LOCI__ENCODING_UTF_32BE) encoding = LOCI__ENCODING_UTF_8;
    if (encoding != LOCI__ENCODING_NONE) return encoding;
  }
  return LOCI__ENCODING_NONE;
}

/* ---- signatures ------------------------------------------------------------------------------ */

#define BINARY  "binary"
#define ZIP     "not implemented: a ZIP archive or document (DOCX, ODT, EPUB …)"
#define OLE     "not implemented: an OLE document (DOC, XLS, PPT)"
#define ARCHIVE "not implemented: an archive"

static const struct {
  const char *bytes;
  size_t length;
  const char *skipped;
  bool is_text; /* else the bytes must look binary too */
} signatures[] = {
    {"PK\3\4", 4, ZIP, false},
    {"PK\5\6", 4, ZIP, false},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8, OLE, false},
    {"{\\rtf", 5, "not implemented: RTF", true},
    {"%!PS", 4, "not implemented: PostScript", true},
    {"BZh", 3, ARCHIVE, false},
    {"\xFD"
     "7zXZ\0",
     6, ARCHIVE, false},
    {"\x28\xB5\x2F\xFD", 4, ARCHIVE, false},
    {"7z\xBC\xAF\x27\x1C", 6, ARCHIVE, false},
    {"Rar!\x1A\x07", 6, ARCHIVE, false},
    {"!<arch>\n", 8, ARCHIVE, false},
    {"\x89PNG\r\n\x1A\n", 8, BINARY, false},
    {"\xFF\xD8\xFF", 3, BINARY, false},
    {"GIF8", 4, BINARY, false},
    {"RIFF", 4, BINARY, false},
    {"\x7F"
     "ELF",
     4, BINARY, false},
    {"OggS", 4, BINARY, false},
    {"ID3", 3, BINARY, false},
    {"SQLite format 3\0", 16, BINARY, false},
};

static bool opens_with_html(const char *bytes, size_t length) {
  static const char *const tags[] = {"!doctype html", "html", "head",  "script", "iframe", "h1",   "div", "font",
                                     "table",         "a",    "style", "title",  "b",      "body", "br",  "p",
                                     "meta",          "link"};
  size_t i = 0;
  for (;;) { /* over white space, comments, XML declarations */
    while (i < length && (bytes[i] == ' ' || (bytes[i] >= '\t' && bytes[i] <= '\r'))) i++;
    const char *end = NULL;
    if (length - i > 4 && !memcmp(bytes + i, "<!--", 4)) {
      end = memmem(bytes + i + 4, length - i - 4, "-->", 3);
      if (end) end += 3;
    } else if (length - i > 5 && !memcmp(bytes + i, "<?xml", 5)) {
      end = memmem(bytes + i, length - i, "?>", 2);
      if (end) end += 2;
    }
    if (!end) break;
    i = (size_t)(end - bytes);
  }
  if (i >= length || bytes[i] != '<') return false;
  for (size_t t = 0; t < LOCI__COUNT(tags); t++) {
    size_t n = strlen(tags[t]);
    if (length - i > n + 1 && same(bytes + i + 1, tags[t], n) &&
        (bytes[i + 1 + n] == ' ' || bytes[i + 1 + n] == '>' || (bytes[i + 1 + n] >= '\t' && bytes[i + 1 + n] <= '\r')))
      return true;
  }
  return false;
}

static bool has_extension(const char *name, const char *const *list, size_t n) {
  const char *dot = strrchr(name, '.');
  if (!dot) return false;
  size_t length = strlen(dot + 1);
  for (size_t i = 0; i < n; i++)
    if (strlen(list[i]) == length && same(dot + 1, list[i], length)) return true;
  return false;
}

static loci__sniffed_kind kind_by_name(const char *name) {
  static const char *const markdown[] = {"md", "markdown", "mkd", "mdown", "mdx", "rmd", "qmd"};
  static const char *const html[] = {"html", "htm", "xhtml", "xht", "shtml"};
  static const char *const asciidoc[] = {"adoc", "asciidoc", "asc"};
  static const char *const source[] = {
      "c",     "h",    "cc",   "cpp",   "cxx",   "hpp",    "hh",    "m",    "mm",    "cs",   "java", "kt",  "kts",
      "scala", "go",   "rs",   "swift", "py",    "pyi",    "rb",    "pl",   "pm",    "php",  "js",   "mjs", "cjs",
      "ts",    "tsx",  "jsx",  "lua",   "r",     "jl",     "hs",    "ml",   "mli",   "fs",   "ex",   "exs", "erl",
      "clj",   "el",   "lisp", "scm",   "sh",    "bash",   "zsh",   "fish", "ps1",   "bat",  "cmd",  "sql", "css",
      "scss",  "less", "json", "jsonl", "yaml",  "yml",    "toml",  "ini",  "cfg",   "conf", "xml",  "xsl", "xsd",
      "svg",   "csv",  "tsv",  "mk",    "cmake", "gradle", "proto", "diff", "patch", "s",    "asm",  "f",   "f90",
      "v",     "vhd",  "dart", "zig",   "nim",   "tex",    "bib",   "vue",  "log"};
  static const char *const names[] = {"Makefile", "GNUmakefile", "Dockerfile", "CMakeLists.txt"};
  if (has_extension(name, markdown, LOCI__COUNT(markdown))) return LOCI__SNIFF_MARKDOWN;
  if (has_extension(name, html, LOCI__COUNT(html))) return LOCI__SNIFF_HTML;
  if (has_extension(name, asciidoc, LOCI__COUNT(asciidoc))) return LOCI__SNIFF_ASCIIDOC;
  if (has_extension(name, source, LOCI__COUNT(source))) return LOCI__SNIFF_SOURCE;
  for (size_t i = 0; i < LOCI__COUNT(names); i++)
    if (!strcmp(name, names[i])) return LOCI__SNIFF_SOURCE;
  return LOCI__SNIFF_TEXT;
}

/* ---- text or not ----------------------------------------------------------------------------- */

/* UTF-16 without a mark: text of any script has many ASCII characters (spaces, line ends), whose zero bytes all lie on
 * one side. */
static loci__helper_encoding zero_bytes(const char *bytes, size_t length) {
  if (length > 4096) length = 4096;
  size_t zeros[2] = {0, 0}, pairs = length / 2;
  for (size_t i = 0; i < pairs * 2; i++) {
    if (bytes[i] != 0) continue;
    unsigned char other = (unsigned char)bytes[i ^ 1];
    if (other < '\t' || (other > '\r' && other < 32)) return LOCI__ENCODING_NONE;
    zeros[i % 2]++;
  }
  if (pairs < 2) return LOCI__ENCODING_NONE;
  if (zeros[0] == 0 && zeros[1] * 4 >= pairs) return LOCI__ENCODING_UTF_16LE;
  if (zeros[1] == 0 && zeros[0] * 4 >= pairs) return LOCI__ENCODING_UTF_16BE;
  return LOCI__ENCODING_NONE;
}

/* Control bytes that texts do not have, in the whole (WHATWG's "binary data bytes", less ESC, which ISO-2022 needs). */
static bool is_binary(const char *bytes, size_t length) {
  size_t controls = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c == 0) return true;
    controls += c < 32 && !(c >= '\t' && c <= '\r') && c != 0x1B;
  }
  return controls * 200 > length; /* half a percent: logs and old manuals hold a few (backspaces, separators) */
}

/* Valid, or with so few ill-formed sequences among so many good ones that no other encoding explains the bytes. A
 * sequence cut by the end of the bytes counts as any other. */
static bool is_nearly_utf8(const char *bytes, size_t length) {
  if (loci__utf8_valid(bytes, length)) return true;
  size_t good = 0, bad = 0;
  for (size_t i = 0; i < length;) {
    size_t used;
    bool valid;
    if ((unsigned char)bytes[i] < 128) {
      i++;
      continue;
    }
    loci__utf8_next(bytes + i, length - i, &used, &valid);
    if (valid) good++;
    else bad++;
    i += used;
  }
  return good >= 10 * bad;
}

loci__sniffed loci__sniff(const char *name, const char *bytes, size_t length) {
  loci__sniffed out = {.kind = LOCI__SNIFF_NOTHING};
  if (length == 0) {
    out.skipped = "empty";
    return out;
  }
  if (length >= 3 && !memcmp(bytes, "\x1F\x8B\x08", 3)) {
    out.kind = LOCI__SNIFF_GZIP;
    return out;
  }
  /* Readers take a PDF's header anywhere in the first 1,024 bytes; a text that speaks of it is none. */
  static const char *const pdf[] = {"pdf"};
  const char *header = memmem(bytes, length < 1024 ? length : 1024, "%PDF-", 5);
  if (header && (header == bytes || has_extension(name, pdf, 1) || is_binary(bytes, length))) {
    out.kind = LOCI__SNIFF_PDF;
    return out;
  }
  for (size_t i = 0; i < LOCI__COUNT(signatures); i++)
    if (length >= signatures[i].length && !memcmp(bytes, signatures[i].bytes, signatures[i].length) &&
        (signatures[i].is_text || is_binary(bytes, length))) {
      out.skipped = signatures[i].skipped;
      return out;
    }
  if (length >= 262 && !memcmp(bytes + 257, "ustar", 5)) {
    out.skipped = ARCHIVE;
    return out;
  }

  if (length >= 4 && !memcmp(bytes, "\xFF\xFE\0\0", 4)) out.encoding = LOCI__ENCODING_UTF_32LE, out.mark = 4;
  else if (length >= 4 && !memcmp(bytes, "\0\0\xFE\xFF", 4)) out.encoding = LOCI__ENCODING_UTF_32BE, out.mark = 4;
  else if (length >= 2 && !memcmp(bytes, "\xFF\xFE", 2)) out.encoding = LOCI__ENCODING_UTF_16LE, out.mark = 2;
  else if (length >= 2 && !memcmp(bytes, "\xFE\xFF", 2)) out.encoding = LOCI__ENCODING_UTF_16BE, out.mark = 2;
  else if (length >= 3 && !memcmp(bytes, "\xEF\xBB\xBF", 3)) out.encoding = LOCI__ENCODING_UTF_8, out.mark = 3;
  else out.encoding = zero_bytes(bytes, length);

  bool wide = out.encoding >= LOCI__ENCODING_UTF_16LE && out.encoding <= LOCI__ENCODING_UTF_32BE;
  if (!wide) {
    if (is_binary(bytes, length)) {
      out.skipped = BINARY;
      return out;
    }
    if (is_nearly_utf8(bytes, length)) out.encoding = LOCI__ENCODING_UTF_8;
  }
  out.kind = kind_by_name(name);
  bool html = opens_with_html(bytes + out.mark, length - out.mark < 4096 ? length - out.mark : 4096);
  /* Markdown may open with a tag, program text may hold one: there the name decides. */
  if (html && out.kind == LOCI__SNIFF_TEXT) out.kind = LOCI__SNIFF_HTML;
  if (out.encoding == LOCI__ENCODING_NONE && (out.kind == LOCI__SNIFF_HTML || out.kind == LOCI__SNIFF_SOURCE))
    out.encoding = declared_encoding(bytes, length);
  return out;
}
