"""What systemd is told: a datagram socket of our own takes its place."""

from __future__ import annotations

import contextlib
import grp
import os
import re
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import wire
from harness import Process, Stage, heavy_request, light_request, wait_until

WATCHDOG_MS = 300


class Manager:
    """Hears what a process says to systemd, as systemd would."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "run" / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.said: list[dict[str, str]] = []
        self.pids: set[int] = set()

    def environment(self, watchdog: bool = False) -> dict[str, str]:
        asked = {"NOTIFY_SOCKET": str(self.path)}
        return {**asked, "WATCHDOG_USEC": str(WATCHDOG_MS * 1000)} if watchdog else asked

    def hear(self) -> list[dict[str, str]]:
        """All that was said so far, a dictionary for each datagram."""
        with contextlib.suppress(BlockingIOError):
            while True:
                text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12))
                for _, _, data in ancillary:
                    self.pids.add(int.from_bytes(data[:4], "little"))
                lines = [line.partition("=") for line in text.decode().splitlines()]
                self.said.append({key: value for key, _, value in lines})
        return self.said

    def wait_for(self, key: str, count: int = 1) -> list[str]:
        """The values of a key, once there are so many."""
        def values() -> list[str]:
            return [said[key] for said in self.hear() if key in said]
        wait_until(lambda: len(values()) >= count, f"{count} times {key}")
        return values()

    def wait_status(self, words: str) -> None:
        wait_until(lambda: any(words in said.get("STATUS", "") for said in self.hear()), words)

    def has_heard(self, key: str) -> bool:
        return any(key in said for said in self.hear())


@pytest.fixture(name="manager")
def open_manager(stage: Stage) -> Iterator[Manager]:
    manager = Manager(stage.folder)
    yield manager
    manager.socket.close()
    manager.path.unlink()


def assert_alone(manager: Manager, process: Process) -> None:
    """No child speaks in the name of a service."""
    assert manager.pids == {process.pid}


def stop_limit_us(unit: str) -> int:
    """The unit's own limit: what a service asks for beyond it, it gets."""
    text = (Path(os.environ["BROT_UNITS"]) / f"{unit}.service").read_text()
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    return int(seconds) * 1_000_000


def test_a_broker_is_ready_once_it_listens_and_says_when_it_stops(stage: Stage,
                                                                  manager: Manager) -> None:
    broker = stage.broker(environment=manager.environment())
    manager.wait_for("READY")
    assert not manager.has_heard("STOPPING") and not manager.has_heard("WATCHDOG")
    with wire.Client(broker.url) as client:
        client.submit(heavy_request())
        manager.wait_status("jobs: 0 running, 1 queued")
    stage.worker(broker)
    broker.wait_workers(1)
    manager.wait_status("workers: 1; ")
    assert broker.process.stop().status == 0
    (stopping,) = [said for said in manager.hear() if "STOPPING" in said]
    assert 0 < int(stopping["EXTEND_TIMEOUT_USEC"]) <= stop_limit_us("brot-broker")
    assert_alone(manager, broker.process)


def test_a_broker_tells_its_rate(stage: Stage, manager: Manager) -> None:
    broker = stage.broker(environment=manager.environment())
    stage.worker(broker)
    with wire.Client(broker.url) as client:
        job = client.submit(light_request()).body["job"]
        assert client.wait(job).name == "FINISHED"
    wait_until(lambda: any("tiles/s" in said.get("STATUS", "") and
                           "; 0.0 tiles/s" not in said["STATUS"] for said in manager.hear()),
               "a rate")


def test_a_broker_with_jobs_to_restore_is_ready_after_it_has_them(stage: Stage,
                                                                  manager: Manager) -> None:
    state = stage.folder / "state"
    first = stage.broker("--state-dir", state)
    stage.client("submit", "--view", "seahorse", "--broker", first.url)
    assert first.process.stop().status == 0
    second = stage.start("brot-broker", "--clients", first.clients[0], "--workers",
                         first.workers[0], "--state-dir", state,
                         environment=manager.environment())
    manager.wait_for("READY")
    assert "restored=1" in second.err()
    with wire.Client(first.url) as client:
        (job,) = client.report("JOBS")["jobs"]
        client.send("CANCEL_JOB", body={"job": job["job"]})
        assert client.wait(job["job"]).body["error"] == "cancelled"
    assert second.stop().status == 0


@pytest.mark.parametrize("arguments", [("--processes", 2), ("--threads", 2)])
def test_a_worker_says_how_it_is(stage: Stage, manager: Manager,
                                 arguments: tuple[str, int]) -> None:
    broker = stage.broker()
    worker = stage.start("brot-worker", "--broker", broker.workers[0], *arguments,
                         environment=manager.environment(watchdog=True))
    manager.wait_for("READY")
    manager.wait_for("WATCHDOG", 3)
    manager.wait_status("2 registered at ipc://" if arguments[0] == "--processes"
                        else "2 threads, serving the broker ipc://")
    assert worker.stop().status == 0
    (stopping,) = [said for said in manager.hear() if "STOPPING" in said]
    assert 0 < int(stopping["EXTEND_TIMEOUT_USEC"]) <= stop_limit_us("brot-worker")
    assert_alone(manager, worker)


def test_a_broker_that_hangs_is_silent(stage: Stage, manager: Manager) -> None:
    """Its signs of life come from the loop that serves, which stands still here."""
    broker = stage.broker(environment=manager.environment(watchdog=True))
    manager.wait_for("WATCHDOG", 3)
    broker.process.popen.send_signal(signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{broker.process.pid}/stat").read_text().split()[2] == "T",
               "a process that stands still")
    before = len(manager.hear())
    with pytest.raises(AssertionError):
        wait_until(lambda: len(manager.hear()) > before, "a sign", 3 * WATCHDOG_MS / 1000)
    broker.process.popen.send_signal(signal.SIGCONT)
    manager.wait_for("WATCHDOG", 4)


