import time, numpy as np, sys

sys.path.insert(0, "/work/main")
from histsvc.kernels import hist2d, axis
from histsvc.model import *
from histsvc.histograms.hist2d import Hist2dConfig
from histsvc.worker.read import Decoder
from histsvc.wire import EVENT_LAYOUTS, ev44

T = 71_428_571
P = 500_000


def batches(tof, pix, n=1000, per=250):
    dec = Decoder(EVENT_LAYOUTS, [], {})
    out = []
    msgs = [
        ev44.serialise("bench", i, 1 + i, tof[i * n : (i + 1) * n], pix[i * n : (i + 1) * n])
        for i in range(len(tof) // n)
    ]
    for s in range(0, len(msgs), per):
        m = msgs[s : s + per]
        z = np.zeros(len(m), np.int64)
        out.append(dec.events(RawMessages(z, np.arange(len(m)), z, m)))
    return out


r = np.random.default_rng(1)


def data(kind, N):
    if kind == "random":
        return r.integers(0, T, N), r.integers(0, P, N)
    c = r.integers(0, 64, N)
    ct = r.integers(T // 10, T * 9 // 10, 64)
    cp = r.integers(P // 10, P * 9 // 10, 64)
    return (ct[c] + r.normal(0, T * 1e-3, N)).astype(np.int64), (cp[c] + r.normal(0, P * 1e-3, N)).astype(
        np.int64
    )


for shape in ((16000, 8000), (50000, 1000)):
    for kind in ("random", "clustered"):
        N = 4_000_000
        tof, pix = data(kind, N)
        cfg = Hist2dConfig(
            type="hist2d",
            data_brokers=["a:1"],
            data_topics=["a"],
            topic="b",
            tof_range=(0, T),
            det_range=(0.25, P + 0.25),
            num_bins=shape,
        )
        acc = cfg.accumulator()
        bs = batches(tof, pix)
        rows = np.arange(250)
        ts = []
        for k in range(6):
            t = time.perf_counter()
            for b in bs:
                acc.fill(rows, b)
            ts.append((time.perf_counter() - t) / N * 1e9)
        print(shape, kind, "histsvc", np.round(ts, 1), flush=True)
        for f in (1, 4):
            t32, p32 = np.tile(tof, f).astype(np.int32), np.tile(pix, f).astype(np.int32)
            t = time.perf_counter()
            np.histogram2d(t32, p32, shape, ((0, T), (0.25, P + 0.25)))
            d = time.perf_counter() - t
            print("  numpy", f * N, d / N / f * 1e9, d, flush=True)
        del acc
