/* encoding.c: which encoding a text is in (uchardet's guess) and its conversion to UTF-8 (iconv). */
#include "helper.h"

#include <errno.h>
#include <iconv.h>
#include <uchardet/uchardet.h>

static const char *const names[] = {
#define LOCI__X(name, iconv_name) iconv_name,
    LOCI__HELPER_ENCODINGS(LOCI__X)
#undef LOCI__X
};

enum { DETECT_LIMIT = 1 << 20 }; /* enough for any guess; the detector is slow on CJK */

loci__helper_encoding helper_detect(const char *bytes, size_t length) {
  uchardet_t detector = uchardet_new();
  if (!detector) return LOCI__ENCODING_NONE;
  loci__helper_encoding found = LOCI__ENCODING_NONE;
  if (uchardet_handle_data(detector, bytes, length < DETECT_LIMIT ? length : DETECT_LIMIT) == 0) {
    uchardet_data_end(detector);
    const char *name = uchardet_get_charset(detector);
    for (unsigned e = 1; e < LOCI__ENCODING_COUNT && !found; e++)
      if (!strcmp(names[e], name)) found = (loci__helper_encoding)e;
  }
  uchardet_delete(detector);
  return found;
}

void *helper_decoder_open(loci__helper_encoding encoding) {
  if (encoding == LOCI__ENCODING_NONE || (unsigned)encoding >= LOCI__ENCODING_COUNT) return NULL;
  iconv_t decoder = iconv_open("UTF-8", names[encoding]);
  return decoder == (iconv_t)-1 ? NULL : decoder;
}

/* Bytes of a code unit: what an ill-formed sequence is stepped over by. */
static size_t unit_of(loci__helper_encoding encoding) {
  if (encoding == LOCI__ENCODING_UTF_16LE || encoding == LOCI__ENCODING_UTF_16BE) return 2;
  return encoding == LOCI__ENCODING_UTF_32LE || encoding == LOCI__ENCODING_UTF_32BE ? 4 : 1;
}

loci__helper_reason helper_decode(void *decoder, loci__helper_encoding encoding, const char *bytes, size_t length,
                                  loci__buffer *out, uint32_t *n_replaced) {
  char *in = (char *)(uintptr_t)bytes;
  size_t left = length;
  *n_replaced = 0;
  bool flushed = false;
  while (!flushed) {
    if (!loci__buffer_reserve(out, left + left / 2 + 64)) return LOCI__HELPER_TOO_LARGE;
    char *to = out->data + out->length;
    size_t room = out->capacity - out->length - 1, before = room;
    flushed = left == 0;
    size_t done = iconv(decoder, left ? &in : NULL, left ? &left : NULL, &to, &room);
    int err = errno;
    out->length += before - room;
    out->data[out->length] = 0;
    if (done != (size_t)-1 || err == E2BIG) {
      if (done == (size_t)-1) flushed = false;
      continue;
    }
    /* EILSEQ: a byte that fits nowhere; EINVAL: the text ends within a character. */
    char replacement[4];
    loci__buffer_append(out, replacement, loci__utf8_put(LOCI__REPLACEMENT, replacement));
    if (*n_replaced < UINT32_MAX) ++*n_replaced;
    iconv(decoder, NULL, NULL, NULL, NULL);
    size_t unit = unit_of(encoding), step = err == EINVAL || left < unit ? left : unit;
    in += step;
    left -= step;
  }
  return out->failed ? LOCI__HELPER_TOO_LARGE : LOCI__HELPER_NONE;
}
