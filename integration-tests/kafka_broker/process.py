"""One Java program out of the broker's jars, which never outlives the tests."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from kafka_broker.errors import BrokerError
from kafka_broker.jars import JARS, have_jars

_STOP_TIMEOUT_S = 10.0
_KILL_TIMEOUT_S = 10.0
_FORMAT_TIMEOUT_S = 60.0
_TAIL_LINES = 30

# With the C1 compiler alone the broker is up in 2.3 s instead of 3.1 s, and takes as many messages a second.
_JVM = ["-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]


def require_java() -> None:
    """Raise `BrokerError`, which says what to do, unless Java and the jars are here."""
    if shutil.which("java") is None:
        raise BrokerError(
            "Java is not installed: run bin/test as root, or install a JRE (Debian: default-jre-headless)"
        )
    if shutil.which("setpriv") is None:
        raise BrokerError("setpriv is not installed: it is part of util-linux 2.33 or newer")
    if not have_jars():
        raise BrokerError(f"no Kafka jars in {JARS}: run bin/test, which fetches them")


def java_command(*arguments: str) -> list[str]:
    """Command that runs a class out of the jars."""
    return ["java", *_JVM, "-cp", f"{JARS}/*", *arguments]


def run_to_end(command: list[str], log: Path) -> None:
    """Run a short program and raise `BrokerError` with what it said if it fails."""
    with log.open("ab") as output:
        try:
            subprocess.run(
                command,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=_FORMAT_TIMEOUT_S,
            )
        except subprocess.SubprocessError as error:
            raise BrokerError(f"{error}\n{tail(log)}") from error


def tail(log: Path) -> str:
    """Last lines of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])


class GroupProcess:
    """A program that leads a process group of its own and is killed when the thread that started it ends.

    The kernel sees to the latter (PR_SET_PDEATHSIG), so it also holds when pytest itself is killed. `setpriv`
    asks for it, and not a `preexec_fn`, which may deadlock in a process with threads, such as librdkafka's.
    """

    def __init__(self, command: list[str], log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, and at the same time the id of its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask the group to end, and end it if it does not within some seconds."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # a test may have frozen it
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the group without asking."""
        self._signal(signal.SIGKILL)
        self._process.wait(_KILL_TIMEOUT_S)

    def _signal(self, signum: signal.Signals) -> None:
        if self.running:
            os.killpg(self.pid, signum)
