"""A job at a broker, in the manner of ``concurrent.futures.Future``."""

from __future__ import annotations

import copy
import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _checks, _formats, _lazy, _native
from ._checks import seconds, whole
from ._formats import Array, Result
from ._notice import Progress, Summary
from ._rows import runs
from ._shm import MappedImage
from ._sink import JobSink
from .errors import Cancelled, Error, TimeoutError
from .request import Request

if TYPE_CHECKING:
    from .image import Image
    from .service import Service

log = logging.getLogger("brot")

BITS_S = 0.02  # how often the rows of a mapped image are looked at, while somebody streams them

Rows = npt.NDArray[np.bool_]
ProgressCallback = Callable[[Progress], object]
DoneCallback = Callable[["Job"], object]


class _Seen(NamedTuple):
    """What is there of a job at one moment."""

    ready: Rows  # one for each row, or none where nothing is known of any
    is_done: bool
    take: Callable[[int, int], Result]  # of rows that are ready


class Job:
    """One request at a broker. :meth:`brot.Service.submit` makes it; any thread may use it.

    Callbacks are called in a thread of brot's (or at once, where what they wait for has happened):
    they must not wait for anything, and what would wait for a broker is an Error there. What they
    raise is logged.

    A job of one's own ends with the last reference to it, unless it is done, kept, or has
    callbacks. It is no ``concurrent.futures.Future``: what wants one of these does not take it;
    :mod:`brot.aio` is for asyncio.
    """

    def __init__(self, service: Service, request: Request | None, numbers: Request | None,
                 is_own: bool) -> None:
        self._service = service  # which lives as long as somebody waits for a job of its
        self._picture = request if numbers is not None else None
        self._request = request
        self._is_own = is_own
        self._sink = JobSink(self)
        self._listeners: list[DoneCallback] = []  # of brot's own: they keep nothing alive
        self._changes = 0
        self._condition = threading.Condition()
        self._id = 0
        self._progress: Progress | None = None
        self._image: MappedImage | None = None
        self._arrays: list[Array] | None = None  # of all planes; complete once _summary is there
        self._ready = np.zeros(0, np.bool_)
        self._summary: Summary | None = None
        self._is_mapped = False
        self._result: Result | None = None
        self._error: Error | None = None
        self._done_callbacks: list[DoneCallback] = []
        self._progress_callbacks: list[ProgressCallback] = []

    # What is known

    @property
    def id(self) -> int:
        """Its number at the broker; 0 before that has accepted it. A broker that lost it may give
        it another."""
        return self._id

    @property
    def request(self) -> Request | None:
        """What was submitted or, attached to, what the broker says; None before it does."""
        return self._request

    @property
    def summary(self) -> Summary | None:
        """What the job took, once it is done."""
        return self._summary

    @property
    def is_shared(self) -> bool:
        """Whether the pixels are read in the broker's memory, and no copy of them was made."""
        return self._is_mapped

    def progress(self) -> Progress | None:
        """How far it is, as the broker said last, about twice a second."""
        return self._progress

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._summary is not None or self._error is not None

    def running(self) -> bool:
        """Whether workers have begun with it, and it has not ended."""
        progress = self._progress
        return not self.done() and progress is not None and progress.state == "running"

    def cancelled(self) -> bool:
        """Whether somebody has asked for its end."""
        return isinstance(self._error, Cancelled)

    # What is wanted

    def cancel(self) -> bool:
        """Ends the job at the broker, whoever has submitted it. False where it has ended already.
        Does not wait: result() raises :class:`brot.Cancelled` when it is over."""
        if self.done():
            return False
        self._service._cancel(self)
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it has ended within so many seconds. A KeyboardInterrupt meanwhile cancels a job
        of one's own."""
        with self._interruptible():
            return self._wait(self.done, timeout)

    def result(self, timeout: float | None = None) -> Result:
        """The array, read-only: see :meth:`brot.Service.render`. Waits for so many seconds at most
        until the job is done; what is coloured here takes its time after that. A KeyboardInterrupt
        meanwhile cancels a job of one's own."""
        self._wait_done(timeout)
        self._raise()
        if self._result is None:
            result = self._make_result()
            with self._condition:
                self._result = self._result if self._result is not None else result
        return self._result

    def exception(self, timeout: float | None = None) -> Error | None:
        """The error that result() raises, None where there is none."""
        self._wait_done(timeout)
        return self._error

    def planes(self, timeout: float | None = None) -> dict[str, Array]:
        """The planes as the broker has them, by their names (``density``, ``density1`` and
        ``density2`` of three)."""
        self._wait_done(timeout)
        self._raise()
        assert self._arrays is not None and self._request is not None
        wanted = self._request.numbers() if self._picture is not None else self._request
        assert wanted is not None
        return _formats.named(_formats.by_name(wanted.format), self._arrays)

    def image(self, timeout: float | None = None) -> Image:
        """The result with its request: what a notebook shows."""
        from .image import Image
        result = self.result(timeout)
        assert self._request is not None
        return Image(result, self._request, planes=self.planes())

    def release(self) -> None:
        """Has the broker forget a job that is kept, or another's, once it is done. The arrays stay.
        Any other job is forgotten by itself when its arrays are gone."""
        if self._id:
            self._service.release(self._id)

    def add_done_callback(self, callback: DoneCallback) -> None:
        """Calls it with the job when that has ended."""
        _checks.callback("callback", callback)
        with self._condition:
            if not self.done():
                self._sink.keep()
                self._done_callbacks.append(callback)
                return
        _call(callback, self)

    def add_progress_callback(self, callback: ProgressCallback) -> None:
        """Calls it with each :class:`brot.Progress`."""
        _checks.callback("callback", callback)
        with self._condition:
            if not self.done():
                self._sink.keep()
                self._progress_callbacks.append(callback)

    def stream(self, timeout: float | None = None) -> Iterator[tuple[int, Result]]:
        """Yields (y, rows) as rows are done: the number of the first one, and what result() has, of
        these rows, read-only. Each row once, in the order in which they are rendered.

        On the broker's host that is while the job runs. Elsewhere a picture in one piece can be
        read when all of it is done, and one in bands band by band; what is coloured here as a whole
        (a Buddhabrot, histogram, relief) always at its end.

        A KeyboardInterrupt while it waits cancels a job of one's own. Who leaves the loop early,
        however, may want the result still: the job goes on until cancel(), or until nobody refers
        to it.
        """
        patience = Patience(self, timeout)
        given = np.zeros(0, np.bool_)
        while True:
            found, given, is_last = self._fresh_rows(given)
            yield from found
            if is_last:
                return
            patience.wait_rows()

    def rows(self, first: int, rows: int, timeout: float | None = None) -> Result:
        """These rows of the result, as soon as they are there: see stream(). RequestError where the
        picture has no such rows."""
        patience = Patience(self, timeout)
        while True:
            seen = self._see()
            if seen.ready.size:
                height = seen.ready.size
                first = whole("first", first, 0, height - 1)
                rows = whole("rows", rows, 1, height - first)
                if seen.ready[first:first + rows].all():
                    return seen.take(first, rows)
            patience.wait_rows()

    def dask(self, rows: int | None = None) -> Any:
        """The result as a ``dask.array.Array`` (of format raw a dict of these) in chunks of so many
        whole rows, each of which waits, when it is computed, for its own rows alone. The threads of
        this process can compute it, no other process. Waits until the broker has accepted a job
        that was attached to. What the job fails with is raised by the chunks."""
        with self._interruptible():
            self._wait(lambda: self._request is not None or self.done(), None)
        if self._request is None:
            self._raise()
        assert self._request is not None
        return _lazy.array_of(self._request, rows, self.rows, secrets.token_hex(16))

    # In whatever thread waits

    def _raise(self) -> None:
        """The error, where there is one: each time another, as it collects the frames of callers
        that it passes through, with all they hold."""
        if self._error is not None:
            raise copy.copy(self._error)

    def _listen(self, listener: DoneCallback) -> Callable[[], None]:
        """Has it called at each change, but for progress. Answers what ends that."""
        with self._condition:
            self._listeners = [*self._listeners, listener]

        def forget() -> None:
            with self._condition:
                self._listeners = [one for one in self._listeners if one is not listener]
        return forget

    def _interruptible(self) -> _CancelOnInterrupt:
        return _CancelOnInterrupt(self)

    def _wait(self, is_so: Callable[[], bool], timeout: float | None) -> bool:
        """Whether it has become so within that time."""
        wait_s = seconds("timeout", timeout)
        if not is_so():
            self._service._loop.check_may_wait()
        with self._condition:
            return self._condition.wait_for(is_so, wait_s)

    def _wait_done(self, timeout: float | None) -> None:
        if not self.wait(timeout):
            raise TimeoutError(f"job {self._id} is not done within {timeout:g} s")

    def _make_result(self) -> Result:
        assert self._arrays is not None and self._request is not None
        if self._picture is not None:
            return _native.colour(self._picture, self._arrays)
        return _formats.by_name(self._request.format).assemble(self._arrays)

    def _fresh_rows(self, given: Rows) -> tuple[list[tuple[int, Result]], Rows, bool]:
        """The rows that are there and not yet given, those that are given then, and whether these
        are all. Raises the job's error."""
        seen = self._see()
        if not seen.ready.size:
            return [], given, False
        if given.size != seen.ready.size:
            given = np.zeros(seen.ready.size, np.bool_)
        found = [(first, seen.take(first, rows)) for first, rows in runs(seen.ready & ~given)]
        return found, given | seen.ready, seen.is_done

    def _see(self) -> _Seen:
        """The rows that are there now. Raises the job's error."""
        with self._condition:
            self._raise()
            is_done, image, arrays = self._summary is not None, self._image, self._arrays
            request, ready = self._request, self._ready.copy()
        if request is None or (self._picture is not None and not is_done):
            return _Seen(np.zeros(0, np.bool_), False, _no_rows)
        height = request.size[1]
        if self._picture is not None:
            return _Seen(np.ones(height, np.bool_), True, functools.partial(_cut, self.result()))
        if is_done:
            ready = np.ones(height, np.bool_)
        elif image is not None:
            ready, arrays = image.done_rows(), image.arrays
        if arrays is None or ready.size != height:
            return _Seen(np.zeros(0, np.bool_), False, _no_rows)
        return _Seen(ready, is_done, functools.partial(_assembled, request.format, arrays))

    # In the loop's thread

    def _change(self) -> None:
        with self._condition:
            self._changes += 1
            self._condition.notify_all()
            listeners = self._listeners
        for listener in listeners:
            _call(listener, self)

    def _on_accepted(self, job: int, request: Request, image: MappedImage | None) -> None:
        with self._condition:
            self._id, self._image = job, image
            if self._picture is None:
                self._request = request
        self._change()

    def _on_progress(self, progress: Progress) -> None:
        with self._condition:
            self._progress = progress
            callbacks = list(self._progress_callbacks)
        for callback in callbacks:
            _call(callback, progress)

    def _on_rows(self, arrays: list[Array], first: int, rows: int) -> None:
        with self._condition:
            if self._ready.size != arrays[0].shape[0]:
                self._ready = np.zeros(arrays[0].shape[0], np.bool_)
            self._arrays = arrays
            self._ready[first:first + rows] = True
        self._change()

    def _on_done(self, arrays: list[Array], summary: Summary, is_mapped: bool) -> None:
        self._end(functools.partial(self._set_done, arrays, summary, is_mapped))

    def _on_failed(self, error: Error) -> None:
        self._end(functools.partial(setattr, self, "_error", error.with_traceback(None)))

    def _set_done(self, arrays: list[Array], summary: Summary, is_mapped: bool) -> None:
        self._arrays, self._is_mapped, self._image = arrays, is_mapped, None
        self._summary = summary

    def _end(self, set_: Callable[[], object]) -> None:
        with self._condition:
            set_()
            callbacks, self._done_callbacks = self._done_callbacks, []
            self._progress_callbacks = []
        self._change()
        for callback in callbacks:
            _call(callback, self)

    def __repr__(self) -> str:
        state = ("failed" if self._error is not None else "done" if self.done()
                 else self._progress.state if self._progress is not None else "submitted")
        return f"<brot.Job {self._id} {state}>"


