"""The keys of a config, and what its histograms have in common (protocol.md, section 2.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes import raw_config
from unit.requests import KINDS, accepted, config, refused, refused_key

from histsvc.protocol.commands import COMMANDS, command, unknown_keys
from histsvc.protocol.config import ConfigRequest, config_request
from histsvc.protocol.strict_json import decode

WRONG_TEXTS: tuple[Any, ...] = (5, True, [], {})


@pytest.mark.parametrize("kind", KINDS)
def test_the_keys_of_every_type_are_accepted_without_a_warning(kind: str) -> None:
    request = config_request(config(raw_config(kind)))
    assert request.warnings == ()
    assert request.histograms[0].config.type == kind
    assert (request.start_ms, request.stop_ms, request.interval_s) == (None, None, None)


@pytest.mark.parametrize("key", ["start", "stop", "interval"])
@pytest.mark.parametrize("value", [None, 0, 0.0])
def test_null_and_0_mean_absent(key: str, value: Any) -> None:
    request = config_request(config(raw_config("hist1d"), **{key: value}))
    assert (request.start_ms, request.stop_ms, request.interval_s) == (None, None, None)
    with_interval = {"interval": 5, **({key: value} if key != "interval" else {})}
    assert config_request(config(raw_config("hist1d"), **with_interval)).interval_s == 5.0


@pytest.mark.parametrize("key", ["start", "stop", "interval"])
@pytest.mark.parametrize("value", [True, False, "5", "", [], {}, -1, 10**18])
def test_times_that_are_none(key: str, value: Any) -> None:
    error = refused(config(raw_config("hist1d"), **{key: value}))
    assert error.field == key
    assert json.dumps(value) in error.message


@pytest.mark.parametrize("key", ["start", "stop"])
def test_times_are_whole(key: str) -> None:
    assert refused(config(**{key: 5.5})).field == key
    request = config_request(config(**{key: 5.0}))
    assert 5 in (request.start_ms, request.stop_ms)


def test_start_may_be_stop_but_not_after_it() -> None:
    request = config_request(config(start=7, stop=7))
    assert (request.start_ms, request.stop_ms) == (7, 7)
    error = refused(config(start=8, stop=7))
    assert error.field == "start"
    assert "8" in error.message
    assert "7" in error.message


@pytest.mark.parametrize("other", ["start", "stop"])
def test_interval_stands_alone(other: str) -> None:
    error = refused(config(interval=5, **{other: 1234}))
    assert error.field in ("interval", other)
    assert "1234" in error.message


def test_fractions_of_a_second() -> None:
    assert config_request(config(interval=0.25)).interval_s == 0.25


@pytest.mark.parametrize("content", [{}, {"histograms": []}, {"histograms": None}])
def test_there_may_be_no_histograms(content: dict[str, Any]) -> None:
    request = config_request(content)
    assert (request.histograms, request.warnings) == ((), ())


@pytest.mark.parametrize("value", ["x", {}, 5, True, {"type": "hist1d"}])
def test_histograms_that_are_no_list(value: Any) -> None:
    assert refused({"histograms": value}).field == "histograms"


@pytest.mark.parametrize("value", ["x", [], 5, None])
def test_a_histogram_that_is_no_object(value: Any) -> None:
    assert refused({"histograms": [raw_config("hist1d"), value]}).field == "histograms[1]"


@pytest.mark.parametrize("kind", ["", "HIST1D", "sehist1d", None, 5, ["hist1d"], {}])
def test_unknown_types(kind: Any) -> None:
    error = refused_key("hist1d", "type", kind)
    assert all(known in error.message for known in KINDS)


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "ä", "a\n", "x" * 250, "a,b", None, 5, True])
def test_topic_names_that_are_none(name: Any) -> None:
    assert refused_key("hist1d", "topic", name).field == "histograms[1].topic"
    assert refused_key("hist1d", "data_topics", ["ok", name]).field == "histograms[1].data_topics[1]"


@pytest.mark.parametrize("name", ["a", "...", "A-z_0.9", "x" * 249])
def test_topic_names(name: str) -> None:
    assert accepted(topic=name, data_topics=[name + "x" if name == "a" else name]).topic == name


@pytest.mark.parametrize("value", [[], "events", None, {}])
def test_topics_that_are_no_list(value: Any) -> None:
    refused_key("hist1d", "data_topics", value)


@pytest.mark.parametrize(
    "broker",
    ["", "host", "host:", ":9092", "host:port", "host:-1", "host: 9092", "host:0", "host:65536", 9092, None],
)
def test_brokers_that_are_none(broker: Any) -> None:
    assert refused_key("hist1d", "data_brokers", ["ok:1", broker]).field == "histograms[1].data_brokers[1]"


@pytest.mark.parametrize("broker", ["a:1,b:2", "kafka://a:1", "a:\uff19092", "a\x00:1"])
def test_brokers_are_named_one_by_one_and_plainly(broker: str) -> None:
    refused_key("hist1d", "data_brokers", [broker])


@pytest.mark.parametrize(
    "broker", ["localhost:9092", "10.0.0.1:1", "[::1]:9092", "kafka-1.example.org:65535"]
)
def test_brokers(broker: str) -> None:
    assert accepted(data_brokers=[broker]).data_brokers == (broker,)
    refused_key("hist1d", "data_brokers", broker)


def test_equal_lists_of_brokers_are_one_cluster() -> None:
    assert (
        accepted(data_brokers=["b:1", "a:1", "b:1"]).brokers == accepted(data_brokers=["a:1", "b:1"]).brokers
    )


@pytest.mark.parametrize("key", ["id", "source"])
def test_optional_texts(key: str) -> None:
    for value, text in ((None, ""), ("", ""), ("ÄÖ 😀", "ÄÖ 😀")):
        assert getattr(accepted("hist1d", **{key: value}), key) == text
    for wrong in WRONG_TEXTS:
        assert refused_key("hist1d", key, wrong).field == f"histograms[1].{key}"


@pytest.mark.parametrize("key", ["id", "source", "topic", "input_schema"])
def test_half_a_character_is_refused_since_it_cannot_go_out(key: str) -> None:
    content = decode(json.dumps(config(raw_config("hist1d", **{key: "\ud800"}))).encode())
    assert refused(content).field == f"histograms[0].{key}"


def test_a_source_is_compared_without_blanks_at_its_ends() -> None:
    assert [accepted(source=s).source_name for s in ("", "  ", " a b\t\n")] == ["", "", "a b"]


def test_equal_ids_are_warned_of() -> None:
    histograms = [raw_config("hist1d", id=name) for name in ("a", "b", "a", "", "")]
    warnings = config_request(config(*histograms)).warnings
    assert len(warnings) == 1
    assert "histograms[2].id" in warnings[0]
    assert "'a'" in warnings[0]


def test_unknown_keys_are_warned_of_and_do_no_harm() -> None:
    content = config(raw_config("hist1d", num_binz=5), cmd="config", msg_id="m", target="t", strat=5)
    warnings = [*unknown_keys(command(content)), *config_request(content).warnings]
    assert [warning.partition(":")[0] for warning in warnings] == ["strat", "histograms[0].num_binz"]


@pytest.mark.parametrize("cmd", COMMANDS)
def test_every_command_warns_of_keys_that_it_does_not_have(cmd: str) -> None:
    assert unknown_keys(command({"cmd": cmd, "msg_id": 1, "target": None, "x y": 1, "idz": []})) == [
        '"x y": unknown key, ignored',
        "idz: unknown key, ignored",
    ]


def schemas(**keys: Any) -> ConfigRequest:
    histograms = [raw_config("hist2d"), raw_config("hist1d", input_schema="ev44", output_schema="hs00")]
    return config_request(config(*histograms, **keys))


def test_schemas_of_the_command_hold_where_a_histogram_has_none() -> None:
    assert [h.input_schemas for h in schemas().histograms] == [("ev42", "ev44"), ("ev44",)]
    assert [h.output_schema for h in schemas().histograms] == ["hs00", "hs00"]
    request = schemas(input_schema="ev42", output_schema="hs01")
    assert [h.input_schemas for h in request.histograms] == [("ev42",), ("ev44",)]
    assert [h.output_schema for h in request.histograms] == ["hs01", "hs00"]


def test_every_schema_that_fits_the_type_is_counted() -> None:
    kinds = ("hist1d", "hist2d", "dethist", "roihist")
    request = config_request(config(*(raw_config(kind) for kind in kinds)))
    events = ("ev42", "ev44")
    assert [h.input_schemas for h in request.histograms] == [(*events, "da00"), events, events, events]


@pytest.mark.parametrize("kind", ["hist2d", "dethist", "roihist"])
def test_frames_fit_hist1d_only(kind: str) -> None:
    content = config(raw_config("hist1d"), raw_config(kind, input_schema="da00"))
    assert refused(content).field == "histograms[1].input_schema"
    error = refused(config(raw_config("hist1d"), raw_config(kind), input_schema="da00"))
    assert error.field == "input_schema"
    assert "histograms[1]" in error.message
    request = config_request(config(raw_config("hist1d"), input_schema="da00"))
    assert request.histograms[0].input_schemas == ("da00",)


@pytest.mark.parametrize("key", ["input_schema", "output_schema"])
@pytest.mark.parametrize("value", ["ev43", "EV44", 5, True, [], ["ev44"]])
def test_unknown_schemas(key: str, value: Any) -> None:
    assert refused(config(raw_config("hist1d"), **{key: value})).field == key
    assert refused_key("hist1d", key, value).field == f"histograms[1].{key}"
