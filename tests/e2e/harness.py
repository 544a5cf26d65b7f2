"""Starts the real programs, waits for what they do, and makes sure that nothing of them is left."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wire

BIN = Path(os.environ["BROT_BIN"])
SHM = Path("/dev/shm")

# How long anything may take before a test gives up. It is not a claim about speed: the machine may
# be busy, and the programs may be built with sanitizers.
PATIENCE_S = 30.0
POLL_S = 0.01
# "A few seconds": how long something may outlive a kill -9.
ORPHAN_S = 8.0

NOBODY_UID = 65534

# The most ended jobs that one answer tells of, as section 8 has it.
HISTORY_PAGE = 100

# What a folder of a durable broker holds, beside the programs' outputs.
STORE_FILES = {"brot.db", "brot.db-wal", "brot.db-shm", "brot.db-journal", "store.id"}

SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "runtime error:")

# The fields of struct image_header up to owner_pid.
IMAGE_HEADER = struct.Struct("<8sIIQQ16sII")


def wait_until(predicate: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """The first true value of predicate. The one place where a test waits by looking again."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(POLL_S)


def segments_of_the_dead() -> set[str]:
    """The images in shared memory whose maker is no more."""
    found = set()
    for path in SHM.glob("brot-*"):
        try:
            with path.open("rb") as file:
                header = file.read(IMAGE_HEADER.size)
        except OSError:
            continue
        pid = IMAGE_HEADER.unpack(header)[7] if len(header) == IMAGE_HEADER.size else 0
        if not Path(f"/proc/{pid}").exists():
            found.add(path.name)
    return found


@dataclass
class Result:
    status: int
    out: str
    err: str

    def events(self) -> list[dict]:
        """Standard output as JSON lines; anything else there is an error."""
        return [json.loads(line) for line in self.out.splitlines()]


class Process:
    """A program that a test started. Its outputs go to files: a full pipe must not stop it."""

    def __init__(self, popen: subprocess.Popen, name: str, out: Path, err: Path) -> None:
        self.popen = popen
        self.name = name
        self.out_path = out
        self.err_path = err
        self.is_checked = False  # whether the test has looked at how it ended

    @property
    def pid(self) -> int:
        return self.popen.pid

    def is_running(self) -> bool:
        return self.popen.poll() is None

    def err(self) -> str:
        return self.err_path.read_text()

    def wait(self, seconds: float = 2 * PATIENCE_S) -> Result:
        status = self.popen.wait(seconds)
        self.is_checked = True
        return Result(status, self.out_path.read_text(), self.err())

    def kill(self) -> None:
        """kill -9, and reaps."""
        self.popen.kill()
        self.popen.wait()
        self.is_checked = True

    def stop(self) -> Result:
        """Ends it as an administrator would."""
        self.popen.terminate()
        return self.wait()


@dataclass
class Broker:
    process: Process
    clients: list[str]
    workers: list[str]

    @property
    def url(self) -> str:
        return self.clients[0]

    def report(self, name: str) -> dict:
        with wire.Client(self.url) as client:
            return client.report(name)

    def jobs(self) -> list[dict]:
        return self.report("JOBS")["jobs"]

    def worker_list(self) -> list[dict]:
        return self.report("WORKERS")["workers"]

    def status(self) -> dict:
        return self.report("STATUS")["status"]

    def history(self, limit: int = 1000) -> list[dict]:
        """Page by page."""
        rows: list[dict] = []
        with wire.Client(self.url) as client:
            while len(rows) < limit:
                before = {"before": rows[-1]["job"]} if rows else {}
                page = client.report("HISTORY", limit=min(limit - len(rows), HISTORY_PAGE),
                                     **before)["history"]
                rows += page
                if len(page) < HISTORY_PAGE:
                    break
        return rows

    def wait_workers(self, count: int) -> list[dict]:
        with wire.Client(self.url) as client:
            found: list[dict] = []

            def right_count() -> bool:
                found[:] = client.report("WORKERS")["workers"]
                return len(found) == count
            wait_until(right_count, f"{count} workers")
            return found

    def wait_tiles(self, tiles: int, pids: set[int] | None = None) -> None:
        """Until workers (with these pids) have done at least so many tiles."""
        with wire.Client(self.url) as client:
            def done() -> bool:
                workers = client.report("WORKERS")["workers"]
                return sum(w["tiles_done"] for w in workers
                           if pids is None or w["pid"] in pids) >= tiles
            wait_until(done, f"{tiles} tiles by {pids or 'any worker'}")


def open_stage() -> Iterator[Stage]:
    """For a fixture: a folder and programs of the test's own; the test fails if it leaves anything
    behind."""
    made = Stage()
    try:
        yield made
    finally:
        try:
            made.close()
        finally:
            print(made.log)


