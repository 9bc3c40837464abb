/* train/algebra.c: LAPACK behind dlopen. The library and the command must not load a BLAS at start (it costs more time
 * than a whole search), so what needs one opens it here, by the C names of the Fortran interface. */
#include "train.h"

#include <dlfcn.h>

/* LAPACK's dsyevd (divide and conquer; Cuppen 1981) with 32-bit integers. */
typedef void (*dsyevd_fn)(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *w,
                          double *work, const int *lwork, int *iwork, const int *liwork, int *info);

/* LAPACK's dsyev with 32-bit integers, as Debian's liblapack and libopenblas export it. */
typedef void (*dsyev_fn)(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *w,
                         double *work, const int *lwork, int *info);

/* The function `name` of the first LAPACK that is here, into *function (a pointer to a function); false when there is
 * none. The library stays open: threads of its own may run. */
static bool open_lapack(const char *name, void *function) {
  static const char *const names[] = {"libopenblas.so.0", "liblapack.so.3", "libopenblas.so", "liblapack.so"};
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) continue;
    void *symbol = dlsym(library, name);
    if (symbol == NULL) continue;
    memcpy(function, &symbol, sizeof symbol); /* ISO C has no cast from object to function pointer */
    return true;
  }
  return false;
}

static loci_status no_lapack(loci_error *error) {
  return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                    "no LAPACK library found; install libopenblas0-serial (or liblapack3) and try again");
}

/* Ascending columns of a Fortran matrix are ascending rows of ours: turn them round, and fix the signs. */
static void descending(size_t n, double *a, double *values) {
  for (size_t i = 0; i < n / 2; i++) {
    double *p = a + i * n, *q = a + (n - 1 - i) * n;
    for (size_t j = 0; j < n; j++) {
      double t = p[j];
      p[j] = q[j];
      q[j] = t;
    }
    double t = values[i];
    values[i] = values[n - 1 - i];
    values[n - 1 - i] = t;
  }
  for (size_t i = 0; i < n; i++) {
    double *row = a + i * n, greatest = 0;
    for (size_t j = 0; j < n; j++) {
      if (row[j] * row[j] > greatest * greatest) greatest = row[j];
    }
    for (size_t j = 0; j < n && greatest < 0; j++) row[j] = -row[j];
  }
}

loci_status loci__eigen_symmetric(loci_context *context, size_t n, double *a, double *values, loci_error *error) {
  dsyev_fn dsyev;
  if (!open_lapack("dsyev_", &dsyev)) return no_lapack(error);
  if (n == 0 || n > 32768) return loci__fail(error, LOCI_ERROR_USAGE, "a matrix of %zu rows", n);
  int order = (int)n, lwork = -1, info = 0;
  double wanted = 0;
  dsyev("V", "U", &order, a, &order, values, &wanted, &lwork, &info);
  lwork = (int)wanted;
  double *work = loci__alloc_array(context, (size_t)lwork, sizeof *work);
  if (work == NULL) return loci__fail_memory(error, (size_t)lwork * sizeof *work, "the eigenvalue problem");
  dsyev("V", "U", &order, a, &order, values, work, &lwork, &info);
  loci__free(context, work);
  if (info != 0) return loci__fail(error, LOCI_ERROR_INTERNAL, "the eigenvalue problem did not converge (%d)", info);
  descending(n, a, values);
  return LOCI_OK;
}

loci_status loci__eigen_check(loci_error *error) {
  dsyevd_fn dsyevd;
  return open_lapack("dsyevd_", &dsyevd) ? LOCI_OK : no_lapack(error);
}

loci_status loci__eigen_divide(loci_context *context, size_t n, double *a, double *values, loci_error *error) {
  dsyevd_fn dsyevd;
  if (!open_lapack("dsyevd_", &dsyevd)) return no_lapack(error);
  if (n == 0 || n > 16384) return loci__fail(error, LOCI_ERROR_USAGE, "a matrix of %zu rows", n);
  int order = (int)n, lwork = -1, liwork = -1, info = 0, wanted_integers = 0;
  double wanted = 0;
  dsyevd("V", "U", &order, a, &order, values, &wanted, &lwork, &wanted_integers, &liwork, &info);
  lwork = (int)wanted;
  liwork = wanted_integers;
  double *work = loci__alloc_array(context, (size_t)lwork, sizeof *work);
  int *integers = loci__alloc_array(context, (size_t)liwork, sizeof *integers);
  loci_status status = LOCI_OK;
  if (work == NULL || integers == NULL) {
    status = loci__fail_memory(error, (size_t)lwork * sizeof *work, "the eigenvalue problem");
  } else {
    dsyevd("V", "U", &order, a, &order, values, work, &lwork, integers, &liwork, &info);
    if (info != 0)
      status = loci__fail(error, LOCI_ERROR_INTERNAL, "the eigenvalue problem did not converge (%d)", info);
  }
  loci__free(context, work);
  loci__free(context, integers);
  if (status == LOCI_OK) descending(n, a, values);
  return status;
}
