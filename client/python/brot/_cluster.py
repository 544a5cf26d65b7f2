"""A broker and workers of one's own, for as long as they are wanted."""

from __future__ import annotations

import os
import re
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from ._checks import path, whole
from ._keys import PathLike
from ._loop import Loop, as_error
from ._wire import Type
from .errors import Error, NotFoundError, RequestError, from_code
from .service import Service

START_S = 10.0  # the broker must be ready within
STOP_S = 2.0  # a program that has not ended within that is killed
WORKERS_MAX = 256
MEMORY_LEAST_BYTES, MEMORY_MOST_BYTES = 1 << 20, 1 << 60
_IPC_PATH_BYTES = 107
_LONGEST_NAME = "/brot-XXXXXXXX/clients"


def cluster(workers: int | None = None, *, threads: int = 1, programs: PathLike | None = None,
            memory: int | str | None = None) -> Cluster:
    """Starts a broker and workers, which nobody else can reach, and connects to them::

        with brot.cluster(workers=2) as service:
            counts = service.render("seahorse", (1920, 1080), format="iterations")

    workers: processes, one a core without it; threads: of each. programs: the folder of brot-broker
    and brot-worker; without it they are looked for on PATH, beside this Python and in /usr/bin.
    memory: bytes of shared memory for images, or as brot-broker's ``--memory`` has it: ``"512M"``.

    They end at the end of the ``with`` block, by close(), and with this process, however that ends.
    NotFoundError: there are no programs; RequestError (a ValueError); Error: they do not start.
    """
    if workers is None:
        workers = min(len(os.sched_getaffinity(0)), WORKERS_MAX)
    count = whole("workers", workers, 1, WORKERS_MAX)
    threads = whole("threads", threads, 1, WORKERS_MAX)
    options = [] if memory is None else ["--memory", str(_memory_bytes(memory))]
    return Cluster(_Landlord(_find("brot-broker", programs), _find("brot-worker", programs), count,
                             threads, options))


