"""docs/notebook.ipynb does what it says: it runs against a service, and counts what numpy counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.image import imread
from nbclient import NotebookClient

from histsvc.cli.demo.service import running
from histsvc.cli.stop import Stop
from histsvc.kafka.embedded import EmbeddedBroker
from histsvc.sources.gaussian import GaussianSource

_NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
_OWN = ["-t", "histsvc_commands", "-rt", "histsvc_responses", "-hb", "histsvc_heartbeat"]
_TOPICS = [*_OWN[1::2], "histsvc_events", "histsvc_histograms"]
_CELL_S = 40


@pytest.fixture
def bootstrap() -> Iterator[str]:
    """The address of a broker with a service, as the README starts it."""
    said: list[str] = []
    with EmbeddedBroker(dict.fromkeys(_TOPICS, 1)) as broker:
        with running(["-b", broker.bootstrap, *_OWN], said.append, Stop()):
            yield broker.bootstrap
        assert said[-1] == "service ended with exit code 0", said


def read() -> Any:
    return nbformat.read(_NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def executed(folder: Path, bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The notebook after all of its cells were run, in this folder and with nothing of the user's."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(folder / "jupyter"))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = read()
    work = {"metadata": {"path": str(folder)}}
    runner = NotebookClient(notebook, timeout=_CELL_S, kernel_name="python3", resources=work)
    return runner.execute(env={**os.environ, "BROKER": bootstrap})


def events(seed: int, messages: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Times of flight (ns) and pixel ids of what the notebook lets be generated."""
    source = GaussianSource(("source0",), 1000, seed, detector=True)
    pulses = list(source.pulses(range(messages)))
    tof_ns, pixel_ids = zip(*((each.tof_ns, each.pixel_id) for each in pulses), strict=True)
    return np.concatenate(tof_ns), np.concatenate(pixel_ids)


def spectrum(tof_ns: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    return np.histogram(tof_ns, 80, (0, 80_000_000))[0]


# The first start of a service compiles its kernels.
@pytest.mark.timeout(240)
def test_it_counts_what_numpy_counts(tmp_path: Path, bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed(tmp_path, bootstrap, monkeypatch)

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    pages = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert len([page for page in pages if "histsvc-histogram" in page]) == 3
    assert len([output for output in outputs if "image/png" in output.get("data", {})]) == 4

    (tof, pixels), (tof_again, pixels_again) = events(1, 100), events(2, 150)
    x, y = (pixels_again - 1) % 100, (pixels_again - 1) // 100
    expected = {
        "tof_edges_ns": np.linspace(0, 80_000_000, 81),
        "first": spectrum(tof),
        "detector": np.bincount(pixels - 1, minlength=10_000).reshape(100, 100).T,
        "second": spectrum(tof_again),
        "band": spectrum(tof_again[(pixels_again >= 4001) & (pixels_again <= 6000)]),
        "region": np.histogram2d(x, y, [np.arange(39.5, 60), np.arange(39.5, 60)])[0],
    }
    with np.load(tmp_path / "histograms.npz") as kept:
        assert set(kept) == set(expected)
        for name, values in expected.items():
            np.testing.assert_array_equal(kept[name], values, err_msg=name)
    assert imread(tmp_path / "ratio.png").std() > 0.05


def test_it_is_kept_without_outputs() -> None:
    notebook = read()
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert not [cell.source for cell in code if cell.outputs or cell.execution_count is not None]
