"""Memory, disk, descriptors and the room for carries run out, and files are not what they were."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wire
from durable import Durable, cpu_s, images, line_of, sha
from harness import SHM, Broker, Stage, heavy, light_request, wait_until
from hosts import Host
from phoenix import STEPS_BROKER, needs_steps

BUSY, SYSTEM = 75, 71


@pytest.fixture(name="host")
def make_host() -> Iterator[Host]:
    """With a /dev/shm of 8 MiB."""
    made = Host(shm="8m")
    try:
        yield made
    finally:
        made.close()


def fill(path: Path) -> Path:
    """Takes all the space of a file system."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return path


def end_all(stage: Stage) -> None:
    for process in reversed(stage.processes):
        if process.is_running():
            assert process.stop().status == 0, process.err()


# Shared memory

def test_no_memory_for_an_image(stage: Stage, host: Host) -> None:
    """What others have taken of it: refused at once, and nothing stays; later it is rendered."""
    durable = Durable(stage)
    broker = durable.start(prefix=host.prefix)
    stage.worker(broker, prefix=host.prefix)
    filler = fill(host.path("/dev/shm/filler"))
    with wire.Client(broker.url) as client:
        for keep in (False, True):
            refused = client.submit(light_request(size=[1000, 1000]), keep=keep)
            assert refused.name == "REFUSED" and refused.body["error"] == "no_space"
            assert refused.body["text"]
        assert broker.jobs() == [] and not host.images()
        assert broker.status()["image_bytes"] == 0
        filler.unlink()
        job = client.submit(light_request(size=[1000, 1000], iterations=50)).body["job"]
        assert client.wait(job).name == "FINISHED"
        client.release(job)
        wait_until(lambda: not host.images(), "the end of the image")
    done, *refused_ones = broker.history()
    assert done["job"] == job and done["state"] == "released"
    assert {entry["error"] for entry in refused_ones} == {"no_space"}
    end_all(stage)


def test_no_memory_for_the_next_band(stage: Stage, host: Host) -> None:
    """It waits, and goes on when there is space again."""
    request = light_request(size=[1024, 2048], iterations=100)  # 8 MiB of pixels
    broker = stage.broker("--memory", "4M", prefix=host.prefix)
    worker = stage.worker(broker, prefix=host.prefix)
    expected = stage.render(None, "whole.npy", "--view", "-0.7453,0.1127,0.0065", "--size",
                            "1024x2048", "--iterations", "100", "--format", "iterations",
                            "--workers", "2")
    with wire.Client(broker.url) as client:
        accepted = client.submit(request)
        assert accepted.name == "ACCEPTED" and "image" not in accepted.body
        bands = accepted.body["bands"]
        assert bands["count"] > 2 and bands["count"] == -(-2048 // bands["rows"])
        job = accepted.body["job"]
        client.wait(job, "BAND")
        wait_until(lambda: len(host.images()) == 2, "two bands, which is the most")
        with contextlib.ExitStack() as stack:
            # Who has a file open keeps its memory taken, though the broker removes it.
            for name in host.images():
                stack.enter_context(host.path(f"/dev/shm/{name}").open("rb"))
            filler = fill(host.path("/dev/shm/filler"))
            pieces = [client.fetch(job, 0, 4, 1024, bands["rows"])]
            client.release_band(job, 0)
            second = client.wait(job, "BAND").body
            while second["band"] != 1:
                second = client.wait(job, "BAND").body
            pieces.append(client.fetch(job, 0, 4, 1024, second["rows"], second["first"]))
            client.release_band(job, 1)
            wait_until(lambda: not host.images(), "the end of both")
            # Heard after the releases, and still so after the tries that follow them.
            for _ in range(20):
                assert client.progress(job).name == "PROGRESS"
                assert client.is_silent(0.05) or client.receive().name == "PROGRESS"
            assert not host.images()
            filler.unlink()
        pieces.append(client.fetch_bands(accepted, 4, first=2 * bands["rows"]))
    assert expected.read_bytes().endswith(b"".join(pieces))
    wait_until(lambda: not host.images(), "the end of all images")
    assert worker.is_running()
    end_all(stage)


# The disk

def test_no_space_under_the_store(stage: Stage, host: Host) -> None:
    """SUBMIT is refused, what runs is finished, and with space again all is well."""
    folder = stage.folder / "disk"
    folder.mkdir()
    host.run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder)
    durable = Durable(stage, "--tile-rows", 4, folder=folder / "state")
    broker = durable.start(prefix=host.prefix)
    render = stage.start("brot-client", "render", *heavy(128), "--quiet", "--out", "a.npy",
                         "--broker", broker.url)
    wait_until(broker.jobs, "the job")
    filler = fill(host.path(folder / "filler"))
    with wire.Client(broker.url) as client:
        # Pages that the store has in hand may take a few jobs.
        padding = "0" * 4000
        request = light_request(size=[1, 1], view={"re": f"-0.7453{padding}", "im": "0.1127",
                                                   "width": "0.0065"})
        accepted = []
        while (answer := client.submit(request)).name == "ACCEPTED":
            accepted.append(answer.body["job"])
            assert len(accepted) < 64
        assert answer.body["error"] == "no_space" and answer.body["text"]
        known = {job["job"] for job in broker.jobs()}
        assert set(accepted) < known and len(known) == len(accepted) + 1
        stage.worker(broker, prefix=host.prefix)
        assert render.wait().status == 0
        for job in accepted:
            client.ask("CANCEL_JOB", job=job)
        assert broker.process.is_running()
        filler.unlink()
        wait_until(lambda: client.submit(light_request(size=[2, 2])).name == "ACCEPTED",
                   "a job accepted")
        for entry in broker.jobs():
            client.ask("CANCEL_JOB", job=entry["job"])
    stage.render(broker, "b.npy", *heavy(128))
    assert sha(stage.folder / "a.npy") == sha(stage.folder / "b.npy")
    wait_until(lambda: not broker.jobs() and not host.images(), "the end of all jobs")
    end_all(stage)
    copy = stage.folder / "brot.db"  # SQLite looks for a host's file among ours
    copy.write_bytes(host.path(folder / "state" / "brot.db").read_bytes())
    with sqlite3.connect(copy) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store.close()


