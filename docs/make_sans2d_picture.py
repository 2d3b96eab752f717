"""Make the picture of SANS2D in tutorial.md: recorded events through a real broker and the service, drawn.

Run it from the repository, with the development environment (`bin/test` makes it and fetches the broker):

    PYTHONPATH=integration-tests .venv/bin/python docs/make_sans2d_picture.py RUN.nxs docs/images/sans2d.png

RUN.nxs is a file of the SANS2D instrument with an NXevent_data group; it is not part of the repository.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from kafka_broker import Broker
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from service_process import Service

from histsvc.client import Histogram

# SANS2D has two banks of 120 tubes with 512 positions each; its ids begin at 9.
FIRST, ALONG, TUBES = 9, 512, 240
TOF_RANGE_NS = (0, 100_000_000)
TOF_BINS = 500


def published(service: Service, run: Path) -> tuple[Histogram, Histogram]:
    """Send the run to Kafka, let the service count it, and receive the image and the spectrum."""
    service.broker.create_topic("sans2d_events", config={"retention.ms": "-1"})
    command = [sys.executable, "-m", "histsvc", "generate", "-b", service.bootstrap, "-t", "sans2d_events"]
    done = subprocess.run(
        [*command, "--nexus", str(run), "--schema", "ev44"], check=True, stdout=subprocess.PIPE, text=True
    )
    sent: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    pixels = [FIRST, FIRST + ALONG * TUBES - 1]
    image = service.histogram(
        "dethist", "sans2d_events", id="image", det_range=pixels, width=ALONG, height=TUBES
    )
    spectrum = service.histogram(
        "hist1d", "sans2d_events", id="spectrum", tof_range=TOF_RANGE_NS, num_bins=TOF_BINS
    )
    with service.following() as output:
        service.config([image, spectrum], start=sent["first_timestamp_ms"], stop=sent["last_timestamp_ms"])
        finished = output.finished("image", "spectrum")
    for received in finished.values():
        assert received.info.sum == received.counts.sum() == sent["events"], received.info
    return finished["image"], finished["spectrum"]


def draw_image(axes: Axes, image: Histogram) -> None:
    """The detector, tube beside tube; pixels without a count are black."""
    low, high = image.axes[1].edges[[0, -1]]
    bottom, top = image.axes[0].edges[[0, -1]]
    drawn = axes.imshow(
        image.counts,
        origin="lower",
        extent=(low, high, bottom, top),
        aspect="auto",
        norm=LogNorm(vmin=0.5),
        interpolation="nearest",
        cmap=mpl.colormaps["inferno"].with_extremes(bad="black"),
    )
    axes.axvline(TUBES / 2, color="white", linewidth=0.8)
    axes.set_xlabel("y (tube; the banks are 0 to 119 and 120 to 239)")
    axes.set_ylabel("x (position along the tube)")
    axes.set_title(f"dethist: {image.info.sum:,} events in {image.counts.size:,} pixels", fontsize=11)
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.02, fraction=0.025)
    bar.set_ticks([1, 2, 5, 10, 20, 50], labels=["1", "2", "5", "10", "20", "50"])
    bar.ax.minorticks_off()
    bar.set_label("counts per pixel")


def draw_spectrum(axes: Axes, spectrum: Histogram) -> None:
    """Counts against the time of flight."""
    edges_ms = spectrum.axes[0].edges / 1e6
    axes.stairs(spectrum.counts, edges_ms, color="tab:blue", fill=True, alpha=0.8)
    axes.set_xlim(edges_ms[0], edges_ms[-1])
    axes.set_ylim(0, None)
    axes.set_xlabel("time of flight (ms)")
    width_ms = edges_ms[1] - edges_ms[0]
    axes.set_ylabel(f"counts per {width_ms:g} ms")
    axes.set_title(f"hist1d: {spectrum.info.sum:,} events in {spectrum.counts.size} bins", fontsize=11)


def main() -> None:
    """Make the picture that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="recorded NeXus file")
    parser.add_argument("picture", type=Path, help="PNG file to write")
    options = parser.parse_args()
    with Broker() as broker:
        service = Service(broker)
        try:
            image, spectrum = published(service, options.run)
        finally:
            service.close()
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained", width_ratios=(1.9, 1))
    title = f"SANS2D, {spectrum.info.messages} recorded pulses sent to Kafka as ev44, counted by histsvc"
    figure.suptitle(title, fontsize=13)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    draw_image(left, image)
    draw_spectrum(right, spectrum)
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.picture, dpi=100, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
