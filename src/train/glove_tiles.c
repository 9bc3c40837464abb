/* train/glove_tiles.c: the co-occurrence matrix as tiles, a file that the default optimiser maps.
 *
 * Rows and columns are cut into n_blocks ranges of about equal numbers of pairs: frequent words, whose rows are nearly
 * full, stand in narrow ranges, rare ones in wide ones. Tiles (i, i + d mod n_blocks) of one diagonal d share no row and no
 * column, so their updates are independent (Gemulla et al. 2011: distributed stochastic gradient descent, there with
 * "strata"). Within a tile, pairs are in the order in which they are worked off:
 *   columns in chunks whose vectors and squares fit into CACHE bytes;
 *   within a chunk row after row, the rows in an order drawn by hash;
 *   within a row columns in an order drawn by hash.
 * So a chunk's columns stay in the second-level cache and a row's own vector in the first, while the order is as good as
 * random where that matters: which words a word meets one after the other.
 *
 * The number of blocks and the chunks follow from the counts and the dimension alone, never from the machine: the order of
 * the pairs decides the bits.
 *
 * File: a header of 64 bytes {magic, n_words, n_blocks, n_pairs, key[32]}, cuts of rows and columns, starts, then from a
 * multiple of 64 on the pairs. Written beside, fsynced, renamed. What is read is checked pair by pair: the kernel trusts
 * row and column.
 */
#include "glove.h"

#include <fcntl.h>
#include <math.h>

enum {
  BLOCKS = 32,         /* parallel work for up to so many threads */
  BLOCKS_MOST = 4096,  /* of a file that is read */
  TILE_LEAST = 2048,   /* pairs of a tile on the average, where there are enough for that */
  BLOCK_MOST = 1 << 22 /* pairs of a block on the average: what a task of the making sorts in memory */
};
#define CACHE ((size_t)1 << 20)

typedef struct header {
  char magic[8];
  uint64_t n_words, n_blocks, n_pairs;
  char key[32];
} header;

static const char magic[8] = "LOCIGLV1";

static size_t pairs_at(size_t n_blocks) {
  size_t size = sizeof(header) + 2 * (n_blocks + 1) * sizeof(uint32_t) + (n_blocks * n_blocks + 1) * sizeof(uint64_t);
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
  size_t n, n_blocks, chunk;
  const loci__glove_tiling *tiling;
  uint32_t *row_cuts, *column_cuts;
  uint16_t *column_blocks; /* of each word */
  uint64_t *block_starts;  /* n_blocks + 1: records of each row block */
  uint64_t *starts;
  int file;
  const char *path;
} making;

/* Block k ends with the word at which (k + 1)/n of all pairs are reached; each has a word at least. */
static void cut(const uint64_t *counts, size_t n_words, uint64_t total, size_t n_blocks, uint32_t *cuts) {
  uint64_t seen = 0;
  size_t word = 0;
  cuts[0] = 0;
  for (size_t k = 0; k < n_blocks; k++) {
    const size_t least = word + 1, most = n_words - (n_blocks - 1 - k);
    const double wanted = (double)total * (double)(k + 1) / (double)n_blocks;
    while (word < most && (word < least || (double)seen < wanted)) seen += counts[word++];
    cuts[k + 1] = (uint32_t)word;
  }
  cuts[n_blocks] = (uint32_t)n_words;
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
    for (size_t i = 0; i < n; i++) {
      const loci__cooccur_record *r = &m->records[first + i];
      const uint32_t row = (uint32_t)r->word - 1, column = (uint32_t)r->context - 1;
      const size_t block = m->column_blocks[column];
      const uint64_t chunk = (column - m->column_cuts[block]) / m->chunk;
      const uint64_t row_hash = mixed(seed ^ mixed((uint64_t)row << 32 | chunk)) >> 48;
      const uint64_t pair_hash = mixed(seed ^ ((uint64_t)row << 32 | column)) >> 48;
      pairs[i].key = (uint64_t)block << 52 | (chunk & 0xfffff) << 32 | row_hash << 16 | pair_hash;
      pairs[i].pair = (loci__glove_pair){
          .row = row,
          .column = column,
          .log_x = (float)log(r->weight),
          .weight = r->weight > x_max ? 1.0f : (float)pow(r->weight / x_max, alpha)};
      counts[block]++;
    }
    sort_pairs(&pairs, &scratch, n, 64);
    loci__glove_pair *out = (loci__glove_pair *)(void *)scratch;
    for (size_t i = 0; i < n; i++) out[i] = pairs[i].pair;
    int failed = loci__file_pwrite_all(m->context, m->file, out, n * sizeof *out,
                                       (int64_t)(pairs_at(m->n_blocks) + first * sizeof *out));
    if (failed) status = loci__fail_file(error, "write", m->path, failed);
  }
  loci__free(m->context, pairs);
  loci__free(m->context, scratch);
  return status;
}

