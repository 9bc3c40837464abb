/* map.c: `loci map`, vectors on a plane, as a page and as files.
 */
#include "cli.h"

/* Above this nothing is begun that was not asked for by number: it takes hours. */
enum { MOST_UNASKED = 200000 };

typedef struct values {
  uint64_t most, seed, neighbors, k, epochs, umap_neighbors;
  loci__real perplexity, min_dist;
  const char *html, *template_path, *projector, *json, *csv, *metadata, *title;
  int method, metric, clusters;
} values;

#define AT(member) offsetof(values, member)
static const loci__option options[] = {
    {"html", 0, LOCI__OPTION_TEXT, AT(html), "FILE", LOCI__OFFER_FILE, "write a page that opens offline"},
    {"json", 0, LOCI__OPTION_TEXT, AT(json), "FILE", LOCI__OFFER_FILE, "write all as JSON (- is standard output)"},
    {"csv", 0, LOCI__OPTION_TEXT, AT(csv), "FILE", LOCI__OFFER_FILE, "write a line a point (- is standard output)"},
    {"projector", 0, LOCI__OPTION_TEXT, AT(projector), "DIR", LOCI__OFFER_FOLDER,
     "write the files of TensorFlow's Embedding Projector"},
    {"method", 0, LOCI__OPTION_CHOICE, AT(method), "pca|tsne|umap", LOCI__OFFER_NOTHING, "default: tsne"},
    {"metric", 0, LOCI__OPTION_CHOICE, AT(metric), "cosine|l2", LOCI__OFFER_NOTHING, "default: cosine"},
    {"most", 'n', LOCI__OPTION_COUNT, AT(most), "N", LOCI__OFFER_NOTHING,
     "map only the first N vectors; needed above 200,000"},
    {"cluster-method", 0, LOCI__OPTION_CHOICE, AT(clusters), "none|kmeans|hdbscan", LOCI__OFFER_NOTHING,
     "default: kmeans"},
    {"clusters", 'k', LOCI__OPTION_COUNT, AT(k), "N", LOCI__OFFER_NOTHING,
     "kmeans: how many clusters (the root of half the points, at most 50)"},
    {"neighbors", 0, LOCI__OPTION_COUNT, AT(neighbors), "N", LOCI__OFFER_NOTHING,
     "how many true neighbours of each point are told (10)"},
    {"metadata", 0, LOCI__OPTION_TEXT, AT(metadata), "FILE", LOCI__OFFER_FILE,
     "columns to colour by or to read: TSV, names in the first line, then a line a vector"},
    {"title", 0, LOCI__OPTION_TEXT, AT(title), "TEXT", LOCI__OFFER_NOTHING, "of the map (the name of VECTORS)"},
    {"perplexity", 0, LOCI__OPTION_REAL, AT(perplexity), "P", LOCI__OFFER_NOTHING,
     "tsne: about how many neighbours a point holds to (30)"},
    {"umap-neighbors", 0, LOCI__OPTION_COUNT, AT(umap_neighbors), "N", LOCI__OFFER_NOTHING,
     "umap: how many neighbours a point holds to, itself counted (15)"},
    {"min-dist", 0, LOCI__OPTION_REAL, AT(min_dist), "D", LOCI__OFFER_NOTHING,
     "umap: how near points may come to each other (0.1)"},
    {"epochs", 0, LOCI__OPTION_COUNT, AT(epochs), "N", LOCI__OFFER_NOTHING,
     "tsne: 850; umap: 500 up to 10,000 points, else 200"},
    {"seed", 0, LOCI__OPTION_COUNT, AT(seed), "N", LOCI__OFFER_NOTHING, "of what is drawn (1)"},
    {"template", 0, LOCI__OPTION_TEXT, AT(template_path), "FILE", LOCI__OFFER_FILE, "a page of your own for --html"},
};

/* ---- metadata ---------------------------------------------------------------------------------- */

typedef struct metadata {
  loci__input input;
  loci_text *lines;
  size_t capacity, n_lines;
  loci__arena arena;
  loci_map_column *columns;
  const char **values; /* column after column, a value a row */
  size_t n_columns;
} metadata;

static void metadata_release(metadata *m) {
  loci__free(NULL, m->columns);
  loci__free(NULL, m->values);
  loci__free(NULL, m->lines);
  loci__arena_release(&m->arena);
  loci__input_close(&m->input);
}

