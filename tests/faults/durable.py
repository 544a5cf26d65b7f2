"""A broker with a store that may die and come back, and what can be said of it from outside."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
from pathlib import Path

from harness import SHM, Broker, Process, Stage, wait_until

# Whether the variants are wanted that take minutes.
IS_LONG = os.environ.get("BROT_FAULTS") == "long"


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def memory_kib(pid: int) -> int:
    """What a process has for itself: its heap and stacks, not the images it has mapped."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0


def cpu_s(pid: int) -> float:
    """The time that a process has computed."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def send_signal(process: Process, number: int) -> None:
    if process.is_running():
        process.popen.send_signal(number)


def images() -> set[str]:
    """All images in shared memory, whoever made them."""
    return {path.name for path in SHM.glob("brot-*")}


class Durable:
    """Always the same endpoints and the same folder; a life is a Broker."""

    def __init__(self, stage: Stage, *arguments: object, folder: Path | None = None,
                 tcp: bool = False) -> None:
        self.stage = stage
        self.folder = folder or stage.folder / "state"
        self.arguments = ["--state-dir", self.folder, *arguments]
        self.tcp = tcp
        self.life: Broker | None = None

    @property
    def broker(self) -> Broker:
        assert self.life is not None
        return self.life

    @property
    def url(self) -> str:
        return self.broker.url

    def start(self, *arguments: object, **options: object) -> Broker:
        """Also again after its end."""
        known = {"clients": self.life.clients, "workers": self.life.workers} if self.life else {}
        self.life = self.stage.broker(*self.arguments, *arguments, tcp=self.tcp and not known,
                                      **{**known, **options})
        return self.life

    def kill(self) -> None:
        self.broker.process.kill()

    def restart(self, *arguments: object, **options: object) -> Broker:
        """kill -9, then another life."""
        self.kill()
        return self.start(*arguments, **options)

    def wait_dead(self) -> None:
        """Until it has killed itself."""
        wait_until(lambda: not self.broker.process.is_running(), "the broker's end")
        assert self.broker.process.wait().status == -signal.SIGKILL, self.broker.process.err()

    def database(self) -> Path:
        return self.folder / "brot.db"

    def check_store(self) -> None:
        """Once the broker has ended: the file is sound."""
        assert not self.broker.process.is_running()
        with sqlite3.connect(self.database()) as store:
            assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        store.close()

    def wait_empty(self) -> None:
        """Until the broker has no job and /dev/shm no image."""
        wait_until(lambda: not self.broker.jobs(), "the end of all jobs")
        wait_until(lambda: not images(), f"the end of all images: {images()}")
        assert self.broker.status()["image_bytes"] == 0

    def finish(self) -> None:
        """Ends it in good order, with nothing left but history, which another life confirms."""
        self.wait_empty()
        assert self.broker.process.stop().status == 0, self.broker.process.err()
        self.check_store()
        again = self.start()
        assert again.jobs() == [] and not images()
        assert again.process.stop().status == 0
        self.check_store()


def line_of(process: Process) -> str:
    """Why a program failed: the last that it said, one sentence."""
    return process.err().splitlines()[-1]


def run(*command: object, status: int = 0) -> str:
    """A tool of the system."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    assert done.returncode == status, f"{command}: {done.stderr}"
    return done.stdout
