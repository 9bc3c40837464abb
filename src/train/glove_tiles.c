/* train/glove_tiles.c: the co-occurrence matrix as tiles, a file that the default optimiser maps.
 *
 * Words are dealt out to n_blocks blocks of rows and n_blocks blocks of columns, frequent and rare ones evenly: of each
 * n_blocks words next to each other in the vocabulary every block gets one, by a draw. Tile (i, j) holds the pairs of row
 * block i and column block j. Tiles (i, i + d mod n_blocks) of one diagonal d share no row and no column, so their updates
 * are independent (Gemulla et al. 2011: distributed stochastic gradient descent, there with "strata"). Because words are
 * dealt out, all tiles are about equally great and each is a fair sample of the whole matrix; ranges of the vocabulary as
 * blocks would make tiles of frequent words only and of rare words only, between which the biases swing to and fro: more
 * epochs for the same cost (docs/speed.md has the experiment).
 *
 * Within a tile, pairs are in the order in which they are worked off:
 *   columns in chunks, dealt out like blocks, whose vectors and squares fit into CACHE bytes;
 *   within a chunk row after row, the rows in an order drawn by hash;
 *   within a row columns in an order drawn by hash.
 * So a chunk's columns stay in the second-level cache and a row's own vector in the first.
 *
 * The number of blocks and the chunks follow from the counts and the dimension alone, never from the machine: the order of
 * the pairs decides the bits.
 *
 * File: a header of 64 bytes {magic, n_words, n_blocks, n_pairs, key[32]}, starts, the row block and the column block of
 * each word, then from a multiple of 64 on the pairs. Written beside, fsynced, renamed. What is read is checked pair by
 * pair: the kernel trusts row and column, and the tasks of a diagonal that tiles are disjoint.
 */
#include "glove.h"

#include <fcntl.h>
#include <math.h>

enum {
  BLOCKS = 32,         /* parallel work for up to so many threads */
  BLOCKS_MOST = 4096,  /* of a file that is read */
  TILE_LEAST = 2048,   /* pairs of a tile on the average, where there are enough for that */
  BLOCK_MOST = 1 << 20 /* pairs of a block on the average: a task of the making sorts them in memory, 48 bytes each */
};
#define CACHE ((size_t)1 << 20)

typedef struct header {
  char magic[8];
  uint64_t n_words, n_blocks, n_pairs;
  char key[32];
} header;

static const char magic[8] = "LOCIGLV1";

static size_t pairs_at(size_t n_blocks, size_t n_words) {
  size_t size = sizeof(header) + (n_blocks * n_blocks + 1) * sizeof(uint64_t) + 2 * n_words * sizeof(uint16_t);
  return (size + 63) / 64 * 64;
}

size_t loci__glove_blocks(uint64_t n_pairs, size_t n_words) {
  size_t n = (size_t)sqrt((double)n_pairs / TILE_LEAST);
  if (n > BLOCKS) n = BLOCKS;
  if (n < n_pairs / BLOCK_MOST) n = (size_t)(n_pairs / BLOCK_MOST);
  if (n > n_words) n = n_words;
  if (n > BLOCKS_MOST) n = BLOCKS_MOST;
  return n ? n : 1;
}

/* ---- making ---- */

typedef struct sorted_pair {
  uint64_t key;
  loci__glove_pair pair;
} sorted_pair;

typedef struct making {
  loci_context *context;
  const loci__cooccur_record *records;
  size_t n, n_blocks, n_chunks; /* chunks of a block of columns */
  const loci__glove_tiling *tiling;
  uint16_t *row_blocks, *column_blocks; /* of each word */
  uint32_t *chunks;                     /* of each word as column */
  uint64_t *row_starts;                 /* n_words + 1: records of each row */
  uint64_t *block_starts;               /* n_blocks + 1: pairs of each row block */
  uint64_t *starts;
  int file;
  const char *path;
} making;

/* Of each n_hands words next to each other every hand gets one; the last of them may be fewer. */
static void deal(loci__random *random, size_t n_words, uint32_t *hands, size_t n_hands, uint32_t *out) {
  for (size_t i = 0; i < n_hands; i++) hands[i] = (uint32_t)i;
  for (size_t first = 0; first < n_words; first += n_hands) {
    for (size_t i = 0; i < n_hands && first + i < n_words; i++) {
      size_t j = i + (size_t)loci__random_below(random, n_hands - i);
      uint32_t hand = hands[j];
      hands[j] = hands[i];
      hands[i] = hand;
      out[first + i] = hand;
    }
  }
}

