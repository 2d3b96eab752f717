import numpy as np, time, sys, threading

exec(open("/tmp/w/huge.py").read().split("r=np.random")[0])


@nb.njit(nogil=True)
def spin(n):
    s = 0
    for i in range(n):
        s += (i * i) ^ (s >> 3)
    return s


spin(10)
N = 500_000
r = np.random.default_rng(1)
bs = [r.integers(1, N + 1, 10_000).astype(np.int32) for _ in range(64)]
c = np.zeros(N, np.int64)
f64(bs[0], 1, c)


def run(k=400):
    t = time.perf_counter()
    for i in range(k):
        f64(bs[i % 64], 1, c)
    return (time.perf_counter() - t) / (k * 1e4) * 1e9


def sp():
    t = time.perf_counter()
    spin(100_000_000)
    return time.perf_counter() - t


def copier(stop):
    a = np.zeros(64_000_000, np.uint8)
    b = np.zeros_like(a)
    while not stop.is_set():
        np.copyto(b, a)


def spinner(stop):
    while not stop.is_set():
        spin(10_000_000)


for _ in range(3):
    print("alone", [f"{run():.2f}" for _ in range(5)], "spin %.3f" % sp())
    for w in (spinner, copier):
        st = threading.Event()
        th = threading.Thread(target=w, args=(st,))
        th.start()
        print(w.__name__, [f"{run():.2f}" for _ in range(5)], "spin %.3f" % sp())
        st.set()
        th.join()