class NotStarted(AssertionError):
    """A broker that ended before it was ready."""

    def __init__(self, process: Process) -> None:
        super().__init__(f"the broker did not start: {process.err()}")
        self.process = process


class Stage:
    """A fresh folder and everything that one test starts. close() fails if anything is left."""

    def __init__(self) -> None:
        # Short, for the path of a socket may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="brot-e2e-", dir="/tmp"))
        self.runtime = self.folder / "run"
        self.runtime.mkdir(mode=0o700)
        self.logs = self.folder / "log"
        self.logs.mkdir()
        # A host's own settings are none of ours.
        settings = self.logs / "settings.json"
        settings.write_text("{}\n")
        self.mark = f"BROT_TEST_MARK={self.folder.name}"
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith("BROT_")}
        self.environment.update(BROT_TEST_MARK=self.folder.name, BROT_CONFIG=str(settings),
                                XDG_RUNTIME_DIR=str(self.runtime), TMPDIR=str(self.runtime))
        self.processes: list[Process] = []
        self.older_segments = segments_of_the_dead()
        self.named: set[Path] = set()  # files that a command line names: the only ones wanted
        self.brokers = 0
        self.numbers = itertools.count()
        self.log = ""  # what all programs said on standard error, once close() has been called

    # Starting

    def start(self, program: str | list[str], *arguments: object, cwd: Path | None = None,
              pass_fds: tuple[int, ...] = (), prefix: list[str] | None = None,
              environment: dict[str, str] | None = None, **streams: Any) -> Process:
        """A program of brot by its name, or any command as a list. prefix: a command that runs it;
        environment: what it gets beside the stage's."""
        command = [str(BIN / program)] if isinstance(program, str) else program
        name = f"{next(self.numbers):02d}-{Path(command[0]).name}"
        command = (prefix or []) + command
        self.named |= {(cwd or self.folder) / str(argument).removeprefix("@")
                       for argument in [*command, *arguments]}
        out, err = self.logs / f"{name}.out", self.logs / f"{name}.err"
        with out.open("wb") as out_file, err.open("wb") as err_file:
            options = {"stdin": subprocess.DEVNULL, "stdout": out_file, "stderr": err_file}
            popen = subprocess.Popen(command + [str(argument) for argument in arguments],
                                     env={**self.environment, **(environment or {})},
                                     cwd=cwd or self.folder,
                                     pass_fds=pass_fds, **{**options, **streams})
        process = Process(popen, name, out, err)
        self.processes.append(process)
        return process

    def broker(self, *arguments: object, tcp: bool = False, clients: list[str] | None = None,
               workers: list[str] | None = None, program: str | list[str] = "brot-broker",
               **options: Any) -> Broker:
        """A broker that listens. options: as start() has them."""
        self.brokers += 1
        if clients is None:
            clients = [f"ipc://{self.folder}/c{self.brokers}"]
            workers = [f"ipc://{self.folder}/w{self.brokers}"]
        if tcp:
            clients, workers = ["tcp://127.0.0.1:*"], ["tcp://127.0.0.1:*"]
        reading, writing = os.pipe()
        urls = [word for url in clients for word in ("--clients", url)]
        urls += [word for url in workers or [] for word in ("--workers", url)]
        process = self.start(program, *urls, "--ready-fd", writing, *arguments,
                             pass_fds=(writing,), **options)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            line = pipe.readline()
        if not line.endswith("\n"):
            raise NotStarted(process)
        ready = json.loads(line)
        return Broker(process, ready["clients"], ready["workers"])

    def worker(self, broker: Broker, *arguments: object, processes: int = 1,
               **options: Any) -> Process:
        return self.start("brot-worker", "--broker", broker.workers[0], "--processes", processes,
                          *arguments, **options)

    def client(self, *arguments: object, **options: Any) -> Result:
        """Runs brot-client to its end."""
        return self.start("brot-client", *arguments, **options).wait()

    def render(self, broker: Broker | None, out: str, *arguments: object) -> Path:
        """Renders into a file of the folder, which must work."""
        path = self.folder / out
        where = ["--broker", broker.url] if broker else []
        result = self.client("render", "--out", path, *where, *arguments)
        assert result.status == 0, result.err
        return path

    # Looking

    def alive(self) -> set[int]:
        """The processes that this stage started, and all that they started."""
        found = set()
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                if self.mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.add(int(folder.name))
            except OSError:
                pass
        return found

    def programs(self, name: str) -> set[int]:
        """Those of alive() that run that program."""
        found = set()
        for pid in self.alive():
            try:
                if Path(os.readlink(f"/proc/{pid}/exe")).name == name:
                    found.add(pid)
            except OSError:
                pass
        return found

    def children(self, pid: int) -> set[int]:
        """The direct children of a process."""
        return {child for child in self.alive() if parent_of(child) == pid}

    def segments_left(self) -> set[str]:
        return segments_of_the_dead() - self.older_segments

    def sockets(self) -> list[str]:
        return [str(path) for path in self.folder.rglob("*") if stat.S_ISSOCK(_mode(path))]

    def unexpected_files(self) -> list[Path]:
        """What the programs left beside their outputs: temporary files, say."""
        return [path for path in self.folder.rglob("*") if stat.S_ISREG(_mode(path))
                and path not in self.named and self.logs not in path.parents
                and path.name not in STORE_FILES]

    def leftovers(self) -> list[str]:
        """Whatever should not be there once all programs have ended."""
        found = [f"process {pid}: {_command(pid)}" for pid in sorted(self.alive())]
        found += [f"segment {name}" for name in sorted(self.segments_left())]
        found += [f"socket {path}" for path in self.sockets()]
        found += [f"file {path}" for path in self.unexpected_files()]
        found += [f"in the runtime folder: {path}" for path in self.runtime.iterdir()]
        return found

    def wait_nothing_left(self, seconds: float = ORPHAN_S) -> None:
        try:
            wait_until(lambda: not self.leftovers(), "nothing left", seconds)
        except AssertionError:
            raise AssertionError(f"left behind: {self.leftovers()}") from None

    # Ending

    def forget(self, process: Process) -> None:
        """Of a process that has ended: drops what is kept of it, for tests that start thousands."""
        text = process.err()
        assert not any(word in text for word in SANITIZER_WORDS), text
        self.processes.remove(process)
        process.out_path.unlink()
        process.err_path.unlink()

    def close(self) -> None:
        faults = []
        # The last started first: a client before its workers, those before their broker.
        for process in reversed(self.processes):
            if process.is_running():
                faults += self._end(process)
            elif not process.is_checked:
                faults.append(f"{process.name} ended by itself with {process.popen.returncode}")
        try:
            self.wait_nothing_left()
        except AssertionError as error:
            faults.append(str(error))
            for pid in self.alive():
                os.kill(pid, signal.SIGKILL)
            for name in self.segments_left():
                (SHM / name).unlink(missing_ok=True)
        for path in sorted(self.logs.glob("*.err")):
            text = path.read_text(errors="replace")
            if any(word in text for word in SANITIZER_WORDS):
                faults.append(f"{path.name}: a sanitizer found something")
            self.log += f"--- {path.name}\n{text[-20000:]}\n"
        shutil.rmtree(self.folder)
        assert not faults, "; ".join(faults)

    @staticmethod
    def _end(process: Process) -> list[str]:
        try:
            status = process.stop().status
        except subprocess.TimeoutExpired:
            process.kill()
            return [f"{process.name} did not end at SIGTERM"]
        return [] if status == 0 else [f"{process.name} ended at SIGTERM with {status}"]


