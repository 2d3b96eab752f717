"""What every broker must do for the adapters: one suite for the embedded broker and for the real one."""

from __future__ import annotations

import ctypes
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import pytest
from contract.adapters import TIMEOUT_S, Kafka

from histsvc.errors import BrokerError
from histsvc.kafka.object_taker import ObjectTaker
from histsvc.kafka.queue_taker import QueueTaker
from histsvc.model import Partition, Start, addresses
from histsvc.ports import FoundOffset, OffsetAt, Outgoing

MORE_THAN_A_BATCH = 5_000


class PortsContract(ABC):
    """To be inherited by a test class that gives `bootstrap` and `new_topic`."""

    @pytest.fixture
    @abstractmethod
    def bootstrap(self) -> str: ...

    @abstractmethod
    def new_topic(self, partitions: int) -> str: ...

    @pytest.fixture(params=[ObjectTaker, QueueTaker])
    def kafka(self, bootstrap: str, request: pytest.FixtureRequest) -> Iterator[Kafka]:
        made = Kafka(bootstrap, request.param)
        yield made
        made.reader.close()

    def test_topics_are_described_and_never_created(self, kafka: Kafka) -> None:
        topic = self.new_topic(2)
        for _ in range(2):
            facts = kafka.ask(kafka.cluster.describe([topic, "no-such-topic"]))
            assert {name: each.partitions for name, each in facts.items()} == {topic: 2, "no-such-topic": 0}
            assert facts["no-such-topic"].topic_id == ""

    def test_offsets_at_both_ends(self, kafka: Kafka) -> None:
        topic = self.new_topic(1)
        partition = Partition(kafka.brokers, topic, 0)
        kafka.send(topic, b"a", b"b", b"c")
        for at, offset in ((OffsetAt.EARLIEST, 0), (OffsetAt.LATEST, 3)):
            assert kafka.ask(kafka.cluster.offsets([partition], at)) == {partition: FoundOffset(offset, -1)}

    def test_no_question_has_an_answer_at_once(self, kafka: Kafka) -> None:
        assert kafka.ask(kafka.cluster.offsets([], OffsetAt.LATEST)) == {}
        assert kafka.ask(kafka.cluster.describe([])) == {}
        assert kafka.ask(kafka.cluster.largest_messages([])) == {}

    def test_reading_begins_at_the_offset_and_tells_the_end(self, kafka: Kafka) -> None:
        topic = self.new_topic(1)
        kafka.send(topic, *(b"%d" % i for i in range(10)))
        kafka.reader.assign([Start(Partition(kafka.brokers, topic, 0), 4)])
        rows, ends, failures = kafka.read(6)
        assert rows == [(0, i, b"%d" % i) for i in range(4, 10)]
        assert (ends, failures) == ({0: 10}, {})
        assert kafka.reader.ends() == {0: 10}

    def test_slots_number_the_partitions_in_their_order(self, kafka: Kafka) -> None:
        first, second = self.new_topic(1), self.new_topic(1)
        kafka.send(first, b"first")
        kafka.send(second, b"second")
        kafka.reader.assign([Start(Partition(kafka.brokers, topic, 0), 0) for topic in (second, first)])
        rows, _, _ = kafka.read(2)
        assert sorted(rows) == [(0, 0, b"second"), (1, 0, b"first")]

    def test_dropped_slots_are_read_no_more(self, kafka: Kafka) -> None:
        topics = [self.new_topic(1), self.new_topic(1)]
        kafka.reader.assign([Start(Partition(kafka.brokers, topic, 0), 0) for topic in topics])
        kafka.reader.drop([0])
        for topic in topics:
            kafka.send(topic, b"x" * 10)
        rows, _, _ = kafka.read(1)
        assert rows == [(1, 0, b"x" * 10)]

    def test_new_assignment_forgets_the_old(self, kafka: Kafka) -> None:
        old, new = self.new_topic(1), self.new_topic(1)
        kafka.send(old, *[b"old"] * 100)
        kafka.send(new, b"new")
        kafka.reader.assign([Start(Partition(kafka.brokers, old, 0), 0)])
        kafka.read(1)
        kafka.reader.assign([Start(Partition(kafka.brokers, new, 0), 0)])
        rows, _, _ = kafka.read(1)
        assert rows == [(0, 0, b"new")]

    def test_in_the_middle_of_a_topic_a_new_assignment_forgets_the_old(self, kafka: Kafka) -> None:
        old, new = self.new_topic(1), self.new_topic(1)
        kafka.send(old, *[b"old"] * MORE_THAN_A_BATCH)
        kafka.send(new, b"new")
        kafka.reader.assign([Start(Partition(kafka.brokers, old, 0), 0)])
        assert len(kafka.some()) < MORE_THAN_A_BATCH
        kafka.reader.assign([Start(Partition(kafka.brokers, new, 0), 0)])
        rows, _, _ = kafka.read(1)
        assert rows == [(0, 0, b"new")]

    def test_nothing_is_lost_where_others_come_and_go(self, kafka: Kafka) -> None:
        topics = [self.new_topic(1) for _ in range(3)]
        staying, going, coming = (Start(Partition(kafka.brokers, topic, 0), 0) for topic in topics)
        kafka.send(topics[0], *[b"x"] * 2 * MORE_THAN_A_BATCH)
        kafka.reader.assign([staying, going])
        seen = kafka.some()
        kafka.reader.drop([1])
        seen += kafka.some()
        kafka.reader.extend([coming])
        rows, _, _ = kafka.read(2 * MORE_THAN_A_BATCH - len(seen))
        assert seen + [offset for _, offset, _ in rows] == list(range(2 * MORE_THAN_A_BATCH))

    def test_offset_that_is_gone_is_a_failure_of_its_slot_until_it_is_moved(self, kafka: Kafka) -> None:
        gone, there = self.new_topic(1), self.new_topic(1)
        kafka.reader.assign(
            [Start(Partition(kafka.brokers, topic, 0), n) for topic, n in ((gone, 1000), (there, 0))]
        )
        read = kafka.until(lambda raw: bool(raw.failures))
        assert (list(read.failures), list(read.overtaken)) == ([0], [0])
        assert gone in read.failures[0]
        kafka.send(gone, b"a", b"b")
        kafka.send(there, b"c")
        kafka.reader.move(0, 1)
        rows, _, _ = kafka.read(2)
        assert sorted(rows) == [(0, 1, b"b"), (1, 0, b"c")]

    def test_payloads_are_what_was_sent_as_long_as_somebody_has_them(self, kafka: Kafka) -> None:
        first, second = self.new_topic(1), self.new_topic(1)
        values = [b"", b"a", b"b" * 300_000, b"c" * 7]
        begun_ms = time.time() * 1000
        kafka.send(first, *values)
        kafka.send(second, *[b"d" * 100_000] * 40)
        held = []
        for topic in (first, second):
            kafka.reader.assign([Start(Partition(kafka.brokers, topic, 0), 0)])
            held.append(kafka.batch())
        kafka.read(40 - len(held[1].payload))
        got = list(held[0].payload)
        assert got == values[: len(got)]
        assert held[0].size.tolist() == [len(value) for value in got]
        at = addresses(held[0].payload).tolist()
        assert [ctypes.string_at(*place) for place in zip(at, map(len, got), strict=True)] == got
        assert np.all(np.abs(held[0].timestamp_ms - begun_ms) < 1000 * TIMEOUT_S)

    def test_a_reader_can_be_closed_while_somebody_has_payloads(self, kafka: Kafka) -> None:
        topic = self.new_topic(1)
        kafka.send(topic, *[b"x" * 1000] * 100)
        kafka.reader.assign([Start(Partition(kafka.brokers, topic, 0), 0)])
        held = kafka.batch()
        kafka.reader.close()
        assert held.offset.size

    def test_messages_of_many_partitions_are_told_apart(self, kafka: Kafka) -> None:
        topics = [self.new_topic(2) for _ in range(2)]
        partitions = [Partition(kafka.brokers, topic, n) for topic in topics for n in range(2)]
        kafka.send(topics[0], *(b"%d" % i for i in range(50)))
        kafka.send(topics[1], *(b"%d" % i for i in range(50, 100)))
        kafka.reader.assign([Start(partition, 0) for partition in partitions])
        rows, _, _ = kafka.read(100)
        for slot, partition in enumerate(partitions):
            sent = {b"%d" % i for i in range(50 * topics.index(partition.topic))}
            mine = [payload for number, _, payload in rows if number == slot]
            assert not sent & set(mine)
            assert [offset for number, offset, _ in rows if number == slot] == list(range(len(mine)))
        assert sorted(int(payload) for _, _, payload in rows) == list(range(100))

    def test_delivered_messages_have_their_order_and_key(self, kafka: Kafka) -> None:
        topic = self.new_topic(1)
        values = [np.random.default_rng(i).bytes(i * 1000) for i in range(1, 40)]
        kafka.send(topic, *values)
        kafka.reader.assign([Start(Partition(kafka.brokers, topic, 0), 0)])
        rows, _, _ = kafka.read(len(values))
        assert [value for _, _, value in rows] == values

    def test_what_is_too_large_for_the_client_is_refused_at_once(self, kafka: Kafka) -> None:
        with pytest.raises(BrokerError, match="MSG_SIZE_TOO_LARGE"):
            kafka.sender.send(Outgoing(kafka.brokers, self.new_topic(1), b"", b"\0" * 1_000_000_001))

    def test_giving_up_ends_what_is_under_way(self, kafka: Kafka) -> None:
        sent = kafka.sender.send(Outgoing(kafka.brokers, self.new_topic(1), b"", b"never"))
        kafka.sender.give_up()
        kafka.answered(sent)
        # It may have been faster than we were.
        assert sent.exception() is None or isinstance(sent.exception(), BrokerError)