static uint64_t mixed(uint64_t x) { /* the finaliser of splitmix64 */
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static void sort_pairs(sorted_pair **pairs, sorted_pair **scratch, size_t n, unsigned bits) {
  for (unsigned shift = 0; shift < bits; shift += 8) {
    size_t places[256] = {0}, next = 0;
    for (size_t i = 0; i < n; i++) places[(*pairs)[i].key >> shift & 255]++;
    for (size_t i = 0; i < 256; i++) {
      size_t here = places[i];
      places[i] = next;
      next += here;
    }
    for (size_t i = 0; i < n; i++) (*scratch)[places[(*pairs)[i].key >> shift & 255]++] = (*pairs)[i];
    sorted_pair *swap = *pairs;
    *pairs = *scratch;
    *scratch = swap;
  }
}

/* Key: 12 bits block, 20 chunk, 16 row's hash, 16 pair's hash. */
static loci_status make_block(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  making *m = arg;
  const size_t first = (size_t)m->block_starts[task], n = (size_t)m->block_starts[task + 1] - first;
  if (n == 0) return LOCI_OK;
  const double x_max = m->tiling->x_max, alpha = m->tiling->alpha;
  const uint64_t seed = mixed(m->tiling->seed + 0x9e3779b97f4a7c15u);
  sorted_pair *pairs = loci__alloc_array(m->context, n, sizeof *pairs);
  sorted_pair *scratch = loci__alloc_array(m->context, n, sizeof *scratch);
  loci_status status = LOCI_OK;
  if (!pairs || !scratch) status = loci__fail_memory(error, 2 * n * sizeof *pairs, "ordering co-occurrences");
  if (status == LOCI_OK) {
    uint64_t *counts = m->starts + task * m->n_blocks; /* made to starts when all tasks are done */
    size_t i = 0;
    for (size_t row = 0; row < m->tiling->n_words; row++) {
      if (m->row_blocks[row] != task) continue;
      for (uint64_t at = m->row_starts[row]; at < m->row_starts[row + 1]; at++, i++) {
        const uint32_t column = (uint32_t)m->records[at].context - 1;
        const double x = m->records[at].weight;
        const uint64_t block = m->column_blocks[column], chunk = m->chunks[column];
        const uint64_t row_hash = mixed(seed ^ mixed((uint64_t)row << 32 | chunk)) >> 48;
        const uint64_t pair_hash = mixed(seed ^ ((uint64_t)row << 32 | column)) >> 48;
        pairs[i].key = block << 52 | (chunk & 0xfffff) << 32 | row_hash << 16 | pair_hash;
        pairs[i].pair = (loci__glove_pair){.row = (uint32_t)row,
                                           .column = column,
                                           .log_x = (float)log(x),
                                           .weight = x > x_max ? 1.0f : (float)pow(x / x_max, alpha)};
        counts[block]++;
      }
    }
    sort_pairs(&pairs, &scratch, n, 64);
    loci__glove_pair *out = (loci__glove_pair *)(void *)scratch;
    for (size_t p = 0; p < n; p++) out[p] = pairs[p].pair;
    int failed = loci__file_pwrite_all(m->context, m->file, out, n * sizeof *out,
                                       (int64_t)(pairs_at(m->n_blocks, m->tiling->n_words) + first * sizeof *out));
    if (failed) status = loci__fail_file(error, "write", m->path, failed);
  }
  loci__free(m->context, pairs);
  loci__free(m->context, scratch);
  return status;
}

static loci_status plan(making *m, loci_error *error) {
  const size_t n_words = m->tiling->n_words, n_hands = m->n_blocks * m->n_chunks;
  uint32_t *hands = loci__alloc_array(m->context, n_hands, sizeof *hands);
  uint32_t *dealt = loci__alloc_array(m->context, n_words, sizeof *dealt);
  loci_status status = LOCI_OK;
  if (!hands || !dealt) {
    status = loci__fail_memory(error, n_words * sizeof *dealt, "ordering co-occurrences");
  } else {
    loci__random random;
    loci__random_init(&random, m->tiling->seed);
    deal(&random, n_words, hands, m->n_blocks, dealt);
    for (size_t i = 0; i < n_words; i++) m->row_blocks[i] = (uint16_t)dealt[i];
    deal(&random, n_words, hands, n_hands, dealt);
    for (size_t i = 0; i < n_words; i++) {
      m->column_blocks[i] = (uint16_t)(dealt[i] % m->n_blocks);
      m->chunks[i] = (uint32_t)(dealt[i] / m->n_blocks);
    }
    for (size_t i = 0; i < m->n; i++) m->row_starts[m->records[i].word]++;
    for (size_t i = 0; i < n_words; i++) {
      m->block_starts[m->row_blocks[i] + 1] += m->row_starts[i + 1];
      m->row_starts[i + 1] += m->row_starts[i];
    }
    for (size_t i = 0; i < m->n_blocks; i++) m->block_starts[i + 1] += m->block_starts[i];
  }
  loci__free(m->context, hands);
  loci__free(m->context, dealt);
  return status;
}

static loci_status write_all(making *m, loci__meter *meter, loci_error *error) {
  LOCI__TRY(plan(m, error));
  LOCI__TRY(loci__meter_stage(meter, "ordering", "pairs", m->n, error));
  LOCI__TRY(loci__pool_run(m->context, m->n_blocks, make_block, m, error));
  const size_t n_tiles = m->n_blocks * m->n_blocks;
  uint64_t next = 0;
  for (size_t i = 0; i <= n_tiles; i++) {
    uint64_t here = m->starts[i];
    m->starts[i] = next;
    next += here;
  }
  header head = {.n_words = m->tiling->n_words, .n_blocks = m->n_blocks, .n_pairs = m->n};
  memcpy(head.magic, magic, sizeof head.magic);
  memcpy(head.key, m->tiling->key, sizeof head.key);
  const struct {
    const void *data;
    size_t size;
  } parts[] = {{&head, sizeof head},
               {m->starts, (n_tiles + 1) * sizeof *m->starts},
               {m->row_blocks, m->tiling->n_words * sizeof *m->row_blocks},
               {m->column_blocks, m->tiling->n_words * sizeof *m->column_blocks}};
  int64_t at = 0;
  int failed = 0;
  for (size_t i = 0; i < LOCI__COUNT(parts) && !failed; i++) {
    failed = loci__file_pwrite_all(m->context, m->file, parts[i].data, parts[i].size, at);
    at += (int64_t)parts[i].size;
  }
  if (!failed) failed = loci__file_fsync(m->context, m->file);
  if (failed) return loci__fail_file(error, "write", m->path, failed);
  return loci__meter_at(meter, m->n, NULL, error);
}

static size_t stride_of(size_t dim) {
  return (dim + 15) / 16 * 16;
}

loci_status loci__glove_tiles_make(loci_context *context, const loci__cooccur_record *records, size_t n,
                                   const loci__glove_tiling *tiling, const char *path, loci__meter *meter,
                                   loci_error *error) {
  making m = {.context = context, .records = records, .n = n, .tiling = tiling, .path = path, .file = -1};
  m.n_blocks = loci__glove_blocks(n, tiling->n_words);
  const size_t fit = CACHE / (2 * stride_of(tiling->dim) * sizeof(float)), of_block = tiling->n_words / m.n_blocks + 1;
  m.n_chunks = fit ? (of_block + fit - 1) / fit : of_block;
  size_t path_length = strlen(path);
  char *beside = loci__alloc(context, path_length + sizeof ".new");
  m.row_blocks = loci__alloc_zero(context, tiling->n_words, sizeof *m.row_blocks);
  m.column_blocks = loci__alloc_zero(context, tiling->n_words, sizeof *m.column_blocks);
  m.chunks = loci__alloc_zero(context, tiling->n_words, sizeof *m.chunks);
  m.row_starts = loci__alloc_zero(context, tiling->n_words + 1, sizeof *m.row_starts);
  m.block_starts = loci__alloc_zero(context, m.n_blocks + 1, sizeof *m.block_starts);
  m.starts = loci__alloc_zero(context, m.n_blocks * m.n_blocks + 1, sizeof *m.starts);
  loci_status status = LOCI_OK;
  if (!beside || !m.row_blocks || !m.column_blocks || !m.chunks || !m.row_starts || !m.block_starts || !m.starts) {
    status = loci__fail_memory(error, tiling->n_words * sizeof *m.row_starts, "ordering co-occurrences");
  } else {
    memcpy(beside, path, path_length);
    memcpy(beside + path_length, ".new", sizeof ".new");
    m.file = loci__file_open(context, beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (m.file < 0) status = loci__fail_file(error, "create", beside, m.file);
  }
  if (status == LOCI_OK) {
    status = write_all(&m, meter, error);
    int failed = loci__file_close(context, m.file);
    if (status == LOCI_OK && failed) status = loci__fail_file(error, "write", path, failed);
    failed = status == LOCI_OK ? loci__file_rename(context, beside, path) : 0;
    if (failed) status = loci__fail_file(error, "write", path, failed);
    if (status != LOCI_OK) loci__file_unlink(context, beside);
  }
  loci__free(context, beside);
  loci__free(context, m.row_blocks);
  loci__free(context, m.column_blocks);
  loci__free(context, m.chunks);
  loci__free(context, m.row_starts);
  loci__free(context, m.block_starts);
  loci__free(context, m.starts);
  return status;
}

/* ---- reading ---- */

static bool good_blocks(const uint16_t *blocks, size_t n_blocks, size_t n_words) {
  for (size_t i = 0; i < n_words; i++) {
    if (blocks[i] >= n_blocks) return false;
  }
  return true;
}

static bool good_tile(const loci__glove_tiles *t, size_t i, size_t j) {
  const uint64_t first = t->starts[i * t->n_blocks + j], end = t->starts[i * t->n_blocks + j + 1];
  if (first > end || end > t->n_pairs) return false;
  for (uint64_t p = first; p < end; p++) {
    const loci__glove_pair *pair = &t->pairs[p];
    if (pair->row >= t->n_words || t->row_blocks[pair->row] != i) return false;
    if (pair->column >= t->n_words || t->column_blocks[pair->column] != j) return false;
    if (!isfinite(pair->log_x) || !(pair->weight >= 0 && pair->weight <= 1)) return false;
  }
  return true;
}

static loci_status check_row(void *arg, size_t task, size_t worker, loci_error *error) {
  (void)worker;
  const loci__glove_tiles *t = arg;
  for (size_t j = 0; j < t->n_blocks; j++) {
    if (!good_tile(t, task, j)) return loci__fail(error, LOCI_ERROR_FORMAT, "a damaged tile");
  }
  return LOCI_OK;
}

loci_status loci__glove_tiles_open(loci_context *context, const char *path, const loci__glove_tiling *tiling,
                                   loci__glove_tiles *tiles, loci_error *error) {
  bool there;
  LOCI__TRY(loci__file_there(context, path, &there, error));
  if (!there) return loci__fail(error, LOCI_ERROR_NOT_FOUND, "no '%s'", path);
  *tiles = (loci__glove_tiles){0};
  LOCI__TRY(loci__mapping_open(&tiles->mapping, context, path, error));
  const char *data = tiles->mapping.data;
  header head = {.n_blocks = 0};
  if (tiles->mapping.length >= sizeof head) memcpy(&head, data, sizeof head);
  bool good = memcmp(head.magic, magic, sizeof magic) == 0 && head.n_blocks >= 1 && head.n_blocks <= BLOCKS_MOST;
  size_t size = 0;
  const bool other = good && (head.n_words != tiling->n_words || memcmp(head.key, tiling->key, sizeof head.key) != 0);
  good = good && loci__mul((size_t)head.n_pairs, sizeof(loci__glove_pair), &size) &&
         loci__add(size, pairs_at((size_t)head.n_blocks, tiling->n_words), &size) && size == tiles->mapping.length;
  loci_status status = LOCI_OK;
  if (other) {
    status = loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%s' is of other settings", path);
  } else if (!good) {
    status = loci__fail(error, LOCI_ERROR_FORMAT, "'%s' is no file of tiles, or it is cut off", path);
  } else {
    tiles->n_blocks = (size_t)head.n_blocks;
    tiles->n_pairs = head.n_pairs;
    tiles->n_words = tiling->n_words;
    tiles->starts = (const uint64_t *)(const void *)(data + sizeof head);
    tiles->row_blocks = (const uint16_t *)(tiles->starts + tiles->n_blocks * tiles->n_blocks + 1);
    tiles->column_blocks = tiles->row_blocks + tiles->n_words;
    tiles->pairs = (const loci__glove_pair *)(const void *)(data + pairs_at(tiles->n_blocks, tiles->n_words));
    if (!good_blocks(tiles->row_blocks, tiles->n_blocks, tiles->n_words) ||
        !good_blocks(tiles->column_blocks, tiles->n_blocks, tiles->n_words) || tiles->starts[0] != 0 ||
        tiles->starts[tiles->n_blocks * tiles->n_blocks] != tiles->n_pairs ||
        loci__pool_run(context, tiles->n_blocks, check_row, tiles, NULL) != LOCI_OK) {
      status = loci__fail(error, LOCI_ERROR_FORMAT, "'%s' is damaged: remove its folder and begin anew", path);
    }
  }
  if (status != LOCI_OK) loci__glove_tiles_close(tiles);
  return status;
}

void loci__glove_tiles_close(loci__glove_tiles *tiles) {
  if (tiles->mapping.data) loci__mapping_close(&tiles->mapping);
  *tiles = (loci__glove_tiles){0};
}