def parent_of(pid: int) -> int:
    try:
        # The name in parentheses may hold anything; the parent follows the state after it.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "gone by now"


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def as_user(uid: int, act: Callable[[], object]) -> object:
    """What act returns in a process of that user."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def child() -> None:
        try:
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            sender.send(act())
        except BaseException as error:  # pylint: disable=broad-except  # told to the parent
            sender.send(repr(error))
            raise
    process = context.Process(target=child)
    process.start()
    try:
        assert receiver.poll(60), "no answer from the other user"
        return receiver.recv()
    finally:
        process.join()


def can_be_others() -> bool:
    """Root of a user namespace with one user cannot."""
    try:
        return os.geteuid() == 0 and as_user(NOBODY_UID, lambda: "yes") == "yes"
    except OSError:
        return False


# A view just right of the cusp, where every pixel escapes after about 9 935 iterations: the work is
# known, and no shortcut for points of the set can save any of it. Its centre is off the real axis,
# for else half of it would be copied.
CUSP = {"re": "0.2500001000005", "im": "1e-13", "width": "1e-12", "height": "1e-12"}
CUSP_EDGES = "0.2500001:0.250000100001,-4e-13:6e-13"
CUSP_ITERATIONS = 12_000
CUSP_COUNTS = range(9_900, 9_970)
CUSP_COLUMNS = 1024


def heavy(rows: int = 256) -> list[str]:
    """Arguments of a render of 10 M iterations a row."""
    return ["--view", CUSP_EDGES, "--size", f"{CUSP_COLUMNS}x{rows}", "--iterations",
            str(CUSP_ITERATIONS)]


def heavy_request(rows: int = 256) -> dict:
    """The same as a request."""
    return {"brot": 1, "view": CUSP, "size": [CUSP_COLUMNS, rows],
            "iterations": CUSP_ITERATIONS, "format": "iterations"}


def light_request(**changes: object) -> dict:
    """A small request with both sides of the boundary in it."""
    document = {"brot": 1, "view": {"re": "-0.7453", "im": "0.1127", "width": "0.0065"},
                "size": [64, 48], "iterations": 500, "format": "iterations"}
    return {**document, **changes}
