import sys, time

sys.path[:0] = ["/work/main", "/work/main/integration-tests"]
from kafka_broker import Broker
from histsvc.kafka.reader import KafkaReader
from histsvc.settings import Security
from histsvc.model import *
from confluent_kafka import Producer

with Broker() as b:
    r = KafkaReader(Security())
    br = (b.bootstrap,)
    r.connect(br)
    time.sleep(1)
    p = Producer({"bootstrap.servers": b.bootstrap})
    for i in range(6):
        t = f"t{i}"
        b.create_topic(t)
        p.produce(t, b"x")
        p.flush()
        for k in range(2):
            t0 = time.perf_counter()
            r.assign([Start(Partition(br, t, 0), 0)])
            t1 = time.perf_counter()
            while not r.read(0.01).payload:
                pass
            print(
                t,
                k,
                "assign %.1f ms, first message %.1f ms" % ((t1 - t0) * 1e3, (time.perf_counter() - t0) * 1e3),
            )
        r.release()
    for n in ("m0", "m1", "m2", "m3", "m4"):
        b.create_topic(n)
        p.produce(n, b"x")
    p.flush()
    t0 = time.perf_counter()
    r.assign([Start(Partition(br, f"m{i}", 0), 0) for i in range(5)])
    t1 = time.perf_counter()
    n = 0
    while n < 5:
        n += len(r.read(0.01).payload)
    print("five: assign %.1f ms, all %.1f" % ((t1 - t0) * 1e3, (time.perf_counter() - t0) * 1e3))
    t0 = time.perf_counter()
    r.assign([Start(Partition(br, "none", 0), 0)])
    print("missing topic assign %.1f ms" % ((time.perf_counter() - t0) * 1e3))
    rr = r.read(0.1)
    print(rr.failures)
    r.close()
