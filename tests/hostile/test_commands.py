"""Commands made to do harm: each is answered or logged, and the service goes on."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from fakes import raw_config
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.serving import Service

from histsvc.errors import CommandError
from histsvc.protocol.config import config_request
from histsvc.protocol.replies import err
from histsvc.protocol.strict_json import decode

PROFILE = settings(deadline=None, max_examples=300, derandomize=True)
DEPTHS = sys.getrecursionlimit()

anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(), max_size=8),
        st.sampled_from(["ev44", "hs01", "host:9092", "topic", "hist1d", "\ud800", "x" * 300]),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "template", ['{"cmd": "ping", "msg_id": %s}', '{"cmd": %s, "msg_id": 1}', '{"a": %s}']
)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_of_any_depth(
    template: str, opening: str, closing: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    # The limit counts the stack of the test runner too: go through all depths up to it.
    service = Service()
    inner = "1" if opening != "[" else ""
    for depth in range(DEPTHS // 3, DEPTHS):
        service.send((template % (opening * depth + inner + closing * depth)).encode())
        service.work(3)
        caplog.clear()
    service.send({"cmd": "ping", "msg_id": "still alive"})
    assert service.work()[-1]["msg_id"] == "still alive"


@PROFILE
@given(
    kind=st.sampled_from(["hist1d", "hist2d", "dethist", "roihist"]),
    key=st.sampled_from([*raw_config("hist2d"), "input_schema", "output_schema", "publish_interval_ms"]),
    value=anything,
)
def test_any_value_of_any_key_is_accepted_or_refused(kind: str, key: str, value: Any) -> None:
    refused_or_usable({"histograms": [raw_config(kind, **{key: value})]})


@PROFILE
@given(
    key=st.sampled_from(["start", "stop", "interval", "histograms", "input_schema", "output_schema"]),
    value=anything,
)
def test_any_value_of_any_key_of_the_command(key: str, value: Any) -> None:
    refused_or_usable({"histograms": [raw_config("hist1d")], key: value})


def refused_or_usable(content: dict[str, Any]) -> None:
    """A CommandError that can be sent; or a configuration whose texts can go out."""
    content = decode(json.dumps(content).encode())
    try:
        request = config_request(content)
    except CommandError as error:
        reply = json.loads(err("m", error))
        assert len(reply["message"]) < 2000
        return
    assert len(json.dumps(request.warnings)) < 100_000
    for histogram in request.histograms:
        config = histogram.config
        assert config.bins >= 1
        for text in (config.id, config.source_name, config.topic, *config.data_topics, *config.brokers):
            text.encode("utf-8")


def test_a_reply_is_never_much_larger_than_its_command() -> None:
    keys = {f"k{n}": 1 for n in range(60_000)}
    command = json.dumps({"cmd": "config", "msg_id": 1, **keys}).encode()
    assert len(json.dumps(config_request(decode(command)).warnings)) < len(command)
