"""The thread of a service: owns its connections, and feeds what comes to whoever waits for it.

Everything here but post() and close() runs in that thread.
"""

from __future__ import annotations

import atexit
import collections
import itertools
import logging
import math
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import zmq

from ._keys import Keys
from ._link import LINGER_MS, Kind, Link, NoDescriptors, connections
from ._wire import Message
from .errors import ConnectionError, Error

BATCH = 16  # messages of one connection before the next has its turn
OPEN_JOBS = 24  # of one loop at a time; the next wait for them. With the images that are held these
                # are no more than a broker takes of one client
POLL_MAX_S = 60.0
SHORT_S = 0.05  # the same where descriptors are short
CLOSING_S = 2 * LINGER_MS / 1000

log = logging.getLogger("brot")
_open_loops: weakref.WeakSet[Loop] = weakref.WeakSet()


class Task(Protocol):
    """Something that goes on over a connection of its own. It is asked and told in the loop's
    thread; one that is over is forgotten, and its link closed."""

    link: Link  # once it has started

    def is_working(self) -> bool:
        """Whether it is one of OPEN_JOBS."""

    def gives_way(self, now: float) -> bool:
        """Whether it is over now, as all that it still did was to hold an image."""

    def start(self, now: float) -> None:
        """Opens its link as well. Not called where it was told the end before."""

    def receive(self, message: Message | Error, now: float) -> None: ...

    def tick(self, now: float) -> None: ...

    def deadline(self) -> float: ...

    def is_over(self) -> bool: ...

    def leave(self, now: float) -> None:
        """The connection is being closed: the task is soon over."""

    def crashed(self, error: Error) -> None: ...


def as_error(error: BaseException) -> Error:
    """A mistake of this package ends what it was made in, with an error, and never the thread."""
    if isinstance(error, Error):
        return error
    log.error("a mistake in brot's thread", exc_info=error)
    return Error(f"{type(error).__name__}: {error}", "internal")


