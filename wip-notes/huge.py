import numpy as np, numba as nb, mmap, time


@nb.njit(nogil=True)
def f64(p, first, c):
    n = np.uint64(c.size)
    k = 0
    for j in range(p.size):
        i = np.uint64(np.int64(p[j]) - first)
        if i < n:
            c[i] += 1
            k += 1
    return k


@nb.njit(nogil=True)
def f32(p, first, c, hi):
    n = np.uint64(c.size)
    k = 0
    for j in range(p.size):
        i = np.uint64(np.int64(p[j]) - first)
        if i < n:
            v = c[i] + np.uint32(1)
            c[i] = v
            k += 1
            if v == 0:
                hi[i] += 1
    return k


@nb.njit(nogil=True)
def f64u(p, first, c):
    # unrolled by 4 w/
    n = np.uint64(c.size)
    k = 0
    m = p.size // 4 * 4
    for j in range(0, m, 4):
        a = np.uint64(np.int64(p[j]) - first)
        b = np.uint64(np.int64(p[j + 1]) - first)
        d = np.uint64(np.int64(p[j + 2]) - first)
        e = np.uint64(np.int64(p[j + 3]) - first)
        if a < n:
            c[a] += 1
            k += 1
        if b < n:
            c[b] += 1
            k += 1
        if d < n:
            c[d] += 1
            k += 1
        if e < n:
            c[e] += 1
            k += 1
    return k


def huge(n, dt):
    size = n * np.dtype(dt).itemsize
    H = 1 << 21
    m = mmap.mmap(-1, size + 2 * H)
    m.madvise(mmap.MADV_HUGEPAGE)
    a = np.frombuffer(m, np.uint8)
    off = (-a.ctypes.data) % H
    r = a[off : off + size].view(dt)
    r[:] = 0
    return r


r = np.random.default_rng(1)
for N in (100_000, 500_000, 802_816, 16_777_216):
    batches = [r.integers(1, N + 1, 10_000).astype(np.int32) for _ in range(800)]
    A = {
        "i64": np.zeros(N, np.int64),
        "i64h": huge(N, np.int64),
        "u32": np.zeros(N, np.uint32),
        "u32h": huge(N, np.uint32),
    }
    hi = np.zeros(N, np.int64)
    f64(batches[0], 1, A["i64"])
    f64u(batches[0], 1, A["i64"])
    f32(batches[0], 1, A["u32"], hi)
    res = {}
    for rnd in range(7):
        for k, c in A.items():
            t = time.perf_counter()
            for b in batches:
                f32(b, 1, c, hi) if k[0] == "u" else f64(b, 1, c)
            res.setdefault(k, []).append((time.perf_counter() - t) / 8e6 * 1e9)
        t = time.perf_counter()
        for b in batches:
            f64u(b, 1, A["i64h"])
        res.setdefault("i64hU", []).append((time.perf_counter() - t) / 8e6 * 1e9)
    print(N, {k: f"{np.median(v):.2f} ({min(v):.2f})" for k, v in res.items()})
