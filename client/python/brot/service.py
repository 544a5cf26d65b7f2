"""A broker, and what can be asked of it."""

from __future__ import annotations

import copy
import os
import queue
import secrets
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from . import _keys, _limits, _native, _questions
from ._actions import Plan
from ._checks import callback, seconds
from ._formats import Result
from ._loop import Loop, as_error
from ._places import ViewLike
from ._sink import let_go
from ._task import JobTask, Question
from ._wire import Type
from .errors import ConnectionError, Error, RequestError
from .image import Image
from .job import Job, ProgressCallback
from .request import Request

SYSTEM_SOCKET = Path("/run/brot/clients")
TIMEOUT_S = 10.0
T = TypeVar("T")
Size = Sequence[int]


def connect(url: str | None = None, *, key: _keys.PathLike | None = None,
            server_key: _keys.PathLike | None = None, insecure: bool = False,
            timeout: float | None = None, client: str | None = None) -> Service:
    """A connection to a broker, which has answered.

    url
        ``tcp://HOST:5570``, ``ipc:///PATH``; without it what ``BROT_BROKER`` says, or else the
        system's. (:func:`brot.cluster` starts one of one's own.)
    key, server_key
        files of certificates, for a broker with keys; or ``BROT_KEY`` and ``BROT_SERVER_KEY``.
    insecure
        allows tcp beyond this host without keys, where anyone may read and write along.
    timeout
        seconds that the broker may be silent before it counts as absent. Without it 10 until its
        first answer, and then no limit: one that is started again is waited for.
    client
        in whose name: the broker shares its workers fairly between names. Each connection has one
        of its own without it.

    ConnectionError: no broker answers; DeniedError: it does not let this user, or this key, in;
    RequestError (a ValueError): the URL or the keys are not so; FileError: a key cannot be read.
    """
    service = prepare(url, key, server_key, insecure, timeout, client)
    try:
        service._ask(Type.STATUS, {}, watches_handshake=True)
    except BaseException:
        service.close()
        raise
    return service


def prepare(url: str | None, key: _keys.PathLike | None, server_key: _keys.PathLike | None,
            insecure: bool, timeout: float | None, client: str | None) -> Service:
    """As connect(), of a broker that nobody has heard yet."""
    silence_s = seconds("timeout", timeout)
    if silence_s == 0:
        raise RequestError(f"timeout: must be over 0 s, got {timeout!r}")
    if url is None:
        url = os.environ.get("BROT_BROKER") or None
    if url is None:
        if not SYSTEM_SOCKET.is_socket():
            raise ConnectionError("no broker is named by url or BROT_BROKER, and none is at "
                                  f"{SYSTEM_SOCKET}; brot.cluster() starts one")
        url = f"ipc://{SYSTEM_SOCKET}"
    keys = _keys.for_url(url, key, server_key, insecure)
    return Service(Loop(url, keys), silence_s, client)