class Patience:
    """Waits for rows of a job, so long in all. TimeoutError."""

    def __init__(self, job: Job, timeout: float | None) -> None:
        self._job, self._timeout = job, seconds("timeout", timeout)
        self._end_s = None if self._timeout is None else time.monotonic() + self._timeout

    def left(self) -> float | None:
        """Seconds, None: without end. TimeoutError once it is over."""
        if self._end_s is None:
            return None
        left = self._end_s - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"job {self._job.id} is not done within {self._timeout:g} s")
        return left

    def wait_rows(self) -> None:
        """Until there may be more."""
        job, left = self._job, self.left()
        # A bit of a mapped image makes no sound.
        looks = [wait_s for wait_s in (left, BITS_S if job._image is not None else None)
                 if wait_s is not None]
        job._service._loop.check_may_wait()
        with job._interruptible(), job._condition:
            if not job.done():
                job._condition.wait(min(looks, default=None))


class _CancelOnInterrupt:
    """Cancels a job of one's own at Ctrl-C."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt) and self._job._is_own:
            self._job.cancel()


def _no_rows(first: int, rows: int) -> Result:
    raise AssertionError(f"rows {first}+{rows} are not there")


def _cut(whole_: Result, first: int, rows: int) -> Result:
    assert isinstance(whole_, np.ndarray)
    return whole_[first:first + rows]


def _assembled(format_: str, arrays: list[Array], first: int, rows: int) -> Result:
    parts = [array[first:first + rows] for array in arrays]
    _formats.freeze(parts)
    return _formats.by_name(format_).assemble(parts)


def _call(callback: Callable[[Any], object], value: object) -> None:
    try:
        callback(value)
    except BaseException:  # pylint: disable=broad-except
        log.exception("a callback of a job failed")
