import time, sys, mmap, ctypes, numpy as np

sys.path.insert(0, "/work/main")
import numba
from numba import njit
from numba.extending import intrinsic
from numba.core import types, cgutils
from llvmlite import ir
from histsvc.kernels import axis as ax
from histsvc.kernels.axis import offset_of, bin_of

T = 71_428_571
P = 500_000
libc = ctypes.CDLL(None, use_errno=True)
J = dict(nogil=True, error_model="numpy")


@intrinsic
def prefetchw(tyctx, arr, i):
    sig = types.void(arr, i)

    def gen(ctx, b, s, args):
        ary = ctx.make_array(s.args[0])(ctx, b, args[0])
        ptr = b.gep(ary.data, [args[1]])
        p = b.bitcast(ptr, ir.IntType(8).as_pointer())
        fn = cgutils.get_or_insert_function(
            b.module,
            ir.FunctionType(
                ir.VoidType(), [ir.IntType(8).as_pointer(), ir.IntType(32), ir.IntType(32), ir.IntType(32)]
            ),
            "llvm.prefetch.p0",
        )
        i32 = ir.IntType(32)
        b.call(fn, [p, i32(1), i32(3), i32(1)])
        return ctx.get_dummy_value()

    return sig, gen


@njit(**J)
def indices(tof, pix, A, B, cols, out):
    a, alow, aspan, ash, ac = A
    b, blow, bspan, bsh, bc = B
    for j in range(tof.size):
        x = np.int64(tof[j])
        p = np.int64(pix[j])
        out[j] = np.int64(bin_of(x, offset_of(x, alow), a, ash, ac)) * cols + np.int64(
            bin_of(p, offset_of(p, blow), b, bsh, bc)
        )


@njit(**J)
def scatter(idx, counts):
    for j in range(idx.size):
        counts[idx[j]] += 1


@njit(**J)
def scatter_pf(idx, counts):
    n = idx.size
    for j in range(n):
        if j + 32 < n:
            prefetchw(counts, np.int64(idx[j + 32]))
        counts[idx[j]] += 1


@njit(**J)
def direct(tof, pix, A, B, cols, counts):
    a, alow, aspan, ash, ac = A
    b, blow, bspan, bsh, bc = B
    aspan = np.uint64(aspan)
    bspan = np.uint64(bspan)
    n = 0
    for j in range(tof.size):
        x = np.int64(tof[j])
        p = np.int64(pix[j])
        ox = offset_of(x, alow)
        op = offset_of(p, blow)
        if ox < aspan and op < bspan:
            counts[
                np.uint64(bin_of(x, ox, a, ash, ac)) * np.uint64(cols) + np.uint64(bin_of(p, op, b, bsh, bc))
            ] += 1
        else:
            n += 1
    return n


@njit(**J)
def blocked(tof, pix, A, B, cols, counts, buf, pf):
    a, alow, aspan, ash, ac = A
    b, blow, bspan, bsh, bc = B
    aspan = np.uint64(aspan)
    bspan = np.uint64(bspan)
    n = 0
    K = buf.size
    for s in range(0, tof.size, K):
        k = 0
        for j in range(s, min(s + K, tof.size)):
            x = np.int64(tof[j])
            p = np.int64(pix[j])
            ox = offset_of(x, alow)
            op = offset_of(p, blow)
            if ox < aspan and op < bspan:
                i = np.int64(
                    np.uint64(bin_of(x, ox, a, ash, ac)) * np.uint64(cols)
                    + np.uint64(bin_of(p, op, b, bsh, bc))
                )
                if pf:
                    prefetchw(counts, i)
                buf[k] = i
                k += 1
            else:
                n += 1
        for j in range(k):
            counts[buf[j]] += 1
    return n


@njit(**J)
def partition(idx, shift, ends, sizes, parts, out):
    # counting sort by idx>>shift
    sizes[:] = 0
    for j in range(idx.size):
        sizes[idx[j] >> shift] += 1
    s = 0
    for k in range(parts):
        ends[k] = s
        s += sizes[k]
    for j in range(idx.size):
        k = idx[j] >> shift
        out[ends[k]] = idx[j]
        ends[k] += 1


