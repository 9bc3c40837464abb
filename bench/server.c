/* bench/server.c: a load client for `loci serve`, one thread, keep-alive connections, no pipelining: each connection sends its
 * next request when the answer to the last one is whole.
 *
 *   bench-server PORT PATH BODY [CONNECTIONS [SECONDS]]
 *
 * prints requests a second, p50 and p99 of their time, and bytes of answers a second. It shares the processors with the server
 * that it measures, so its figures are floors.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1024, HEAD = 4096 };

typedef struct client {
  int fd;
  double began;
  size_t head_length, wanted, got; /* wanted: of the whole answer, 0 while its head is not whole */
  char head[HEAD + 1];
} client;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int by_size(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

static void send_all(client *c, const char *request, size_t length) {
  c->began = now();
  c->head_length = c->wanted = c->got = 0;
  for (size_t sent = 0; sent < length;) {
    const ssize_t n = send(c->fd, request + sent, length - sent, MSG_NOSIGNAL);
    if (n <= 0) fail("send");
    sent += (size_t)n;
  }
}

/* Reads what is there; 1 when the answer is whole. */
static int take(client *c, char *buffer, size_t size) {
  const ssize_t n = recv(c->fd, buffer, size, 0);
  if (n <= 0) fail("recv");
  if (c->wanted == 0) {
    size_t more = (size_t)n < HEAD - c->head_length ? (size_t)n : HEAD - c->head_length;
    memcpy(c->head + c->head_length, buffer, more);
    c->head_length += more;
    c->head[c->head_length] = 0;
    const char *end = strstr(c->head, "\r\n\r\n"), *length = strstr(c->head, "Content-Length: ");
    if (end == NULL || length == NULL) {
      c->got += (size_t)n;
      return 0;
    }
    if (strncmp(c->head, "HTTP/1.1 200", 12) != 0) {
      fprintf(stderr, "%s\n", c->head);
      exit(1);
    }
    c->wanted = (size_t)(end + 4 - c->head) + strtoul(length + 16, NULL, 10);
  }
  c->got += (size_t)n;
  return c->got >= c->wanted;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: bench-server PORT PATH BODY [CONNECTIONS [SECONDS]]\n");
    return 2;
  }
  static client clients[MOST];
  static struct pollfd fds[MOST];
  static char buffer[1 << 20];
  const size_t n = argc > 4 ? strtoul(argv[4], NULL, 10) : 16;
  const double seconds = argc > 5 ? strtod(argv[5], NULL) : 5;
  if (n < 1 || n > MOST) return 2;
  const size_t size = strlen(argv[2]) + strlen(argv[3]) + 256;
  char *request = malloc(size);
  const size_t most = (size_t)50e6;
  float *times = malloc(most * sizeof *times);
  if (request == NULL || times == NULL) fail("malloc");
  const int length =
      snprintf(request, size,
               "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
               argv[2], strlen(argv[3]), argv[3]);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (size_t i = 0; i < n; i++) {
    const int one = 1;
    clients[i].fd = socket(AF_INET, SOCK_STREAM, 0);
    if (clients[i].fd < 0 || connect(clients[i].fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    setsockopt(clients[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fds[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
  }
  const double began = now();
  size_t done = 0;
  double bytes = 0;
  for (size_t i = 0; i < n; i++) send_all(&clients[i], request, (size_t)length);
  while (now() - began < seconds && done < most) {
    if (poll(fds, n, 1000) < 0) fail("poll");
    for (size_t i = 0; i < n && done < most; i++) {
      if (!(fds[i].revents & POLLIN) || !take(&clients[i], buffer, sizeof buffer)) continue;
      bytes += (double)clients[i].wanted;
      times[done++] = (float)(now() - clients[i].began);
      send_all(&clients[i], request, (size_t)length);
    }
  }
  const double took = now() - began;
  qsort(times, done, sizeof *times, by_size);
  if (done == 0) return 1;
  printf("%zu clients: %.0f requests/s, p50 %.0f us, p99 %.0f us, %.1f MB/s\n", n, (double)done / took,
         1e6 * (double)times[done / 2], 1e6 * (double)times[done * 99 / 100], bytes / took / 1e6);
  free(times);
  free(request);
  return 0;
}
