"""The same for asyncio::

    async with await brot.aio.connect("ipc:///run/brot/clients") as service:
        counts = await service.render("seahorse", (1920, 1080), format="iterations")
        async for y, rows in service.submit("home", (8192, 8192)).stream():
            ...

What a service does it does in a thread of its own anyway; here it is waited for without blocking
the event loop. The end of a task that waits for render() cancels the job.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from . import service as _service
from ._formats import Result
from ._places import ViewLike
from .errors import TimeoutError
from .image import Image
from .job import BITS_S, Job, ProgressCallback
from .request import Request

T = TypeVar("T")
_LOOK_S = 0.25  # at the rows that came over a socket, which no callback tells of


async def _in_thread(call: Callable[..., T], *arguments: Any, **words: Any) -> T:
    return await asyncio.to_thread(functools.partial(call, *arguments, **words))


async def connect(url: str | None = None, **words: Any) -> AsyncService:
    """As :func:`brot.connect`."""
    return AsyncService(await _in_thread(_service.connect, url, **words))


class AsyncJob:
    """A :class:`brot.Job` that is awaited: ``await job`` is ``await job.result()``. ``job`` is the
    other one, whose methods that do not wait may be used."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._ended: asyncio.Event | None = None  # of the event loop that waited first

    @property
    def id(self) -> int:
        return self.job.id

    def cancel(self) -> bool:
        return self.job.cancel()

    async def _done(self, timeout: float | None) -> None:
        if self._ended is None:
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            self._ended = ended

            def tell(_: Job) -> None:
                try:
                    loop.call_soon_threadsafe(ended.set)
                except RuntimeError:
                    pass  # that loop is closed: nobody waits any more
            self.job.add_done_callback(tell)
        try:
            await asyncio.wait_for(self._ended.wait(), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError(f"job {self.id} is not done within {timeout:g} s") from None

    async def result(self, timeout: float | None = None) -> Result:
        """As :meth:`brot.Job.result`."""
        await self._done(timeout)
        return await _in_thread(self.job.result)

    async def image(self, timeout: float | None = None) -> Image:
        """As :meth:`brot.Job.image`."""
        await self._done(timeout)
        return await _in_thread(self.job.image)

    def __await__(self) -> Any:
        return self.result().__await__()

    async def stream(self) -> AsyncIterator[tuple[int, Result]]:
        """As :meth:`brot.Job.stream`."""
        given = np.zeros(0, np.bool_)
        while True:
            found, given, is_last = self.job._fresh_rows(given)
            for row in found:
                yield row
            if is_last:
                return
            try:
                await self._done(BITS_S if self.job._image is not None else _LOOK_S)
            except TimeoutError:
                pass


class AsyncService:
    """A :class:`brot.Service`, which is ``service``, with what waits to be awaited."""

    def __init__(self, service: _service.Service) -> None:
        self.service = service

    def submit(self, view: ViewLike | Request = None, size: Sequence[int] | None = None,
               **words: Any) -> AsyncJob:
        """As :meth:`brot.Service.submit`, at once."""
        return AsyncJob(self.service.submit(view, size, **words))

    def attach(self, job: int, **words: Any) -> AsyncJob:
        """As :meth:`brot.Service.attach`, at once."""
        return AsyncJob(self.service.attach(job, **words))

    async def render(self, view: ViewLike | Request = None, size: Sequence[int] | None = None, *,
                     timeout: float | None = None, progress: ProgressCallback | None = None,
                     **words: Any) -> Result:
        """As :meth:`brot.Service.render`. The end of the task cancels the job."""
        job = self.submit(view, size, **words)
        return await self._run(job, job.result(timeout), progress)

    async def image(self, view: ViewLike | Request = None, size: Sequence[int] | None = None, *,
                    timeout: float | None = None, progress: ProgressCallback | None = None,
                    **words: Any) -> Image:
        """As :meth:`brot.Service.image`."""
        job = self.submit(view, size, **words)
        return await self._run(job, job.image(timeout), progress)

    @staticmethod
    async def _run(job: AsyncJob, waiting: Coroutine[Any, Any, T],
                   progress: ProgressCallback | None) -> T:
        if progress is not None:
            job.job.add_progress_callback(progress)
        try:
            return await waiting
        except (asyncio.CancelledError, TimeoutError):
            job.cancel()
            raise

    async def jobs(self) -> list[dict[str, Any]]:
        return await _in_thread(self.service.jobs)

    async def workers(self) -> list[dict[str, Any]]:
        return await _in_thread(self.service.workers)

    async def status(self) -> dict[str, Any]:
        return await _in_thread(self.service.status)

    async def close(self) -> None:
        await _in_thread(self.service.close)

    async def __aenter__(self) -> AsyncService:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        traceback: TracebackType | None) -> None:
        await self.close()
