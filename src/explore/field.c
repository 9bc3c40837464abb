/* explore/field.c: what n points do to each other by the kernel 1/(1 + d²), in O(n + m² log m): a mesh.
 *
 * t-SNE's repulsion is half the gradient of φ(y) = Σⱼ 1/(1 + |y − yⱼ|²), and its normaliser is Σ φ(yᵢ): one potential gives
 * both. FIt-SNE (Linderman et al. 2019) interpolates four sums of the squared kernel; here the one potential is taken on a
 * mesh as in smooth particle-mesh Ewald (Essmann et al. 1995): every point is spread on the mesh by B-splines of order
 * ORDER, the mesh is convolved with the kernel by Fourier transforms, and φ and its gradient are read from the mesh by the
 * same splines and their derivatives. The splines' own smoothing is divided out of the kernel's transform, so the mesh may
 * be as wide as MESH: the kernel's spectrum has fallen to e^(−π/MESH) where the mesh ends.
 *
 * The convolution is not periodic: transforms are twice as long as the mesh. The mesh is real, so a transform along y takes
 * two columns as one complex sequence (column c with column c + m/2); half of the rows of the result say it all, and those
 * are transformed along x, multiplied, and transformed back at once while they lie in the cache.
 *
 * Threads: rows of the mesh are spread in strips of fixed height, each from the points that reach it, in the order of a
 * sort by row; transforms are cut into groups of sixteen sequences. No sum depends on who computes it.
 *
 * Measured (order × mesh, 10,000 points of a finished map; error of the gradient against all pairs): docs/speed.md.
 */
#include "project.h"

#include <math.h>

enum {
  ORDER = 6,
  LANES = LOCI__LANES,
  ELEMENT = 2 * LOCI__LANES,
  STRIP = 16,
  LEAST_NODES = 16,
  MOST_NODES = 4096,
  FEW = 400
};
static const double MESH = 0.375, FINEST = 0.04;

struct loci__field {
  loci_context *context;
  const loci__kernels *kernels;
  size_t n;
  /* the mesh: node (ix, iy) at (left + ix·h, bottom + iy·h), number iy·m + ix */
  double h, left, bottom;
  size_t m;           /* nodes a side, a multiple of 32 */
  size_t length;      /* of transforms */
  size_t n_groups;    /* of sixteen of the length/2 + 1 rows of the transform along y */
  float *mesh;        /* m × m: charges, then the potential */
  float *spectrum;    /* n_groups × m × ELEMENT */
  float *influence;   /* n_groups × (length/2 + 1) × LANES: the kernel's transform over the splines' */
  double influence_h; /* what `influence` was made for */
  size_t influence_length;
  float *work;                                                /* a worker: two times length × ELEMENT */
  size_t mesh_room, spectrum_room, influence_room, work_room; /* floats */
  loci__fft fft;
  /* the sort */
  const float *xy;
  uint32_t *order, *firsts; /* points by their first row; where a row's points begin: m + 1 */
  uint32_t *rows;           /* a point's first row */
  size_t firsts_room;
};

/* ---- splines ---- */

/* The weights of the ORDER nodes around a point `f` of the way from the middle one to the next, and their derivatives
 * (or NULL), by the recursion of B-splines (Cox 1972; de Boor 1972). */
static inline void weigh(float f, float *w, float *slope) {
  w[0] = 1 - f;
  w[1] = f;
  for (int k = 3; k <= ORDER; k++) {
    const float scale = 1.0f / (float)(k - 1);
    if (k == ORDER && slope != NULL) {
      slope[0] = -w[0];
      for (int j = 1; j < ORDER - 1; j++) slope[j] = w[j - 1] - w[j];
      slope[ORDER - 1] = w[ORDER - 2];
    }
    w[k - 1] = scale * f * w[k - 2];
    for (int j = k - 2; j > 0; j--) w[j] = scale * ((f + (float)(k - 1 - j)) * w[j - 1] + ((float)(j + 1) - f) * w[j]);
    w[0] *= scale * (1 - f);
  }
}

/* The first of the ORDER nodes that a coordinate touches, and how far behind the middle one it is. */
static inline size_t place(double x, double from, double h, float *f) {
  const double at = (x - from) / h, cell = floor(at);
  *f = (float)(at - cell);
  return (size_t)cell - (ORDER / 2 - 1);
}

/* ---- memory and geometry ---- */