class Service:
    """A broker that :func:`brot.connect` has found. Any thread may use it; it does not survive
    ``fork()`` in the child. It closes at the end of a ``with`` block, by close(), or with the last
    reference to it and its jobs: jobs of its own that are not done, and not kept, end then; of any
    other job it is a ConnectionError, while that goes on. Arrays stay.
    """

    def __init__(self, loop: Loop, timeout: float | None, client: str | None) -> None:
        self._loop = loop
        self._is_patient = timeout is None
        self._timeout_s = TIMEOUT_S if timeout is None else timeout
        self._client = _client_name(client)
        self._finalizer = weakref.finalize(self, loop.abandon)

    @property
    def url(self) -> str:
        """Of its broker."""
        return self._loop.url

    # Rendering

    def render(self, view: ViewLike | Request = None, size: Size | None = None, *,
               timeout: float | None = None, priority: int = 0, keep: bool = False,
               progress: ProgressCallback | None = None, **words: Any) -> Result:
        """Renders a view and returns its pixels, a read-only array:

        =================  ==========================  ======================================
        format             shape                       values
        =================  ==========================  ======================================
        rgb8, rgb16        (height, width, 3)          u1, u2: sRGB
        iterations         (height, width)             u4: least n with abs(z_n) > 2; 0 inside
        smooth             (height, width)             f8: the smooth count; infinity inside
        distance           (height, width, 2)          f4: to the set, pixels; 0 inside
        phase              (height, width)             f4: arg z_n in turns
        density, density32 (height, width)             u8, u4: hits
        nebula, nebula32   (height, width, 3)          u8, u4: hits of three bands
        raw                a dict of arrays by plane   as PROTOCOL.md, section 6, has them
        =================  ==========================  ======================================

        Row 0 is on top. view, size and the other words are those of :class:`brot.Request`. On the
        broker's host an array of one plane is the broker's own memory, not a copy; the broker keeps
        it as long as a view of it is used, but 32 of them at most.

        timeout: seconds for all of it; then the job is cancelled. progress: called with each
        :class:`brot.Progress`. priority, keep: as submit() has them.

        RequestError (a ValueError), TimeoutError, ConnectionError, BusyError, NoSpaceError,
        FailedError, DeniedError, and Cancelled where somebody else has cancelled it. A
        KeyboardInterrupt cancels the job.
        """
        return self._see_through(Job.result, view, size, timeout, progress,
                                 {"priority": priority, "keep": keep, **words})

    def image(self, view: ViewLike | Request = None, size: Size | None = None, *,
              timeout: float | None = None, priority: int = 0, keep: bool = False,
              progress: ProgressCallback | None = None, **words: Any) -> Image:
        """As render(), with the request: a :class:`brot.Image`, which a notebook shows."""
        return self._see_through(Job.image, view, size, timeout, progress,
                                 {"priority": priority, "keep": keep, **words})

    def submit(self, view: ViewLike | Request = None, size: Size | None = None, *,
               priority: int = 0, keep: bool = False, shared: bool = True, **words: Any) -> Job:
        """The same as a job, at once: nothing is waited for, and what is wrong with it at the
        broker is raised by the job's result().

        priority: -100 to 100, among one's jobs the higher ones go first. keep: the job and its
        image stay at the broker, also without this process, until release(). shared: False gets the
        pixels over the socket even where memory could be shared.

        24 jobs of a service are at the broker at a time, beside the images that arrays are in;
        more wait here. Where the broker has no room for one, the oldest of these images is
        released: its arrays stay, in memory that then is this process's alone.
        """
        request = Request.of(view, size, words)
        priority = _questions.priority_of(priority)
        request.json()
        numbers = request.numbers()
        if numbers is not None:
            _native.library()
        wanted = numbers or request
        plan = Plan(self.url, self._timeout_s, self._is_patient, key=secrets.token_hex(16),
                    request=wanted.document, is_kept=keep, priority=priority, client=self._client)
        return self._begin(Job(self, request, numbers, not keep), plan, shared)

    def attach(self, job: int, *, shared: bool = True) -> Job:
        """A job that somebody has submitted, by its number. NotFoundError comes from its
        result()."""
        plan = Plan(self.url, self._timeout_s, self._is_patient, attach=_questions.job_id(job))
        return self._begin(Job(self, None, None, False), plan, shared)

    def _begin(self, job: Job, plan: Plan, shared: bool) -> Job:
        loop, sink = self._loop, job._sink
        weakref.finalize(job, let_go, loop, sink).atexit = False

        def begin() -> None:
            try:
                sink.task = JobTask(loop, plan, sink, shared)
                loop.begin(sink.task)
            except BaseException as error:  # pylint: disable=broad-except
                sink.on_failed(as_error(error))
        self._post(begin)
        return job

    def _see_through(self, take: Callable[[Job], T], view: ViewLike | Request, size: Size | None,
                     timeout: float | None, progress: ProgressCallback | None,
                     words: dict[str, Any]) -> T:
        """What ``take`` makes of a job that is done. One that nobody waits for is cancelled, for
        whatever reason that is."""
        wait_s = seconds("timeout", timeout)
        if progress is not None:
            callback("progress", progress)
        job = None
        try:
            job = self.submit(view, size, **words)
            if progress is not None:
                job.add_progress_callback(progress)
            job.exception(wait_s)
            return take(job)
        except BaseException:
            if job is not None:
                job.cancel()
            raise

    def _cancel(self, job: Job) -> None:
        loop, sink = self._loop, job._sink

        def cancel() -> None:
            if sink.task is not None:
                sink.task.cancel(loop.now())
        loop.post(cancel)

    # Asking

    def jobs(self) -> list[dict[str, Any]]:
        """What there is, a dict a job with the keys of PROTOCOL.md, section 4.2."""
        return self._answer(_questions.jobs())

    def workers(self) -> list[dict[str, Any]]:
        """The workers, likewise."""
        return self._answer(_questions.workers())

    def status(self) -> dict[str, Any]:
        """The broker, likewise."""
        return self._answer(_questions.status())

    def history(self, limit: int = _limits.HISTORY, before: int | None = None
                ) -> list[dict[str, Any]]:
        """The jobs that have ended, newest first; ``before``: only those older than that one."""
        return self._answer(_questions.history(limit, before))

    def cancel(self, job: int) -> None:
        """Ends a job, by its number. NotFoundError."""
        self._answer(_questions.of_job(Type.CANCEL_JOB, job))

    def release(self, job: int) -> None:
        """Has the broker forget a job that is done, and its image. NotFoundError; RequestError
        where it is not done."""
        self._answer(_questions.of_job(Type.RELEASE, job))

    def pause(self, job: int) -> None:
        """Has no more tiles of it rendered. NotFoundError, RequestError."""
        self._answer(_questions.of_job(Type.PAUSE, job))

    def resume(self, job: int) -> None:
        """Goes on with a paused job."""
        self._answer(_questions.of_job(Type.RESUME, job))

    def retry(self, job: int) -> None:
        """Renders what a failed job lacks, or makes one of the history again, with keep."""
        self._answer(_questions.of_job(Type.RETRY, job))

    def priority(self, job: int, priority: int) -> None:
        """Changes the priority of a job."""
        self._answer(_questions.priority(job, priority))

    def drain(self, worker: str) -> int:
        """Workers of that name finish what they hold and leave. How many these are."""
        return self._answer(_questions.drain(worker))

    def _answer(self, question: _questions.Question[T]) -> T:
        return question.read(self._ask(question.type, question.body))

    def _ask(self, type_: Type, body: dict[str, Any], *,
             watches_handshake: bool = False) -> dict[str, Any]:
        self._loop.check_may_wait()
        answers: queue.SimpleQueue[dict[str, Any] | Error] = queue.SimpleQueue()
        self._question(type_, body, answers.put, watches_handshake)
        answer = answers.get()
        if isinstance(answer, Error):
            raise copy.copy(answer)  # as others may get it as well
        return answer

    def _question(self, type_: Type, body: dict[str, Any],
                  told: Callable[[dict[str, Any] | Error], None],
                  watches_handshake: bool = False) -> None:
        loop, timeout_s = self._loop, self._timeout_s

        def begin() -> None:
            try:
                loop.begin(Question(loop, type_, body, timeout_s, told,
                                    watches_handshake=watches_handshake))
            except BaseException as error:  # pylint: disable=broad-except
                told(as_error(error))
        self._post(begin)

    def _post(self, call: Callable[[], None]) -> None:
        if not self._loop.post(call):
            raise ConnectionError("this connection was closed, or belongs to a process that forked")

    # Ending

    def close(self) -> None:
        """Ends the jobs of its own that are not done, and not kept. Arrays stay."""
        self._loop.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<brot.Service {self.url}{' closed' if self._loop.is_closed() else ''}>"


def _client_name(client: str | None) -> str:
    if client is None:
        return f"python-{os.getpid()}-{secrets.token_hex(4)}"
    is_good = isinstance(client, str) and 1 <= len(client) <= _limits.NAME_CHARS
    if not is_good or not client.isprintable():
        raise RequestError(f"client: must have 1 to {_limits.NAME_CHARS} printable characters, got "
                           f"{client!r}")
    return client
