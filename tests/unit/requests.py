"""Configs as clients send them, and what the checks make of them."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import raw_config

from histsvc.errors import Code, CommandError
from histsvc.protocol.config import config_request

KINDS = ("hist1d", "hist2d", "dethist", "roihist")
NEEDED = {
    "hist1d": ["tof_range", "num_bins"],
    "hist2d": ["tof_range", "det_range", "num_bins"],
    "dethist": ["det_range", "width", "height"],
    "roihist": ["left_edges", "width"],
}


def config(*histograms: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"cmd": "config", "histograms": list(histograms), **keys}


def accepted(kind: str = "hist1d", **changes: Any) -> Any:
    """The checked configuration of one histogram."""
    return config_request(config(raw_config(kind, **changes))).histograms[0].config


def refused(content: dict[str, Any]) -> CommandError:
    with pytest.raises(CommandError) as caught:
        config_request(content)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.field is None or caught.value.field in caught.value.message
    return caught.value


def refused_key(kind: str, key: str, value: Any) -> CommandError:
    """The refusal of one key of the second histogram."""
    error = refused(config(raw_config("hist1d", id="good"), raw_config(kind, **{key: value})))
    assert error.field is not None
    assert error.field.startswith(f"histograms[1].{key}")
    return error