static bool room(loci_context *context, float **memory, size_t *has, size_t floats) {
  if (floats <= *has) return true;
  loci__free_aligned(context, *memory);
  *memory = loci__alloc_aligned(context, floats * sizeof **memory);
  *has = *memory != NULL ? floats : 0;
  return *memory != NULL;
}

loci_status loci__field_new(loci_context *context, size_t n, loci__field **out, loci_error *error) {
  loci__field *field = *out = loci__alloc_zero(context, 1, sizeof *field);
  if (field == NULL) return loci__fail_memory(error, sizeof *field, "a mesh");
  field->context = context;
  field->kernels = loci__kernels_of(context);
  field->n = n;
  field->order = loci__alloc_array(context, n, sizeof *field->order);
  field->rows = loci__alloc_array(context, n, sizeof *field->rows);
  if (field->order && field->rows) return LOCI_OK;
  loci__field_free(field);
  *out = NULL;
  return loci__fail_memory(error, n * sizeof *field->order, "a mesh");
}

void loci__field_free(loci__field *field) {
  if (field == NULL) return;
  loci_context *context = field->context;
  loci__free_aligned(context, field->mesh);
  loci__free_aligned(context, field->spectrum);
  loci__free_aligned(context, field->influence);
  loci__free_aligned(context, field->work);
  loci__free(context, field->order);
  loci__free(context, field->rows);
  loci__free(context, field->firsts);
  loci__fft_release(&field->fft);
  loci__free(context, field);
}

/* Where the mesh lies and how wide it is. A small cloud gets a finer mesh, but none so fine that differences of the
 * potential would be its rounding. One that runs away gets a coarser one rather than all memory. */
static loci_status lay_mesh(loci__field *f, loci_error *error) {
  float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY}, bad = 0;
  for (size_t i = 0; i < f->n; i++)
    for (int c = 0; c < 2; c++) {
      const float at = f->xy[2 * i + (size_t)c];
      bad += at - at;
      low[c] = at < low[c] ? at : low[c];
      high[c] = at > high[c] ? at : high[c];
    }
  f->h = MESH;
  if (bad == 0 && f->n <= FEW) return LOCI_OK;
  if (!(bad == 0)) return loci__fail(error, LOCI_ERROR_INTERNAL, "the map fell apart: a coordinate is not finite");
  const double width = (double)high[0] - (double)low[0], height = (double)high[1] - (double)low[1];
  const double span = width > height ? width : height;
  while (span / f->h < LEAST_NODES && f->h > 2 * FINEST) f->h /= 2;
  while (span / f->h > MOST_NODES - 2 * ORDER) f->h *= 2;
  f->m = ((size_t)(span / f->h) + ORDER + 2 + 2 * LANES - 1) / (2 * LANES) * (2 * LANES);
  f->left = (double)low[0] - ORDER / 2 * f->h; /* a node more than splines reach, for rounding */
  f->bottom = (double)low[1] - ORDER / 2 * f->h;
  f->length = loci__fft_length(2 * f->m);
  f->n_groups = (f->length / 2 + 1 + LANES - 1) / LANES;
  if (f->fft.plan.n != f->length) {
    loci__fft_release(&f->fft);
    LOCI__TRY(loci__fft_init(&f->fft, f->context, f->length, error));
  }
  const size_t workers = loci__pool_size(f->context);
  if (!room(f->context, &f->mesh, &f->mesh_room, f->m * f->m) ||
      !room(f->context, &f->spectrum, &f->spectrum_room, f->n_groups * ELEMENT * (f->length / 2 + 1)) ||
      !room(f->context, &f->influence, &f->influence_room, f->n_groups * (f->length / 2 + 1) * LANES) ||
      !room(f->context, &f->work, &f->work_room, workers * 2 * f->length * ELEMENT) ||
      !loci__grow(f->context, &f->firsts, &f->firsts_room, f->m + 1, sizeof *f->firsts))
    return loci__fail_memory(error, f->length * f->length * 2 * sizeof(float), "a mesh");
  return LOCI_OK;
}

static float *work_of(const loci__field *f, size_t worker) {
  return f->work + worker * 2 * f->length * ELEMENT;
}

/* ---- the kernel's transform ---- */

/* One over the transform of the splines at frequency k: Σ of the weights at whole numbers times cosines. */
static double unsmooth(const loci__field *f, size_t k) {
  float w[ORDER];
  weigh(0, w, NULL); /* w[ORDER/2 − 1] is the middle one */
  double sum = (double)w[ORDER / 2 - 1];
  for (int j = 1; j < ORDER / 2; j++)
    sum +=
        2 * (double)w[ORDER / 2 - 1 - j] * cos(2 * 3.14159265358979323846 * (double)j * (double)k / (double)f->length);
  return 1 / sum;
}

