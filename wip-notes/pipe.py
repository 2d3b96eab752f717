import sys, time, json, threading

sys.path[:0] = ["/work/main", "/work/main/integration-tests"]
from kafka_broker import Broker
from benchmarks.data import *
from benchmarks.yardstick import discard
from histsvc.kafka.reader import KafkaReader, consumer_settings
from histsvc.settings import WorkerSettings, Security
from histsvc.worker.build import build
from histsvc.worker.outbox import ThreadOutbox
from histsvc.kafka.producer import KafkaSender
from histsvc.kafka.cluster import KafkaClusters
from histsvc.wire import *
from histsvc.model import *
from histsvc.clock import SystemClock
from functools import partial
from confluent_kafka import Consumer, TopicPartition

which = [s for s in SHAPES if not sys.argv[1:] or s.name.replace(" ", "") in sys.argv[1:]]
from histsvc.kernels import warm

import mmap

sys.path.insert(0, "/tmp/w")
import kern


def patch(a, mode):
    n = a.counts.size
    if mode == "u32":
        c = np.zeros(n, np.uint32)
        a._flat = c
        hi = np.zeros(n, np.int64)
        a._fill = lambda r, t, f, cc, ta: kern.fill32(r, t, f, c, ta, hi)
    else:
        sh = int(mode[1:3])
        c = np.zeros(n, np.uint32 if mode.endswith("u") else np.int64)
        blocks = ((n - 1) >> sh) + 1
        buf = np.zeros((blocks, 4096), np.uint32)
        ends = np.zeros(blocks, np.int64)
        a._fill = lambda r, t, f, cc, ta: kern.fillp(r, t, f, c, ta, sh, buf, ends)


def huge(n, dt):
    size = n * np.dtype(dt).itemsize
    H = 1 << 21
    m = mmap.mmap(-1, size + 2 * H)
    m.madvise(mmap.MADV_HUGEPAGE)
    a = np.frombuffer(m, np.uint8)
    off = (-a.ctypes.data) % H
    r = a[off : off + size].view(dt)
    r[:] = 0
    return r


with Broker() as b:
    out = "out"
    b.create_topic(out, config={"max.message.bytes": "200000000"})
    sender = KafkaSender(Security(), "lz4")
    outbox = ThreadOutbox(
        sender, {k: partial(f, integers=True) for k, f in HISTOGRAM_SERIALISERS.items()}, "x"
    )
    reader = KafkaReader(Security())
    clusters = KafkaClusters(Security())
    reader.connect((b.bootstrap,))
    cons = Consumer(consumer_settings((b.bootstrap,), Security()))
    for shape in which:
        f = fill(b, "d" + shape.name.replace(" ", "-").replace(",", ""), shape, shape.messages(600_000_000))
        one = dict(hist1d(f, 50), data_brokers=[b.bootstrap], topic=out)
        two = dict(dethist(f, 1000, 500), data_brokers=[b.bootstrap], topic=out)
        for rnd in range(4):
            t = time.perf_counter()
            c = time.process_time()
            cons.assign([TopicPartition(f.topic, 0, 0)])
            discard(cons, f.messages + 1)
            d = time.perf_counter() - t
            dc = time.process_time() - c
            cons.unassign()
            print(f"{shape.name:14} discard {d:.3f} cpu {dc:.2f}  {f.events / d / 1e6:.0f}M/s")
            for n, hs, mode in (
                ("1d", [one], ""),
                ("1dG", [one], "G"),
                ("1d+det", [one, two], ""),
                ("1d+detG", [one, two], "G"),
            ):
                import histsvc.kafka.reader as R

                R.GATE = mode == "G"
                mode = ""
                hspecs = tuple(HistogramSpec(i, h, ("ev44",), "hs00", "hash") for i, h in enumerate(hs))
                spec = WorkerSpec(
                    "job", hspecs, (Start(Partition((b.bootstrap,), f.topic, 0), 0),), f.first_ms, f.last_ms
                )
                t = time.perf_counter()
                c = time.process_time()
                p = build(
                    spec,
                    WorkerSettings(),
                    reader,
                    EVENT_LAYOUTS,
                    FRAME_DESERIALISERS,
                    clusters,
                    outbox,
                    SystemClock(),
                )
                for fl in p.fillings:
                    a = fl.accumulator
                    if hasattr(a, "_flat") and mode:
                        patch(a, mode)
                p.begin()
                steps = 0
                while not p.finished:
                    p.step(0.01)
                    steps += 1
                e = time.perf_counter() - t
                c = time.process_time() - c
                assert p.fillings[0].accumulator.sum == f.events
                print(
                    f"{shape.name:14} {n:7} {e:.3f} ratio {d / e:.2f} cpu {c:.2f} steps {steps} "
                    + " ".join(f"{k} {v:.3f}" for k, v in p.stopwatch.seconds.items()),
                    f"outbox {outbox.busy_s:.3f}",
                )
                for q in p.publisher.publications:
                    for x in q.sent:
                        x.result(5)
                outbox.busy_s = 0
                reader.release()
        remove(b, f.topic)
