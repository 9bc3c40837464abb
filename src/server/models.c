/* models.c: the models that are served. Named at the start (-m), opened when they are first asked for, closed when nobody
 * uses them and they have expired (keep_alive of a request), or when more are open than --max-loaded and they are the least
 * recently used.
 *
 * The list never changes, so a loci__served lives as long as the server; what its model points to is guarded by one
 * lock. Opening happens outside of it, one at a time.
 */
#include "server.h"

#include <pthread.h>

struct loci__models {
  loci__served *items;
  size_t n;
  pthread_mutex_t lock;    /* of the items' changing parts */
  pthread_mutex_t opening; /* taken before `lock` */
};

/* "NAME=MODEL" → NAME; else the last part of the folder or file. A '=' behind a '/' is part of a path. */
static char *make_id(loci_context *context, const char *typed, const char **name) {
  const size_t n = strcspn(typed, "=/");
  if (n > 0 && typed[n] == '=') {
    *name = typed + n + 1;
    return loci__strndup(context, typed, n);
  }
  *name = typed;
  size_t length = strlen(typed);
  while (length > 1 && typed[length - 1] == '/') length--;
  size_t from = length;
  while (from > 0 && typed[from - 1] != '/') from--;
  return loci__strndup(context, typed + from, length - from);
}

static loci_status add(loci__server *server, loci__models *models, const char *typed, loci_error *error) {
  loci__served *s = &models->items[models->n];
  s->number = models->n;
  const char *name = NULL;
  s->id = typed ? make_id(server->context, typed, &name) : loci__strdup(server->context, "loci-static-en");
  s->name = name ? loci__strdup(server->context, name) : NULL;
  models->n++;
  if (!s->id || (name && !s->name)) return loci__fail_memory(error, 0, "a model's name");
  if (!*s->id || !loci__utf8_valid(s->id, strlen(s->id)))
    return loci__fail(error, LOCI_ERROR_USAGE, "-m %s names no model; write -m NAME=MODEL", typed);
  for (size_t i = 0; i + 1 < models->n; i++)
    if (!strcmp(models->items[i].id, s->id))
      return loci__fail(error, LOCI_ERROR_USAGE, "two models are called '%s'; tell them apart: -m OTHER=%s", s->id,
                        name);
  return LOCI_OK;
}

loci_status loci__models_new(loci__server *server, loci__models **out, loci_error *error) {
  const loci__list *list = &server->options.models;
  const size_t n = list->n ? list->n : 1;
  loci__models *models = loci__alloc_zero(server->context, 1, sizeof *models);
  *out = models;
  if (!models) return loci__fail_memory(error, sizeof *models, "the models");
  pthread_mutex_init(&models->lock, NULL);
  pthread_mutex_init(&models->opening, NULL);
  models->items = loci__alloc_zero(server->context, n, sizeof *models->items);
  if (!models->items) return loci__fail_memory(error, n * sizeof *models->items, "the models");
  for (size_t i = 0; i < n; i++) LOCI__TRY(add(server, models, list->n ? list->items[i] : NULL, error));
  return LOCI_OK;
}

void loci__models_free(loci__server *server, loci__models *models) {
  if (!models) return;
  for (size_t i = 0; models->items && i < models->n; i++) {
    loci_model_close(models->items[i].model);
    loci__free(server->context, models->items[i].id);
    loci__free(server->context, models->items[i].name);
  }
  loci__free(server->context, models->items);
  pthread_mutex_destroy(&models->opening);
  pthread_mutex_destroy(&models->lock);
  loci__free(server->context, models);
}

size_t loci__models_count(const loci__models *models) {
  return models->n;
}

loci__served *loci__models_at(loci__models *models, size_t i) {
  return i < models->n ? &models->items[i] : NULL;
}

static loci__served *find(loci__models *models, const char *id, size_t length) {
  for (size_t i = 0; i < models->n; i++)
    if (strlen(models->items[i].id) == length && !memcmp(models->items[i].id, id, length)) return &models->items[i];
  return NULL;
}

loci__served *loci__models_find(loci__models *models, const char *id, size_t length) {
  if (!id) return models->items;
  static const char latest[] = ":latest";
  const size_t tail = sizeof latest - 1;
  loci__served *found = find(models, id, length);
  if (!found && length > tail && !memcmp(id + length - tail, latest, tail)) found = find(models, id, length - tail);
  return found;
}

/* ---- opening and closing ------------------------------------------------------------------------- */

/* Takes the model out of an item that nobody uses. Under the lock; the caller closes what comes back outside of it. */
static loci_model *take_out(loci__served *s) {
  loci_model *model = s->model;
  s->model = NULL;
  s->expires = 0;
  memset(&s->info, 0, sizeof s->info);
  return model;
}

/* The least recently used of the unused ones, when there are more than may be. */
static loci_model *take_out_one(loci__server *server, loci__models *models, const loci__served *but) {
  size_t loaded = 0;
  loci__served *oldest = NULL;
  for (size_t i = 0; i < models->n; i++) {
    loci__served *s = &models->items[i];
    loaded += s->model != NULL;
    if (s->model && s != but && s->n_users == 0 && (!oldest || s->last_used < oldest->last_used)) oldest = s;
  }
  return loaded > server->options.max_loaded && oldest ? take_out(oldest) : NULL;
}