/* The next field of a line; false past the end. */
static bool next_field(const loci_text *line, size_t *at, const char **field, size_t *length) {
  if (*at > line->length) return false;
  const char *from = line->data + *at, *tab = memchr(from, '\t', line->length - *at);
  *field = from;
  *length = tab ? (size_t)(tab - from) : line->length - *at;
  *at += *length + 1;
  return true;
}

static loci_status read_names(metadata *m, size_t n_rows, loci_error *error) {
  const char *field;
  size_t length, at = 0;
  while (next_field(&m->lines[0], &at, &field, &length)) m->n_columns++;
  m->columns = loci__alloc_zero(NULL, m->n_columns, sizeof *m->columns);
  m->values = loci__alloc_zero(NULL, m->n_columns * n_rows, sizeof *m->values);
  if (!m->columns || !m->values) return loci__fail_memory(error, m->n_columns * n_rows * sizeof *m->values, "metadata");
  at = 0;
  for (size_t c = 0; c < m->n_columns; c++) {
    next_field(&m->lines[0], &at, &field, &length);
    const char *name = m->columns[c].name = loci__arena_strndup(&m->arena, field, length);
    if (name == NULL) return loci__fail_memory(error, length, "metadata");
    m->columns[c].values = m->values + c * n_rows;
    if (length == 0)
      return loci__fail(error, LOCI_ERROR_FORMAT, "'%s': column %zu has no name in the first line", m->input.name,
                        c + 1);
    for (size_t other = 0; other < c; other++)
      if (!strcmp(m->columns[other].name, name))
        return loci__fail(error, LOCI_ERROR_FORMAT, "'%s': two columns are called '%s'", m->input.name, name);
  }
  return LOCI_OK;
}

static loci_status metadata_read(metadata *m, loci__cli *cli, const char *path, size_t n_rows, loci_error *error) {
  LOCI__TRY(loci__input_open(&m->input, cli->context, path, error));
  LOCI__TRY(loci__input_lines(&m->input, SIZE_MAX, &m->lines, &m->capacity, &m->n_lines, error));
  if (m->n_lines != n_rows + 1)
    return loci__fail(error, LOCI_ERROR_FORMAT,
                      "'%s' has %zu lines; it must have one with the names of the columns and one for each of the %zu "
                      "vectors",
                      path, m->n_lines, n_rows);
  LOCI__TRY(read_names(m, n_rows, error));
  for (size_t i = 0; i < n_rows; i++) {
    const char *field;
    size_t length, at = 0, c = 0;
    for (; next_field(&m->lines[i + 1], &at, &field, &length); c++) {
      if (c == m->n_columns)
        return loci__fail(error, LOCI_ERROR_FORMAT, "'%s', line %zu: more than the %zu columns of the first line", path,
                          i + 2, m->n_columns);
      m->values[c * n_rows + i] = loci__arena_strndup(&m->arena, field, length);
      if (m->values[c * n_rows + i] == NULL) return loci__fail_memory(error, length, "metadata");
    }
    if (c < m->n_columns)
      return loci__fail(error, LOCI_ERROR_FORMAT, "'%s', line %zu: %zu columns, not the %zu of the first line", path,
                        i + 2, c, m->n_columns);
  }
  return LOCI_OK;
}

/* A collection's passages can be coloured by their document: what stands before ":line". */
static loci_status documents_of(metadata *m, const loci__space *space, loci_error *error) {
  const size_t n = space->info.n;
  m->n_columns = 1;
  m->columns = loci__alloc_zero(NULL, 1, sizeof *m->columns);
  m->values = loci__alloc_zero(NULL, n, sizeof *m->values);
  if (!m->columns || !m->values) return loci__fail_memory(error, n * sizeof *m->values, "metadata");
  m->columns[0] = (loci_map_column){"document", m->values};
  for (size_t i = 0; i < n; i++) {
    size_t length;
    const char *word = loci_vectors_word(space->vectors, i, &length);
    size_t end = length;
    while (end > 0 && word[end - 1] != ':') end--;
    m->values[i] = loci__arena_strndup(&m->arena, word, end > 1 ? end - 1 : length);
    if (m->values[i] == NULL) return loci__fail_memory(error, length, "metadata");
  }
  return LOCI_OK;
}

/* ---- what is written --------------------------------------------------------------------------- */

static loci_status put_text(loci__cli *cli, const loci_map *map, loci_map_format format, const char *path,
                            loci_error *error) {
  if (strcmp(path, "-") != 0) return loci_map_write(map, format, path, error);
  char *text;
  size_t length;
  LOCI__TRY(loci_map_text(map, format, &text, &length, error));
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__buffer_append(&out, text, length);
  loci_memory_free(cli->context, text);
  const loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  return status;
}

