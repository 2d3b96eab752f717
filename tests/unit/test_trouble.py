"""Outages are told once by each process, with the reason, and when they are over; hiccups are not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError

from histsvc.kafka import trouble
from histsvc.kafka.diagnosis import Diagnosis
from histsvc.kafka.trouble import Trouble
from histsvc.settings import Security

BROKERS = ("a:1", "b:2")
REFUSED = "a:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused"
TIMEOUT_S = 10.0


class Cluster:
    """Answers, or does not, when it is asked; `asked` counts the questions that got no answer."""

    def __init__(self) -> None:
        self.there = threading.Event()
        self.diagnosis = Diagnosis()
        self.diagnoses = 1_000_000
        self.asked = threading.Semaphore(0)
        self._earlier = set(threading.enumerate())

    def diagnose(self) -> Diagnosis:
        """What is found, as often as `diagnoses` says and then nothing."""
        found, self.diagnoses = (self.diagnosis if self.diagnoses else Diagnosis()), self.diagnoses - 1
        return found

    def answers(self, client: object, end: object) -> bool:
        if client is not self:  # an outage of an earlier test in this process, which goes on
            return False
        if not self.there.is_set():
            self.asked.release()
        return self.there.is_set()

    def end_of_watch(self) -> None:
        """Wait for the outages of this test."""
        for thread in set(threading.enumerate()) - self._earlier:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster()
    monkeypatch.setattr(trouble, "admin_client", lambda _: made)
    monkeypatch.setattr(trouble, "_answers", made.answers)
    monkeypatch.setattr(trouble, "diagnose", lambda *_, vague: made.diagnose())
    monkeypatch.setattr(trouble, "_outages", trouble._Outages())
    monkeypatch.setattr(trouble, "_PAUSE_S", 0.001)
    yield made
    made.there.set()
    made.end_of_watch()


def refused(milliseconds: int) -> KafkaError:
    said = f"{REFUSED} (after {milliseconds}ms in state CONNECT, 3 identical error(s) suppressed)"
    return KafkaError(KafkaError._TRANSPORT, said)


def down() -> KafkaError:
    return KafkaError(KafkaError._ALL_BROKERS_DOWN, "2/2 brokers are down")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of this module's brokers; an outage of an earlier test may still be going on."""
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    return [line for line in said if line.startswith(("brokers a:1,", "brokers other:1 "))]


def test_an_outage_of_many_clients_is_told_once_and_when_it_is_over(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    clients = [Trouble(BROKERS, Security()) for _ in range(3)]
    for number in range(20):
        for client in clients:
            client(refused(number))
            client(down())
        assert cluster.asked.acquire(timeout=TIMEOUT_S)
    assert {client.last for client in clients} == {REFUSED}
    cluster.there.set()
    cluster.end_of_watch()
    begin, end = warnings(caplog)
    assert begin == f"brokers a:1, b:2 cannot be reached: {REFUSED}; trying again"
    assert end.startswith("brokers a:1, b:2 are back after ")
    assert {client.last for client in clients} == {""}


def test_two_outages_are_told_twice(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    client = Trouble(BROKERS, Security())
    for _ in range(2):
        cluster.there.clear()
        client(refused(0))
        assert cluster.asked.acquire(timeout=TIMEOUT_S)
        cluster.there.set()
        cluster.end_of_watch()
    assert len(warnings(caplog)) == 4


def test_a_client_that_lost_its_connection_for_a_moment_is_not_told(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.there.set()
    Trouble(BROKERS, Security())(refused(0))
    cluster.end_of_watch()
    assert warnings(caplog) == []


def test_brokers_of_the_parent_are_left_to_it(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    trouble._outages.leave_to_others(BROKERS)
    for brokers in (BROKERS, ("other:1",)):
        Trouble(brokers, Security())(refused(0))
        assert cluster.asked.acquire(timeout=TIMEOUT_S)
    deadline = time.monotonic() + TIMEOUT_S
    while not warnings(caplog) and time.monotonic() < deadline:
        cluster.asked.acquire(timeout=TIMEOUT_S)
    cluster.there.set()
    cluster.end_of_watch()
    assert {line.split()[1] for line in warnings(caplog)} == {"other:1"}


def test_brokers_that_nobody_needs_any_more_are_asked_no_more(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "_FORGOTTEN_S", 0.01)
    Trouble(BROKERS, Security())(refused(0))
    cluster.end_of_watch()
    assert not trouble._outages._outages


def test_what_is_no_outage_is_told_at_most_twice_a_minute(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    client = Trouble(BROKERS, Security())
    for _ in range(5):
        client(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not for you"))
    assert warnings(caplog) == ["brokers a:1, b:2: not for you"]


def test_what_was_found_out_is_what_is_told_and_kept(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.diagnosis = Diagnosis("a:1 has a certificate that has expired", refused=True)
    client = Trouble(BROKERS, Security())
    client(refused(0))
    for _ in range(3):
        assert cluster.asked.acquire(timeout=TIMEOUT_S)
    client(refused(1))
    assert (client.last, client.refused) == (cluster.diagnosis.reason, True)
    cluster.there.set()
    cluster.end_of_watch()
    assert [line.partition(": ")[2] for line in warnings(caplog)] == [
        "a:1 has a certificate that has expired; trying again",
        "",
    ]
    assert (client.last, client.refused) == ("", False)


def test_what_is_found_out_later_is_told_as_well(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    Trouble(BROKERS, Security())(refused(0))
    for _ in range(3):
        assert cluster.asked.acquire(timeout=TIMEOUT_S)
    cluster.diagnosis = Diagnosis("a:1 does not speak TLS")
    for _ in range(3):
        assert cluster.asked.acquire(timeout=TIMEOUT_S)
    cluster.there.set()
    cluster.end_of_watch()
    first, second, _ = warnings(caplog)
    assert REFUSED in first
    assert "a:1 does not speak TLS" in second


@pytest.mark.parametrize(
    ("code", "expected"),
    [(KafkaError._AUTHENTICATION, True), (KafkaError._TRANSPORT, False)],
)
def test_wrong_passwords_are_refusals(cluster: Cluster, code: int, expected: bool) -> None:
    client = Trouble(BROKERS, Security())
    client(KafkaError(code, "said"))
    client(down())
    assert (client.refused, client.last) == (expected, "said")


def test_groups_are_not_used_and_need_no_right(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    client = Trouble(BROKERS, Security())
    client(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "not for you"))
    assert (client.last, warnings(caplog)) == ("", [])


def test_a_guess_is_told_when_it_has_come_thrice(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    """A broker that is just coming back looks like one that wants a password."""
    client = Trouble(BROKERS, Security())
    for guesses, lines in ((2, 1), (4, 2)):
        cluster.diagnosis = Diagnosis("it wants a password", guess=True)
        cluster.diagnoses = guesses
        client(down())
        while cluster.diagnoses:
            assert cluster.asked.acquire(timeout=TIMEOUT_S)
        cluster.there.set()
        cluster.end_of_watch()
        said = [line for line in warnings(caplog) if "cannot be reached" in line]
        assert len(said) == lines
        assert ("it wants a password" in said[-1]) is (guesses > 2)
        cluster.there.clear()
        caplog.clear()


def test_at_the_end_of_the_process_nobody_watches_any_more(cluster: Cluster) -> None:
    Trouble(BROKERS, Security())(refused(0))
    assert cluster.asked.acquire(timeout=TIMEOUT_S)
    trouble._outages.close()
    cluster.end_of_watch()
    Trouble(("other:1",), Security())(refused(0))
    assert not trouble._outages._outages