/* Takes a loaded model into use. */
static const loci_model *use_loaded(loci__models *models, loci__served *s) {
  pthread_mutex_lock(&models->lock);
  const loci_model *model = s->model;
  if (model) {
    s->n_users++;
    s->last_used = loci__now();
  }
  pthread_mutex_unlock(&models->lock);
  return model;
}

static uint64_t size_of_files(loci__server *server, const char *path, int64_t *modified) {
  static const char *const names[] = {"model.safetensors", "tokenizer.json"};
  loci_file_info info;
  *modified = server->started;
  if (loci__file_stat(server->context, path, true, &info) != 0) return 0;
  *modified = info.mtime_ns / 1000000000;
  if (info.kind != LOCI_FILE_FOLDER) return (uint64_t)info.size;
  uint64_t size = 0;
  for (size_t i = 0; i < LOCI__COUNT(names); i++) {
    char *file = loci__path_join(server->context, path, names[i]);
    if (file && loci__file_stat(server->context, file, true, &info) == 0) size += (uint64_t)info.size;
    loci__free(server->context, file);
  }
  return size;
}

static loci_status open_model(loci__server *server, loci__served *s, loci_error *error) {
  loci_model *model = NULL;
  const double began = loci__now();
  LOCI__TRY(loci_model_open(server->context, s->name, &model, error));
  loci_model_info info = {.struct_size = sizeof info};
  loci_model_get_info(model, &info);
  int64_t modified;
  const uint64_t size = size_of_files(server, info.path, &modified);
  loci__models *models = server->models;
  pthread_mutex_lock(&models->lock);
  s->model = model;
  s->info = info;
  s->size = size;
  s->modified = modified;
  s->cheap = info.n_layers == 0;
  s->last_used = loci__now();
  s->n_users++; /* the caller's */
  loci_model *other = take_out_one(server, models, s);
  pthread_mutex_unlock(&models->lock);
  loci_model_close(other);
  char took[32];
  snprintf(took, sizeof took, "%.1f", 1e3 * (loci__now() - began));
  loci__log_event(server->logger, "model_loaded", "model", s->id, "ms", took, NULL);
  return LOCI_OK;
}

loci_status loci__models_use(loci__server *server, loci__served *s, bool only_loaded, const loci_model **out,
                             loci_error *error) {
  loci__models *models = server->models;
  *out = use_loaded(models, s);
  if (*out || only_loaded) return LOCI_OK;
  pthread_mutex_lock(&models->opening);
  loci_status status = LOCI_OK;
  *out = use_loaded(models, s);
  if (!*out) {
    status = open_model(server, s, error);
    *out = status == LOCI_OK ? s->model : NULL;
  }
  pthread_mutex_unlock(&models->opening);
  return status;
}

void loci__models_done(loci__server *server, loci__served *s) {
  loci__models *models = server->models;
  pthread_mutex_lock(&models->lock);
  loci_model *model = NULL;
  s->n_users--;
  s->last_used = loci__now();
  if (s->n_users == 0 && s->expires < 0) model = take_out(s);
  if (!model && s->n_users == 0) model = take_out_one(server, models, NULL);
  pthread_mutex_unlock(&models->lock);
  loci_model_close(model);
}

void loci__models_keep(loci__server *server, loci__served *s, double seconds) {
  loci__models *models = server->models;
  pthread_mutex_lock(&models->lock);
  loci_model *model = NULL;
  if (seconds < 0) s->expires = 0;
  else if (seconds > 0) s->expires = loci__now() + seconds;
  else if (s->n_users == 0) model = take_out(s);
  else s->expires = -1; /* as soon as nobody does */
  pthread_mutex_unlock(&models->lock);
  loci_model_close(model);
}

void loci__models_digest(loci__server *server, loci__served *s, char out[65]) {
  const loci_model *model = NULL;
  char half[33];
  *out = 0;
  loci__models_use(server, s, true, &model, NULL);
  if (!model) return;
  if (loci_model_fingerprint((loci_model *)(uintptr_t)model, half, NULL) == LOCI_OK)
    snprintf(out, 65, "%s%s", half, half);
  loci__models_done(server, s);
}

void loci__models_tidy(loci__server *server) {
  loci__models *models = server->models;
  const double now = loci__now();
  for (size_t i = 0; i < models->n; i++) {
    loci__served *s = &models->items[i];
    pthread_mutex_lock(&models->lock);
    const bool over = s->model && s->n_users == 0 && s->expires > 0 && now > s->expires;
    loci_model *model = over ? take_out(s) : NULL;
    pthread_mutex_unlock(&models->lock);
    loci_model_close(model);
    if (model) loci__log_event(server->logger, "model_unloaded", "model", s->id, NULL);
  }
}

loci__served loci__models_look(loci__server *server, loci__served *s) {
  pthread_mutex_lock(&server->models->lock);
  const loci__served copy = *s;
  pthread_mutex_unlock(&server->models->lock);
  return copy;
}
