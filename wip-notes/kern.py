import numpy as np
from numba import carray
from histsvc.kernels.jit import kernel, pointer
from histsvc.kernels.dethist import _MASK, _PIXEL, _PIXEL_LENGTH, _COUNTED, _FILTERED
import numba as nb
from numba import types


@nb.njit(nogil=True)
def fill32(rows, table, first, counts, tally, hi):
    inside = np.uint64(counts.size)
    for row in rows:
        mask = table[_MASK, row]
        pixel = carray(pointer(table[_PIXEL, row]), (table[_PIXEL_LENGTH, row],), np.int32)
        n = 0
        for j in range(pixel.size):
            i = np.uint64((np.int64(pixel[j]) & mask) - first)
            if i < inside:
                v = counts[i] + np.uint32(1)
                counts[i] = v
                n += 1
                if v == 0:
                    hi[i] += 1
        tally[_COUNTED] += n
        tally[_FILTERED] += pixel.size - n


@nb.njit(nogil=True)
def fillp(rows, table, first, counts, tally, shift, buf, ends):
    # partition whole batch into blocks of 1<<shift pixels; buf: uint32 (blocks, cap)
    inside = np.uint64(counts.size)
    nb_ = ends.size
    cap = buf.shape[1]
    for b in range(nb_):
        ends[b] = 0
    sh = np.uint64(shift)
    flat = buf.reshape(-1)
    for row in rows:
        mask = table[_MASK, row]
        pixel = carray(pointer(table[_PIXEL, row]), (table[_PIXEL_LENGTH, row],), np.int32)
        n = 0
        for j in range(pixel.size):
            i = np.uint64((np.int64(pixel[j]) & mask) - first)
            if i < inside:
                b = i >> sh
                e = ends[b]
                buf[b, e] = np.uint32(i)
                e += 1
                n += 1
                if e == cap:
                    for k in range(cap):
                        counts[buf[b, k]] += 1
                    e = 0
                ends[b] = e
        tally[_COUNTED] += n
        tally[_FILTERED] += pixel.size - n
    for b in range(nb_):
        for k in range(ends[b]):
            counts[buf[b, k]] += 1
