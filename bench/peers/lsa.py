"""lsa.py --bench BENCH-LSA --file CORPUS [--documents 50000] [--threads 2]: latent semantic analysis beside scikit-learn.

Documents are the corpus's lines, joined until they have 1,500 characters. scikit-learn: TfidfVectorizer(min_df=5, max_df=.5,
sublinear_tf) and TruncatedSVD(300, randomized, n_iter=5), its BLAS with as many threads. The sums of squares say how much
each found: at equal or greater sums the seconds compare. Last used with scikit-learn 1.9.1."""
import argparse, json, os, subprocess, tempfile, time

parser = argparse.ArgumentParser()
parser.add_argument("--bench", required=True)
parser.add_argument("--file", required=True)
parser.add_argument("--documents", type=int, default=50000)
parser.add_argument("--threads", default="2")
arguments = parser.parse_args()
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"): os.environ[name] = arguments.threads
import numpy, sklearn
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

documents, now, length = [], [], 0
for line in open(arguments.file, encoding="utf-8", errors="replace"):
    now.append(line)
    length += len(line)
    if length > 1500:
        documents.append(" ".join(" ".join(now).split()))
        now, length = [], 0
        if len(documents) == arguments.documents: break

with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
    file.write("\n".join(documents) + "\n")
    file.flush()
    ours = subprocess.run([arguments.bench, "--json", "--threads", arguments.threads, file.name], check=True,
                          capture_output=True, text=True).stdout
counted, *svds = [json.loads(line) for line in ours.splitlines()]

began = time.time()
matrix = TfidfVectorizer(min_df=5, max_df=0.5, sublinear_tf=True, dtype=numpy.float32).fit_transform(documents)
counting = time.time() - began
began = time.time()
model = TruncatedSVD(300, algorithm="randomized", n_iter=5, random_state=0).fit(matrix)
seconds = time.time() - began
squares = float((model.singular_values_.astype(float) ** 2).sum())
print(f"scikit-learn {sklearn.__version__}, numpy {numpy.__version__}: {matrix.shape[0]} documents, {matrix.shape[1]} terms, "
      f"{matrix.nnz} entries; loci: {counted['documents']}, {counted['terms']}, {counted['entries']}")
print(f"counting and weighting (ours the median of three): scikit-learn {counting:.2f} s, loci {counted['counting_seconds']:.2f} s, ratio "
      f"{counting / counted['counting_seconds']:.1f}")
print(f"scikit-learn's SVD: {seconds:.2f} s, sum of squares {squares:.2f}, values {model.singular_values_[0]:.4f} … "
      f"{model.singular_values_[-1]:.4f}")
for s in svds:
    print(f"loci's, tolerance {s['tolerance']:g}: {s['seconds']:.2f} s, sum of squares {s['squares']:.2f}, values {s['first']:.4f} … "
          f"{s['last']:.4f}, ratio {seconds / s['seconds']:.1f}")
