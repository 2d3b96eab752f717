import sys

sys.path[:0] = ["/work/main", "/tmp/kexp"]
from e import *


@njit(**J)
def vec(rows, table, tlow, tspan, tbias, ts, plow, pspan, pbias, ps, cols, lt, lp, trash, idx):
    # signed vectors only (ev44): 32-bit arithmetic that LLVM vectorises; what is outside goes to bin `trash`
    tl, ts32 = np.int32(tlow), np.uint32(tspan)
    pl, ps32 = np.int32(plow), np.uint32(pspan)
    s = 0
    c, l1, l2 = np.int32(cols), np.int32(lt), np.int32(lp)
    tr = np.int32(trash)
    for row in rows:
        n = table[TL_, row]
        tof = carray(pointer(table[T_, row]), (n,), np.int32)
        pix = carray(pointer(table[P_, row]), (n,), np.int32)
        out = idx[s : s + n]
        for j in range(n):
            ox = np.int32(tof[j] - tl)
            op = np.int32(pix[j] - pl)
            i = np.int32(
                min(np.int32((np.float64(ox) + tbias) * ts), l1) * c
                + min(np.int32((np.float64(op) + pbias) * ps), l2)
            )
            out[j] = i if (np.uint32(ox) < ts32) & (np.uint32(op) < ps32) else tr
        s += n
    return s


for bins in ((16000, 8000), (50000, 1000), (50, 50)):
    for pattern in ("random", "clustered"):
        large = bins[0] > 50
        ev = events(pattern, 1000, 16 if large else 4)
        N = ev.tof_ns.size
        bs = ev.batches
        rows = np.arange(250)
        cfg = Hist2dConfig(
            type="hist2d",
            data_brokers=["a:1"],
            data_topics=["a"],
            topic="b",
            tof_range=(0, T),
            det_range=(0.25, P + 0.25),
            num_bins=bins,
        )
        acc = cfg.accumulator()
        e = cfg.axes()
        A = ax.axis(e["time_of_flight"])
        B = ax.axis(e["pixel"])
        a, b = scale_of(e["time_of_flight"], A), scale_of(e["pixel"], B)
        n = bins[0] * bins[1]
        c = np.zeros(n + 1, np.int64)
        idx = np.empty(250_000, np.int32)

        def index():
            for x in bs:
                vec(
                    rows,
                    x.table,
                    A.low,
                    A.span,
                    *a,
                    B.low,
                    B.span,
                    *b,
                    bins[1],
                    bins[0] - 1,
                    bins[1] - 1,
                    n,
                    idx,
                )

        def full():
            for x in bs:
                k = vec(
                    rows,
                    x.table,
                    A.low,
                    A.span,
                    *a,
                    B.low,
                    B.span,
                    *b,
                    bins[1],
                    bins[0] - 1,
                    bins[1] - 1,
                    n,
                    idx,
                )
                scatter(idx[:k].view(np.uint32), c)

        def today():
            for x in bs:
                acc.fill(rows, x)

        full()
        today()
        print(bins, pattern, "exact", np.array_equal(c[:-1], acc.counts.reshape(-1)))
        ts = {"today": [], "index only": [], "vectorised index, whole batch, int64": []}
        for k in range(7):
            for f, (name, x) in zip((today, index, full), ts.items()):
                t = time.perf_counter()
                f()
                x.append((time.perf_counter() - t) / N * 1e9)
        for name, x in ts.items():
            q = np.quantile(x, [0.25, 0.5, 0.75])
            print(f"  {name:36s} {q[1]:6.1f}  ({q[0]:.1f}..{q[2]:.1f})  {1e3 / q[1]:.1f} M/s", flush=True)
        del acc, c
