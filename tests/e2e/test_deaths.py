"""kill -9 of anything at any time: the picture is right, and nothing is left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

import pictures
import wire
from harness import (CUSP_COLUMNS, CUSP_COUNTS, SHM, Broker, Process, Stage, heavy, light_request,
                     wait_until)

# The broker would take a silent worker for dead after 10 s. What must be known at once must be
# known well before that.
AT_ONCE_S = 5.0
# Silence after which a peer is taken for dead, as PROTOCOL.md has it.
LOST_S = 10.0
# A broker looks for images of dead ones some seconds after its start.
NEXT_BROKER_S = 15.0


def start_render(stage: Stage, broker: Broker, rows: int = 1024) -> Process:
    return stage.start("brot-client", "render", *heavy(rows), "--quiet", "--out", "a.npy",
                       "--broker", broker.url)


def check_picture(path: Path, rows: int = 1024) -> None:
    """All pixels of the view are much alike: a tile that was never written would hold zeros."""
    counts = pictures.read_npy(path)
    assert counts.shape == (rows, CUSP_COLUMNS)
    assert counts.min() in CUSP_COUNTS and counts.max() in CUSP_COUNTS


@pytest.fixture(name="expected")
def make_expected(stage: Stage) -> bytes:
    """The bytes when nobody dies."""
    return stage.render(None, "expected.npy", *heavy(1024), "--workers", "2").read_bytes()


def test_a_worker_process(stage: Stage, expected: bytes) -> None:
    """Its parent tells the broker at once, and starts another."""
    broker = stage.broker("--tile-rows", 4)
    parent = stage.worker(broker, processes=2)
    pids = {entry["pid"] for entry in broker.wait_workers(2)}
    assert pids == stage.children(parent.pid)
    victim = min(pids)
    render = start_render(stage, broker)
    broker.wait_tiles(2, {victim})
    os.kill(victim, signal.SIGKILL)

    def is_replaced() -> bool:
        now = {entry["pid"] for entry in broker.worker_list()}
        return victim not in now and len(now) == 2
    wait_until(is_replaced, "another process in its place", AT_ONCE_S)
    assert render.wait().status == 0
    check_picture(stage.folder / "a.npy")
    assert (stage.folder / "a.npy").read_bytes() == expected


def test_a_frozen_worker_process(stage: Stage) -> None:
    """Killed while it certainly holds tiles, which must go to the other one."""
    broker = stage.broker("--tile-rows", 4)
    stage.worker(broker, processes=2)
    victim = min(entry["pid"] for entry in broker.wait_workers(2))
    render = start_render(stage, broker)
    broker.wait_tiles(1, {victim})
    os.kill(victim, signal.SIGSTOP)
    os.kill(victim, signal.SIGKILL)
    assert render.wait().status == 0
    check_picture(stage.folder / "a.npy")


def test_a_worker_parent(stage: Stage) -> None:
    """Its children say BYE and end; another worker goes on with the job at once."""
    broker = stage.broker("--tile-rows", 4)
    parent = stage.worker(broker, processes=2)
    pids = {entry["pid"] for entry in broker.wait_workers(2)}
    render = start_render(stage, broker)
    broker.wait_tiles(2)
    parent.kill()
    wait_until(lambda: broker.worker_list() == [], "BYE of its children", AT_ONCE_S)
    wait_until(lambda: not pids & stage.alive(), "the end of its children", AT_ONCE_S)
    (job,) = broker.jobs()
    assert job["tiles_running"] == 0 and job["pixels_done"] < job["pixels"]
    stage.worker(broker)
    (entry,) = broker.wait_workers(1)
    broker.wait_tiles(1, {entry["pid"]})
    assert render.wait().status == 0
    check_picture(stage.folder / "a.npy")


def test_a_stopped_broker(stage: Stage) -> None:
    """What peers said while it was stopped is heard before their silence is judged."""
    broker = stage.broker()
    render = stage.start("brot-client", "render", *heavy(64), "--quiet", "--out", "a.npy",
                         "--broker", broker.url, "--timeout", "60")

    def jobs() -> list[int]:
        with wire.Client(broker.url) as client:
            return [job["job"] for job in client.report("JOBS")["jobs"]]

    before = wait_until(jobs, "the job")
    broker.process.popen.send_signal(signal.SIGSTOP)
    end_s = time.monotonic() + LOST_S + 1.5
    wait_until(lambda: time.monotonic() > end_s, "the time after which silence means death")
    broker.process.popen.send_signal(signal.SIGCONT)
    assert jobs() == before
    stage.worker(broker)
    assert jobs() == before
    assert render.wait().status == 0
    check_picture(stage.folder / "a.npy", 64)


def test_an_embedded_client(stage: Stage) -> None:
    render = stage.start("brot-client", "render", *heavy(16384), "--out", "a.npy", "--workers",
                         "2", "--json")
    wait_until(lambda: '"running"' in render.out_path.read_text(), "a running job")
    assert stage.sockets() and len(stage.programs("brot-worker")) >= 3
    render.kill()
    stage.wait_nothing_left()
    assert not (stage.folder / "a.npy").exists()


@pytest.mark.parametrize("program", ["brot-broker", "brot-worker"])
def test_a_part_of_an_embedded_service(stage: Stage, program: str) -> None:
    """The client must not wait for ever for a broker or workers that are gone."""
    render = stage.start("brot-client", "render", *heavy(16384), "--out", "a.npy", "--workers",
                         "2", "--json")
    wait_until(lambda: '"running"' in render.out_path.read_text(), "a running job")
    (victim,) = stage.children(render.pid) & stage.programs(program)
    os.kill(victim, signal.SIGKILL)
    result = render.wait()
    assert result.status != 0 and result.events()[-1]["event"] == "failed"
    stage.wait_nothing_left()


def test_a_worker_parent_amid_long_tiles(stage: Stage) -> None:
    """Tiles of many seconds keep no child from its BYE."""
    broker = stage.broker("--tile-rows", 48)
    parent = stage.worker(broker, processes=2)
    # Who does not know its session yet has nothing to say BYE to.
    wait_until(lambda: parent.err().count(": registered ") == 2, "both children know of it")
    broker.wait_workers(2)
    inside = light_request(view={"re": "0", "im": "0", "width": "0.01"}, iterations=10**9,
                           shortcuts=False)
    with wire.Client(broker.url) as client:
        job = client.submit(inside).body["job"]
        wait_until(lambda: client.progress(job).body["tiles_running"], "a tile")
        parent.kill()
        wait_until(lambda: broker.worker_list() == [], "BYE of its children", AT_ONCE_S)
        wait_until(lambda: not stage.programs("brot-worker"), "their end", AT_ONCE_S)
        assert client.progress(job).body["tiles_running"] == 0
        client.send("CANCEL_JOB", body={"job": job})
        assert client.wait(job).body["error"] == "cancelled"


def segments_of(broker: Broker) -> set[str]:
    """The images that a live broker has mapped."""
    maps = Path(f"/proc/{broker.process.pid}/maps").read_text()
    return {line.rsplit("/", 1)[1] for line in maps.splitlines() if f"{SHM}/brot-" in line}


def test_a_broker(stage: Stage) -> None:
    """Its segments and sockets vanish; the worker lives on, and so does the client's render, with
    a new broker at the same endpoints."""
    broker = stage.broker("--tile-rows", 4)
    parent = stage.worker(broker)
    (before,) = broker.wait_workers(1)
    render = start_render(stage, broker)
    broker.wait_tiles(2)
    segments = segments_of(broker)
    assert len(segments) == 1 and len(stage.sockets()) == 2
    broker.process.kill()
    wait_until(lambda: not stage.sockets(), "the end of its sockets", AT_ONCE_S)
    wait_until(lambda: not any((SHM / name).exists() for name in segments),
               "the end of its segments", AT_ONCE_S)
    assert parent.is_running()

    again = stage.broker("--tile-rows", 4, clients=broker.clients, workers=broker.workers)
    (after,) = again.wait_workers(1)
    assert after["pid"] == before["pid"]
    assert render.wait().status == 0
    check_picture(stage.folder / "a.npy")


def image_of_a_job(broker: Broker) -> Path:
    """Submits a job and goes: its image stays for some seconds."""
    with wire.Client(broker.url) as client:
        return SHM / client.submit(light_request()).body["image"]["name"][1:]


def keeper_of(stage: Stage, broker: Broker) -> int:
    """The process that cleans up after its broker."""
    (keeper,) = stage.children(broker.process.pid)
    return keeper


def test_a_broker_and_its_keeper(stage: Stage) -> None:
    """With nobody left to clean up, the next broker does."""
    broker = stage.broker()
    image = image_of_a_job(broker)
    assert image.exists()
    broker.process.popen.send_signal(signal.SIGSTOP)  # lest it start another keeper
    os.kill(keeper_of(stage, broker), signal.SIGKILL)
    broker.process.kill()
    assert image.exists(), "somebody cleaned up, and this test shows nothing"
    again = stage.broker(clients=broker.clients, workers=broker.workers)
    wait_until(lambda: not stage.segments_left(), "the end of its segments", NEXT_BROKER_S)
    assert not image.exists() and again.jobs() == []


def test_a_keeper(stage: Stage) -> None:
    """The broker goes on and starts another, which knows of all that is there."""
    broker = stage.broker()
    image = image_of_a_job(broker)
    before = keeper_of(stage, broker)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: stage.children(broker.process.pid) - {before}, "another keeper", AT_ONCE_S)
    later = image_of_a_job(broker)
    assert image.exists() and later.exists()
    broker.process.kill()
    wait_until(lambda: not image.exists() and not later.exists() and not stage.sockets(),
               "the end of its images and sockets", AT_ONCE_S)
    stage.wait_nothing_left()


def test_a_client(stage: Stage) -> None:
    """Nobody watches its job any more: the broker ends it, and keeps nothing."""
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    broker.wait_workers(1)
    render = start_render(stage, broker, rows=16384)
    broker.wait_tiles(1)
    render.kill()
    wait_until(lambda: broker.jobs() == [], "the end of its job")
    assert broker.status()["image_bytes"] == 0