static loci_status put_points(loci__cli *cli, const loci__space *space, const loci_map *map, loci_error *error) {
  static const char *const headings[] = {"label", ">x", ">y", "cluster"};
  loci_map_info info = {.struct_size = sizeof info};
  loci_map_get_info(map, &info);
  loci__table table;
  loci__table_init(&table, headings, info.labels ? 4 : 3);
  for (size_t i = 0; i < info.n; i++) {
    size_t length;
    const char *word = loci_vectors_word(space->vectors, info.rows[i], &length);
    loci__table_addn(&table, word, length);
    loci__table_addf(&table, "%.3f", (double)info.xy[2 * i]);
    loci__table_addf(&table, "%.3f", (double)info.xy[2 * i + 1]);
    if (!info.labels) continue;
    const char *name = info.labels[i] >= 0 ? loci_map_cluster_name(map, (size_t)info.labels[i]) : "";
    loci__table_add(&table, name);
  }
  loci__buffer out;
  loci__buffer_init(&out, NULL, 0);
  loci__table_put(&table, &out, cli);
  const loci_status status = loci__output_flush(cli, &out, error);
  loci__buffer_release(&out);
  loci__table_release(&table);
  return status;
}

static loci_status put_all(loci__cli *cli, const loci__space *space, const loci_map *map, const char *page,
                           loci_error *error) {
  const values *v = cli->values;
  if (v->json) LOCI__TRY(put_text(cli, map, LOCI_MAP_JSON, v->json, error));
  if (v->csv) LOCI__TRY(put_text(cli, map, LOCI_MAP_CSV, v->csv, error));
  if (v->projector) LOCI__TRY(loci_map_write_projector(map, v->projector, error));
  if (v->html) LOCI__TRY(loci_map_write_html(map, page, v->html, error));
  if (!v->json && !v->csv && !v->projector && !v->html) LOCI__TRY(put_points(cli, space, map, error));
  loci_map_info info = {.struct_size = sizeof info};
  loci_map_get_info(map, &info);
  if (info.n_left_out)
    loci__note(cli, "%zu vector%s no place: there are numbers in %s that are not finite", info.n_left_out,
               info.n_left_out == 1 ? " has" : "s have", info.n_left_out == 1 ? "it" : "them");
  loci__note(cli, "%zu points, %s, %s", info.n, info.method, v->metric == 2 ? "L2 distance" : "cosine");
  loci__note(cli, "%s", info.statement);
  return LOCI_OK;
}

/* ---- the command ------------------------------------------------------------------------------- */

static loci_status settings(const loci__cli *cli, const loci__space *space, const metadata *m, loci_map_options *o,
                            loci_error *error) {
  const values *v = cli->values;
  loci_map_options_init(o);
  if (v->method) o->project.method = (loci_projection_method)(v->method - 1);
  o->project.metric = v->metric == 2 ? LOCI_METRIC_L2 : LOCI_METRIC_COSINE;
  if (v->seed) o->project.seed = v->seed;
  o->project.epochs = (size_t)v->epochs;
  if (v->perplexity.given) o->project.perplexity = v->perplexity.value;
  if (v->min_dist.given) o->project.min_dist = v->min_dist.value;
  if (v->umap_neighbors) o->project.n_neighbors = (size_t)v->umap_neighbors;
  o->project.progress = loci__progress_show;
  o->project.progress_user = (void *)(uintptr_t)cli;
  o->most = (size_t)v->most;
  if (v->neighbors) o->neighbors = (size_t)v->neighbors;
  if (v->clusters) o->clusters = (loci_map_clusters)(v->clusters - 1);
  o->n_clusters = (size_t)v->k;
  o->title = v->title ? v->title : space->collection ? NULL : loci__path_base(space->info.path);
  o->columns = m->columns;
  o->n_columns = m->n_columns;
  const bool tsne = o->project.method == LOCI_PROJECTION_TSNE, umap = o->project.method == LOCI_PROJECTION_UMAP;
  if (v->perplexity.given && !tsne) return loci__fail(error, LOCI_ERROR_USAGE, "--perplexity is for --method tsne");
  if ((v->min_dist.given || v->umap_neighbors) && !umap)
    return loci__fail(error, LOCI_ERROR_USAGE, "--min-dist and --umap-neighbors are for --method umap");
  if (v->epochs && !tsne && !umap) return loci__fail(error, LOCI_ERROR_USAGE, "--epochs is for tsne and umap");
  if (v->k && o->clusters != LOCI_MAP_CLUSTERS_KMEANS)
    return loci__fail(error, LOCI_ERROR_USAGE, "-k is for --cluster-method kmeans");
  if (v->neighbors > 100) return loci__fail(error, LOCI_ERROR_USAGE, "--neighbors is at most 100");
  if (v->template_path && !v->html) return loci__fail(error, LOCI_ERROR_USAGE, "--template is for --html");
  const size_t n = v->most && v->most < space->info.n ? (size_t)v->most : space->info.n;
  if (n > MOST_UNASKED && !v->most) {
    const double gigabytes =
        ((double)loci_project_memory(n, space->info.dim, &o->project) + 4.0 * (double)n * (double)space->info.dim) /
        1e9;
    const double times = (double)n / 100000 * ((double)n / 100000);
    return loci__fail(
        error, LOCI_ERROR_USAGE,
        "%zu vectors would take about %.0f GB of memory, and their neighbours %.0f times as long as those "
        "of 100,000; -n 100000 maps the first of them, -n %zu all",
        n, gigabytes, times, n);
  }
  return LOCI_OK;
}

