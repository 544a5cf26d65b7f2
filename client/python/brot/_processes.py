"""Worker processes over one array in shared memory, without a service.

The memory is a memfd, which the processes get over the sockets by which they are told what to
render: it has no name in /dev/shm, so nothing of it can be left behind. Each process has some rows
at a time, and the next ones wait for it already; of a Buddhabrot some samples, whose counts are
added up at the end. Where colours depend on the whole image the processes make its numbers.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from . import _formats, _native
from ._checks import callback, whole
from ._formats import Array, Result
from ._part_worker import arrays_in, layout
from ._places import ViewLike
from .errors import Cancelled, Error, FailedError, RequestError, from_code
from .image import Image
from .request import Request

PROCESSES_MAX = 256
PARTS = 16  # rows for each process, on the average: then the last ones end at about the same time
CREDIT = 2  # parts that a process holds
COUNTED_PARTS = 4  # the same of a Buddhabrot, each of which reads out a grid
COUNTED_LEAST = 1 << 23  # samples that are worth a part


def processes(count: int | None = None) -> Processes:
    """Starts so many processes, one a core without a count::

        with brot.local.processes(2) as pool:
            counts = pool.render("seahorse", (960, 960), format="iterations")

    RequestError where that is no number of processes; NotFoundError without libbrot.
    """
    if count is None:
        count = min(len(os.sched_getaffinity(0)), PROCESSES_MAX)
    count = whole("processes", count, 1, PROCESSES_MAX)
    _native.library()
    return Processes(count)


class _Child:
    """One process, and the socket to it."""

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair()
        path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]),
                                             os.environ.get("PYTHONPATH"))))
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "brot._part_worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True)  # Ctrl-C is for this process to hear
        self.rest = b""

    def say(self, said: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        line = json.dumps(said).encode() + b"\n"
        sent = socket.send_fds(self.channel, [line], descriptors)
        self.channel.sendall(line[sent:])

    def answers(self) -> Iterator[dict[str, str]]:
        data = self.channel.recv(1 << 16)
        if not data:
            raise ConnectionResetError
        *lines, self.rest = (self.rest + data).split(b"\n")
        yield from map(json.loads, lines)

    def hang_up(self) -> None:
        """Has whoever talks to it find out that it is over."""
        with contextlib.suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)

    def end(self, is_ours: bool) -> None:
        """Of a process that forked it is not, and the process lives on."""
        self.channel.close()
        if is_ours:
            self.process.kill()
            self.process.wait()
        else:
            self.process.returncode = 0  # or Popen warns of it


class Processes:
    """What :func:`brot.local.processes` returns. Any thread may use it, one at a time. They end
    at the end of a ``with`` block, by close(), and with this one, however that ends; a process
    that forked leaves them to the other."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._is_busy = False
        self._is_closed = False
        self._children: list[_Child] = []
        self._start()

    def render(self, view: ViewLike | Request = None, size: Sequence[int] | None = None, *,
               progress: Callable[[float], object] | None = None, **words: Any) -> Result:
        """As :func:`brot.local.render` has it, of any format, kind and colour. The colours that
        depend on the whole image are laid by threads of this process.

        progress: called in the caller's thread with how much is done, 0 to 1, as parts are; False
        cancels. Error where a process dies, NoSpaceError where memory is short; the next render
        starts others. A KeyboardInterrupt ends it.
        """
        return self.image(view, size, progress=progress, **words).array

    def image(self, view: ViewLike | Request = None, size: Sequence[int] | None = None, *,
              progress: Callable[[float], object] | None = None, **words: Any) -> Image:
        """As render(), with the request: a :class:`brot.Image`, which a notebook shows."""
        from .local import request
        if progress is not None:
            callback("progress", progress)
        asked = request(view, size, **words)
        numbers = asked.numbers()
        wanted = numbers or asked
        format_, arrays = _formats.by_name(wanted.format), self._planes(wanted, progress)
        array = format_.assemble(arrays) if numbers is None else _native.colour(asked, arrays)
        return Image(array, asked, planes=_formats.named(format_, arrays))

    def _planes(self, asked: Request, progress: Callable[[float], object] | None) -> list[Array]:
        """An array for each plane, read-only."""
        is_counted = asked.document.get("kind") == "buddhabrot"
        # Parts of counts that fit 32 bits add up to some that may not.
        wanted = Request.from_document({**asked.document,
                                        "format": asked.format.removesuffix("32")})
        if os.getpid() != self._pid:  # where another thread may have held the lock
            raise RequestError("processes: must not be used by a process that forked")
        memory, descriptor = _share(wanted)
        try:
            with self._lock:
                self._check_free()
                self._is_busy = True
                try:
                    self._run(wanted, descriptor, is_counted, progress)
                finally:
                    self._is_busy = False
                    if self._is_closed:  # by what was called meanwhile
                        self._end()
        finally:
            os.close(descriptor)
        arrays = arrays_in(memory, wanted)
        if wanted.format != asked.format:
            arrays = [_narrow(array) for array in arrays]
        _formats.freeze(arrays)
        return arrays

    def _check_free(self) -> None:
        if self._is_closed:
            raise RequestError("processes: must not be used once they are closed")
        if self._is_busy:
            raise RequestError("processes: must not be used by what they call")

    def _start(self) -> None:
        while len(self._children) < self.count:
            self._children.append(_Child())

    def _run(self, asked: Request, descriptor: int, is_counted: bool,
             progress: Callable[[float], object] | None) -> None:
        parts = list(_samples(asked, self.count) if is_counted else _rows(asked, self.count))
        try:
            self._start()
            if self._is_closed:
                raise ConnectionResetError
            for child in self._children:
                child.say({"request": asked.document}, [descriptor])
            self._share_out(self._children, parts, 1 if is_counted else CREDIT, progress)
            for child in self._children if is_counted else []:
                self._share_out([child], [{"add": True}], 1, None)
        except (ConnectionError, BrokenPipeError):
            self._end()
            if self._is_closed:
                raise Cancelled("brot.local.processes() were closed amid a render") from None
            raise Error("a process of brot.local.processes() died", "system") from None
        except BaseException:
            self._end()  # what they have been told to render is of no use any more
            raise

    def _share_out(self, children: Sequence[_Child], parts: Sequence[dict[str, Any]], credit: int,
                   progress: Callable[[float], object] | None) -> None:
        waiting, out, done = iter(parts), 0, 0

        def give(child: _Child) -> int:
            part = next(waiting, None)
            if part is None:
                return 0
            child.say(part)
            return 1
        with selectors.DefaultSelector() as selector:
            for child in children:
                selector.register(child.channel, selectors.EVENT_READ, child)
            for _ in range(credit):
                out += sum(give(child) for child in children)
            while out:
                for key, _ in selector.select():
                    for answer in key.data.answers():
                        if answer:
                            raise from_code(answer["code"], answer["text"])
                        out += give(key.data) - 1
                        done += 1
                if progress is not None and progress(done / len(parts)) is False:
                    raise Cancelled("the render was cancelled")

    def _end(self) -> None:
        children, self._children = self._children, []
        for child in children:
            child.end(self._pid == os.getpid())

    def close(self) -> None:
        """Ends the processes for good; a render that another thread waits for is Cancelled."""
        self._is_closed = True
        if self._pid != os.getpid():
            self._end()
            return
        for child in list(self._children):
            child.hang_up()
        with self._lock:
            if not self._is_busy:  # else that render calls this, and ends them
                self._end()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_children", None):
            self._end()