/* Sixteen columns of lags along x, transformed along y. Even in both, so it is real, and half of it is enough. */
static loci_status lags_task(void *arg, size_t group, size_t worker, loci_error *error) {
  (void)error;
  const loci__field *f = arg;
  const size_t n = f->length, half = n / 2 + 1;
  float *x = work_of(f, worker);
  for (size_t y = 0; y < n; y++)
    for (size_t l = 0; l < LANES; l++) {
      const double dx = (double)(group * LANES + l) * f->h, dy = (double)(y < half ? y : n - y) * f->h;
      x[y * ELEMENT + l] = (float)(1 / (1 + dx * dx + dy * dy));
      x[y * ELEMENT + LANES + l] = 0;
    }
  const float *y = f->kernels->fft_f32(&f->fft.plan, x, x + n * ELEMENT);
  for (size_t k = 0; k < half; k++)
    for (size_t l = 0; l < LANES && group * LANES + l < half; l++)
      f->spectrum[((k / LANES) * half + group * LANES + l) * LANES + k % LANES] = y[k * ELEMENT + l];
  return LOCI_OK;
}

static loci_status influence_task(void *arg, size_t group, size_t worker, loci_error *error) {
  (void)error;
  const loci__field *f = arg;
  const size_t n = f->length, half = n / 2 + 1;
  float *x = work_of(f, worker);
  for (size_t c = 0; c < n; c++)
    for (size_t l = 0; l < LANES; l++) {
      x[c * ELEMENT + l] =
          group * LANES + l < half ? f->spectrum[(group * half + (c < half ? c : n - c)) * LANES + l] : 0;
      x[c * ELEMENT + LANES + l] = 0;
    }
  const float *y = f->kernels->fft_f32(&f->fft.plan, x, x + n * ELEMENT);
  double along_y[LANES];
  for (size_t l = 0; l < LANES; l++) along_y[l] = group * LANES + l < half ? unsmooth(f, group * LANES + l) : 0;
  for (size_t k = 0; k < half; k++) {
    const double along_x = unsmooth(f, k);
    for (size_t l = 0; l < LANES; l++)
      f->influence[(group * half + k) * LANES + l] =
          (float)((double)y[k * ELEMENT + l] * along_x * along_x * along_y[l] * along_y[l] / ((double)n * (double)n));
  }
  return LOCI_OK;
}

static loci_status make_influence(loci__field *f, loci_error *error) {
  if (f->influence_h == f->h && f->influence_length == f->length) return LOCI_OK;
  LOCI__TRY(loci__pool_run(f->context, f->n_groups, lags_task, f, error));
  LOCI__TRY(loci__pool_run(f->context, f->n_groups, influence_task, f, error));
  f->influence_h = f->h;
  f->influence_length = f->length;
  return LOCI_OK;
}

/* ---- points to mesh ---- */

static void sort_points(loci__field *f) {
  memset(f->firsts, 0, (f->m + 1) * sizeof *f->firsts);
  for (size_t i = 0; i < f->n; i++) {
    float part;
    const size_t row = place((double)f->xy[2 * i + 1], f->bottom, f->h, &part);
    f->rows[i] = (uint32_t)row;
    f->firsts[row + 1]++;
  }
  for (size_t r = 0; r < f->m; r++) f->firsts[r + 1] += f->firsts[r];
  for (size_t i = f->n; i-- > 0;) f->order[--f->firsts[f->rows[i] + 1]] = (uint32_t)i;
  /* Now firsts[r + 1] is where row r begins. */
  memmove(f->firsts, f->firsts + 1, f->m * sizeof *f->firsts);
  f->firsts[f->m] = (uint32_t)f->n;
}

