"""make_lsa_retrieval.py FOLDER: the figures of tests/quality/test_lsa_retrieval.c, by scipy 1.17.1 (svds: ARPACK) and numpy 2.4.6.

FOLDER holds retrieval/med and retrieval/cisi in BEIR's layout. Words by Unicode's word boundaries (as they are for ASCII), lower
case, in at least two documents and at most 15 % of them; cosine; mean over the queries of the mean precision at the nine
recall levels .1 … .9 (the greatest precision at or past a level)."""
import collections, json, os, re, sys
import numpy as np, scipy, scipy.sparse as sp
from scipy.sparse.linalg import svds

WORD = re.compile(r"[a-z0-9_]+(?:(?:(?<=[a-z])['.:](?=[a-z])|(?<=[0-9])['.,;](?=[0-9]))[a-z0-9_]+)*")
words = lambda text: [w for w in WORD.findall(text.lower()) if re.search("[a-z0-9]", w)]


def unit(rows):
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length == 0, 1, length)


def score(similarity, judged, ids):
    precisions = []
    for row, good in zip(similarity, judged):
        order = np.lexsort((np.arange(len(row)), -row))
        hits = np.array([ids[i] in good for i in order]).cumsum()
        precision, recall = hits / np.arange(1, len(row) + 1), hits / len(good)
        precisions.append(np.mean([precision[recall >= level - 1e-12].max() for level in np.arange(1, 10) / 10]))
    return np.mean(precisions)


print("numpy", np.__version__, "scipy", scipy.__version__)
for name in ("med", "cisi"):
    folder = os.path.join(sys.argv[1], "retrieval", name)
    load = lambda f: [json.loads(line) for line in open(os.path.join(folder, f), encoding="utf-8")]
    documents, queries, judged = load("corpus.jsonl"), load("queries.jsonl"), collections.defaultdict(set)
    for line in open(os.path.join(folder, "qrels", "test.tsv")):
        query, document, grade = line.rstrip("\n").split("\t")
        if grade.isdigit() and int(grade) > 0: judged[query].add(document)
    queries = [q for q in queries if q["_id"] in judged]
    bags = [collections.Counter(words(d.get("title", "") + " " + d["text"])) for d in documents]
    frequency = collections.Counter(w for bag in bags for w in bag)
    terms = {w: i for i, w in enumerate(sorted(w for w, n in frequency.items() if 2 <= n <= 0.15 * len(bags)))}
    counts = sp.dok_matrix((len(terms), len(bags)))
    for j, bag in enumerate(bags):
        for w, n in bag.items():
            if w in terms: counts[terms[w], j] = n
    counts = counts.tocsr()
    for weighting in ("raw", "log-entropy"):
        matrix, globals_ = counts.copy(), np.ones(len(terms))
        if weighting != "raw":
            share = (sp.diags(1 / np.asarray(counts.sum(1)).ravel()) @ counts).tocsr()
            share.data *= np.log(share.data)
            globals_ = 1 + np.asarray(share.sum(1)).ravel() / np.log(len(bags))
            matrix.data = np.log1p(matrix.data)
            matrix = (sp.diags(globals_) @ matrix).tocsr()
        ask = np.zeros((len(queries), len(terms)))
        for i, q in enumerate(queries):
            for w, n in collections.Counter(words(q["text"])).items():
                if w in terms: ask[i, terms[w]] = (n if weighting == "raw" else np.log1p(n)) * globals_[terms[w]]
        good, ids = [judged[q["_id"]] for q in queries], [d["_id"] for d in documents]
        keyword = score(unit(ask) @ unit(matrix.T.toarray()).T, good, ids)
        u, s, vt = svds(matrix.tocsc(), k=100, v0=np.ones(min(matrix.shape)))
        lsa = score(unit(ask @ u) @ unit(vt.T * s).T, good, ids)
        print(f"{name} {weighting}: {len(terms)} terms, keyword {keyword:.4f}, k=100 {lsa:.4f}, {100 * (lsa / keyword - 1):+.1f} %,"
              f" values {s.max():.6f} … {s.min():.6f}")
