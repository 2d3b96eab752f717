import sys

sys.path.insert(0, "/tmp/kexp")
from b import *
import b


@njit(**J)
def findex(tof, pix, tl, ti, pl, pi, cols, out):
    for j in range(tof.size):
        out[j] = np.int32((np.float64(tof[j]) - tl) * ti) * np.int32(cols) + np.int32(
            (np.float64(pix[j]) - pl) * pi
        )


@njit(**J)
def fdirect(tof, pix, tl, ti, pl, pi, R, cols, counts):
    n = 0
    for j in range(tof.size):
        x = np.int32((np.float64(tof[j]) - tl) * ti)
        p = np.int32((np.float64(pix[j]) - pl) * pi)
        if np.uint32(x) < np.uint32(R) and np.uint32(p) < np.uint32(cols):
            counts[np.uint64(x) * np.uint64(cols) + np.uint64(p)] += 1
        else:
            n += 1
    return n


def private(n, dtype, huge):
    nb = n * np.dtype(dtype).itemsize
    m = mmap.mmap(-1, nb + (4 << 20), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    buf = np.frombuffer(m, np.uint8)
    off = -buf.ctypes.data % (2 << 20)
    assert libc.madvise(ctypes.c_void_p(buf.ctypes.data + off), ctypes.c_size_t(nb), 14 if huge else 15) == 0
    c = buf[off : off + nb].view(dtype)
    c[:] = 0
    return c


N = 4_000_000
BATCH = 250_000
for shape in ((16000, 8000), (50000, 1000)):
    et, ep = np.linspace(0, T, shape[0] + 1), np.linspace(0.25, P + 0.25, shape[1] + 1)
    A = ax.axis(et)
    B = ax.axis(ep)
    rows, cols = shape
    n = rows * cols
    tl, ti, pl, pi = -1e-6, rows / T, 0.25 - 1e-6, cols / P
    for kind in ("random", "clustered"):
        tof, pix = data(kind, N)
        pix = np.clip(pix, 1, P)
        idx = np.empty(N, np.uint32)
        idx2 = np.empty(N, np.uint32)
        indices(tof, pix, A, B, cols, idx)
        findex(tof, pix, tl, ti, pl, pi, cols, idx2)
        print("===", shape, kind, "float index equal to tables:", np.array_equal(idx, idx2), flush=True)
        shift = 20
        parts = (n >> shift) + 1
        ends = np.zeros(parts, np.int64)
        sizes = np.zeros(parts, np.int64)

        def each(f, m=BATCH):
            def g():
                for s in range(0, N, m):
                    f(slice(s, s + m))

            return g

        for dt, huge in ((np.int64, True), (np.int64, False), (np.uint32, True)):
            h0 = hp()
            c = private(n, dt, huge)
            print(f" -- {np.dtype(dt)} huge={huge}: {c.nbytes >> 20} MB, AnonHugePages +{hp() - h0} MB")
            buf = np.empty(1024, np.int64)
            buf2 = np.empty(256, np.int64)
            o = np.empty(BATCH, np.uint32)
            O = np.empty(N, np.uint32)

            def part(s, out, ind):
                if ind:
                    indices(tof[s], pix[s], A, B, cols, idx[s])
                else:
                    findex(tof[s], pix[s], tl, ti, pl, pi, cols, idx2[s])
                partition(idx[s] if ind else idx2[s], shift, ends, sizes, parts, out)
                scatter(out, c)

            def fblk(s, K=1024):
                for a in range(s.start, s.stop, K):
                    q = slice(a, min(a + K, s.stop))
                    findex(tof[q], pix[q], tl, ti, pl, pi, cols, idx2[q])
                scatter(idx2[s], c)

            V = {
                "indices: tables": each(lambda s: indices(tof[s], pix[s], A, B, cols, idx[s])),
                "indices: float": each(lambda s: findex(tof[s], pix[s], tl, ti, pl, pi, cols, idx2[s])),
                "scatter of known indices": each(lambda s: scatter(idx[s], c)),
                "same, prefetch 32 ahead": each(lambda s: scatter_pf(idx[s], c)),
                "A fused (as the kernel)": each(lambda s: direct(tof[s], pix[s], A, B, cols, c)),
                "B fused, float index": each(
                    lambda s: fdirect(tof[s], pix[s], tl, ti, pl, pi, rows, cols, c)
                ),
                "C index block 256, then scatter": each(
                    lambda s: blocked(tof[s], pix[s], A, B, cols, c, buf2, False)
                ),
                "C index block 1024, then scatter": each(
                    lambda s: blocked(tof[s], pix[s], A, B, cols, c, buf, False)
                ),
                "D as C by batch, float index": each(fblk),
                "E partition 250k (8 MB blocks)": each(lambda s: part(s, o, True)),
                "F partition 250k, float index": each(lambda s: part(s, o, False)),
                "G partition 4M": each(lambda s: part(s, O, True), N),
                "H partition 4M, float index": each(lambda s: part(s, O, False), N),
            }
            ts = {k: [] for k in V}
            for f in V.values():
                f()
            for k in range(7):
                for name, f in V.items():
                    t = time.perf_counter()
                    f()
                    ts[name].append((time.perf_counter() - t) / N * 1e9)
            for name, x in ts.items():
                q = np.quantile(x, [0.25, 0.5, 0.75])
                print(f"  {name:34s} {q[1]:6.1f}  ({q[0]:.1f}..{q[2]:.1f})", flush=True)
            del c
