"""Complete kernels (masks, range checks, tally) over real batches, exact against the accumulator."""

import sys

sys.path[:0] = ["/work/main", "/tmp/kexp"]
import time, numpy as np
from numba import njit, carray
from histsvc.kernels.jit import pointer
from histsvc.kernels import axis as ax, hist2d
from histsvc.model import Column, Tally
from benchmarks.kernel_data import events, TOF_NS as T, PIXELS as P
from b import partition, scatter, hp, J
from histsvc.histograms.hist2d import Hist2dConfig

M_, T_, TL_, P_ = int(Column.MASK), int(Column.TOF_ADDRESS), int(Column.TOF_LENGTH), int(Column.PIXEL_ADDRESS)


def scale_of(edges, A):
    """float form of an axis: bin = int((x - low + bias) * scale), or None where it is not exact everywhere."""
    n = A.thresholds.size - 1
    s = n / (edges[-1] - edges[0])
    t = A.thresholds
    for eps in (0.0, 1e-9, 1e-7, 1e-6):
        bias = A.low - edges[0] + eps
        f = lambda x: np.minimum(((x - A.low).astype(np.float64) + bias) * s, n - 1)
        k = np.arange(n)
        if np.array_equal(f(t[:-1]).astype(np.int64), k) and np.array_equal(
            np.floor(f(t[1:] - 1)).astype(np.int64), k
        ):
            return bias, s
    return None


@njit(**J)
def chunked(
    rows, table, tt, tlow, tspan, tbias, ts, pt, plow, pspan, pbias, ps, counts, cols, tally, buf, lt, lp
):
    tin, pin = np.uint64(tspan), np.uint64(pspan)
    K = buf.size
    for row in rows:
        mask = table[M_, row]
        tof = carray(pointer(table[T_, row]), (table[TL_, row],), np.int32)
        pix = carray(pointer(table[P_, row]), (table[TL_, row],), np.int32)
        for s in range(0, tof.size, K):
            k = 0
            e = min(s + K, tof.size)
            for j in range(s, e):
                ox = np.int64((np.int64(tof[j]) & mask) - tlow)
                op = np.int64((np.int64(pix[j]) & mask) - plow)
                i = min(np.int64((np.float64(ox) + tbias) * ts), lt) * cols + min(
                    np.int64((np.float64(op) + pbias) * ps), lp
                )
                buf[k] = i
                k += np.int64((np.uint64(ox) < tin) & (np.uint64(op) < pin))
            for j in range(k):
                counts[buf[j]] += 1
            tally[0] += k
            if k < e - s:
                for j in range(s, e):
                    x = np.int64(tof[j]) & mask
                    p = np.int64(pix[j]) & mask
                    if np.uint64(x - tlow) < tin and np.uint64(p - plow) < pin:
                        continue
                    if x < tt[0] or (np.uint64(x - tlow) < tin and p < pt[0]):
                        tally[1] += 1
                    else:
                        tally[2] += 1


@njit(**J)
def whole(rows, table, tlow, tspan, tbias, ts, plow, pspan, pbias, ps, cols, idx, lt, lp):
    tin, pin = np.uint64(tspan), np.uint64(pspan)
    k = 0
    for row in rows:
        mask = table[M_, row]
        tof = carray(pointer(table[T_, row]), (table[TL_, row],), np.int32)
        pix = carray(pointer(table[P_, row]), (table[TL_, row],), np.int32)
        for j in range(tof.size):
            ox = np.int64((np.int64(tof[j]) & mask) - tlow)
            op = np.int64((np.int64(pix[j]) & mask) - plow)
            idx[k] = min(np.int64((np.float64(ox) + tbias) * ts), lt) * cols + min(
                np.int64((np.float64(op) + pbias) * ps), lp
            )
            k += np.int64((np.uint64(ox) < tin) & (np.uint64(op) < pin))
    return k