static loci_status spread_task(void *arg, size_t strip, size_t worker, loci_error *error) {
  (void)worker, (void)error;
  const loci__field *f = arg;
  const size_t low = strip * STRIP, high = low + STRIP < f->m ? low + STRIP : f->m;
  memset(f->mesh + low * f->m, 0, (high - low) * f->m * sizeof *f->mesh);
  const size_t from = low > ORDER - 1 ? low - (ORDER - 1) : 0;
  for (size_t p = f->firsts[from]; p < f->firsts[high]; p++) {
    const float *at = f->xy + 2 * (size_t)f->order[p];
    float fx, fy, wx[ORDER], wy[ORDER];
    const size_t ix = place((double)at[0], f->left, f->h, &fx), iy = place((double)at[1], f->bottom, f->h, &fy);
    weigh(fx, wx, NULL);
    weigh(fy, wy, NULL);
    const size_t first = iy < low ? low - iy : 0, last = iy + ORDER > high ? high - iy : ORDER;
    for (size_t r = first; r < last; r++) {
      float *row = f->mesh + (iy + r) * f->m + ix;
      for (size_t c = 0; c < ORDER; c++) row[c] += wy[r] * wx[c];
    }
  }
  return LOCI_OK;
}

/* All pairs: for so few points it is as fast, and on a sparse map what the mesh makes a point do to itself counts. */
static void sum_all(const loci__field *f, const float *point, float out[3]) {
  double sum[3] = {0, 0, 0};
  for (size_t j = 0; j < f->n; j++) {
    const double dx = (double)point[0] - (double)f->xy[2 * j], dy = (double)point[1] - (double)f->xy[2 * j + 1];
    const double w = 1 / (1 + dx * dx + dy * dy);
    sum[0] += w;
    sum[1] -= 2 * w * w * dx;
    sum[2] -= 2 * w * w * dy;
  }
  for (int c = 0; c < 3; c++) out[c] = (float)sum[c];
}

void loci__field_at(const loci__field *f, const float *point, float out[3]) {
  if (f->n <= FEW) {
    sum_all(f, point, out);
    return;
  }
  float fx, fy, wx[ORDER], wy[ORDER], sx[ORDER], sy[ORDER];
  const size_t ix = place((double)point[0], f->left, f->h, &fx), iy = place((double)point[1], f->bottom, f->h, &fy);
  weigh(fx, wx, sx);
  weigh(fy, wy, sy);
  float potential = 0, along_x = 0, along_y = 0;
  for (size_t r = 0; r < ORDER; r++) {
    const float *row = f->mesh + (iy + r) * f->m + ix;
    float sum = 0, slope = 0;
    for (size_t c = 0; c < ORDER; c++) {
      sum += wx[c] * row[c];
      slope += sx[c] * row[c];
    }
    potential += wy[r] * sum;
    along_x += wy[r] * slope;
    along_y += sy[r] * sum;
  }
  out[0] = potential;
  out[1] = along_x / (float)f->h;
  out[2] = along_y / (float)f->h;
}

/* ---- mesh to potential ---- */

/* Sixteen pairs of columns along y; z = a + i·b gives both spectra, (z(k) ± z̄(n − k))/2. */
static loci_status columns_task(void *arg, size_t group, size_t worker, loci_error *error) {
  (void)error;
  const loci__field *f = arg;
  const size_t n = f->length, m = f->m, half = n / 2 + 1, other = m / 2;
  float *x = work_of(f, worker);
  for (size_t y = 0; y < m; y++) {
    memcpy(x + y * ELEMENT, f->mesh + y * m + group * LANES, LANES * sizeof *x);
    memcpy(x + y * ELEMENT + LANES, f->mesh + y * m + other + group * LANES, LANES * sizeof *x);
  }
  memset(x + m * ELEMENT, 0, (n - m) * ELEMENT * sizeof *x);
  const float *z = f->kernels->fft_f32(&f->fft.plan, x, x + n * ELEMENT);
  for (size_t k0 = 0; k0 < f->n_groups * LANES; k0 += LANES) {
    float *out = f->spectrum + (k0 / LANES) * m * ELEMENT;
    float block[4][LANES][LANES]; /* a and b, real and imaginary parts: lane, frequency */
    for (size_t k = 0; k < LANES; k++) {
      const size_t at = k0 + k < half ? k0 + k : 0, mirror = at > 0 ? n - at : 0;
      const float *p = z + at * ELEMENT, *q = z + mirror * ELEMENT;
      for (size_t l = 0; l < LANES; l++) {
        block[0][l][k] = (p[l] + q[l]) / 2;
        block[1][l][k] = (p[LANES + l] - q[LANES + l]) / 2;
        block[2][l][k] = (p[LANES + l] + q[LANES + l]) / 2;
        block[3][l][k] = (q[l] - p[l]) / 2;
      }
    }
    for (size_t l = 0; l < LANES; l++) {
      float *a = out + (group * LANES + l) * ELEMENT, *b = a + other * ELEMENT;
      memcpy(a, block[0][l], sizeof block[0][l]);
      memcpy(a + LANES, block[1][l], sizeof block[1][l]);
      memcpy(b, block[2][l], sizeof block[2][l]);
      memcpy(b + LANES, block[3][l], sizeof block[3][l]);
    }
  }
  return LOCI_OK;
}

