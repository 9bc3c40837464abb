"""make_tfidf.py: the numbers of test_terms.c (scikit-learn 1.9.1, numpy 2.x; printed, and copied into the test).

The nine titles of Deerwester et al. 1990 over the paper's twelve terms, through TfidfVectorizer (its defaults, and with
sublinear_tf), and their singular values by numpy."""
import numpy, sklearn
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

titles = [
    "Human machine interface for Lab ABC computer applications",
    "A survey of user opinion of computer system response time",
    "The EPS user interface management system",
    "System and human system engineering testing of EPS",
    "Relation of user-perceived response time to error measurement",
    "The generation of random, binary, unordered trees",
    "The intersection graph of paths in trees",
    "Graph minors IV: Widths of trees and well-quasi-ordering",
    "Graph minors: A survey",
]
terms = "human interface computer user system response time eps survey trees graph minors".split()
print("scikit-learn", sklearn.__version__, "numpy", numpy.__version__)
counts = CountVectorizer(vocabulary=terms).fit_transform(titles).toarray()
print("singular values", numpy.array2string(numpy.linalg.svd(counts.astype(float))[1], precision=9, separator=", "))
for sublinear in (False, True):
    x = TfidfVectorizer(vocabulary=terms, sublinear_tf=sublinear).fit_transform(titles).toarray()
    print("tf-idf, sublinear", sublinear, "row c4, sum, sum of squares of column `system`")
    print(numpy.array2string(x[3], precision=9, separator=", "), repr(x.sum()), repr((x[:, 4] ** 2).sum()))
entropy = []
for row in counts.T.astype(float):
    p = row[row > 0] / row.sum()
    entropy.append(1 + (p * numpy.log(p)).sum() / numpy.log(len(titles)))
print("log-entropy, row c4", numpy.array2string(numpy.log1p(counts[3]) * entropy, precision=9, separator=", "))
