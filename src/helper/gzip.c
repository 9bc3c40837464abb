/* gzip.c: RFC 1952 members, one after another, through zlib; bombs stopped early. */
#include "helper.h"

#include <zlib.h>

enum { PIECE = 1 << 18, RATIO_FREE = 1 << 20 };

loci__helper_reason helper_gunzip(const char *bytes, size_t length, loci__buffer *out) {
  z_stream stream = {0};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return LOCI__HELPER_DIED; /* 16: gzip framing */
  loci__helper_reason reason = LOCI__HELPER_NONE;
  stream.next_in = (Bytef *)(uintptr_t)bytes;
  stream.avail_in = (uInt)length; /* ≤ the protocol's limit of 1 GiB */
  for (;;) {
    if (!loci__buffer_reserve(out, PIECE)) {
      reason = LOCI__HELPER_BOMB;
      break;
    }
    stream.next_out = (Bytef *)out->data + out->length;
    stream.avail_out = PIECE;
    int state = inflate(&stream, Z_NO_FLUSH);
    size_t made = PIECE - stream.avail_out;
    out->length += made;
    out->data[out->length] = 0;
    size_t read = length - stream.avail_in;
    if (out->length > RATIO_FREE && out->length / LOCI__HELPER_RATIO_LIMIT > read) {
      reason = LOCI__HELPER_BOMB;
      break;
    }
    if (state == Z_STREAM_END) {
      /* Another member, or padding, which gzip(1) ignores too. */
      if (stream.avail_in < 2 || stream.next_in[0] != 0x1F || stream.next_in[1] != 0x8B) break;
      if (inflateReset(&stream) != Z_OK) {
        reason = LOCI__HELPER_BROKEN;
        break;
      }
    } else if (state != Z_OK || (made == 0 && stream.avail_in == 0)) {
      reason = LOCI__HELPER_BROKEN; /* damaged or cut short: half a text would look like a whole one */
      break;
    }
  }
  inflateEnd(&stream);
  return reason;
}