class Cluster(Service):
    """A :class:`brot.Service` that is this process's own: see :func:`brot.cluster`. Where one of
    its programs dies, what is waited for fails with an Error that says so."""

    def __init__(self, landlord: _Landlord) -> None:
        try:
            loop = Loop(landlord.url, None)
        except BaseException:
            landlord.end()
            raise
        self._landlord = landlord
        super().__init__(loop, None, None)
        try:
            landlord.begin(loop)
            self._ask(Type.STATUS, {})
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends jobs, workers and broker. Arrays stay."""
        super().close()
        self._landlord.end()

    def __del__(self) -> None:
        if getattr(self, "_landlord", None) is not None:
            self._landlord.ask_end()


class _Landlord:
    """Owns the folder of the sockets and the two programs. They are tied to the thread that started
    them, so that thread lives as long as they do."""

    def __init__(self, broker: Path, worker: Path, workers: int, threads: int,
                 options: list[str]) -> None:
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._pid = os.getpid()
        self._folder = _make_folder()
        self.url = f"ipc://{self._folder}/clients"
        self._broker, self._worker = broker, worker
        self._workers, self._threads, self._options = workers, threads, options
        self._is_ready = threading.Event()
        self._fault: tuple[str, str] | None = None  # code and text of what it ended with
        self._loop: Loop | None = None
        self._thread = threading.Thread(target=self._run, name="brot-cluster", daemon=True)

    def begin(self, loop: Loop) -> None:
        """Starts both, and waits until the broker listens. Error; then end() is still owed."""
        self._loop = loop
        loop.at_exit(self.end)
        self._thread.start()
        self._is_ready.wait()
        if self._fault is not None:
            raise from_code(*self._fault)

    def ask_end(self) -> None:
        if os.getpid() != self._pid:
            return  # they are those of the process that forked
        try:
            os.write(self._waker, b"e")
        except OSError:
            pass  # it has ended

    def end(self) -> None:
        self.ask_end()
        if self._thread.ident is None and os.getpid() == self._pid:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    # In its own thread

    def _run(self) -> None:
        children: list[subprocess.Popen[bytes]] = []
        try:
            ready, writing = os.pipe2(os.O_CLOEXEC)
            try:
                self._start(children, writing)
                os.close(writing)
                writing = -1
                self._wait_ready(ready, children)
            finally:
                for descriptor in (ready, writing):
                    if descriptor >= 0:
                        os.close(descriptor)
            self._is_ready.set()
            self._watch(children)
        except Exception as error:  # pylint: disable=broad-except
            # Not the error itself, which holds the frames that it went through.
            self._fault = _fault_of(error)
        finally:
            if self._fault is not None and self._is_ready.is_set() and self._loop is not None:
                self._loop.fail(from_code(*self._fault))
            for child in reversed(children):  # the worker first, whose goodbye the broker takes
                _stop(child)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._is_ready.set()

    def _start(self, children: list[subprocess.Popen[bytes]], ready_fd: int) -> None:
        workers_url = f"ipc://{self._folder}/workers"
        tied = ["--tied-to", str(os.getpid())]
        children.append(_popen([self._broker, "--embedded", *tied, "--ready-fd", str(ready_fd),
                                "--clients", self.url, "--workers", workers_url, *self._options],
                               ready_fd))
        count = ["--processes", str(self._workers)]
        if self._threads != 1:
            count += ["--threads", str(self._threads)]
        children.append(_popen([self._worker, *tied, "--broker", workers_url, *count]))

    def _wait_ready(self, ready: int, children: list[subprocess.Popen[bytes]]) -> None:
        end_s = time.monotonic() + START_S
        while time.monotonic() < end_s:
            if select.select([ready], [], [], 0.05)[0]:
                if os.read(ready, 1):
                    return
                children[0].wait(START_S)
            _check(children)
        raise Error(f"the embedded brot-broker was not ready within {START_S:g} s", "system")

    def _watch(self, children: list[subprocess.Popen[bytes]]) -> None:
        """Until somebody wants the end, or a child has ended."""
        pidfds = [os.pidfd_open(child.pid) for child in children]
        try:
            while True:
                ready = select.select([self._wake, *pidfds], [], [])[0]
                if self._wake in ready:
                    return
                _check(children)
        finally:
            for pidfd in pidfds:
                os.close(pidfd)

    def __del__(self) -> None:
        if hasattr(self, "_wake"):
            os.close(self._wake)
            os.close(self._waker)


def _fault_of(error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError) and not isinstance(error, Error):
        return "system", f"an embedded service cannot be started: {error}"
    found = as_error(error)
    return found.code, str(found)


def _popen(words: list[str | Path], *pass_fds: int) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("BROT_BROKER", "BROT_KEY", "BROT_SERVER_KEY")}
    # A group of its own: Ctrl-C is for this process to hear.
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            pass_fds=pass_fds, env=environment, start_new_session=True)


def _check(children: list[subprocess.Popen[bytes]]) -> None:
    """Error where one has ended."""
    for child in children:
        status = child.poll()
        if status is not None:
            name = Path(str(child.args[0])).name if isinstance(child.args, list) else "program"
            how = f"was killed by signal {-status}" if status < 0 else (
                f"ended with exit status {status}")
            raise Error(f"the embedded {name} {how}", "system")


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _find(name: str, folder: PathLike | None) -> Path:
    folders = [path("programs", folder)] if folder is not None else [
        *os.environ.get("PATH", "").split(os.pathsep), str(Path(sys.prefix) / "bin"),
        "/usr/local/bin", "/usr/bin"]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise NotFoundError(f"{name} is not installed: nothing of that name is in "
                            f"{folders[0] if folder is not None else 'PATH'}")
    return Path(found).resolve()


def _memory_bytes(memory: object) -> int:
    """RequestError where brot-broker would not take it."""
    found: object = memory
    if isinstance(memory, str):
        match = re.fullmatch(r"([0-9]{1,19})([KkMmGgTt]?)", memory)
        if match is None:
            raise RequestError("memory: must be bytes, such as 1 << 30 or \"512M\", got "
                               f"{memory!r:.60}")
        found = int(match[1]) << 10 * " KMGT".index(match[2].upper() or " ")
    return whole("memory", found, MEMORY_LEAST_BYTES, MEMORY_MOST_BYTES)


def _make_folder() -> str:
    """A folder of this user alone, whose path is short enough for a socket."""
    parent = os.environ.get("XDG_RUNTIME_DIR", "")
    try:
        found = os.stat(parent)
        is_good = (parent.startswith("/") and stat.S_ISDIR(found.st_mode)
                   and found.st_uid == os.geteuid() and not found.st_mode & 0o022
                   and len(os.fsencode(parent + _LONGEST_NAME)) < _IPC_PATH_BYTES
                   and os.access(parent, os.W_OK | os.X_OK))
    except OSError:
        is_good = False
    return tempfile.mkdtemp(prefix="brot-", dir=parent if is_good else "/tmp")
