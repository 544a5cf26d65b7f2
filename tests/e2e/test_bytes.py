"""The same request gives the same bytes, whatever renders it and however the pixels travel."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness import Broker, Stage
from isolation import in_own_shm

# Odd on purpose: neither vectors nor tiles come out even.
VIEW = ["--view", "-0.7453,0.1127,0.0065", "--size", "133x71", "--iterations", "700"]
FORMATS = {"rgb8": "a.ppm", "iterations": "a.npy", "smooth": "b.npy"}

# Of the first run in this process, whatever it was; all others must agree.
expected: dict[str, str] = {}


def check_bytes(stage: Stage, broker: Broker, *arguments: str) -> None:
    """Renders each format and compares it with what others got."""
    for name, file in FORMATS.items():
        path = stage.render(broker, file, *VIEW, "--format", name, *arguments)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert expected.setdefault(name, digest) == digest, name


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_number_of_workers(stage: Stage, processes: int) -> None:
    broker = stage.broker()
    stage.worker(broker, processes=processes)
    broker.wait_workers(processes)
    check_bytes(stage, broker)
    assert all(worker["is_local"] for worker in broker.worker_list() if worker["tiles_done"])


@pytest.mark.parametrize("rows", [1, 7, 13, 71])
def test_height_of_tiles(stage: Stage, rows: int) -> None:
    broker = stage.broker("--tile-rows", rows)
    stage.worker(broker, processes=2)
    broker.wait_workers(2)
    check_bytes(stage, broker)
    assert broker.status()["tiles_done"] >= len(FORMATS) * -(-71 // rows)


def test_threads(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 5)
    stage.start("brot-worker", "--broker", broker.workers[0], "--threads", 3)
    (worker,) = broker.wait_workers(1)
    assert worker["threads"] == 3
    check_bytes(stage, broker)


def test_worker_over_the_socket(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 7)
    stage.worker(broker, "--no-shm")
    check_bytes(stage, broker)
    assert not any(worker["is_local"] for worker in broker.worker_list())
    # The pixels of three formats, even if they compress well, do not fit 300 bytes a tile.
    status = broker.status()
    assert status["worker_bytes_received"] > 300 * status["tiles_done"]


def test_client_over_the_socket(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker)
    check_bytes(stage, broker, "--no-shm")
    assert broker.status()["client_bytes_sent"] > 133 * 71 * (3 + 4 + 8)


def test_tcp(stage: Stage) -> None:
    broker = stage.broker(tcp=True)
    assert broker.url.startswith("tcp://127.0.0.1:")
    stage.worker(broker, processes=2)
    check_bytes(stage, broker)


def test_shared_and_sent_pixels_in_one_image(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    stage.worker(broker, "--no-shm")
    broker.wait_workers(2)
    check_bytes(stage, broker)
    assert all(worker["tiles_done"] > 0 for worker in broker.worker_list())


def test_worker_in_another_mount_namespace(stage: Stage) -> None:
    """It sees a /dev/shm of its own, so that it cannot map the image, and must find out."""
    broker = stage.broker()
    worker = stage.start(in_own_shm("16m", "brot-worker", "--broker", broker.workers[0],
                                    "--processes", "1"))
    broker.wait_workers(1)
    check_bytes(stage, broker)
    assert not any(entry["is_local"] for entry in broker.worker_list())
    assert worker.is_running()


def test_client_in_another_mount_namespace(stage: Stage) -> None:
    broker = stage.broker()
    path = stage.folder / "a.ppm"
    # Made first: it skips the test where the system has no such thing, before a worker starts.
    client = in_own_shm("16m", "brot-client", "render", *VIEW, "--out", str(path),
                        "--broker", broker.url)
    stage.worker(broker)
    result = stage.start(client).wait()
    assert result.status == 0, result.err
    check_digest("rgb8", path)
    check_bytes(stage, broker)


def check_digest(name: str, path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert expected.setdefault(name, digest) == digest


def test_every_kernel(stage: Stage) -> None:
    broker = stage.broker()
    first = stage.worker(broker)
    kernels = broker.wait_workers(1)[0]["kernels"]
    assert first.stop().status == 0
    assert "scalar" in kernels and len(kernels) >= 2
    for kernel in kernels:
        worker = stage.worker(broker, "--kernel", kernel)
        assert broker.wait_workers(1)[0]["kernel"] == kernel
        check_bytes(stage, broker)
        assert worker.stop().status == 0
        broker.wait_workers(0)
