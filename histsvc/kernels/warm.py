"""Load every kernel, compiling what the cache does not have: tens of seconds the first time."""

from __future__ import annotations

from histsvc.kernels import account, dethist, hist1d, hist2d, judge, parse, roihist, take, transpose

KERNELS = (
    take.take,
    take.let_go,
    parse.parse,
    judge.judge,
    account.account,
    account.note_pulses,
    hist1d.fill,
    hist1d.fill_region,
    hist2d.fill,
    dethist.fill,
    roihist.fill,
    transpose.transpose,
)