@njit(**J)
def tables_chunked(rows, table, tt, tlow, tspan, tsh, tc, pt, plow, pspan, psh, pc, counts, cols, tally, buf):
    tin, pin = np.uint64(tspan), np.uint64(pspan)
    K = buf.size
    for row in rows:
        mask = table[M_, row]
        tof = carray(pointer(table[T_, row]), (table[TL_, row],), np.int32)
        pix = carray(pointer(table[P_, row]), (table[TL_, row],), np.int32)
        for s in range(0, tof.size, K):
            k = 0
            e = min(s + K, tof.size)
            for j in range(s, e):
                x = np.int64(tof[j]) & mask
                p = np.int64(pix[j]) & mask
                ox = ax.offset_of(x, tlow)
                op = ax.offset_of(p, plow)
                if ox < tin and op < pin:
                    buf[k] = np.int64(
                        np.uint64(ax.bin_of(x, ox, tt, tsh, tc)) * np.uint64(cols)
                        + np.uint64(ax.bin_of(p, op, pt, psh, pc))
                    )
                    k += 1
            for j in range(k):
                counts[buf[j]] += 1
            tally[0] += k


if __name__ == "__main__":
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
            cols = bins[1]
            h = hp()
            c64 = np.zeros(n, np.int64)
            c64[:] = 0
            c32 = np.zeros(n, np.uint32)
            c32[:] = 0
            print("===", bins, pattern, "float forms", a, b, "huge pages +%d MB" % (hp() - h), flush=True)
            tally = np.zeros(8, np.int64)
            idx = np.empty(250_000, np.uint32)
            o = np.empty(250_000, np.uint32)
            shift = 20 if large else 12
            parts = (n >> shift) + 1
            ends = np.zeros(parts, np.int64)
            sizes = np.zeros(parts, np.int64)

            def loop(f):
                def g():
                    for x in bs:
                        f(x)

                return g

            def ch(c, K):
                buf = np.empty(K, np.int64)
                return loop(
                    lambda x: chunked(
                        rows,
                        x.table,
                        A.thresholds,
                        A.low,
                        A.span,
                        *a,
                        B.thresholds,
                        B.low,
                        B.span,
                        *b,
                        c,
                        cols,
                        tally,
                        buf,
                        bins[0] - 1,
                        bins[1] - 1,
                    )
                )

            def tch(c, K):
                buf = np.empty(K, np.int64)
                return loop(lambda x: tables_chunked(rows, x.table, *A, *B, c, cols, tally, buf))

            def wh(c, part):
                def f(x):
                    k = whole(
                        rows,
                        x.table,
                        A.low,
                        A.span,
                        *a,
                        B.low,
                        B.span,
                        *b,
                        cols,
                        idx,
                        bins[0] - 1,
                        bins[1] - 1,
                    )
                    if part:
                        partition(idx[:k], shift, ends, sizes, parts, o[:k])
                        scatter(o[:k], c)
                    else:
                        scatter(idx[:k], c)

                return loop(f)

            V = {
                "accumulator.fill (today)": loop(lambda x: acc.fill(rows, x)),
                "tables, chunks of 1,024, int64": tch(c64, 1024),
                "tables, chunks of 16,384, int64": tch(c64, 16384),
                "float, chunks of 256, int64": ch(c64, 256),
                "float, chunks of 1,024, int64": ch(c64, 1024),
                "float, whole batch, int64": wh(c64, False),
                "float, batch partitioned, int64": wh(c64, True),
                "float, chunks of 1,024, uint32": ch(c32, 1024),
                "float, whole batch, uint32": wh(c32, False),
                "float, batch partitioned, uint32": wh(c32, True),
            }
            ts = {k: [] for k in V}
            V["float, chunks of 1,024, int64"]()
            V["accumulator.fill (today)"]()
            print("exact:", np.array_equal(c64, acc.counts.reshape(-1)))
            for f in V.values():
                f()
            for k in range(7):
                for name, f in V.items():
                    t = time.perf_counter()
                    f()
                    ts[name].append((time.perf_counter() - t) / N * 1e9)
            for name, x in ts.items():
                q = np.quantile(x, [0.25, 0.5, 0.75])
                print(f"  {name:36s} {q[1]:6.1f}  ({q[0]:.1f}..{q[2]:.1f})  {1e3 / q[1]:.1f} M/s", flush=True)
            del acc, c64, c32