def _share(asked: Request) -> tuple[mmap.mmap, int]:
    """Memory for the planes, cleared, and its descriptor. It is had when it is written to, so what
    cannot be there is refused before."""
    format_, (width, height) = _formats.by_name(asked.format), asked.size
    size_bytes = layout(format_, height, width)[1]
    has_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size_bytes > has_bytes:
        raise from_code("no_space", f"size: {width}x{height} of {format_.name} takes {size_bytes} "
                        f"bytes, and this machine has {has_bytes}")
    descriptor = os.memfd_create("brot", os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, size_bytes)
        return mmap.mmap(descriptor, size_bytes), descriptor
    except OSError as error:
        os.close(descriptor)
        raise from_code("no_space", f"size: {width}x{height} of {format_.name} does not fit the "
                        f"memory: {error.strerror}") from None
    except BaseException:
        os.close(descriptor)
        raise


def _rows(asked: Request, processes_: int) -> Iterator[dict[str, Any]]:
    """Those that have to be rendered, in parts."""
    rows = _native.open_request(asked).rows()
    step = max(1, rows // (processes_ * PARTS))
    for first in range(0, rows, step):
        yield {"rows": [first, min(step, rows - first)]}


def _samples(asked: Request, processes_: int) -> Iterator[dict[str, Any]]:
    points: int = asked.document["buddha"]["points"]
    step = min(-(-points // processes_), max(points // (processes_ * COUNTED_PARTS), COUNTED_LEAST))
    for first in range(0, points, step):
        yield {"samples": [first, min(step, points - first)]}


def _narrow(counts: Array) -> Array:
    """Counts as 32 bits: FailedError, as libbrot has it, where one does not fit."""
    most = int(counts.max())
    if most >= 1 << 32:
        raise FailedError(f"format: a pixel has {most} hits, and u32 holds at most {2**32 - 1}: "
                          "density and nebula hold them all, as u64")
    return counts.astype("<u4")