def test_a_watchdog_of_another_process_is_not_fed(stage: Stage, manager: Manager) -> None:
    stage.broker(environment={**manager.environment(watchdog=True), "WATCHDOG_PID": "1"})
    manager.wait_for("STATUS")
    assert not manager.has_heard("WATCHDOG")


def test_reloading(stage: Stage, manager: Manager) -> None:
    broker = stage.broker(environment=manager.environment())
    manager.wait_for("READY")
    broker.process.popen.send_signal(signal.SIGHUP)
    manager.wait_for("READY", 2)
    order = [key for said in manager.hear() for key in said if key in {"READY", "RELOADING"}]
    assert order == ["READY", "RELOADING", "READY"]
    (reloading,) = [said for said in manager.hear() if "RELOADING" in said]
    assert int(reloading["MONOTONIC_USEC"]) > 0
    assert broker.jobs() == [] and broker.process.is_running()


def test_an_embedded_service_says_nothing(stage: Stage, manager: Manager) -> None:
    """It would speak for the service that the client belongs to."""
    result = stage.client("render", "--view", "seahorse", "--size", "64x48", "--workers", 1,
                          "--quiet", "--out", "a.png", environment=manager.environment(True))
    assert result.status == 0
    assert manager.hear() == []


def test_a_manager_that_is_gone_is_no_trouble(stage: Stage, manager: Manager) -> None:
    broker = stage.broker(environment={"NOTIFY_SOCKET": str(manager.path) + "-gone"})
    stage.worker(broker, environment={"NOTIFY_SOCKET": "nonsense"})
    broker.wait_workers(1)
    stage.render(broker, "a.png", "--view", "seahorse", "--size", "64x48")


# The doors of a local service.

def mode_of(url: str) -> int:
    return stat.S_IMODE(os.stat(url.removeprefix("ipc://")).st_mode)


def test_a_group_may_use_the_sockets_for_clients_alone(stage: Stage) -> None:
    group = grp.getgrgid(os.getgid()) if os.geteuid() else grp.getgrnam("users")
    broker = stage.broker("--clients-group", group.gr_name)
    assert (mode_of(broker.clients[0]), mode_of(broker.workers[0])) == (0o660, 0o600)
    assert os.stat(broker.clients[0].removeprefix("ipc://")).st_gid == group.gr_gid
    stage.worker(broker)
    stage.render(broker, "a.png", "--view", "seahorse", "--size", "64x48")


def test_without_a_group_nobody_else_may(stage: Stage) -> None:
    broker = stage.broker()
    assert (mode_of(broker.clients[0]), mode_of(broker.workers[0])) == (0o600, 0o600)


def test_a_group_that_is_not_there_is_refused(stage: Stage) -> None:
    urls = ["--clients", f"ipc://{stage.folder}/c", "--workers", f"ipc://{stage.folder}/w"]
    result = stage.start("brot-broker", *urls, "--clients-group", "no-such-group").wait()
    assert result.status == 64
    assert result.err == ('brot-broker: --clients-group: must be one that this system has, got '
                          '"no-such-group"\n')
    assert "listening" not in result.err
    assert stage.sockets() == []


def test_a_group_that_we_are_not_in_is_refused(stage: Stage) -> None:
    if os.geteuid() != 0:
        pytest.skip("another user needs root")
    theirs = stage.folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    stage.folder.chmod(0o711)
    result = stage.start("brot-broker", "--clients", f"ipc://{theirs}/c", "--workers",
                         f"ipc://{theirs}/w", "--clients-group", "users", cwd=theirs,
                         prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]).wait()
    assert result.status == 71
    assert "cannot be given to group users: Operation not permitted: you must be in it" in result.err


def test_a_missing_folder_is_named(stage: Stage) -> None:
    url = f"ipc://{stage.folder}/none/c"
    result = stage.start("brot-broker", "--clients", url, "--workers",
                         f"ipc://{stage.folder}/w").wait()
    assert result.status == 71
    assert f"{url}: cannot listen there: the folder {stage.folder}/none is missing" in result.err


def test_a_member_of_the_group_renders_and_gets_pixels_by_the_socket(stage: Stage) -> None:
    """The image is not theirs to open, nor is the door for workers theirs to use."""
    if os.geteuid() != 0:
        pytest.skip("another user needs root")
    group = grp.getgrnam("users")
    broker = stage.broker("--clients-group", group.gr_name)
    stage.worker(broker)
    theirs = stage.folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    stage.folder.chmod(0o711)

    def as_user(groups: str, *arguments: object) -> Process:
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", groups, "--no-new-privs"]
        return stage.start(arguments[0], *arguments[1:], prefix=prefix, cwd=theirs)
    size = ["--view", "seahorse", "--size", "64x48", "--quiet"]
    member = as_user(f"--groups={group.gr_gid}", "brot-client", "render", *size, "--out", "a.png",
                     "--broker", broker.url).wait()
    assert member.status == 0, member.err
    ours = stage.render(broker, "ours.png", *size[:4])
    assert (theirs / "a.png").read_bytes() == ours.read_bytes()
    stranger = as_user("--clear-groups", "brot-client", "render", *size, "--out", "b.png",
                       "--broker", broker.url, "--timeout", 1).wait()
    assert stranger.status == 77
    worker = as_user(f"--groups={group.gr_gid}", "brot-worker", "--broker", broker.workers[0],
                     "--processes", 1).wait()
    assert worker.status == 77 and "this user may not connect" in worker.err, worker.err
    assert len(broker.worker_list()) == 1