/* Sixteen rows of the spectrum along x, times the kernel's, and back. Parts are exchanged for the way back. */
static loci_status rows_task(void *arg, size_t group, size_t worker, loci_error *error) {
  (void)error;
  const loci__field *f = arg;
  const size_t n = f->length, m = f->m, half = n / 2 + 1;
  float *x = work_of(f, worker), *spectrum = f->spectrum + group * m * ELEMENT;
  memcpy(x, spectrum, m * ELEMENT * sizeof *x);
  memset(x + m * ELEMENT, 0, (n - m) * ELEMENT * sizeof *x);
  float *y = f->kernels->fft_f32(&f->fft.plan, x, x + n * ELEMENT);
  for (size_t k = 0; k < n; k++) {
    const float *factor = f->influence + (group * half + (k < half ? k : n - k)) * LANES;
    float *re = y + k * ELEMENT, *im = re + LANES;
    for (size_t l = 0; l < LANES; l++) {
      const float t = re[l] * factor[l];
      re[l] = im[l] * factor[l];
      im[l] = t;
    }
  }
  const float *z = f->kernels->fft_f32(&f->fft.plan, y, y == x ? x + n * ELEMENT : x);
  memcpy(spectrum, z, m * ELEMENT * sizeof *spectrum); /* still exchanged */
  return LOCI_OK;
}

static loci_status back_task(void *arg, size_t group, size_t worker, loci_error *error) {
  (void)error;
  const loci__field *f = arg;
  const size_t n = f->length, m = f->m, half = n / 2 + 1, other = m / 2;
  float *x = work_of(f, worker);
  for (size_t k0 = 0; k0 < half; k0 += LANES) {
    const float *in = f->spectrum + (k0 / LANES) * m * ELEMENT;
    float block[4][LANES][LANES];
    for (size_t l = 0; l < LANES; l++) {
      const float *a = in + (group * LANES + l) * ELEMENT, *b = a + other * ELEMENT;
      for (size_t k = 0; k < LANES; k++) {
        block[0][k][l] = a[LANES + k]; /* real part of a */
        block[1][k][l] = a[k];
        block[2][k][l] = b[LANES + k];
        block[3][k][l] = b[k];
      }
    }
    for (size_t k = 0; k < LANES && k0 + k < half; k++) {
      const size_t at = k0 + k;
      float *p = x + at * ELEMENT, *q = x + (n - at) * ELEMENT;
      for (size_t l = 0; l < LANES; l++) { /* z = a + i·b, exchanged: imaginary part first */
        p[l] = block[1][k][l] + block[2][k][l];
        p[LANES + l] = block[0][k][l] - block[3][k][l];
      }
      if (at == 0 || at == n / 2) continue;
      for (size_t l = 0; l < LANES; l++) { /* z(n − k) = ā + i·b̄ */
        q[l] = block[2][k][l] - block[1][k][l];
        q[LANES + l] = block[0][k][l] + block[3][k][l];
      }
    }
  }
  const float *z = f->kernels->fft_f32(&f->fft.plan, x, x + n * ELEMENT);
  for (size_t y = 0; y < m; y++) {
    memcpy(f->mesh + y * m + group * LANES, z + y * ELEMENT + LANES, LANES * sizeof *x);
    memcpy(f->mesh + y * m + other + group * LANES, z + y * ELEMENT, LANES * sizeof *x);
  }
  return LOCI_OK;
}

loci_status loci__field_set(loci__field *f, const float *xy, loci_error *error) {
  f->xy = xy;
  LOCI__TRY(lay_mesh(f, error));
  if (f->n <= FEW) return LOCI_OK;
  LOCI__TRY(make_influence(f, error));
  sort_points(f);
  LOCI__TRY(loci__pool_run(f->context, (f->m + STRIP - 1) / STRIP, spread_task, f, error));
  LOCI__TRY(loci__pool_run(f->context, f->m / (2 * LANES), columns_task, f, error));
  LOCI__TRY(loci__pool_run(f->context, f->n_groups, rows_task, f, error));
  return loci__pool_run(f->context, f->m / (2 * LANES), back_task, f, error);
}
