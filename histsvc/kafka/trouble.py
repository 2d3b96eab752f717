"""Why brokers cannot be reached, said once when that begins and once when it is over.

librdkafka tells the reason to a callback of each client, many times, and never that a connection is back. So
the first trouble of any client makes a thread ask the cluster itself, until it answers.
"""

from __future__ import annotations

import atexit
import logging
import re
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from histsvc.errors import BrokerError
from histsvc.kafka.admin import admin_client
from histsvc.kafka.diagnosis import Diagnosis, diagnose
from histsvc.kafka.security import client_config
from histsvc.settings import Security

_log = logging.getLogger(__name__)
_QUIET_S = 30.0
# One question to a cluster that may not answer, and the pause before the next one.
_REQUEST_S = 2.0
_PAUSE_S = 0.5
# No topic can have this name: whether the cluster says so, or that it must not be asked, it answers.
_NOBODYS = "nobody's?"
# How long the end of the process waits for those who watch; a diagnosis may keep one.
_END_S = 0.5
# So often one after the other, a guess is no accident.
_SURE = 3
# Clients that still need a cluster repeat their trouble every 30 s; after this, nobody does.
_FORGOTTEN_S = 90.0
# How long librdkafka tried, and how often, changes from one message to the next.
_HOW_LONG = re.compile(r" \(after \d+ms in state .*\)$")
_UNREACHABLE = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
    }
)
_RETRIABLE = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._NOENT,
        KafkaError._RESOLVE,
        KafkaError._PARTIAL,  # a broker that knows none
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,  # of a broker that has just come back
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
    }
)
_DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,
    }
)


class Trouble:
    """A client's error_cb: remembers the last reason while the brokers cannot be reached."""

    def __init__(self, brokers: tuple[str, ...], security: Security) -> None:
        self.diagnosis = Diagnosis()
        self.code = KafkaError.NO_ERROR
        self._said = ""
        self._brokers = brokers
        self._security = security
        self._logged_s: dict[int, float] = {}

    @property
    def last(self) -> str:
        """Why brokers cannot be reached, empty where they can."""
        return self.diagnosis.reason or self._said

    @property
    def refused(self) -> bool:
        """Whether that is, as far as it was found out, because the brokers and we do not trust each other."""
        return self.diagnosis.refused or self.code == KafkaError._AUTHENTICATION

    def forget(self) -> None:
        """It is over."""
        self.diagnosis, self._said, self.code = Diagnosis(), "", KafkaError.NO_ERROR

    def __call__(self, error: KafkaError) -> None:
        """Take an error as librdkafka gives it."""
        code = error.code()
        if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
            return  # groups are not used; readers must have the name of one
        # That all brokers are down is the consequence, and would hide the reason that came before.
        if code != KafkaError._ALL_BROKERS_DOWN or not self._said:
            self._said, self.code = _HOW_LONG.sub("", error.str()), code
        if code in _UNREACHABLE:
            _outages.note(self, self._brokers, self._security)
        elif time.monotonic() - self._logged_s.get(code, float("-inf")) > _QUIET_S:
            self._logged_s[code] = time.monotonic()
            _log.warning("brokers %s: %s", ", ".join(self._brokers), error.str())


class _Outage:
    """Brokers that cannot be reached, for all clients of this process."""

    def __init__(
        self,
        brokers: tuple[str, ...],
        level: int,
        first: Trouble,
        thread: threading.Thread,
        end: Future[None],
    ) -> None:
        self.troubled = {first}
        self.heard_s = time.monotonic()
        self.thread = thread
        self._brokers = brokers
        self._level = level
        self._first = first
        self._end = end
        self._guesses = 0

    def watch(self, security: Security) -> None:
        """Ask until the cluster answers; where it does at once, one client had a hiccup, and nobody hears."""
        names, begun_s, told = ", ".join(self._brokers), time.monotonic(), ""
        reason, vague = self._first.last, self._first.code == KafkaError._ALL_BROKERS_DOWN
        client = admin_client({**client_config(self._brokers, security), "error_cb": lambda _: None})
        if self._first.code == KafkaError._SSL:
            self._diagnose(security, vague)
        while not (answered := _answers(client, self._end)) and self._is_wanted():
            found = self._diagnose(security, vague)
            if not told or found not in ("", told):
                told = found or reason
                _log.log(self._level, "brokers %s cannot be reached: %s; trying again", names, told)
            wait([self._end], _PAUSE_S)
        if told and answered:
            _log.log(self._level, "brokers %s are back after %.0f s", names, time.monotonic() - begun_s)

    def _is_wanted(self) -> bool:
        return not self._end.done() and time.monotonic() - self.heard_s < _FORGOTTEN_S

    def _diagnose(self, security: Security, vague: bool) -> str:
        found = diagnose(self._brokers, security, vague=vague)
        self._guesses = self._guesses + 1 if found.guess else 0
        if 0 < self._guesses < _SURE:
            found = Diagnosis()
        for trouble in list(self.troubled):
            trouble.diagnosis = found
        return found.reason


class _Outages:
    """The outages of this process, one for each list of brokers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outages: dict[tuple[str, ...], _Outage] = {}
        self._left: set[tuple[str, ...]] = set()
        self._end: Future[None] = Future()

    def leave_to_others(self, brokers: tuple[str, ...]) -> None:
        """Another process says what is the matter with these brokers."""
        self._left.add(brokers)

    def note(self, trouble: Trouble, brokers: tuple[str, ...], security: Security) -> None:
        """A client cannot reach its brokers; the first one sets the watch."""
        with self._lock:
            if self._end.done():
                return
            outage = self._outages.get(brokers) or self._begin(trouble, brokers, security)
            outage.troubled.add(trouble)
            outage.heard_s = time.monotonic()

    def close(self) -> None:
        """Watch no longer; waits a moment for the threads, one of which may be at a diagnosis."""
        with self._lock:
            self._end.set_result(None)
            watches = [outage.thread for outage in self._outages.values()]
        for watch in watches:
            watch.join(_END_S)

    def _begin(self, first: Trouble, brokers: tuple[str, ...], security: Security) -> _Outage:
        level = logging.DEBUG if brokers in self._left else logging.WARNING
        thread = threading.Thread(target=self._watch, args=(brokers, security), name="outage", daemon=True)
        outage = self._outages[brokers] = _Outage(brokers, level, first, thread, self._end)
        thread.start()
        return outage

    def _watch(self, brokers: tuple[str, ...], security: Security) -> None:
        try:
            self._outages[brokers].watch(security)
        finally:
            with self._lock:
                for trouble in self._outages.pop(brokers).troubled:
                    trouble.forget()


_outages = _Outages()
leave_to_others = _outages.leave_to_others
atexit.register(_outages.close)


def _answers(client: AdminClient, end: Future[None]) -> bool:
    """Whether the cluster says anything, be it an error; False also where the end comes first."""
    client.poll(0)
    # Not `describe_cluster`: see KafkaCluster.addresses.
    (asked,) = client.describe_topics(TopicCollection([_NOBODYS]), request_timeout=_REQUEST_S).values()
    wait([asked, end], 2 * _REQUEST_S, FIRST_COMPLETED)
    if not asked.done():
        return False
    try:
        asked.result()
    except KafkaException as error:
        return bool(error.args[0].code() > 0)  # what librdkafka makes up itself is negative
    return True


def broker_error(error: KafkaError, about: str = "") -> BrokerError:
    """Turn librdkafka's error, which may be about a topic, into ours."""
    code = error.code()
    said = f"{about}{error.name()}: {error.str()}"
    return BrokerError(said, retriable=code in _RETRIABLE, denied=code in _DENIED)