# What lies in shared memory when the broker comes back

def truncate(path: Path) -> None:
    os.truncate(path, 4096)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace_by_another(path: Path) -> None:
    """A file of the same name and size, of which nobody knows what it is."""
    size = path.stat().st_size
    path.unlink()
    path.touch(mode=0o600)
    path.write_bytes(os.urandom(4096))
    os.truncate(path, size)


def spoil_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(24)
        file.write(b"\xff" * 40)  # job and nonce


def open_to_all(path: Path) -> None:
    path.chmod(0o666)


def make_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("spoil", [truncate, empty, replace_by_another, spoil_header, open_to_all,
                                   make_link])
def test_an_image_that_is_not_what_it_was(stage: Stage, spoil: Callable[[Path], None]) -> None:
    """The job renders again, into another image."""
    stage.render(None, "expected.npy", *heavy(128), "--workers", "2")
    durable = Durable(stage, "--tile-rows", 4)
    broker = durable.start()
    worker = stage.worker(broker)
    render = stage.start("brot-client", "render", *heavy(128), "--quiet", "--out", "a.npy",
                         "--broker", broker.url, "--timeout", "60")
    broker.wait_tiles(3)
    # Frozen, lest it store into what is spoilt: what it has mapped is as before.
    victim, = stage.children(worker.pid)
    os.kill(victim, signal.SIGSTOP)
    durable.kill()
    os.kill(victim, signal.SIGKILL)
    (name,) = images()
    os.kill(render.pid, signal.SIGSTOP)
    spoil(SHM / name)
    broker = durable.start()
    os.kill(render.pid, signal.SIGCONT)
    assert render.wait().status == 0, render.err()
    assert sha(stage.folder / "a.npy") == sha(stage.folder / "expected.npy")
    if (SHM / name).is_symlink() or spoil is replace_by_another:
        (SHM / name).unlink(missing_ok=True)  # not ours: it may stay
    durable.finish()


# The store's file

def refused_start(durable: Durable, status: int) -> str:
    process = durable.stage.start("brot-broker", "--clients", f"ipc://{durable.stage.folder}/x",
                                  "--workers", f"ipc://{durable.stage.folder}/y",
                                  *durable.arguments)
    assert process.wait().status == status, process.err()
    return line_of(process)


