"""Names of files: safe whatever ids are, unique, and the same for the same histogram."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.shown import of_type

from histsvc.client import Histogram
from histsvc.files.names import file_name

TIME_NS = 1_795_593_765_812_155_935
SAFE = re.compile(r"[A-Za-z0-9~][A-Za-z0-9._~-]*__\d{8}T\d{6}\.\d{9}Z\.nxs")


def named(name: str, source: str = "histsvc", time_ns: int = TIME_NS) -> Histogram:
    histogram = of_type("hist1d", name=name)
    return dataclasses.replace(histogram, source=source, timestamp_ns=time_ns)


def test_plain_ids_are_seen_in_the_name() -> None:
    assert file_name(named("bank_1-a.b")) == "histsvc__bank_1-a.b__20261125T080245.812155935Z.nxs"


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("bank 1", "bank-1~"),
        ("job/3", "job-3~"),
        ("../../etc/passwd", "etc-passwd~"),
        ("..", "~"),
        (".hidden", "hidden~"),
        ("a..b", "a-b~"),
        ("a__b", "a-b~"),
        ("_a", "a~"),
        ("a_", "a~"),
        ("a~b", "a-b~"),
        ("a\0b\n", "a-b~"),
        ("Zähler", "Z-hler~"),
        ("\ud800", "~"),
        ("x" * 500, "x" * 60 + "~"),
    ],
)
def test_what_is_not_safe_is_replaced_and_told_by_a_hash(name: str, begin: str) -> None:
    found = file_name(named(name))
    assert SAFE.fullmatch(found)
    part = found.split("__")[1]
    assert part.startswith(begin)
    assert re.fullmatch(r"[0-9a-f]{12}", part[len(begin) :])


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_other_services_and_ids_have_other_names(source: str, name: str, service: str, other: str) -> None:
    one, two = file_name(named(name, source)), file_name(named(other, service))
    assert (one == two) == ((source, name) == (service, other))
    assert all(SAFE.fullmatch(each) and len(each.encode()) < 230 for each in (one, two))


def test_ids_that_differ_only_in_what_is_replaced_have_other_names() -> None:
    ids = ["a b", "a/b", "a-b", "a  b", "a_b", "a__b", "a.b", "a:b", "A b"]
    names = {file_name(named(each)) for each in ids}
    # What one is called is not what another one is: of that the hash is taken as well.
    names |= {file_name(named(each.split("__")[1])) for each in list(names)}
    assert len(names) == 2 * len(ids) - 3, "a-b, a_b and a.b are called as they are"


@pytest.mark.parametrize("time_ns", [0, -1, 1, (1 << 63) - 1, -(1 << 63), TIME_NS + 1])
def test_every_nanosecond_has_its_name(time_ns: int) -> None:
    found = {file_name(named("a", time_ns=each)) for each in (time_ns, TIME_NS)}
    assert len(found) == 2
    assert all(SAFE.fullmatch(each) for each in found)
