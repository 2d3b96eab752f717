"""Apache Kafka's jars: fetched once, kept in .cache/."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from kafka_broker.errors import BrokerError

POM = Path(__file__).with_name("pom.xml")
CACHE = Path(__file__).parents[2] / ".cache"
JARS = CACHE / "kafka-libs"

_DOWNLOAD_TIMEOUT_S = 900


def have_jars() -> bool:
    """Whether the jars that pom.xml names are here, all of them.

    A copy of pom.xml is put beside the jars once they are complete, so a changed version is fetched again.
    """
    mark = JARS / POM.name
    return mark.is_file() and mark.read_bytes() == POM.read_bytes()


def fetch_jars() -> None:
    """Let Maven, as this machine has it configured, copy the jars to `.cache/kafka-libs`."""
    if have_jars():
        return
    CACHE.mkdir(exist_ok=True)
    # Filled under another name and renamed when whole: an interrupted download is never taken for a good one.
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="kafka-libs-") as scratch:
        filling = Path(scratch) / "jars"
        _run_maven(filling)
        shutil.copy(POM, filling)
        shutil.rmtree(JARS, ignore_errors=True)
        filling.rename(JARS)


def _run_maven(target: Path) -> None:
    if shutil.which("mvn") is None:
        raise BrokerError("Maven (mvn) is not installed: it is needed once, to fetch Apache Kafka")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    command = ["mvn", "-B", "-q", "-f", str(POM), *goal]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise BrokerError(f"Maven did not fetch Apache Kafka within {_DOWNLOAD_TIMEOUT_S} s") from error
    if done.returncode:
        raise BrokerError(f"Maven could not fetch Apache Kafka:\n{done.stdout}{done.stderr}")