def with_a_job(stage: Stage) -> Durable:
    """A store of which the broker is gone, with one job in its history."""
    durable = Durable(stage)
    broker = durable.start()
    with wire.Client(broker.url) as client:
        job = client.submit(light_request()).body["job"]
        client.ask("CANCEL_JOB", job=job)
    wait_until(broker.history, "the history")
    assert broker.process.stop().status == 0
    return durable


def test_a_store_that_is_none(stage: Stage) -> None:
    durable = with_a_job(stage)
    durable.database().write_bytes(b"GIF89a" + os.urandom(5000))
    assert "brot.db" in refused_start(durable, SYSTEM)
    assert durable.database().read_bytes().startswith(b"GIF89a"), "it was changed"


def test_a_store_that_is_damaged(stage: Stage) -> None:
    durable = with_a_job(stage)
    for suffix in ("-wal", "-shm"):
        Path(f"{durable.database()}{suffix}").unlink(missing_ok=True)
    whole = durable.database().read_bytes()
    durable.database().write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    assert "brot.db" in refused_start(durable, SYSTEM)


def test_a_store_of_a_later_version(stage: Stage) -> None:
    durable = with_a_job(stage)
    with sqlite3.connect(durable.database()) as store:
        (version,) = store.execute("PRAGMA user_version").fetchone()
        assert version > 0
        store.execute(f"PRAGMA user_version = {version + 1}")
    store.close()
    line = refused_start(durable, SYSTEM)
    assert "brot.db" in line and str(version + 1) in line


def test_a_store_in_use(stage: Stage) -> None:
    durable = Durable(stage)
    broker = durable.start()
    assert "brot.db" in refused_start(durable, BUSY)
    assert broker.jobs() == [], "the first one goes on"
    durable.finish()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_closed(stage: Stage) -> None:
    folder = stage.folder / "closed"
    folder.mkdir(mode=0o500)
    assert "closed" in refused_start(Durable(stage, folder=folder), SYSTEM)


def test_a_folder_without_a_parent(stage: Stage) -> None:
    refused_start(Durable(stage, folder=stage.folder / "no" / "such"), SYSTEM)


# Descriptors

@pytest.mark.parametrize("most", [64, 128])
def test_no_descriptors(stage: Stage, most: int) -> None:
    """More connections than there can be: the broker neither spins nor dies, and serves those
    that it knows, and new ones once the others are gone."""
    limit = ["prlimit", f"--nofile={most}:{most}", "--"]
    broker: Broker = stage.broker(tcp=True, prefix=limit)
    stage.worker(broker)
    broker.wait_workers(1)
    host, _, port = broker.url.removeprefix("tcp://").rpartition(":")
    with wire.Client(broker.url) as known:
        assert known.report("STATUS")
        with contextlib.ExitStack() as stack:
            for _ in range(2 * most):
                link = stack.enter_context(socket.socket())
                link.setblocking(False)
                link.connect_ex((host, int(port)))
            before_s, asked = cpu_s(broker.process.pid), 0
            for asked in range(20):
                assert known.report("STATUS")
                assert known.is_silent(0.1)
            assert asked and cpu_s(broker.process.pid) - before_s < 1.0, "the broker spins"
            # Whether there is room for an image is for the broker to say, before it has none.
            answer = known.submit(light_request())
            if answer.name == "REFUSED":
                assert answer.body["error"] == "busy"
            else:
                assert known.wait(answer.body["job"]).name == "FINISHED"
                known.release(answer.body["job"])
        stage.render(broker, "a.png", "--view", "seahorse", "--size", "64x48")
    assert broker.process.is_running()


# Room for carries

@needs_steps
@pytest.mark.parametrize("options", [["--processes", "2"], ["--no-shm"]])
def test_more_counts_are_large_than_a_grid_has_room_for(stage: Stage, options: list[str]) -> None:
    """Cells that hold 0 and 1 alone all carry: the job ends soon, and says why."""
    broker = stage.broker(program=[STEPS_BROKER], environment={"BROT_GRID_WRAP": "2"})
    worker = stage.start("brot-worker", "--broker", broker.workers[0], *options)
    counts = ["--kind", "buddhabrot", "--view", "-0.4,0.01,3", "--size", "500x500", "--points",
              "1e6", "--iterations", "300", "--out", "a.npy", "--broker", broker.url]
    render = stage.start("brot-client", "render", *counts, "--quiet")
    assert render.wait().status != 0
    assert "more counts are large than" in line_of(render)
    assert worker.is_running()
    wait_until(lambda: not images(), "the end of all grids")
