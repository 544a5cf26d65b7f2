"""The same for asyncio::

    async with await brot.aio.connect("ipc:///run/brot/clients") as service:
        counts = await service.render("seahorse", (1920, 1080), format="iterations")
        async for y, rows in service.submit("home", (8192, 8192)).stream():
            ...

What a service does it does in a thread of its own anyway; here it is waited for without blocking
the event loop, of which there may be several. The end of a task that waits for render() or image()
cancels the job; of one that waits for rows of stream(), a job of one's own.
"""

from __future__ import annotations

import asyncio
import copy
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from . import _limits, _questions
from . import service as _service
from ._checks import callback, seconds
from ._formats import Array, Result
from ._places import ViewLike
from ._wire import Type
from .errors import Error
from .image import Image
from .job import BITS_S, Job, Patience, ProgressCallback
from .request import Request

T = TypeVar("T")


async def _in_thread(call: Callable[..., T], *arguments: Any, **words: Any) -> T:
    return await asyncio.to_thread(functools.partial(call, *arguments, **words))


class _Bell:
    """A future of the running event loop that any thread may ring, once or more often."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.rung: asyncio.Future[Any] = self._loop.create_future()

    def ring(self, value: object) -> None:
        def set_() -> None:
            if not self.rung.done():
                self.rung.set_result(value)
        try:
            self._loop.call_soon_threadsafe(set_)
        except RuntimeError:
            pass  # that loop is closed: nobody waits any more


async def _ask(service: _service.Service, type_: Type, body: dict[str, Any], *,
               watches_handshake: bool = False) -> dict[str, Any]:
    bell = _Bell()
    service._question(type_, body, bell.ring, watches_handshake)
    answer: dict[str, Any] | Error = await bell.rung
    if isinstance(answer, Error):
        raise copy.copy(answer)
    return answer


async def connect(url: str | None = None, *, key: Any = None, server_key: Any = None,
                  insecure: bool = False, timeout: float | None = None,
                  client: str | None = None) -> AsyncService:
    """As :func:`brot.connect`."""
    service = _service.prepare(url, key, server_key, insecure, timeout, client)
    try:
        await _ask(service, Type.STATUS, {}, watches_handshake=True)
    except BaseException:
        service._loop.abandon()
        raise
    return AsyncService(service)


class AsyncJob:
    """A :class:`brot.Job` that is awaited: ``await job`` is ``await job.result()``. ``job`` is the
    other one, whose methods that do not wait may be used."""

    def __init__(self, job: Job) -> None:
        self.job = job

    @property
    def id(self) -> int:
        """As :attr:`brot.Job.id`."""
        return self.job.id

    def cancel(self) -> bool:
        """As :meth:`brot.Job.cancel`, at once."""
        return self.job.cancel()

    async def _changed(self, seen: int, wait_s: float | None) -> None:
        """Waits for a change after that one, or so long."""
        bell = _Bell()
        forget = self.job._listen(bell.ring)
        try:
            if self.job._changes == seen and wait_s != 0:
                await asyncio.wait([bell.rung], timeout=wait_s)
        finally:
            forget()

    async def _wait(self, patience: Patience) -> None:
        while not self.job.done():
            seen = self.job._changes
            if self.job.done():
                break
            await self._changed(seen, patience.left())

    async def result(self, timeout: float | None = None) -> Result:
        """As :meth:`brot.Job.result`."""
        await self._wait(Patience(self.job, timeout))
        return await _in_thread(self.job.result)

    async def planes(self, timeout: float | None = None) -> dict[str, Array]:
        """As :meth:`brot.Job.planes`."""
        await self._wait(Patience(self.job, timeout))
        return self.job.planes()

    async def image(self, timeout: float | None = None) -> Image:
        """As :meth:`brot.Job.image`."""
        await self._wait(Patience(self.job, timeout))
        return await _in_thread(self.job.image)

    async def release(self) -> None:
        """As :meth:`brot.Job.release`."""
        if self.job.id:
            await AsyncService(self.job._service).release(self.job.id)

    def __await__(self) -> Any:
        return self.result().__await__()

    async def stream(self, timeout: float | None = None) -> AsyncIterator[tuple[int, Result]]:
        """As :meth:`brot.Job.stream`."""
        patience, given = Patience(self.job, timeout), np.zeros(0, np.bool_)
        while True:
            seen = self.job._changes
            try:
                found, given, is_last = await _in_thread(self.job._fresh_rows, given)
            except asyncio.CancelledError:
                self._give_up()
                raise
            for row in found:
                yield row
            if is_last:
                return
            left = patience.left()
            if self.job._image is not None:  # a bit of a mapped image makes no sound
                left = BITS_S if left is None else min(left, BITS_S)
            try:
                await self._changed(seen, left)
            except asyncio.CancelledError:
                self._give_up()
                raise

    def _give_up(self) -> None:
        if self.job._is_own:
            self.job.cancel()


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
        return await self._see_through(AsyncJob.result, view, size, timeout, progress, words)

    async def image(self, view: ViewLike | Request = None, size: Sequence[int] | None = None, *,
                    timeout: float | None = None, progress: ProgressCallback | None = None,
                    **words: Any) -> Image:
        """As :meth:`brot.Service.image`. The end of the task cancels the job."""
        return await self._see_through(AsyncJob.image, view, size, timeout, progress, words)

    async def _see_through(self, take: Callable[[AsyncJob, float | None], Coroutine[Any, Any, T]],
                           view: ViewLike | Request, size: Sequence[int] | None,
                           timeout: float | None, progress: ProgressCallback | None,
                           words: dict[str, Any]) -> T:
        wait_s = seconds("timeout", timeout)
        if progress is not None:
            callback("progress", progress)
        job = self.submit(view, size, **words)
        try:
            if progress is not None:
                job.job.add_progress_callback(progress)
            return await take(job, wait_s)
        except BaseException:
            job.cancel()
            raise

    async def jobs(self) -> list[dict[str, Any]]:
        """As :meth:`brot.Service.jobs`."""
        return await self._answer(_questions.jobs())

    async def workers(self) -> list[dict[str, Any]]:
        """As :meth:`brot.Service.workers`."""
        return await self._answer(_questions.workers())

    async def status(self) -> dict[str, Any]:
        """As :meth:`brot.Service.status`."""
        return await self._answer(_questions.status())

    async def history(self, limit: int = _limits.HISTORY, before: int | None = None
                      ) -> list[dict[str, Any]]:
        """As :meth:`brot.Service.history`."""
        return await self._answer(_questions.history(limit, before))

    async def cancel(self, job: int) -> None:
        """As :meth:`brot.Service.cancel`."""
        await self._answer(_questions.of_job(Type.CANCEL_JOB, job))

    async def release(self, job: int) -> None:
        """As :meth:`brot.Service.release`."""
        await self._answer(_questions.of_job(Type.RELEASE, job))

    async def pause(self, job: int) -> None:
        """As :meth:`brot.Service.pause`."""
        await self._answer(_questions.of_job(Type.PAUSE, job))

    async def resume(self, job: int) -> None:
        """As :meth:`brot.Service.resume`."""
        await self._answer(_questions.of_job(Type.RESUME, job))

    async def retry(self, job: int) -> None:
        """As :meth:`brot.Service.retry`."""
        await self._answer(_questions.of_job(Type.RETRY, job))

    async def priority(self, job: int, priority: int) -> None:
        """As :meth:`brot.Service.priority`."""
        await self._answer(_questions.priority(job, priority))

    async def drain(self, worker: str) -> int:
        """As :meth:`brot.Service.drain`."""
        return await self._answer(_questions.drain(worker))

    async def _answer(self, question: _questions.Question[T]) -> T:
        return question.read(await _ask(self.service, question.type, question.body))

    async def close(self) -> None:
        """As :meth:`brot.Service.close`."""
        await _in_thread(self.service.close)

    async def __aenter__(self) -> AsyncService:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        traceback: TracebackType | None) -> None:
        await self.close()
