"""Sends the commands of the demo, each between two messages of events, so that the judge can follow."""

from __future__ import annotations

from histsvc.cli.demo.oracle import Oracle
from histsvc.cli.demo.script import EVENTS, Step
from histsvc.cli.demo.show import Said
from histsvc.client import Client
from histsvc.clock import Clock, Deadline
from histsvc.errors import CommandError

_CAUGHT_UP_S = 10.0


class Director:
    """Tells the service what the script says and the oracle what has become of it."""

    def __init__(self, client: Client, oracle: Oracle, clock: Clock) -> None:
        self._client = client
        self._oracle = oracle
        self._clock = clock
        client.send({"cmd": "ping"})  # the first message of a producer takes longer than any other
        self._begun_s = clock.monotonic_s()

    def do(self, step: Step) -> Said:
        """Do one step: the ACK or ERR; raises TimeoutError and BrokerError."""
        with self._oracle.held():
            cmd = step.command["cmd"]
            if cmd == "reset_counts":
                self._wait_until_all_is_counted()
            begun_s = self._clock.monotonic_s()
            try:
                reply = self._client.send(step.command)
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

    def _wait_until_all_is_counted(self) -> None:
        """What was sent before a reset must not be counted after it."""
        deadline = Deadline(self._clock, _CAUGHT_UP_S)
        while not deadline.expired():
            infos = self._client.send({"cmd": "status"})["histograms"]
            read = [sum(info["offsets"].get(EVENTS, {}).values()) for info in infos]
            if min(read, default=0) >= self._oracle.delivered:
                return
        raise TimeoutError("the service did not catch up with the events")
