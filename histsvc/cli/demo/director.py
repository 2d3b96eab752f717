"""Sends the commands of the demo, each between two messages of events, so that the judge can follow."""

from __future__ import annotations

import uuid

from histsvc.cli.demo.oracle import Oracle
from histsvc.cli.demo.script import EVENTS, Step
from histsvc.cli.demo.show import Said
from histsvc.client import Client
from histsvc.clock import Clock, Deadline
from histsvc.errors import CommandError

_CAUGHT_UP_S = 10.0


class Director:
    """Tells the service what the script says and the oracle what has become of it.

    The `msg_id` of its commands begin with `own`; that of the last one is `last_id`.
    """

    def __init__(self, client: Client, oracle: Oracle, clock: Clock) -> None:
        self._client = client
        self._oracle = oracle
        self._clock = clock
        self.own = uuid.uuid4().hex
        self.last_id = ""
        self._sent = 0
        client.send({"cmd": "ping"})  # the first message of a producer takes longer than any other
        self._begun_s = clock.monotonic_s()

    def do(self, step: Step) -> Said:
        """Do one step: the ACK or ERR; raises TimeoutError and BrokerError."""
        with self._oracle.held():
            cmd = step.command["cmd"]
            begun_s = self._clock.monotonic_s()
            try:
                if cmd == "reset_counts":
                    self._wait_until_all_is_counted(step)
                    begun_s = self._clock.monotonic_s()
                reply = self._client.send({**step.command, "msg_id": self._next_id()})
            except CommandError as error:
                reply = {"response": "ERR", "message": str(error), "code": error.code, "field": error.field}
            else:
                self._tell_oracle(step)
            took_ms = 1000 * (self._clock.monotonic_s() - begun_s)
        return Said(begun_s - self._begun_s, cmd, step.about, reply, took_ms)

    def _tell_oracle(self, step: Step) -> None:
        for name in step.command.get("ids", ()):
            self._oracle.expected[name].clear()
        self._oracle.add(step.command.get("histograms", ()))

    def _next_id(self) -> str:
        self._sent += 1
        self.last_id = f"{self.own}-{self._sent}"
        return self.last_id

    def _wait_until_all_is_counted(self, step: Step) -> None:
        """What was sent before a reset must not be counted after it; raises CommandError and TimeoutError."""
        deadline = Deadline(self._clock, _CAUGHT_UP_S)
        asked = {"cmd": "status", "ids": step.command["ids"]}  # others may have added what never gets there
        while not deadline.expired():
            infos = self._client.send(asked)["histograms"]
            read = [sum(info["offsets"].get(EVENTS, {}).values()) for info in infos]
            if min(read, default=0) >= self._oracle.delivered:
                return
        raise TimeoutError("the service did not catch up with the events")
