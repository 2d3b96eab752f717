"""Fixtures that every test against a real Kafka uses."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from browser import Tab, launched, tab
from dashboard import Dashboard, detector, send, spectrum
from events import EventSender, Sent
from kafka_broker import Broker, BrokerError, MakeTopic
from playwright.sync_api import Browser
from service_process import Service
from started import Started

_LOG_LINES = 100


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a test fails, what the services that run have to say is shown with it."""
    report = yield
    if report.failed:
        for service in Service.running:
            log = "\n".join(service.lines[-_LOG_LINES:])
            report.sections.append((f"log of service {service.process.pid}", log))
    return report


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """One broker for the whole run; tests that stop or kill it make one of their own."""
    try:
        with Broker() as started:
            yield started
    except BrokerError as error:
        # Never a skip: a run without Kafka has tested nothing and must not look green.
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def topic(broker: Broker) -> MakeTopic:
    """`topic("data", partitions=2, config={…})` makes a topic of this test and returns its name."""

    def make(name: str, partitions: int = 1, config: dict[str, str] | None = None) -> str:
        unique = f"{name}-{uuid4().hex[:8]}"
        broker.create_topic(unique, partitions, config)
        return unique

    return make


@pytest.fixture(scope="session")
def shared_service(broker: Broker) -> Iterator[Service]:
    """One service for all tests that do not harm it; a config replaces what ran."""
    started = Service(broker)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture
def service(shared_service: Service) -> Service:
    """The shared service with nothing running."""
    shared_service.client.send({"cmd": "stop"})
    return shared_service


@pytest.fixture
def own_service(broker: Broker) -> Iterator[Callable[..., Service]]:
    """`own_service(*options)` starts a service for this test alone."""
    started: list[Service] = []

    def start(*options: str) -> Service:
        started.append(Service(broker, *options))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.close()


@pytest.fixture(scope="session")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where readers of documents have their clones, and the environment beside them that they all make."""
    return tmp_path_factory.mktemp("readers")


@pytest.fixture
def sender(broker: Broker) -> EventSender:
    """Sends event messages."""
    return EventSender(broker.bootstrap)


@pytest.fixture
def start() -> Iterator[Callable[..., Started]]:
    """`start(*options)` starts a service, which ends with the test."""
    started: list[Started] = []

    def one(*options: str) -> Started:
        started.append(Started(*options))
        return started[-1]

    yield one
    for each in started:
        each.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser; each page of a test is in a window of its own."""
    with launched() as started:
        yield started


@pytest.fixture
def own_dashboard() -> Iterator[Callable[..., Dashboard]]:
    """`own_dashboard(service, *options)` starts a dashboard for this test alone."""
    started: list[Dashboard] = []

    def start(service: Service, *options: str) -> Dashboard:
        started.append(Dashboard(service, *options))
        return started[-1]

    yield start
    for log in [each.close() for each in started]:
        assert "Traceback" not in log, log


@pytest.fixture
def dashboard(own_dashboard: Callable[..., Dashboard], shared_service: Service) -> Dashboard:
    """A dashboard of the shared service that may send commands."""
    return own_dashboard(shared_service, "--allow-commands")


@pytest.fixture
def data(topic: MakeTopic) -> str:
    """A topic for the events of this test."""
    return topic("data")


@pytest.fixture
def detector_page(
    browser: Browser, dashboard: Dashboard, service: Service, sender: EventSender, data: str
) -> Iterator[tuple[Tab, Sent]]:
    """A page that shows the detector, and the events that are in it."""
    sent = Sent()
    service.config([detector(service, data)])
    with tab(browser, dashboard.url) as page:
        send(sender, data, sent)
        page.until_total("detector", sent.events)
        yield page, sent


@pytest.fixture
def spectrum_page(
    browser: Browser, dashboard: Dashboard, service: Service, sender: EventSender, data: str
) -> Iterator[tuple[Tab, Sent]]:
    """A page that shows the spectrum, and the events that are in it."""
    sent = Sent()
    service.config([spectrum(service, data)])
    with tab(browser, dashboard.url) as page:
        send(sender, data, sent)
        page.until_sum("tof", sent.events)
        yield page, sent