def array(n, dtype, huge):
    m = mmap.mmap(-1, n * np.dtype(dtype).itemsize + (4 << 20))
    buf = np.frombuffer(m, np.uint8)
    off = -buf.ctypes.data % (2 << 20)
    r = libc.madvise(
        ctypes.c_void_p(buf.ctypes.data + off),
        ctypes.c_size_t(n * np.dtype(dtype).itemsize),
        14 if huge else 15,
    )
    assert r == 0
    c = buf[off : off + n * np.dtype(dtype).itemsize].view(dtype)
    c[:] = 0
    return c


def hp():
    return sum(int(l.split()[1]) for l in open("/proc/self/smaps") if l.startswith("AnonHugePages")) // 1024


def timed(f, n, k=4):
    f()
    ts = []
    for _ in range(k):
        t = time.perf_counter()
        f()
        ts.append((time.perf_counter() - t) / n * 1e9)
    return f"{np.median(ts):6.1f}  ({min(ts):.1f}..{max(ts):.1f})"


r = np.random.default_rng(1)


def data(kind, N):
    if kind == "random":
        return r.integers(0, T, N).astype(np.int32), r.integers(0, P, N).astype(np.int32)
    c = r.integers(0, 64, N)
    ct = r.integers(T // 10, T * 9 // 10, 64)
    cp = r.integers(P // 10, P * 9 // 10, 64)
    return (ct[c] + r.normal(0, T * 1e-3, N)).astype(np.int32), (cp[c] + r.normal(0, P * 1e-3, N)).astype(
        np.int32
    )


if __name__ == "__main__":
    N = 4_000_000
    BATCH = 250_000
    for shape in ((16000, 8000), (50000, 1000)):
        A = ax.axis(np.linspace(0, T, shape[0] + 1))
        B = ax.axis(np.linspace(0, P, shape[1] + 1))
        cols = shape[1]
        n = shape[0] * shape[1]
        for kind in ("random", "clustered"):
            tof, pix = data(kind, N)
            print("===", shape, kind)
            idx64 = np.empty(N, np.int64)
            idx = np.empty(N, np.uint32)
            print(" indices only (int64 out)       ", timed(lambda: indices(tof, pix, A, B, cols, idx64), N))
            print(" indices only (uint32 out)      ", timed(lambda: indices(tof, pix, A, B, cols, idx), N))
            for dt, huge in ((np.int64, True), (np.int64, False), (np.uint32, True), (np.uint32, False)):
                h0 = hp()
                c = array(n, dt, huge)
                print(f" -- {np.dtype(dt)} huge={huge}: {c.nbytes >> 20} MB, AnonHugePages +{hp() - h0} MB")

                def each(f):
                    def g():
                        for s in range(0, N, BATCH):
                            f(tof[s : s + BATCH], pix[s : s + BATCH])

                    return g

                print(
                    "  direct (as the kernel)        ",
                    timed(each(lambda t, p: direct(t, p, A, B, cols, c)), N),
                )
                print("  scatter only, precomputed     ", timed(lambda: scatter(idx, c), N))
                print("  scatter only, prefetch 32     ", timed(lambda: scatter_pf(idx, c), N))
                for K in (64, 256, 1024, 4096):
                    buf = np.empty(K, np.int64)
                    print(
                        f"  blocks of {K:5d}               ",
                        timed(each(lambda t, p: blocked(t, p, A, B, cols, c, buf, False)), N),
                    )
                for K in (16, 64, 256):
                    buf = np.empty(K, np.int64)
                    print(
                        f"  blocks of {K:5d}, prefetch     ",
                        timed(each(lambda t, p: blocked(t, p, A, B, cols, c, buf, True)), N),
                    )
                for shift in (16, 18, 20):
                    parts = (n >> shift) + 1
                    ends = np.zeros(parts, np.int64)
                    sizes = np.zeros(parts, np.int64)
                    for m in (BATCH, N):
                        out = np.empty(m, np.uint32)

                        def two():
                            for s in range(0, N, m):
                                indices(tof[s : s + m], pix[s : s + m], A, B, cols, idx[s : s + m])
                                partition(idx[s : s + m], shift, ends, sizes, parts, out)
                                scatter(out, c)

                        print(
                            f"  partition {m:8d} events into {parts} blocks ({c.itemsize << shift >> 10} kB): ",
                            timed(two, N),
                        )
                del c
