/* pdf.c: PDF through poppler's pdftotext, a program of its own under its own filter (sandbox.c).
 *
 * The document is its standard input (a memory file, so that it can seek), its standard output and error are memory
 * files. "-htmlmeta" makes it print the title in front of the text; the text itself stays as it is, pages part by form
 * feeds.
 */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *find_program(void) {
  static const char *const places[] = {"/usr/bin/pdftotext", "/usr/local/bin/pdftotext", "/opt/homebrew/bin/pdftotext"};
  for (size_t i = 0; i < LOCI__COUNT(places); i++)
    if (access(places[i], X_OK) == 0) return places[i];
  return NULL;
}

static void run_child(const char *program, int input, int output, int errors) {
  /* The memory files' numbers may be 0…2 themselves only if the helper was started without these: it was not. */
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0 || !helper_confine_program())
    _exit(HELPER_EXIT_REASON + LOCI__HELPER_DIED);
  /* Without -q: its complaints tell an encrypted file from a broken one. */
  char *arguments[] = {(char *)"pdftotext", (char *)"-enc", (char *)"UTF-8",
                       (char *)"-eol",      (char *)"unix", (char *)"-htmlmeta",
                       (char *)"-",         (char *)"-",    NULL};
  char *environment[] = {(char *)"LC_ALL=C", NULL};
  execve(program, arguments, environment);
  _exit(HELPER_EXIT_REASON + LOCI__HELPER_NO_TOOL);
}

/* pdftotext exits with 1 for a file that cannot be opened and says why in words. */
static loci__helper_reason reason_of(int status, int errors) {
  if (WIFSIGNALED(status)) return helper_reason_of(status);
  if (WEXITSTATUS(status) == 0) return LOCI__HELPER_NONE;
  if (WEXITSTATUS(status) == 3) return LOCI__HELPER_FORBIDDEN;
  if (WEXITSTATUS(status) > HELPER_EXIT_REASON) return helper_reason_of(status);
  char said[4096];
  ssize_t n = pread(errors, said, sizeof said - 1, 0);
  said[n > 0 ? n : 0] = 0;
  return strstr(said, "Incorrect password") ? LOCI__HELPER_ENCRYPTED : LOCI__HELPER_BROKEN;
}

loci__helper_reason helper_run_pdftotext(const char *bytes, size_t length, int output) {
  const char *program = find_program();
  if (!program) return LOCI__HELPER_NO_TOOL;
  int input = helper_memory_file("document"), errors = helper_memory_file("errors");
  loci__helper_reason reason = LOCI__HELPER_DIED;
  if (input >= 0 && errors >= 0 && helper_write_all(input, bytes, length) && lseek(input, 0, SEEK_SET) == 0) {
    pid_t pid = fork();
    if (pid == 0) run_child(program, input, output, errors);
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (pid > 0) reason = reason_of(status, errors);
  }
  if (input >= 0) close(input);
  if (errors >= 0) close(errors);
  return reason;
}

loci__helper_reason helper_pdf(const char *printed, size_t length, loci__buffer *out) {
  const char *body = memmem(printed, length, "<pre>\n", 6);
  if (!body) return LOCI__HELPER_BROKEN;
  size_t head = (size_t)(body - printed);
  const char *title = memmem(printed, head, "<title>", 7), *end = NULL;
  if (title) end = memmem(title + 7, head - (size_t)(title + 7 - printed), "</title>", 8);
  loci__buffer name;
  loci__buffer_init(&name, NULL, 1 << 16);
  for (const char *at = title ? title + 7 : NULL; end && at < end;) {
    const char *semicolon = *at == '&' ? memchr(at, ';', (size_t)(end - at)) : NULL;
    if (semicolon && helper_put_entity(&name, at + 1, (size_t)(semicolon - at) - 1)) {
      at = semicolon + 1;
      continue;
    }
    loci__buffer_putc(&name, *at++);
  }
  size_t n = name.failed ? 0 : name.length;
  for (int i = 0; i < 4; i++) loci__buffer_putc(out, (char)(n >> 8 * i & 255));
  if (n) loci__buffer_append(out, name.data, n);
  loci__buffer_release(&name);
  body += 6;
  size_t left = length - head - 6;
  /* What it closes the page with; cut only where it stands at the very end. */
  static const char tail[] = "</pre>\n</body>\n</html>\n";
  if (left >= sizeof tail - 1 && !memcmp(body + left - (sizeof tail - 1), tail, sizeof tail - 1))
    left -= sizeof tail - 1;
  loci__buffer_append(out, body, left);
  return out->failed ? LOCI__HELPER_TOO_LARGE : LOCI__HELPER_NONE;
}
