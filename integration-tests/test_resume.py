"""A service that is killed as a whole and started again goes on with what ran, exactly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import numpy as np
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Histograms, Service
from test_recovery import OFTEN, all_exact, both, is_exact
from test_workers import TOF, wait_until_gone

from histsvc.protocol.info import State


class Lives:
    """One service after the other, all with the same topics."""

    def __init__(self, broker: Broker, *options: str) -> None:
        self._broker = broker
        self.state = f"state-{uuid4().hex[:8]}"
        self._options = ("--state-topic", self.state, *options)
        self.services = [Service(broker, *self._options, *OFTEN)]

    @property
    def now(self) -> Service:
        return self.services[-1]

    def pids(self) -> list[int]:
        return self.now.heartbeat_until(lambda beat: [worker["pid"] for worker in beat["workers"]])

    def kill(self) -> list[int]:
        """The parent is gone at once; returns the processes that were its workers."""
        pids = self.pids()
        self.now.process.kill()
        self.now.process.wait(TIMEOUT_S)
        return pids

    def again(self, *options: str) -> Service:
        given = (*self._options, *OFTEN, *(options or ("--resume",)))
        self.services.append(Service(self._broker, *given, instead_of=self.now))
        return self.now

    def close(self) -> None:
        for service in self.services:
            service.close()


@pytest.fixture
def lives(broker: Broker) -> Iterator[Lives]:
    made = Lives(broker)
    yield made
    made.close()


def test_what_ran_goes_on_exactly_again_and_again(
    lives: Lives, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data", 2), Sent()
    with lives.now.following() as published:
        lives.now.config(both(lives.now, data))
        for life in range(1, 4):
            for partition in range(2):
                sender.pulses(data, sent, range(BASE_MS, BASE_MS + 50), partition=partition)
            if life % 2:  # else it is killed in the middle of it
                all_exact(published, sent)
            pids = lives.kill()
            # What comes while there is no service is not lost either.
            sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
            lives.again()
            all_exact(published, sent)
            wait_until_gone(pids)
        (job,) = {h.info.job for h in published.all}
        assert {h.info.state for h in published.all} <= {State.INITIALISED, State.COUNTING}
        epochs = [h.info.epoch for h in published.of("tof")]
        assert max(epochs) == 4
        # Commands act on it as on any other.
        lives.now.client.send({"cmd": "reset_counts"})
        published.until(lambda h: (h.info.sum, h.info.generation, h.info.job) == (0, 2, job))
        lives.now.client.send({"cmd": "stop"})
        published.finished("tof", "image")


def test_workers_leave_within_2_s(lives: Lives, topic: MakeTopic) -> None:
    lives.now.config(both(lives.now, topic("data")))
    wait_until_gone(lives.kill())


def test_what_was_acknowledged_in_the_last_moment_is_known(
    lives: Lives, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    lives.now.config([lives.now.histogram("hist1d", data, id="one", **TOF)])
    lives.now.client.send({"cmd": "add", "histograms": both(lives.now, data)})
    lives.now.client.send({"cmd": "stop", "ids": ["one"]})
    lives.kill()
    with lives.now.following() as published:
        lives.again()
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
        all_exact(published, sent)
    beat = lives.now.heartbeat_until(lambda beat: beat)
    assert {h["id"] for h in beat["histograms"]} == {"tof", "image"}


def test_a_reset_just_before_is_not_undone(lives: Lives, topic: MakeTopic, sender: EventSender) -> None:
    data, before, sent = topic("data"), Sent(), Sent()
    with lives.now.following() as published:
        lives.now.config(both(lives.now, data))
        sender.pulses(data, before, range(BASE_MS, BASE_MS + 20))
        all_exact(published, before)
        lives.now.client.send({"cmd": "reset_counts"})
        lives.kill()
        lives.again()
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
        all_exact(published, sent, 2)


def test_what_is_finished_stays_so(lives: Lives, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
    with lives.now.following() as published:
        lives.now.config(both(lives.now, data), start=BASE_MS, stop=BASE_MS + 30)
        published.finished("tof", "image")
        lives.kill()
        lives.again()
        last = published.until(lambda h: h.info.id == "tof" and h.info.epoch == 2)
        assert last.info.state is State.FINISHED
        assert is_exact(last, sent)


def stopped(published: Histograms, service: Service) -> None:
    service.client.send({"cmd": "stop"})
    published.finished("tof", "image")


@pytest.mark.parametrize("how", ["stop", "SIGTERM", "no --resume"])
def test_nothing_goes_on_that_was_ended(lives: Lives, topic: MakeTopic, how: str) -> None:
    with lives.now.following() as published:
        lives.now.config(both(lives.now, topic("data")))
        if how == "stop":
            stopped(published, lives.now)
        if how == "SIGTERM":
            assert lives.now.terminate() == 0
        else:
            lives.kill()
        lives.again(*(["--log-level", "info"] if how == "no --resume" else []))
    assert lives.now.heartbeat_until(lambda beat: beat)["histograms"] == []
    assert ("nothing to resume" in lives.now.log) == (how != "no --resume")


def test_an_emptied_state_topic_is_a_new_beginning(lives: Lives, topic: MakeTopic, broker: Broker) -> None:
    lives.now.config(both(lives.now, topic("data")))
    lives.kill()
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.delete_topics([lives.state])[lives.state].result(TIMEOUT_S)
    lives.again()
    assert lives.now.heartbeat_until(lambda beat: beat)["histograms"] == []
    described = ConfigResource(ConfigResource.Type.TOPIC, lives.state)
    config = admin.describe_configs([described])[described].result(TIMEOUT_S)
    assert config["cleanup.policy"].value == "compact"


@pytest.mark.parametrize("go_on", [False, True])
def test_a_checkpoint_older_than_what_is_kept(
    broker: Broker, topic: MakeTopic, sender: EventSender, go_on: bool
) -> None:
    lives = Lives(broker, *(("--on-data-loss", "continue") if go_on else ()))
    try:
        data, sent, later = topic("data"), Sent(), Sent()
        with lives.now.following() as published:
            lives.now.config([lives.now.histogram("hist1d", data, id="tof", **TOF)])
            sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
            published.until(lambda h: h.info.sum == sent.events)
            lives.kill()
            sender.pulses(data, Sent(), range(BASE_MS, BASE_MS + 7))
            broker.delete_records(data, 0, before=27)
            sender.pulses(data, later, range(BASE_MS, BASE_MS + 5))
            lives.again()
            if go_on:
                last = published.until(lambda h: h.info.messages == 25)
                tof = np.concatenate([sent.tof, later.tof])
                assert np.array_equal(last.counts, np.histogram(tof, bins=50, range=(0, 1e8))[0])
                assert last.info.lost == 7
            else:
                last = published.until(lambda h: h.info.state is State.ERROR)
                assert "7 messages of partition 0" in str(last.info.error_message)
    finally:
        lives.close()


def test_data_topics_that_were_made_anew_are_not_taken_for_those_of_before(
    lives: Lives, topic: MakeTopic, sender: EventSender, broker: Broker
) -> None:
    data, sent = topic("data"), Sent()
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    with lives.now.following() as published:
        lives.now.config([lives.now.histogram("hist1d", data, id="tof", **TOF)])
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 20))
        published.until(lambda h: h.info.sum == sent.events)
        lives.kill()
        admin.delete_topics([data])[data].result(TIMEOUT_S)
        broker.create_topic(data)
        EventSender(broker.bootstrap).pulses(data, Sent(), range(BASE_MS, BASE_MS + 50))
        lives.again()
        last = published.until(lambda h: h.info.state is State.ERROR)
    assert "was deleted and made anew" in str(last.info.error_message)


def test_resume_without_a_state_topic_is_wrong_use() -> None:
    options = ["-b", "127.0.0.1:1", "-t", "commands", "--resume"]
    done = subprocess.run(
        [sys.executable, "-m", "histsvc", "serve", *options], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "--state-topic" in done.stderr
    assert len(done.stderr.splitlines()) == 1
