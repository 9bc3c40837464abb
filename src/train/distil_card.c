/* train/distil_card.c: the model card of a distilled model. It says what is known when the model is written; measured
 * figures are added by hand where they were measured. */
#include "../model/model.h"
#include "distil.h"

void loci__distil_card(const loci__distillation *d, loci__buffer *out) {
  const loci_model *teacher = d->teacher;
  loci__buffer_puts(out, "---\n");
  if (teacher->language != NULL) loci__buffer_printf(out, "language: %s\n", teacher->language);
  if (teacher->licence != NULL) loci__buffer_printf(out, "license: %s\n", teacher->licence);
  loci__buffer_puts(out, "library_name: loci\ntags:\n- static-embeddings\n- model2vec\n---\n\n");
  loci__buffer_printf(out, "# A static model distilled from %s\n\n", teacher->name);
  loci__buffer_printf(
      out,
      "One vector of %zu numbers for each of %zu word pieces; a text's vector is the sum of its pieces', "
      "scaled to length 1.\nMade by loci %s with `loci distil`; int8 rows with one scale each, in "
      "model2vec's layout.\n\n## How it was made\n\n",
      d->dim, d->n_tokens, LOCI_VERSION);
  loci__buffer_printf(out, "- Teacher: %s (%zu layers, width %zu).\n", teacher->name, teacher->n_layers, d->hidden);
  if (d->n_texts > 0) {
    char hash[33];
    loci__hash_once(d->corpus.data, d->corpus.length, hash);
    loci__buffer_printf(out,
                        "- Corpus: %s, %zu bytes, XXH3-128 %s; %zu sentences and paragraphs of it were embedded by the "
                        "teacher,\n  frequencies counted over %llu pieces.\n",
                        loci__path_base(d->options.corpus), d->corpus.length, hash, d->n_texts,
                        (unsigned long long)d->counted);
    loci__buffer_printf(
        out,
        "- Trained: rows start from the teacher's outputs for single pieces (PCA, smooth inverse "
        "frequency), then the\n  sums learn the teacher's sentence vectors (cosine loss, Adam, 4 epochs, "
        "seed %llu); norms to the power 0.8, half\n  whitening. docs/distil.md cites what this follows.\n",
        (unsigned long long)d->options.seed);
    loci__buffer_puts(out, "- No evaluation set was trained on.\n");
  } else {
    loci__buffer_puts(
        out,
        "- No corpus: PCA of the teacher's outputs for single pieces, and weights by the rank of a piece in "
        "the vocabulary.\n  Nothing was trained; a corpus (`--corpus`) gives a better model.\n");
  }
  loci__buffer_puts(
      out,
      "\n## Limits\n\n"
      "- A bag of word pieces: order and context are lost. \"Dog bites man\" and \"man bites dog\" have the "
      "same vector,\n  \"bank\" has one vector in every sentence.\n"
      "- The languages of its teacher and corpus, and no others.\n"
      "- Similar is not the same as true or equivalent: a sentence and its negation lie close together.\n"
      "- It mirrors the texts its teacher was trained on, prejudices included.\n");
}
