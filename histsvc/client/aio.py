"""The client for asyncio: the same verbs, each in a thread of its own while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from histsvc.client.client import Client
from histsvc.client.following import Following
from histsvc.client.followings import HistogramFollowing
from histsvc.client.received import Histogram
from histsvc.protocol.heartbeat import Heartbeat
from histsvc.settings import KafkaSettings

T = TypeVar("T")
F = TypeVar("F", bound="AsyncFollowing[Any]")
# How long a thread waits at once: who cancels does not wait longer for it.
_SLICE_S = 0.1
_MOST_COMMANDS = 16


class AsyncFollowing(Generic[T]):
    """What Following does, for ``async for`` and ``await``; one task at a time."""

    def __init__(self, make: Callable[[], Following[T]]) -> None:
        self._make = make
        self._following: Following[T] | None = None
        self._thread = ThreadPoolExecutor(1, "follow")
        self._slice: Future[list[T]] | None = None

    @property
    def latest(self) -> Mapping[str, T]:
        """The newest of each name that was seen."""
        return dict(self._following.latest) if self._following is not None else {}

    @property
    def ignored(self) -> int:
        """How many messages could not be read."""
        return self._following.ignored if self._following is not None else 0

    async def poll(self, timeout_s: float) -> list[T]:
        """The newest of each name that has changed, waiting no longer than about `timeout_s`."""
        end_s = asyncio.get_running_loop().time() + timeout_s
        while True:
            left_s = end_s - asyncio.get_running_loop().time()
            if self._slice is None:
                self._slice = self._thread.submit(self._poll, max(0.0, min(_SLICE_S, left_s)))
            try:
                # Who is cancelled here loses nothing: the next poll takes what this one was waiting for.
                changed = await asyncio.shield(asyncio.wrap_future(self._slice))
            except Exception:
                self._slice = None  # or the next poll would be told of it again
                raise
            self._slice = None
            if changed or left_s <= _SLICE_S:
                return changed

    async def __aiter__(self) -> AsyncIterator[T]:
        """Every change, waiting for the next one."""
        while True:
            for each in await self.poll(1.0):
                yield each

    def _poll(self, timeout_s: float) -> list[T]:
        if self._following is None:
            self._following = self._make()
        return self._following.poll(timeout_s)

    def close(self) -> None:
        """End the thread; the connections are the client's."""
        self._thread.shutdown()


class AsyncHistogramFollowing(AsyncFollowing[Histogram]):
    """What HistogramFollowing does."""

    def __init__(self, make: Callable[[], HistogramFollowing]) -> None:
        super().__init__(make)
        self._complete = False

    @property
    def complete(self) -> bool:
        """Whether everything was there, with the last poll, that is named, or that heartbeats tell of."""
        return self._complete

    def _poll(self, timeout_s: float) -> list[Histogram]:
        try:
            return super()._poll(timeout_s)
        finally:
            # Found out in the thread that follows: nobody else may look at what it changes.
            if isinstance(self._following, HistogramFollowing):
                self._complete = self._following.complete


class AsyncClient:
    """Talks to a service, see Client; to be used in an ``async with`` statement."""

    def __init__(
        self,
        brokers: str | Sequence[str] | KafkaSettings,
        command_topic: str = "",
        response_topic: str = "",
        heartbeat_topic: str = "",
        *,
        service_id: str = "",
    ) -> None:
        self._client = Client(brokers, command_topic, response_topic, heartbeat_topic, service_id=service_id)
        self._threads = ThreadPoolExecutor(_MOST_COMMANDS, "command")
        self._followings: list[AsyncFollowing[Any]] = []

    async def __aenter__(self) -> Self:
        """Nothing is connected before it is needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of all connections."""
        await self.close()

    async def close(self) -> None:
        """Let go of all connections, those of followings as well."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        for following in self._followings:
            following.close()
        self._threads.shutdown()
        self._client.close()

    async def send(self, command: Mapping[str, Any], timeout_s: float = 6.0) -> dict[str, Any]:
        """See Client.send; several may be under way at once."""
        return await self._in_thread(partial(self._client.send, command, timeout_s))

    async def post(self, command: Mapping[str, Any]) -> None:
        """See Client.post."""
        await self._in_thread(partial(self._client.post, command))

    def follow(
        self, ids: str | Sequence[str] = "*", topics: str | Sequence[str] = (), *, keep_finished: bool = False
    ) -> AsyncHistogramFollowing:
        """See Client.follow; connects with the first poll."""
        follow = partial(self._client.follow, ids, topics, keep_finished=keep_finished)
        return self._followed(AsyncHistogramFollowing(follow))

    def heartbeats(self) -> AsyncFollowing[Heartbeat]:
        """See Client.heartbeats; connects with the first poll."""
        return self._followed(AsyncFollowing(self._client.heartbeats))

    def _followed(self, following: F) -> F:
        self._followings.append(following)
        return following

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
