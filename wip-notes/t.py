import sys

sys.path.insert(0, "/work/main")
import time, numpy as np, lz4.frame
from histsvc.kernels.transpose import transpose

n = 4096
r = np.random.default_rng(1)
c = r.poisson(3, (n, n)).astype(np.int64)
out = np.empty((n, n), np.int64)


def blk(B):
    def f():
        for i in range(0, n, B):
            for j in range(0, n, B):
                out[j : j + B, i : i + B] = c[i : i + B, j : j + B].T

    return f


from histsvc.histograms.dethist import DethistConfig
from histsvc.wire import HISTOGRAM_SERIALISERS

acc = DethistConfig(
    type="dethist",
    data_brokers=["a:1"],
    data_topics=["a"],
    topic="b",
    det_range=(1, n * n),
    width=n,
    height=n,
).accumulator()
acc.counts[:] = c
ser = HISTOGRAM_SERIALISERS["hs01"]
V = {
    "kernel": lambda: transpose(c, out),
    "copyto": lambda: np.copyto(out, c.T),
    **{f"numpy {B}": blk(B) for B in (16, 32, 64, 128, 256)},
    "snapshot": lambda: acc.snapshot(),
    "snapshot+ser": lambda: ser(acc.snapshot(), "s", 1, "{}"),
    "lz4 int64": lambda: lz4.frame.compress(out),
}
m = ser(acc.snapshot(), "s", 1, "{}")
V["lz4 message"] = lambda: lz4.frame.compress(m)
z = np.zeros((n, n), np.int64)
ts = {k: [] for k in V}
for f in V.values():
    f()
for k in range(5):
    for name, f in V.items():
        t = time.perf_counter()
        f()
        ts[name].append(time.perf_counter() - t)
for k, x in ts.items():
    print(f"{k:15s} {np.median(x) * 1e3:7.0f} ms ({min(x) * 1e3:.0f}..{max(x) * 1e3:.0f})")
print(len(lz4.frame.compress(out)), len(lz4.frame.compress(m)))
