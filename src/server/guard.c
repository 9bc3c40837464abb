/* guard.c: who may ask.
 *
 * Keys: a file, a key a line ('#' begins a comment). Its SHA-256 is kept, not the key; what a request brings is hashed, too,
 * and compared with every one of them in constant time, so that time tells neither a key nor how many there are. Keys stand
 * in no argument, log or message.
 *
 * Host: on this machine's own addresses, a page of the web could reach us under a name of its own that it lets point here
 * (DNS rebinding). So Host must be localhost, a loopback address, or one of --allow-host. Where keys guard a public address
 * only names given with --allow-host are asked for, if there are any. A Unix socket no browser can reach.
 * Origin: what a browser sends with a page's request. Only an origin of --allow-origin, exactly, or this server's own.
 */
#include "server.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

enum { MOST_KEYS = 10000, KEY_FILE = 1 << 20 };

struct loci__guard {
  unsigned char (*keys)[SHA256_DIGEST_LENGTH];
  size_t n, capacity;
  bool loopback, by_socket;
};

static loci_status read_keys(loci__server *server, loci__guard *guard, loci_error *error) {
  const char *path = server->options.api_key_file;
  char *text = NULL;
  size_t length;
  LOCI__TRY(loci__file_read(server->context, path, KEY_FILE, &text, &length, error));
  loci_status status = LOCI_OK;
  for (char *line = text; line < text + length && status == LOCI_OK;) {
    char *end = memchr(line, '\n', (size_t)(text + length - line));
    char *next = end ? end + 1 : text + length;
    if (!end) end = text + length;
    while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t')) end--;
    while (line < end && (*line == ' ' || *line == '\t')) line++;
    if (line < end && *line != '#') {
      if (guard->n == MOST_KEYS ||
          !loci__grow(server->context, &guard->keys, &guard->capacity, guard->n + 1, sizeof *guard->keys))
        status = loci__fail(error, LOCI_ERROR_LIMIT, "'%s' has too many keys", path);
      else SHA256((const unsigned char *)line, (size_t)(end - line), guard->keys[guard->n++]);
    }
    line = next;
  }
  OPENSSL_cleanse(text, length);
  loci__free(server->context, text);
  if (status == LOCI_OK && guard->n == 0)
    status = loci__fail(error, LOCI_ERROR_USAGE, "'%s' has no key: write one a line", path);
  return status;
}

/* Is every address that `host` stands for this machine's own? Names other than localhost are not asked for. */
static bool is_loopback(const char *host) {
  return !host || !strcmp(host, "localhost") || !strcmp(host, "::1") || !strcmp(host, "[::1]") ||
         (!strncmp(host, "127.", 4) && strspn(host, "0123456789.") == strlen(host));
}

loci_status loci__guard_new(loci__server *server, loci__guard **out, loci_error *error) {
  const loci__options *o = &server->options;
  loci__guard *guard = loci__alloc_zero(server->context, 1, sizeof *guard);
  *out = guard;
  if (!guard) return loci__fail_memory(error, sizeof *guard, "the keys");
  guard->loopback = is_loopback(o->host);
  guard->by_socket = o->socket && !o->host && o->port == UINT64_MAX;
  if (o->api_key_file) LOCI__TRY(read_keys(server, guard, error));
  if (!guard->loopback && !guard->n)
    return loci__fail(
        error, LOCI_ERROR_USAGE,
        "--host %s can be reached from other machines, so keys are needed: --api-key-file FILE, a key a line", o->host);
  return LOCI_OK;
}

void loci__guard_free(loci__server *server, loci__guard *guard) {
  if (!guard) return;
  loci__free(server->context, guard->keys);
  loci__free(server->context, guard);
}

bool loci__guard_has_keys(const loci__guard *guard) {
  return guard->n > 0;
}

/* ---- keys ---------------------------------------------------------------------------------------- */