static loci_status plan(making *m, loci_error *error) {
  const size_t n_words = m->tiling->n_words;
  uint64_t *rows = loci__alloc_zero(m->context, n_words, sizeof *rows);
  uint64_t *columns = loci__alloc_zero(m->context, n_words, sizeof *columns);
  loci_status status = LOCI_OK;
  if (!rows || !columns) {
    status = loci__fail_memory(error, 2 * n_words * sizeof *rows, "ordering co-occurrences");
  } else {
    for (size_t i = 0; i < m->n; i++) {
      rows[m->records[i].word - 1]++;
      columns[m->records[i].context - 1]++;
    }
    cut(rows, n_words, m->n, m->n_blocks, m->row_cuts);
    cut(columns, n_words, m->n, m->n_blocks, m->column_cuts);
    for (size_t k = 0; k < m->n_blocks; k++) {
      m->block_starts[k + 1] = m->block_starts[k];
      for (size_t r = m->row_cuts[k]; r < m->row_cuts[k + 1]; r++) m->block_starts[k + 1] += rows[r];
      for (size_t c = m->column_cuts[k]; c < m->column_cuts[k + 1]; c++) m->column_blocks[c] = (uint16_t)k;
    }
  }
  loci__free(m->context, rows);
  loci__free(m->context, columns);
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
               {m->row_cuts, (m->n_blocks + 1) * sizeof *m->row_cuts},
               {m->column_cuts, (m->n_blocks + 1) * sizeof *m->column_cuts},
               {m->starts, (n_tiles + 1) * sizeof *m->starts}};
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
  m.chunk = CACHE / (2 * stride_of(tiling->dim) * sizeof(float));
  if (m.chunk == 0) m.chunk = 1;
  size_t path_length = strlen(path);
  char *beside = loci__alloc(context, path_length + sizeof ".new");
  m.row_cuts = loci__alloc_zero(context, m.n_blocks + 1, sizeof *m.row_cuts);
  m.column_cuts = loci__alloc_zero(context, m.n_blocks + 1, sizeof *m.column_cuts);
  m.column_blocks = loci__alloc_zero(context, tiling->n_words, sizeof *m.column_blocks);
  m.block_starts = loci__alloc_zero(context, m.n_blocks + 1, sizeof *m.block_starts);
  m.starts = loci__alloc_zero(context, m.n_blocks * m.n_blocks + 1, sizeof *m.starts);
  loci_status status = LOCI_OK;
  if (!beside || !m.row_cuts || !m.column_cuts || !m.column_blocks || !m.block_starts || !m.starts) {
    status = loci__fail_memory(error, tiling->n_words * sizeof *m.column_blocks, "ordering co-occurrences");
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
  loci__free(context, m.row_cuts);
  loci__free(context, m.column_cuts);
  loci__free(context, m.column_blocks);
  loci__free(context, m.block_starts);
  loci__free(context, m.starts);
  return status;
}

/* ---- reading ---- */

static bool good_cuts(const uint32_t *cuts, size_t n_blocks, size_t n_words) {
  if (cuts[0] != 0 || cuts[n_blocks] != n_words) return false;
  for (size_t i = 0; i < n_blocks; i++) {
    if (cuts[i] > cuts[i + 1]) return false;
  }
  return true;
}

static bool good_tile(const loci__glove_tiles *t, size_t i, size_t j) {
  const uint64_t first = t->starts[i * t->n_blocks + j], end = t->starts[i * t->n_blocks + j + 1];
  if (first > end || end > t->n_pairs) return false;
  for (uint64_t p = first; p < end; p++) {
    const loci__glove_pair *pair = &t->pairs[p];
    if (pair->row < t->row_cuts[i] || pair->row >= t->row_cuts[i + 1]) return false;
    if (pair->column < t->column_cuts[j] || pair->column >= t->column_cuts[j + 1]) return false;
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
  good = good && loci__mul((size_t)head.n_pairs, sizeof(loci__glove_pair), &size) &&
         loci__add(size, pairs_at((size_t)head.n_blocks), &size) && size == tiles->mapping.length;
  loci_status status = LOCI_OK;
  if (!good) {
    status = loci__fail(error, LOCI_ERROR_FORMAT, "'%s' is no file of tiles, or it is cut off", path);
  } else if (head.n_words != tiling->n_words || memcmp(head.key, tiling->key, sizeof head.key) != 0) {
    status = loci__fail(error, LOCI_ERROR_NOT_FOUND, "'%s' is of other settings", path);
  } else {
    tiles->n_blocks = (size_t)head.n_blocks;
    tiles->n_pairs = head.n_pairs;
    tiles->row_cuts = (const uint32_t *)(const void *)(data + sizeof head);
    tiles->column_cuts = tiles->row_cuts + tiles->n_blocks + 1;
    tiles->starts = (const uint64_t *)(const void *)(tiles->column_cuts + tiles->n_blocks + 1);
    tiles->pairs = (const loci__glove_pair *)(const void *)(data + pairs_at(tiles->n_blocks));
    if (!good_cuts(tiles->row_cuts, tiles->n_blocks, tiling->n_words) ||
        !good_cuts(tiles->column_cuts, tiles->n_blocks, tiling->n_words) || tiles->starts[0] != 0 ||
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