static loci_status make(loci__cli *cli, const loci__space *space, const char *page, loci_error *error) {
  const values *v = cli->values;
  metadata m = {.input = {.fd = -1}};
  loci__arena_init(&m.arena, NULL);
  loci__buffer_init(&m.input.bytes, NULL, 0);
  loci_status status = LOCI_OK;
  if (v->metadata) status = metadata_read(&m, cli, v->metadata, space->info.n, error);
  else if (space->collection) status = documents_of(&m, space, error);
  loci_map_options o;
  loci_map *map = NULL;
  if (status == LOCI_OK) status = settings(cli, space, &m, &o, error);
  if (status == LOCI_OK) status = loci_map_new(space->vectors, &o, &map, error);
  loci__progress_clear(cli);
  if (status == LOCI_OK) status = put_all(cli, space, map, page, error);
  loci_map_free(map);
  metadata_release(&m);
  return status;
}

static loci_status run(loci__cli *cli, loci_error *error) {
  const values *v = cli->values;
  char *page = NULL;
  if (v->html && !v->template_path) { /* said before minutes are spent */
    page = loci__environment_data("map.html");
    if (page == NULL)
      return loci__fail(
          error, LOCI_ERROR_NOT_FOUND,
          "the page for --html (share/loci/map.html) is not installed; `make web` makes it; --json, --csv "
          "and --projector need no page");
  }
  loci__space space;
  loci_status status = loci__space_open(cli, &space, error);
  if (status == LOCI_OK) {
    status = make(cli, &space, v->template_path ? v->template_path : page, error);
    loci__space_close(&space);
  }
  loci__free(NULL, page);
  return status;
}

const loci__command loci__command_map = {
    .name = "map",
    .summary = "Lay vectors out on a plane: a page, a table, or files for other programs",
    .arguments = "VECTORS",
    .about =
        "Two numbers cannot hold three hundred: every map distorts, and loci says how much. Trustworthiness is 1 when "
        "the points that are nearest on the map are the nearest by the vectors; beside it stands the share of true "
        "neighbours that are neighbours on the map. The neighbours that are told, in all files and on the page, come "
        "from the vectors; so do the clusters.\n\n"
        "`tsne` and `umap` keep near points near; how large a group looks and how wide a gap means little. `pca` shows "
        "the two directions in which the vectors differ most, and nothing of the others. The same seed gives the same "
        "map at any number of threads.\n\n"
        "Without --html, --json, --csv or --projector the points are printed.",
    .options = options,
    .n_options = LOCI__COUNT(options),
    .examples = {{"loci map vectors.bin -n 10000 --html map.html", "a page to look at, with search and neighbours"},
                 {"loci map -c notes --html notes.html", "a collection's passages"},
                 {"loci map vectors.npy --labels words.txt --method umap --json map.json --csv map.csv", "as data"},
                 {"loci map loci-static-en -n 5000 --projector logs", "for TensorFlow's Embedding Projector"}},
    .uses = LOCI__USES_CONTEXT | LOCI__USES_VECTORS | LOCI__USES_THREADS | LOCI__USES_INTERRUPT,
    .least = 1,
    .most = 1,
    .offer = LOCI__OFFER_FILE,
    .values_size = sizeof(values),
    .run = run,
};
