import sys

sys.path.insert(0, "/work/main")
import time, numpy as np, lz4.frame
from histsvc.kernels.transpose import transpose
from histsvc.histograms.dethist import DethistConfig
from histsvc.wire import HISTOGRAM_SERIALISERS

n = 4096
r = np.random.default_rng(1)
acc = DethistConfig(
    type="dethist",
    data_brokers=["a:1"],
    data_topics=["a"],
    topic="b",
    det_range=(1, n * n),
    width=n,
    height=n,
).accumulator()
acc.counts[:] = r.poisson(3, (n, n))
c = acc.counts
ser = HISTOGRAM_SERIALISERS["hs01"]
snap = acc.snapshot()
d = snap.counts.data
out = np.empty((n, n), np.int64)
f64 = np.empty((n, n))
ba = bytearray(n * n * 8 + 5000)
msg = ser(snap, "s", 1, "{}")


def blk(c, out, B=256):
    for i in range(0, n, B):
        for j in range(0, n, B):
            out[j : j + B, i : i + B] = c[i : i + B, j : j + B].T


V = {
    "snapshot()": lambda: acc.snapshot(),
    "  kernel transpose into existing": lambda: transpose(c, out),
    "  np.empty + first touch (fill)": lambda: np.empty((n, n), np.int64).fill(1),
    "  numpy 256-blocks into existing": lambda: blk(c, out),
    "  numpy 256-blocks straight to float64": lambda: blk(c, f64),
    "serialise(snapshot)": lambda: ser(snap, "s", 1, "{}"),
    "  counts.max()": lambda: int(d.max(initial=0)),
    "  bytearray(128 MB)": lambda: bytearray(n * n * 8 + 5000),
    "  int64 -> float64 into it": lambda: np.copyto(np.frombuffer(ba, np.float64, n * n).reshape(n, n), d),
    "  bytes(memoryview)": lambda: bytes(memoryview(ba)[100:]),
    "both": lambda: ser(acc.snapshot(), "s", 1, "{}"),
    "lz4 of message": lambda: lz4.frame.compress(msg),
    "lz4 of int64 counts": lambda: lz4.frame.compress(out),
}
ts = {k: [] for k in V}
for f in V.values():
    f()
for k in range(7):
    for name, f in V.items():
        t = time.perf_counter()
        f()
        ts[name].append(time.perf_counter() - t)
for k, x in ts.items():
    q = np.quantile(x, [0.25, 0.5, 0.75]) * 1e3
    print(f"{k:38s} {q[1]:5.0f} ms ({q[0]:.0f}..{q[2]:.0f})")
