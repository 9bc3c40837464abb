#!/usr/bin/env python3
"""sqlite-vec beside bench/scan: its brute-force k-nearest-neighbour query, float32 and int8, one thread, in memory.

usage: scan.py [ROWS [DIM [SECONDS]]]     (pip install numpy sqlite-vec==0.1.6)

The rows are random; the figure is bytes of vectors a second of the query's own processor time, as bench-scan --own-time
gives it. k = 10.
"""
import sqlite3, statistics, sys, time
import numpy as np, sqlite_vec

rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
dim = int(sys.argv[2]) if len(sys.argv) > 2 else 384
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 3
random = np.random.default_rng(1)
db = sqlite3.connect(":memory:")
db.enable_load_extension(True)
sqlite_vec.load(db)
print("sqlite-vec", db.execute("select vec_version()").fetchone()[0], "SQLite", sqlite3.sqlite_version)
for kind, make, give, size in (("float", "vec_f32(?)", lambda n: random.standard_normal((n, dim), np.float32), 4),
                               ("int8", "vec_int8(?)", lambda n: random.integers(-127, 128, (n, dim), np.int8), 1)):
    db.execute(f"create virtual table t using vec0(e {kind}[{dim}])")
    for start in range(0, rows, 10_000):
        block = give(min(10_000, rows - start))
        db.executemany(f"insert into t(rowid, e) values (?, {make})",
                       ((start + i + 1, block[i].tobytes()) for i in range(len(block))))
    query, times, until = give(1)[0].tobytes(), [], time.process_time() + seconds
    while len(times) < 3 or time.process_time() < until:
        t = time.process_time()
        db.execute(f"select rowid from t where e match {make} and k = 10", (query,)).fetchall()
        times.append(time.process_time() - t)
    t = statistics.median(times)
    print(f"{kind}: {t * 1e3:.1f} ms a query, {rows * dim * size / t / 1e9:.2f} GB/s (median of {len(times)})")
    db.execute("drop table t")
