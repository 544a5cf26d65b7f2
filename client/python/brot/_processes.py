"""Worker processes over one array in shared memory, without a service.

The memory is a memfd, which the processes get over the sockets by which they are told what to
render: it has no name in /dev/shm, so nothing of it can be left behind. Each process has some rows
at a time, and the next ones wait for it already.
"""

from __future__ import annotations

import json
import mmap
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from . import _formats, _native
from ._formats import Result
from ._places import ViewLike
from ._row_worker import arrays_in, layout
from .errors import Error, RequestError, from_code
from .request import Request

PROCESSES_MAX = 256
CHUNKS = 16  # for each process, on the average: then the last ones end at about the same time
CREDIT = 2  # chunks that a process holds


def processes(count: int | None = None) -> Processes:
    """Starts so many processes, one a core without a count::

        with brot.local.processes(2) as pool:
            counts = pool.render("seahorse", (960, 960), format="iterations")

    RequestError where that is no number of processes; NotFoundError without libbrot.
    """
    if count is None:
        count = len(os.sched_getaffinity(0))
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= PROCESSES_MAX:
        raise RequestError(f"processes: must be 1 to {PROCESSES_MAX}, got {count!r}")
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
                [sys.executable, "-m", "brot._row_worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONPATH": path})
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

    def end(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()


class Processes:
    """What :func:`brot.local.processes` returns. Any thread may use it, one at a time. They end
    at the end of a ``with`` block, by close(), and with this one, however that ends."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._lock = threading.Lock()
        self._children = [_Child() for _ in range(count)]

    def render(self, view: ViewLike | Request = None, size: Sequence[int] | None = None,
               **words: Any) -> Result:
        """As :func:`brot.local.render` has it, of kind escape, and not of colours that need the
        whole image: RequestError for these. Error where a process dies; the next render starts
        others."""
        from .local import request
        asked = request(view, size, **words)
        if asked.document["kind"] != "escape" or asked.numbers() is not None:
            raise RequestError("kind: must be escape, in colours that do not need the whole image, "
                               f"to be rendered by processes, got {asked!r}")
        format_, (width, height) = _formats.by_name(asked.format), asked.size
        descriptor = os.memfd_create("brot", os.MFD_CLOEXEC)
        try:
            try:
                os.posix_fallocate(descriptor, 0, layout(format_, height, width)[1])
                memory = mmap.mmap(descriptor, 0)
            except OSError as error:
                raise from_code("no_space", f"size: {width}x{height} of {format_.name} does not "
                                f"fit the memory: {error.strerror}") from None
            with self._lock:
                self._run(asked, descriptor)
        finally:
            os.close(descriptor)
        arrays = arrays_in(memory, asked)
        for array in arrays:
            array.flags.writeable = False
        return format_.assemble(arrays)

    def _run(self, asked: Request, descriptor: int) -> None:
        if not self._children:
            self._children = [_Child() for _ in range(self.count)]
        try:
            for child in self._children:
                child.say({"request": asked.document}, [descriptor])
            self._share_out(asked.size[1])
        except (ConnectionError, BrokenPipeError):
            self.close()
            raise Error("a process of brot.local.processes() died", "system") from None
        except BaseException:
            self.close()  # what it has been told to render is of no use any more
            raise

    def _share_out(self, height: int) -> None:
        step = max(1, height // (self.count * CHUNKS))
        chunks = iter(range(0, height, step))
        out = 0

        def give(child: _Child) -> int:
            first = next(chunks, None)
            if first is None:
                return 0
            child.say({"first": first, "rows": min(step, height - first)})
            return 1
        with selectors.DefaultSelector() as selector:
            for child in self._children:
                selector.register(child.channel, selectors.EVENT_READ, child)
            for _ in range(CREDIT):
                out += sum(give(child) for child in self._children)
            while out:
                for key, _ in selector.select():
                    for answer in key.data.answers():
                        if answer:
                            raise from_code(answer["code"], answer["text"])
                        out += give(key.data) - 1

    def close(self) -> None:
        """Ends the processes."""
        children, self._children = self._children, []
        for child in children:
            child.end()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_children", None):
            self.close()
