/* train/algebra.c: LAPACK behind dlopen. The library and the command must not load a BLAS at start (it costs more time
 * than a whole search), so what needs one opens it here, by the C names of the Fortran interface. */
#include "train.h"

#include <dlfcn.h>

/* LAPACK's dsyev with 32-bit integers, as Debian's liblapack and libopenblas export it. */
typedef void (*dsyev_fn)(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *w,
                         double *work, const int *lwork, int *info);

static dsyev_fn open_dsyev(void) {
  static const char *const names[] = {"libopenblas.so.0", "liblapack.so.3", "libopenblas.so", "liblapack.so"};
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) continue;
    void *symbol = dlsym(library, "dsyev_");
    if (symbol == NULL) continue;
    dsyev_fn function;
    memcpy(&function, &symbol, sizeof function); /* ISO C has no cast from object to function pointer */
    return function;                             /* the library stays open: threads of its own may run */
  }
  return NULL;
}

loci_status loci__eigen_symmetric(loci_context *context, size_t n, double *a, double *values, loci_error *error) {
  dsyev_fn dsyev = open_dsyev();
  if (dsyev == NULL) {
    return loci__fail(error, LOCI_ERROR_UNSUPPORTED,
                      "no LAPACK library found; install libopenblas0-serial (or liblapack3) and try again");
  }
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

  /* Ascending columns of a Fortran matrix are ascending rows of ours: turn them round. */
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
  return LOCI_OK;
}
