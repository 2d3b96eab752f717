"""From a WorkerSpec to a pipeline that is placed on its starting offsets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from histsvc.clock import Clock
from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.registry import histogram_types
from histsvc.model import EventLayout, Frame, HistogramSpec, Stream, WorkerSpec
from histsvc.ports import Clusters, Reader
from histsvc.settings import WorkerSettings
from histsvc.window import Window
from histsvc.worker.fill import Filling
from histsvc.worker.pipeline import Pipeline
from histsvc.worker.progress import Progress
from histsvc.worker.publication import Publication
from histsvc.worker.publish import Outbox, Publisher
from histsvc.worker.read import Decoder


def build(
    spec: WorkerSpec,
    settings: WorkerSettings,
    reader: Reader,
    layouts: Sequence[EventLayout],
    frames: Mapping[str, Callable[[bytes], Frame]],
    clusters: Clusters,
    outbox: Outbox,
    clock: Clock,
) -> Pipeline:
    """Make the histograms and place the reader; nothing is counted or published yet."""
    configs = [_config(histogram) for histogram in spec.histograms]
    sources = sorted({config.source_name for config in configs if config.source_name})
    wanted = {schema for histogram in spec.histograms for schema in histogram.input_schemas}
    decoder = Decoder(layouts, sources, {schema: read for schema, read in frames.items() if schema in wanted})
    fillings = [
        Filling(histogram, config, _slots(config, spec), decoder.schemas, sources, _awaits(config, spec))
        for histogram, config in zip(spec.histograms, configs, strict=True)
    ]
    window = Window(spec.start_ms, spec.stop_ms, settings.stop_leeway_ms)
    progress = Progress(window, [start.offset for start in spec.starts])
    reader.assign(spec.starts)
    pipeline = Pipeline(spec, fillings, progress, reader, decoder, clusters, clock)
    publications = [Publication(f, spec, settings.publish_interval_ms, clock) for f in fillings]
    pipeline.publisher = Publisher(publications, outbox, pipeline.position, clock)
    return pipeline


def _config(spec: HistogramSpec) -> HistogramConfig:
    return histogram_types()[spec.config["type"]].model_validate(dict(spec.config))


def _slots(config: HistogramConfig, spec: WorkerSpec) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of the reader's slots a histogram counts, bool (slots,)."""
    return np.array(
        [
            start.partition.brokers == config.brokers and start.partition.topic in config.data_topics
            for start in spec.starts
        ],
        dtype=bool,
    )


def _awaits(config: HistogramConfig, spec: WorkerSpec) -> list[Stream]:
    """The data topics of a histogram that do not exist yet."""
    return [
        stream for stream in spec.awaited if stream[0] == config.brokers and stream[1] in config.data_topics
    ]
