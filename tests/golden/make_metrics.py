#!/usr/bin/env python3
# Judged rankings and correlations with the values of independent implementations, for tests/unit/test_metrics.c.
# Made once in a throw-away environment: pytrec_eval-terrier 0.5.11 (trec_eval 9), scipy 1.17.1, numpy 2.4.6.
#   python3 make_metrics.py > metrics.txt
# Lines: "query <name> <n ranked> <n judged>", then "r <score> <document>" and "j <document> <relevance>" lines, then
# "= <ndcg_cut_10> <map> <recall_100> <reciprocal rank within 10>"; "pairs <n>", "p <x> <y>" lines, "= <pearson> <spearman>".
import numpy
import pytrec_eval
import scipy.stats

rng = numpy.random.default_rng(3)
for q in range(12):
    n = [1, 3, 12, 40, 150, 300][q % 6]
    pool = [f"d{i}" for i in range(n + 20)]
    ranked = rng.permutation(pool)[:n]
    # Few distinct scores: ties are broken by the document's name.
    scores = rng.integers(0, max(2, n // (2 + q % 3)), n) / 4
    judged = rng.permutation(pool)[: max(1, n // 3)]
    relevance = rng.integers(0, 4 if q % 2 else 2, len(judged))
    if q == 6:
        relevance[:] = 0
    qrels = {str(d): int(r) for d, r in zip(judged, relevance)}
    run = {str(d): float(s) for d, s in zip(ranked, scores)}
    measures = {"ndcg_cut.10", "map", "recall.100", "recip_rank"}
    got = pytrec_eval.RelevanceEvaluator({"q": qrels}, measures).evaluate({"q": run})["q"]
    mrr = got["recip_rank"] if got["recip_rank"] >= 0.1 else 0.0
    print("query", q, len(run), len(qrels))
    for d, s in run.items():
        print("r", repr(s), d)
    for d, r in qrels.items():
        print("j", d, r)
    print("=", repr(got["ndcg_cut_10"]), repr(got["map"]), repr(got["recall_100"]), repr(mrr))
for n, ties in ((2, False), (5, True), (50, False), (200, True)):
    x = rng.normal(size=n)
    y = x * 0.5 + rng.normal(size=n)
    if ties:
        x, y = numpy.round(x, 0 if n > 10 else 1), numpy.round(y * 2) / 2
    print("pairs", n)
    for a, b in zip(x, y):
        print("p", repr(float(a)), repr(float(b)))
    print("=", repr(float(scipy.stats.pearsonr(x, y)[0])), repr(float(scipy.stats.spearmanr(x, y)[0])))
