"""From a WorkerSpec to a pipeline that is placed on its starting offsets."""

from __future__ import annotations

import numpy as np

from histsvc.clock import Clock
from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.registry import histogram_types
from histsvc.model import HistogramSpec, Stream, WorkerSpec
from histsvc.ports import Clusters, OffsetAt, Reader
from histsvc.settings import WorkerSettings
from histsvc.window import Window
from histsvc.wire import EVENT_LAYOUTS, FRAME_DESERIALISERS
from histsvc.worker.ends import EndQueries
from histsvc.worker.fill import Filling
from histsvc.worker.lookback import Wanted
from histsvc.worker.losses import Losses
from histsvc.worker.pipeline import Pipeline
from histsvc.worker.progress import Progress
from histsvc.worker.publication import Publication
from histsvc.worker.publish import Outbox, Publisher
from histsvc.worker.read import Decoder
from histsvc.worker.resume import Found, resume, resumed
from histsvc.worker.stall import Stall


def build(
    spec: WorkerSpec,
    settings: WorkerSettings,
    reader: Reader,
    clusters: Clusters,
    outbox: Outbox,
    clock: Clock,
    found: Found,
) -> Pipeline:
    """Make the histograms and place the reader; nothing is counted or published yet.

    `found` is what was published of those that are taken up. Raises ValueError where it does not fit.
    """
    configs = [_config(histogram) for histogram in spec.histograms]
    begins = resumed(spec, configs, found)
    sources = sorted({config.source_name for config in configs if config.source_name})
    wanted = {schema for histogram in spec.histograms for schema in histogram.input_schemas}
    frames = {schema: read for schema, read in FRAME_DESERIALISERS.items() if schema in wanted}
    decoder = Decoder(EVENT_LAYOUTS, sources, frames)
    fillings = [
        Filling(histogram, config, _slots(config, begins), decoder.schemas, sources, _awaits(config, begins))
        for histogram, config in zip(spec.histograms, configs, strict=True)
    ]
    window = Window(spec.start_ms, spec.stop_ms, settings.stop_leeway_ms)
    progress = Progress(window, [start.offset for start in begins.starts])
    reader.assign(begins.starts)
    pipeline = Pipeline(begins, fillings, progress, reader, decoder, clusters, clock)
    oldest = EndQueries(clusters, clock, pipeline.counters, OffsetAt.EARLIEST)
    go_on = settings.on_data_loss == "continue"
    pipeline.losses = Losses(pipeline.where, progress, reader, oldest, go_on=go_on)
    ends = EndQueries(clusters, clock, pipeline.counters, OffsetAt.COMMITTED)
    pipeline.stall = Stall(settings.timeout_ms / 1000, ends, clock)
    publications = [Publication(f, spec, settings.publish_interval_ms, clock) for f in fillings]
    for publication in publications:
        if publication.filling.spec.mark is not None:
            final = resume(publication, spec, begins, found)
            if final is not None:
                pipeline.where.final[publication.filling.spec.index] = final
    pipeline.publisher = Publisher(publications, outbox, pipeline.where.of, clock)
    return pipeline


def wanted_of(spec: WorkerSpec) -> dict[int, Wanted]:
    """The histograms whose publications are to be looked for, by index."""
    marked = [h for h in spec.histograms if h.mark is not None]
    return {h.index: Wanted(spec.job, spec.begun_ms, h, _config(h)) for h in marked}


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
