/* base/path.c: paths as text. */
#include "file.h"

#include <unistd.h>

char *loci__path_join(loci_context *context, const char *folder, const char *name) {
  if (name[0] == '/' || folder[0] == '\0') return loci__strdup(context, name);
  loci__buffer path;
  loci__buffer_init(&path, context, 0);
  loci__buffer_puts(&path, folder);
  if (path.length > 0 && path.data[path.length - 1] != '/') loci__buffer_putc(&path, '/');
  loci__buffer_puts(&path, name);
  char *joined = loci__buffer_take(&path);
  loci__buffer_release(&path);
  return joined;
}

const char *loci__path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

char *loci__path_folder(loci_context *context, const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) return loci__strdup(context, ".");
  if (slash == path) return loci__strdup(context, "/");
  return loci__strndup(context, path, (size_t)(slash - path));
}

const char *loci__path_extension(const char *path) {
  const char *base = loci__path_base(path);
  const char *dot = strrchr(base, '.');
  return dot == NULL || dot == base ? "" : dot + 1;
}

char *loci__path_absolute(loci_context *context, const char *path) {
  loci__buffer out;
  loci__buffer_init(&out, context, 0);
  if (path[0] != '/') {
    char folder[4096];
    if (getcwd(folder, sizeof folder) == NULL) return NULL;
    loci__buffer_puts(&out, folder);
    if (strcmp(folder, "/") == 0) loci__buffer_clear(&out);
  }
  while (*path != '\0') {
    while (*path == '/') path++;
    size_t n = strcspn(path, "/");
    if (n == 2 && path[0] == '.' && path[1] == '.') {
      while (out.length > 0 && out.data[out.length - 1] != '/') out.length--;
      if (out.length > 0) out.length--;
      if (out.data != NULL) out.data[out.length] = '\0';
    } else if (n > 0 && !(n == 1 && path[0] == '.')) {
      loci__buffer_putc(&out, '/');
      loci__buffer_append(&out, path, n);
    }
    path += n;
  }
  if (out.length == 0) loci__buffer_putc(&out, '/');
  char *absolute = loci__buffer_take(&out);
  loci__buffer_release(&out);
  return absolute;
}