static bool key_is_right(const loci__guard *guard, loci__request *request) {
  const char *given = loci__http_header(request, "authorization");
  if (given && !strncasecmp(given, "bearer ", 7)) {
    given += 7;
    while (*given == ' ') given++;
  } else {
    given = loci__http_header(request, "x-api-key");
  }
  if (!given) return false;
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256((const unsigned char *)given, strlen(given), hash);
  unsigned wrong = 1;
  for (size_t i = 0; i < guard->n; i++) wrong &= CRYPTO_memcmp(hash, guard->keys[i], sizeof hash) != 0;
  return !wrong;
}

/* ---- Host and Origin ------------------------------------------------------------------------------ */

/* The name in "name:port", "[::1]:port"; its length. */
static size_t name_length(const char *host) {
  if (*host == '[') {
    const char *end = strchr(host, ']');
    return end ? (size_t)(end - host) + 1 : strlen(host);
  }
  return strcspn(host, ":");
}

static bool host_is_right(const loci__server *server, const char *host) {
  const loci__options *o = &server->options;
  const loci__guard *guard = server->guard;
  if (!host) return guard->by_socket || !guard->loopback;
  char name[256];
  const size_t n = name_length(host);
  if (n >= sizeof name) return false;
  memcpy(name, host, n);
  name[n] = 0;
  for (size_t i = 0; i < o->hosts.n; i++)
    if (!strcasecmp(name, o->hosts.items[i])) return true;
  if (guard->by_socket) return true;
  if (!guard->loopback) return o->hosts.n == 0;
  return !strcasecmp(name, "localhost") || is_loopback(name);
}

/* "http://name:port" of the Host itself. */
static bool own_origin(const char *origin, const char *host) {
  if (!host) return false;
  const char *rest = loci__starts_with(origin, "http://")    ? origin + 7
                     : loci__starts_with(origin, "https://") ? origin + 8
                                                             : NULL;
  return rest && !strcasecmp(rest, host);
}

static bool origin_is_allowed(const loci__server *server, const char *origin) {
  for (size_t i = 0; i < server->options.origins.n; i++)
    if (!strcmp(origin, server->options.origins.items[i])) return true;
  return false;
}

void loci__guard_check(loci__request *request) {
  const loci__server *server = request->server;
  const char *host = loci__http_header(request, "host"), *origin = loci__http_header(request, "origin");
  if (!host_is_right(server, host)) {
    loci__failed(&request->refused, LOCI__FAILURE_FORBIDDEN, NULL,
                 "this server is not known by that name in Host; start it with --allow-host to have it");
    return;
  }
  if (origin && !own_origin(origin, host) && !origin_is_allowed(server, origin)) {
    loci__failed(&request->refused, LOCI__FAILURE_FORBIDDEN, NULL,
                 "pages of that origin may not ask this server; start it with --allow-origin to let them");
    return;
  }
  /* A preflight brings no key: the request that it asks for does. */
  if (!strcmp(request->method, "OPTIONS")) return;
  const bool open = request->route && request->route->flags & LOCI__ROUTE_OPEN;
  if (server->guard->n && !open && !key_is_right(server->guard, request))
    loci__failed(&request->refused, LOCI__FAILURE_KEY, NULL, "%s",
                 loci__http_header(request, "authorization") || loci__http_header(request, "x-api-key")
                     ? "that API key is not one of this server's"
                     : "an API key is needed: Authorization: Bearer KEY");
}

bool loci__guard_cors(loci__request *request) {
  const char *origin = loci__http_header(request, "origin");
  const bool preflight = !strcmp(request->method, "OPTIONS");
  if (origin && origin_is_allowed(request->server, origin)) {
    loci__http_put_header(request, "Access-Control-Allow-Origin", origin);
    loci__http_put_header(request, "Vary", "Origin");
    if (preflight) {
      loci__http_put_header(request, "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
      loci__http_put_header(request, "Access-Control-Allow-Headers",
                            "authorization, content-type, x-api-key, x-request-id");
      loci__http_put_header(request, "Access-Control-Max-Age", "600");
    }
  }
  if (!preflight) return true;
  loci__http_respond(request, 204, NULL, NULL);
  return false;
}
