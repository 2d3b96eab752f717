import sys

sys.path[:0] = ["/work/main", "/tmp/kexp"]
from e import *
from histsvc.histograms.registry import histogram_types

PL = int(Column.PIXEL_LENGTH)
lefts = list(range(1, P, 2000))
acc0 = lambda: (
    histogram_types()["roihist"]
    .model_validate(
        {
            "type": "roihist",
            "data_brokers": ["n:1"],
            "data_topics": ["n"],
            "topic": "n",
            "left_edges": lefts,
            "width": 1000,
        }
    )
    .accumulator()
)


@njit(**J)
def table_fill(rows, table, first, cell, counts, width, sl, places, tally):
    # cell[p-first]: the last left edge not above p, found once for each id of the span (-1: none)
    inside = np.uint64(cell.size)
    for row in rows:
        mask = table[M_, row]
        pix = carray(pointer(table[P_, row]), (table[PL, row],), np.int32)
        f = 0
        n = 0
        for j in range(pix.size):
            p = np.int64(pix[j]) & mask
            o = np.uint64(p - first)
            k = np.int64(cell[o]) if o < inside else np.int64(-1)
            if k < 0:
                f += 1
                continue
            while k >= 0 and p - sl[k] < width:
                counts[places[k], p - sl[k]] += 1
                n += 1
                k -= 1
        tally[3] += f
        tally[0] += n


for pattern in ("random", "ordered"):
    ev = events(pattern, 1000, 4)
    N = ev.tof_ns.size
    bs = ev.batches
    rows = np.arange(250)
    acc = acc0()
    L = np.array(lefts)
    span = int(L[-1] + 1000 - L[0])
    ids = L[0] + np.arange(span)
    k = np.searchsorted(L, ids, side="right") - 1
    cell = np.where(ids - L[k] < 1000, k, -1).astype(np.int32)
    c = np.zeros((len(L), 1000), np.int64)
    tally = np.zeros(8, np.int64)
    places = np.arange(len(L))

    def today():
        for x in bs:
            acc.fill(rows, x)

    def tab():
        for x in bs:
            table_fill(rows, x.table, L[0], cell, c, 1000, L, places, tally)

    today()
    tab()
    print(pattern, "exact", np.array_equal(c, acc.counts), np.array_equal(tally, acc.tally))
    for name, f in (("today", today), ("table", tab), ("today", today), ("table", tab)):
        x = []
        for i in range(9):
            t = time.perf_counter()
            f()
            x.append((time.perf_counter() - t) / N * 1e9)
        print(f"  {name:8s} {np.median(x):.1f} ns")
