import time, numpy as np

T = 71_428_571
P = 500_000
r = np.random.default_rng(1)
for shape in ((16000, 8000), (50000, 1000)):
    for N in (1, 4_000_000, 8_000_000, 16_000_000):
        t32, p32 = r.integers(0, T, N).astype(np.int32), r.integers(1, P, N).astype(np.int32)
        ts = []
        for k in range(3):
            t = time.perf_counter()
            np.histogram2d(t32, p32, shape, ((0, T), (0.25, P + 0.25)))
            ts.append(time.perf_counter() - t)
        print(shape, N, np.round(ts, 2), np.round(np.median(ts) / N * 1e9, 1), flush=True)
