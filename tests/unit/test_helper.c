/* test_helper.c: the workers of loci-extract by themselves, what their sandbox forbids, and PDF. */
#include "support.h"

#include "extract/extract.h"
#include "helper/helper.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the sandbox ----------------------------------------------------------------------------- */

static void do_nothing(void) {
}

static void do_work(void) { /* what a parser needs */
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  char *big = malloc(64 << 20);
  if (!big) _exit(9);
  memset(big, 'a', 64 << 20);
  for (int i = 0; i < 100; i++) loci__buffer_append(&out, big, 100000);
  free(big);
  loci__buffer_release(&out);
  if (helper_html("<p>x &amp; y", 12, &out) != LOCI__HELPER_NONE) _exit(9);
  loci__buffer_release(&out);
}

static void do_open(void) {
  (void)!open("/etc/passwd", O_RDONLY);
}

static void do_create(void) {
  (void)!open("/tmp/loci-must-not-be", O_WRONLY | O_CREAT, 0600);
}

static void do_socket(void) {
  (void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void do_fork(void) {
  if (fork() == 0) _exit(0);
}

static void do_exec(void) {
  char *none[] = {NULL};
  (void)!execve("/bin/true", none, none);
}

static void do_kill(void) {
  kill(getppid(), 0);
}

static void do_unlink(void) {
  unlink("/tmp/loci-must-not-be");
}

static void do_executable_memory(void) {
  (void)!mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void do_spin(void) {
  setrlimit(RLIMIT_CPU, &(struct rlimit){1, 1}); /* lower than the sandbox's, so that the test is quick */
  for (volatile unsigned i = 0;; i++) continue;
}

static int status_under(bool (*confine)(void), void (*act)(void)) {
  pid_t pid = fork();
  if (pid == 0) {
    if (!confine()) _exit(99);
    act();
    _exit(0);
  }
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

static void expect_killed(bool (*confine)(void), void (*act)(void), const char *what) {
  int status = status_under(confine, act);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) fail_msg("%s was not stopped: status %x", what, status);
}

static void test_sandbox(void **state) {
  (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  skip(); /* a sanitizer's run-time opens files and maps memory: the filter gives way to it */
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  skip();
#endif
#endif
  assert_int_equal(status_under(helper_confine_worker, do_nothing), 0);
  assert_int_equal(status_under(helper_confine_worker, do_work), 0);
  expect_killed(helper_confine_worker, do_open, "open");
  expect_killed(helper_confine_worker, do_create, "open to write");
  expect_killed(helper_confine_worker, do_socket, "socket");
  expect_killed(helper_confine_worker, do_fork, "fork");
  expect_killed(helper_confine_worker, do_exec, "exec");
  expect_killed(helper_confine_worker, do_kill, "kill");
  expect_killed(helper_confine_worker, do_unlink, "unlink");
  expect_killed(helper_confine_worker, do_executable_memory, "executable memory");
  assert_int_equal(status_under(helper_confine_program, do_nothing), 0);
  assert_int_equal(status_under(helper_confine_program, do_open), 0); /* pdftotext reads poppler's tables */
  expect_killed(helper_confine_program, do_create, "open to write (program)");
  expect_killed(helper_confine_program, do_socket, "socket (program)");
  expect_killed(helper_confine_program, do_fork, "fork (program)");
  expect_killed(helper_confine_program, do_kill, "kill (program)");
  expect_killed(helper_confine_program, do_unlink, "unlink (program)");
  assert_int_equal(access("/tmp/loci-must-not-be", F_OK), -1);
}

static void test_cpu_limit(void **state) {
  (void)state;
  pid_t pid = fork();
  if (pid == 0) do_spin();
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status));
  assert_true(helper_reason_of(W_EXITCODE(0, SIGXCPU)) == LOCI__HELPER_SLOW);
  assert_true(helper_reason_of(W_EXITCODE(0, SIGSEGV)) == LOCI__HELPER_DIED);
  assert_true(helper_reason_of(W_EXITCODE(0, 0)) == LOCI__HELPER_NONE);
  assert_true(helper_reason_of(W_EXITCODE(HELPER_EXIT_REASON + LOCI__HELPER_BROKEN, 0)) == LOCI__HELPER_BROKEN);
  assert_true(helper_reason_of(W_EXITCODE(1, 0)) == LOCI__HELPER_DIED);
}

/* ---- PDF ------------------------------------------------------------------------------------- */

/* A PDF of our own: a page a string, a title, an /Encrypt dictionary if wanted. */
static char *make_pdf(const char *const *pages, size_t n, const char *title, bool encrypted, size_t *length) {
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  size_t offsets[64], n_objects = 4 + 2 * n + (encrypted ? 1 : 0);
  loci__buffer_puts(&out, "%PDF-1.4\n");
#define OBJECT(i) (offsets[i] = out.length, loci__buffer_printf(&out, "%d 0 obj\n", (int)(i)))
  OBJECT(1);
  loci__buffer_puts(&out, "<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
  OBJECT(2);
  loci__buffer_printf(&out, "<< /Type /Pages /Count %zu /Kids [", n);
  for (size_t i = 0; i < n; i++) loci__buffer_printf(&out, "%zu 0 R ", 5 + 2 * i);
  loci__buffer_puts(&out, "] >>\nendobj\n");
  OBJECT(3);
  loci__buffer_puts(&out, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\n");
  OBJECT(4);
  loci__buffer_printf(&out, "<< /Title (%s) >>\nendobj\n", title);
  for (size_t i = 0; i < n; i++) {
    OBJECT(5 + 2 * i);
    loci__buffer_printf(&out,
                        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %zu 0 R /Resources << /Font << "
                        "/F1 3 0 R >> >> >>\nendobj\n",
                        6 + 2 * i);
    OBJECT(6 + 2 * i);
    loci__buffer text;
    loci__buffer_init(&text, NULL, 0);
    loci__buffer_puts(&text, "BT /F1 12 Tf 72 700 Td 14 TL (");
    for (const char *p = pages[i]; *p; p++) {
      if (*p == '\n') loci__buffer_puts(&text, ") Tj T* (");
      else loci__buffer_putc(&text, *p);
    }
    loci__buffer_puts(&text, ") Tj ET\n");
    loci__buffer_printf(&out, "<< /Length %zu >>\nstream\n%sendstream\nendobj\n", text.length, text.data);
    loci__buffer_release(&text);
  }
  if (encrypted) {
    OBJECT(n_objects);
    loci__buffer_puts(&out, "<< /Filter /Standard /V 1 /R 2 /P -4 /O <");
    for (int i = 0; i < 32; i++) loci__buffer_puts(&out, "5a");
    loci__buffer_puts(&out, "> /U <");
    for (int i = 0; i < 32; i++) loci__buffer_puts(&out, "a5");
    loci__buffer_puts(&out, "> >>\nendobj\n");
  }
  size_t table = out.length;
  loci__buffer_printf(&out, "xref\n0 %zu\n0000000000 65535 f \n", n_objects + 1);
  for (size_t i = 1; i <= n_objects; i++) loci__buffer_printf(&out, "%010zu 00000 n \n", offsets[i]);
  loci__buffer_printf(&out, "trailer\n<< /Size %zu /Root 1 0 R /Info 4 0 R /ID [<00> <00>]", n_objects + 1);
  if (encrypted) loci__buffer_printf(&out, " /Encrypt %zu 0 R", n_objects);
  loci__buffer_printf(&out, " >>\nstartxref\n%zu\n%%%%EOF\n", table);
#undef OBJECT
  *length = out.length;
  return loci__buffer_take(&out);
}

static void test_pdf(void **state) {
  (void)state;
  if (access("/usr/bin/pdftotext", X_OK)) skip();
  loci_context *context = test_context_new(1, NULL);
  loci__extractor *extractor;
  loci_error error = {0};
  loci__document document;
  const char *skipped;
  static const char *const pages[] = {
      "The Manual\n1.1 Begin here\nTo be read on <page> one & more, an exam-\nple of it.",
      "The Manual\nThe second page.", "The Manual\nThe third page."};
  size_t length;
  char *pdf = make_pdf(pages, 3, "Ours & theirs", false, &length);
  assert_ok(loci__extractor_open(context, &extractor, &error), &error);
  assert_ok(loci__extract(extractor, "a.pdf", pdf, length, &document, &skipped, &error), &error);
  assert_null(skipped);
  assert_string_equal(document.title, "Ours & theirs");
  assert_string_equal(document.format, "pdf");
  assert_int_equal(document.n_blocks, 3); /* the running header is gone from all pages */
  if (!strstr(document.blocks[0].text, "on <page> one & more, an example of it."))
    fail_msg("%s", document.blocks[0].text);
  assert_string_equal(document.blocks[1].text, "The second page.");
  assert_int_equal(document.blocks[0].page, 1);
  assert_int_equal(document.blocks[1].page, 2);
  assert_int_equal(document.blocks[2].page, 3);
  loci__document_release(&document);

  /* Cut anywhere, it is read or skipped, never more. */
  for (size_t cut = 100; cut < length; cut += length / 9) {
    assert_ok(loci__extract(extractor, "a.pdf", pdf, cut, &document, &skipped, &error), &error);
    loci__document_release(&document);
  }
  loci_memory_free(NULL, pdf);

  pdf = make_pdf(pages, 3, "x", true, &length);
  assert_ok(loci__extract(extractor, "a.pdf", pdf, length, &document, &skipped, &error), &error);
  assert_non_null(skipped);
  assert_string_equal(skipped, "encrypted");
  loci_memory_free(NULL, pdf);

  static const char *const blank[] = {""};
  pdf = make_pdf(blank, 1, "x", false, &length);
  assert_ok(loci__extract(extractor, "a.pdf", pdf, length, &document, &skipped, &error), &error);
  assert_non_null(strstr(skipped, "no text"));
  loci_memory_free(NULL, pdf);
  loci__extractor_close(extractor);
  test_context_free(context);
}

/* ---- out of memory --------------------------------------------------------------------------- */

static long allocations_left;

static void *fail_allocate(void *user, size_t size) {
  (void)user;
  return allocations_left-- > 0 ? malloc(size) : NULL;
}

static void *fail_resize(void *user, void *memory, size_t size) {
  (void)user;
  return allocations_left-- > 0 ? realloc(memory, size) : NULL;
}

static void fail_release(void *user, void *memory) {
  (void)user;
  free(memory);
}

static loci_status nothing(void *arg, const char *path, const loci_file_info *info, const char *skipped,
                           loci_error *error) {
  (void)arg, (void)path, (void)info, (void)skipped, (void)error;
  return LOCI_OK;
}

/* Every n-th allocation fails: an error and nothing else, until there are enough of them. Leaks are the sanitizer's. */
static void test_memory(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
  } files[] = {{"a.md", "# Head\r\n\r\ntext and more\r\n"},
               {"a.html", "<title>T</title><h1>a</h1><p>b<table><tr><td>c"},
               {"a.txt",
                "Title\n=====\n\ntext\xE9\xE8 sch\xF6n \xFC"
                "ber\n"}};
  const char *root = test_folder();
  char path[1024];
  snprintf(path, sizeof path, "%s/.gitignore", root);
  test_write(path, "*.log\n!a\n", 9);
  snprintf(path, sizeof path, "%s/file", root);
  test_write(path, "x", 1);
  for (size_t f = 0; f <= LOCI__COUNT(files); f++) {
    for (long n = 0;; n++) {
      loci_context_options options;
      loci_context_options_init(&options);
      options.threads = 1;
      options.allocator = (loci_allocator){NULL, fail_allocate, fail_resize, fail_release};
      allocations_left = LONG_MAX;
      loci_context *context;
      loci_error error = {0};
      assert_ok(loci_context_new(&options, &context, &error), &error);
      allocations_left = n;
      loci_status status;
      if (f == LOCI__COUNT(files)) {
        loci__walk_options walk = {0};
        status = loci__walk(context, root, &walk, nothing, NULL, &error);
      } else {
        loci__extractor *extractor;
        loci__document document = {0};
        const char *skipped;
        status = loci__extractor_open(context, &extractor, &error);
        if (status == LOCI_OK) {
          status = loci__extract(extractor, files[f].name, files[f].text, strlen(files[f].text), &document, &skipped,
                                 &error);
          loci__document_release(&document);
          loci__extractor_close(extractor);
        }
      }
      bool enough = allocations_left >= 0;
      allocations_left = LONG_MAX;
      loci_context_free(context);
      if (status == LOCI_OK) {
        if (!enough) fail_msg("file %zu: allocation %ld failed unnoticed", f, n);
        break;
      }
      if (status != LOCI_ERROR_MEMORY) fail_msg("file %zu, allocation %ld: %s", f, n, error.message);
      assert_true(n < 1000);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sandbox),
      cmocka_unit_test(test_cpu_limit),
      cmocka_unit_test(test_pdf),
      cmocka_unit_test(test_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