class Loop:
    """The thread, begun with the first post(). close() ends it, also if it is called twice."""

    def __init__(self, url: str, keys: Keys | None) -> None:
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.url = url
        self._keys = keys
        self._pid = os.getpid()
        self._context: zmq.Context[Any] = zmq.Context()
        self._calls: collections.deque[Callable[[], None]] = collections.deque()
        self._tasks: list[Task] = []
        self._waiting: collections.deque[Task] = collections.deque()  # not started
        self._is_short = False  # of descriptors, for one of these
        self._closed_s = -math.inf  # when a connection was closed last
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_ending = False
        self._failure: Error | None = None
        self._last: Callable[[], None] | None = None
        _open_loops.add(self)

    # From any thread

    def post(self, call: Callable[[], None]) -> bool:
        """Has the loop's thread call it, unless the loop is closed: whether it will. Does not wait
        for it."""
        if os.getpid() != self._pid:
            return False  # and a thread of the other process may have held the lock
        with self._lock:
            if self.is_closed():
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="brot", daemon=True)
                self._thread.start()
            self.hint(call)
            return True

    def hint(self, call: Callable[[], None]) -> None:
        """The same for a finalizer, in whatever thread and amid whatever that does: takes no lock.
        Nothing happens once the loop is closed, or in a process that forked."""
        if os.getpid() != self._pid:
            return
        self._calls.append(call)
        try:
            os.write(self._waker, b"w")
        except BlockingIOError:
            pass  # it was written to so often that it wakes in any case

    def is_closed(self) -> bool:
        return self._is_closed or os.getpid() != self._pid

    def check_may_wait(self) -> None:
        """Error where what is waited for can never come: in the loop's own thread, and in a process
        that was forked from the loop's."""
        if os.getpid() != self._pid:
            raise ConnectionError("this connection belongs to a process that forked")
        if threading.current_thread() is self._thread:
            raise Error("a callback of brot's must not wait for a broker", "usage")

    def close(self) -> None:
        """Ends all tasks as leave() has it, and the thread."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            self.abandon()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def fail(self, error: Error) -> None:
        """There is no broker any more, and will be none: all tasks end with this error, and those
        that are begun later."""
        def fail() -> None:
            self._failure = error
            self._crash_all(error)
        self.post(fail)

    def at_exit(self, call: Callable[[], None]) -> None:
        """To be called after the loop was closed because this process ends."""
        self._last = call

    def abandon(self) -> None:
        """As close(), but waits for nothing, and takes no lock."""
        if not self.is_closed():
            self._is_closed = True
            self.hint(self._leave)

    # In the loop's thread

    @staticmethod
    def now() -> float:
        return time.monotonic()

    def link(self, kind: Kind) -> Link:
        return Link(self._context, self.url, self._keys, kind)

    def begin(self, task: Task) -> None:
        """Starts it, now or when others are over."""
        if self._failure is not None:
            task.crashed(self._failure)
            return
        self._waiting.append(task)
        self._start_waiting()

    def tasks(self) -> list[Task]:
        """Those that have started."""
        return self._tasks

    def _start_waiting(self) -> None:
        self._is_short, most = False, connections(OPEN_JOBS)
        working = sum(task.is_working() for task in self._tasks)
        left: list[Task] = []
        while self._waiting:
            task = self._waiting.popleft()
            if task.is_over():
                continue
            if task.is_working() and working >= most:
                left.append(task)
                continue
            try:
                task.start(self.now())
            except NoDescriptors as error:
                self._is_short = task.is_working() and self._will_have_descriptors()
                if self._is_short:
                    self._waiting.appendleft(task)
                    break
                task.crashed(error)
            except BaseException as error:  # pylint: disable=broad-except
                task.crashed(as_error(error))
            if hasattr(task, "link"):
                working += task.is_working()
                self._tasks.append(task)
        self._waiting.extend(left)

    def _will_have_descriptors(self) -> bool:
        """Whether some will be free soon: of a job, of an image that need not be held, or of a
        connection that is being closed."""
        return (any(task.is_working() for task in self._tasks)
                or any(task.gives_way(self.now()) for task in self._tasks)
                or self.now() < self._closed_s + CLOSING_S)

    def _leave(self) -> None:
        now = time.monotonic()
        for task in [*self._tasks, *self._waiting]:
            self._guard(task, lambda task=task: task.leave(now))  # type: ignore[misc]
        self._is_ending = True

    def _crash_all(self, error: Error) -> None:
        for task in [*self._tasks, *self._waiting]:
            task.crashed(error)

    def _run(self) -> None:
        failure: Error = ConnectionError("the connection was closed")
        try:
            while not self._is_ending or self._tasks:
                self._turn()
        except BaseException as error:  # pylint: disable=broad-except
            failure = as_error(error)
        finally:
            # Whoever waits is told, whatever it was that has ended this thread.
            self._is_closed = True
            self._failure = self._failure or failure
            self._call_all()
            self._crash_all(self._failure)
            for task in self._tasks:
                task.link.close()
            self._context.destroy(LINGER_MS)

    def __del__(self) -> None:
        # Not earlier: a finalizer in any thread may be about to write to it.
        if hasattr(self, "_wake"):
            os.close(self._wake)
            os.close(self._waker)

    def _turn(self) -> None:
        poller = zmq.Poller()
        poller.register(self._wake, zmq.POLLIN)
        by_socket = {task.link.socket: task for task in self._tasks}
        for socket in by_socket:
            poller.register(socket, zmq.POLLIN)
        now = time.monotonic()
        wait_s = min(itertools.chain((task.deadline() - now for task in self._tasks),
                                     (SHORT_S if self._is_short else POLL_MAX_S,)))
        ready = poller.poll(max(0, math.ceil(wait_s * 1000)))
        for source, _ in ready:
            if source == self._wake:
                self._call()
            elif source in by_socket:
                self._receive(by_socket[source])
        now = time.monotonic()
        for task in self._tasks:
            if not task.is_over() and now >= task.deadline():
                self._guard(task, lambda task=task: task.tick(now))  # type: ignore[misc]
        self._forget()
        self._start_waiting()

    def _call(self) -> None:
        try:
            os.read(self._wake, 4096)
        except BlockingIOError:
            pass
        self._call_all()

    def _call_all(self) -> None:
        while self._calls:
            call = self._calls.popleft()
            try:
                call()
            except BaseException:  # pylint: disable=broad-except
                log.exception("a call failed in brot's thread")

    def _receive(self, task: Task) -> None:
        def drain() -> None:
            for message in task.link.receive(BATCH):
                task.receive(message, time.monotonic())
                if task.is_over():
                    break
        self._guard(task, drain)

    def _guard(self, task: Task, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:  # pylint: disable=broad-except
            task.crashed(as_error(error))

    def _forget(self) -> None:
        over = [task for task in self._tasks if task.is_over()]
        if over:
            self._tasks = [task for task in self._tasks if not task.is_over()]
            self._closed_s = self.now()
            for task in over:
                task.link.close()


@atexit.register
def _close_all() -> None:
    """What goes on for this process ends with it, rather than when the broker misses it."""
    for loop in list(_open_loops):
        loop.close()
        if loop._last is not None and loop._pid == os.getpid():
            loop._last()
