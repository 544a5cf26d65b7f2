"""The package against real brokers and workers: arrays, jobs, questions, refusals."""

from __future__ import annotations

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import brot
import numpy as np
import pytest
from brot import _shm
from brot._notice import ImageName
from harness import SHM, Broker, Stage, heavy_request, wait_until

SMALL = (320, 200)


@pytest.fixture(name="service")
def a_service(broker: Broker) -> Any:
    with brot.connect(broker.url) as service:
        yield service


@pytest.mark.parametrize("format_", ["iterations", "smooth", "distance", "phase"])
@pytest.mark.parametrize("shared", [True, False])
def test_the_array_of_the_clients_npy(stage: Stage, broker: Broker, service: brot.Service,
                                      format_: str, shared: bool) -> None:
    path = stage.render(broker, "out.npy", "--view", "seahorse", "--size", "320x200", "--format",
                        format_, "--iterations", 500)
    job = service.submit("seahorse", SMALL, format=format_, iterations=500, shared=shared)
    array = job.result()
    expected = np.load(path)
    assert isinstance(array, np.ndarray)
    assert array.dtype == expected.dtype and array.shape == expected.shape
    assert array.tobytes() == expected.tobytes()
    assert job.is_shared is shared and not array.flags.writeable


def test_colours_and_counts(stage: Stage, broker: Broker, service: brot.Service) -> None:
    path = stage.render(broker, "out.ppm", "--view", "home", "--size", "320x200", "--samples", 2)
    array = service.render("home", SMALL, samples=2)
    assert isinstance(array, np.ndarray) and array.shape == (200, 320, 3)
    assert path.read_bytes().endswith(array.tobytes())
    words: dict[str, Any] = {"kind": "buddhabrot", "points": 1e5, "iterations": 200, "seed": 1}
    density = service.render(None, (64, 48), format="density", **words)
    narrow = service.render(None, (64, 48), format="density32", **words)
    assert isinstance(density, np.ndarray) and density.dtype == np.uint64
    assert np.array_equal(density, narrow) and density.sum() > 0
    nebula = service.render(None, (64, 48), format="nebula",
                            bands=[(1, 200), (1, 50), (20, 200)], **words)
    assert isinstance(nebula, np.ndarray) and nebula.shape == (48, 64, 3)
    assert np.array_equal(nebula[:, :, 0], density)


def test_raw(service: brot.Service) -> None:
    raw = service.render("seahorse", SMALL, format="raw", iterations=300)
    assert isinstance(raw, dict)
    assert list(raw) == ["iterations", "whole", "fraction", "distance", "phase", "period",
                         "interior"]
    elsewhere = service.submit("seahorse", SMALL, format="raw", iterations=300,
                               shared=False).result()
    assert isinstance(elsewhere, dict)
    assert all(raw[name].tobytes() == elsewhere[name].tobytes() for name in raw)


def images() -> list[str]:
    return [path.name for path in SHM.glob("brot-*")]


def test_an_image_stays_as_long_as_its_array(service: brot.Service) -> None:
    array = service.render("home", SMALL, format="iterations")
    assert isinstance(array, np.ndarray)
    part = array[10:20, 30:]
    expected = part.copy()
    del array
    gc.collect()
    assert len(service.jobs()) == 1 and len(images()) == 1
    assert np.array_equal(part, expected)
    del part
    wait_until(lambda: not service.jobs() and not images(), "the image to go")


def test_arrays_outlive_their_service(broker: Broker) -> None:
    with brot.connect(broker.url) as service:
        array = service.render("home", SMALL, format="iterations")
    assert isinstance(array, np.ndarray)
    wait_until(lambda: not broker.jobs() and not images(), "the image to go")
    with brot.connect(broker.url) as service:
        again = service.render("home", SMALL, format="iterations")
        assert np.array_equal(array, again)
    with pytest.raises(ConnectionError, match="closed"):
        service.render("home")


def test_more_images_than_a_broker_keeps(service: brot.Service) -> None:
    arrays = [service.render("home", (32, 20 + n), format="iterations") for n in range(70)]
    assert len(service.jobs()) <= 33
    assert all(isinstance(array, np.ndarray) and array.shape == (20 + n, 32) and array.max() > 0
               for n, array in enumerate(arrays))


def test_nobody_keeps_a_service_that_is_dropped(broker: Broker) -> None:
    array = brot.connect(broker.url).render("home", SMALL)
    gc.collect()
    wait_until(lambda: not broker.jobs(), "the job to go")
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "brot"],
               "the thread to end")
    assert isinstance(array, np.ndarray) and array.any()


# Jobs


def test_a_job_is_a_future(service: brot.Service) -> None:
    seen: list[Any] = []
    ended = threading.Event()
    job = service.submit(heavy_request(64), shared=False)
    job.add_progress_callback(seen.append)
    job.add_done_callback(lambda job: (seen.append(job), ended.set()))
    with pytest.raises(TimeoutError):
        job.result(0.001)
    array = job.result(60)
    assert ended.wait(10) and seen[-1] is job
    assert job.done() and not job.running() and not job.cancelled() and not job.cancel()
    assert job.exception() is None and job.summary is not None and job.result() is array
    assert all(isinstance(one, brot.Progress) and 0 <= one.done <= 1 for one in seen[:-1])
    late: list[Any] = []
    job.add_done_callback(late.append)
    assert late == [job]


def test_a_callback_that_fails_harms_nobody(service: brot.Service,
                                            caplog: pytest.LogCaptureFixture) -> None:
    job = service.submit("home", SMALL)
    job.add_done_callback(lambda job: 1 / 0)
    assert job.result() is not None
    assert service.status()["version"]
    wait_until(lambda: "callback" in caplog.text, "the log")


def test_cancel(service: brot.Service) -> None:
    job = service.submit(heavy_request(4096))
    wait_until(lambda: job.id, "the job to be accepted")
    assert job.cancel()
    with pytest.raises(brot.Cancelled):
        job.result(10)
    assert job.cancelled() and job.done()
    wait_until(lambda: not service.jobs() and not images(), "nothing left")


def test_cancel_at_once_and_from_elsewhere(service: brot.Service) -> None:
    job = service.submit(heavy_request(4096))
    job.cancel()
    assert isinstance(job.exception(10), brot.Cancelled)
    job = service.submit(heavy_request(4096))
    wait_until(lambda: job.id, "the job to be accepted")
    service.cancel(job.id)
    assert isinstance(job.exception(10), brot.Cancelled)


def test_a_timeout_cancels(service: brot.Service) -> None:
    with pytest.raises(brot.TimeoutError, match="0.3 s"):
        service.render(heavy_request(4096), timeout=0.3)
    wait_until(lambda: not service.jobs(), "nothing left")


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("format_", ["rgb8", "smooth"])
def test_stream(service: brot.Service, shared: bool, format_: str) -> None:
    request = brot.Request("seahorse-deep", (400, 3000), format=format_)
    job = service.submit(request, shared=shared)
    whole = np.zeros((3000, 400, 3) if format_ == "rgb8" else (3000, 400))
    given = np.zeros(3000, int)
    for y, rows in job.stream(60):
        assert isinstance(rows, np.ndarray) and not rows.flags.writeable
        whole[y:y + len(rows)] = rows
        given[y:y + len(rows)] += 1
    assert (given == 1).all()
    assert np.array_equal(whole, job.result())


def test_a_stream_of_what_fails(service: brot.Service) -> None:
    with pytest.raises(ValueError, match="samples"):
        list(service.submit("home", SMALL, format="iterations", samples=2).stream())
    job = service.submit(heavy_request(4096))
    with pytest.raises(TimeoutError):
        list(job.stream(0.2))
    job.cancel()


def test_bands(stage: Stage) -> None:
    broker = stage.broker("--memory", "4M")
    stage.worker(broker, processes=2)
    broker.wait_workers(2)
    with brot.connect(broker.url) as service:
        request = brot.Request("home", (1000, 3000), iterations=50)
        banded, parts = service.submit(request), 0
        for _, rows in banded.stream():
            parts += 1
        assert parts > 1
        job = service.submit(request, shared=False)
        assert np.array_equal(banded.result(), job.result())


def test_attach(service: brot.Service, broker: Broker) -> None:
    job = service.submit("home", SMALL, format="iterations", keep=True)
    array = job.result()
    with brot.connect(broker.url) as other:
        attached = other.attach(job.id)
        assert np.array_equal(attached.result(), array)
        assert attached.request is not None and attached.request.size == SMALL
        again = other.attach(job.id, shared=False).result()
        assert np.array_equal(again, array)
    assert [row["job"] for row in service.jobs()] == [job.id]
    job.release()
    assert service.jobs() == []
    with pytest.raises(LookupError):
        service.attach(job.id).result()
    with pytest.raises(LookupError):
        service.release(job.id)


def test_threads(service: brot.Service) -> None:
    def render(n: int) -> Any:
        return service.render("home", (64, 40 + n % 5), format="iterations", iterations=100)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(render, range(60)))
    for n, array in enumerate(found):
        assert np.array_equal(array, found[n % 5])


def test_questions(service: brot.Service) -> None:
    workers = wait_until(lambda: len(service.workers()) == 2 and service.workers(), "two workers")
    assert {row["threads"] for row in workers} == {1}
    service.render("home", SMALL)
    assert service.history(1) == []  # a broker without a store has none
    job = service.submit(heavy_request(4096), priority=-5)
    wait_until(lambda: job.id, "the job to be accepted")
    service.pause(job.id)
    service.priority(job.id, 7)
    row = service.jobs()[0]
    assert (row["state"], row["priority"]) == ("paused", 7)
    service.resume(job.id)
    with pytest.raises(LookupError):
        service.pause(999)
    assert service.drain(workers[0]["worker"]) == 1
    job.cancel()
    assert isinstance(job.exception(10), brot.Cancelled)


# What is wrong


@pytest.mark.parametrize("words, field", [
    ({"samples": 2, "format": "iterations"}, "samples"),
    ({"iterations": 10**10}, "iterations"),
    ({"colour": {"palette": "mud"}}, "colour.palette"),
    ({"view": (-0.75, 0, "1e-300")}, "view.width"),
    ({"view": {"re": 0, "im": 0, "width": 1, "depth": 3}}, "view.depth"),
])
def test_what_a_broker_refuses(service: brot.Service, words: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError) as caught:
        service.render(**{"view": "home", "size": SMALL, **words})
    assert isinstance(caught.value, brot.RequestError)
    assert caught.value.field.startswith(field.split(".")[0]), caught.value
    assert service.jobs() == []


def test_what_is_refused_here(service: brot.Service) -> None:
    with pytest.raises(ValueError, match="priority"):
        service.submit("home", priority=101)
    with pytest.raises(ValueError, match="job"):
        service.attach(0)
    with pytest.raises(TypeError):
        service.render("home", sice=(4, 4))
    with pytest.raises(ValueError):
        service.render("home", colour={"density": float("nan")})
    with pytest.raises(ValueError):
        service.render("home", colour={"palette": "x" * 100_000})


def test_connect(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BROT_BROKER", raising=False)
    for url in ("http://x", "nonsense", "ipc://" + "x" * 200):
        with pytest.raises(ValueError, match="url"):
            brot.connect(url)
    with pytest.raises(ValueError, match="insecure"):
        brot.connect("tcp://192.0.2.1:5570")
    with pytest.raises(ConnectionError, match="within 0.2 s"):
        brot.connect(f"ipc://{stage.folder}/nobody", timeout=0.2)
    with pytest.raises(ValueError, match="client"):
        brot.connect("ipc:///x", client="")
    with pytest.raises(ValueError, match="timeout"):
        brot.connect("ipc:///x", timeout=0)
    broker = stage.broker()
    monkeypatch.setenv("BROT_BROKER", broker.url)
    with brot.connect() as service:
        assert service.url == broker.url


def test_an_image_is_not_believed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch,
                                  service: brot.Service, stage: Stage) -> None:
    """Each field of a header that is not what was announced, and files that are no images."""
    job = service.submit("home", (20, 10), format="smooth", keep=True)
    job.result()
    (path,) = SHM.glob("brot-*")
    data = path.read_bytes()
    announced = ImageName("/brot-" + "0" * 32, len(data), data[32:48])
    format_ = brot._formats.by_name("smooth")
    copy = tmp_path / ("brot-" + "0" * 32)
    monkeypatch.setattr(_shm, "FOLDER", tmp_path)
    slice_px = int.from_bytes(data[64:68], "little")

    def opened(content: bytes) -> Any:
        copy.unlink(missing_ok=True)
        copy.write_bytes(content)
        copy.chmod(0o600)
        return _shm.open_image(announced, job.id, format_, 10, 20, slice_px)

    image = opened(data)
    assert image.done_rows().all() and [array.shape for array in image.arrays] == [(10, 20)] * 2
    checked = [*range(0, 48), *range(56, 72), *range(74, 80), *range(82, 92),
               *range(96, 96 + 48)]
    for at in checked:
        with pytest.raises(_shm.NotShared):
            opened(data[:at] + bytes([data[at] ^ 0x81]) + data[at + 1:])
    plane = data[104:112]
    assert opened(data[:72] + data[72:]) and data[128:136] != plane
    for at, value, why in ((80, bytes(8), "bits"), (128, plane, "overlap"), (72, plane, "overlap")):
        with pytest.raises(_shm.NotShared, match=why):
            opened(data[:at] + value + data[at + 8:])
    for content in (b"", data[:100], data[:-1], data + b"x"):
        with pytest.raises(_shm.NotShared):
            opened(content)
    opened(data)
    copy.chmod(0o644)
    with pytest.raises(_shm.NotShared, match="open to others"):
        _shm.open_image(announced, job.id, format_, 10, 20, slice_px)
    copy.chmod(0o600)
    with monkeypatch.context() as patch, pytest.raises(_shm.NotShared, match="another user's"):
        patch.setattr(os, "geteuid", lambda: copy.stat().st_uid + 1)
        _shm.open_image(announced, job.id, format_, 10, 20, slice_px)
    copy.unlink()
    os.mkfifo(copy, 0o600)
    with pytest.raises(_shm.NotShared, match="no regular file"):
        _shm.open_image(announced, job.id, format_, 10, 20, slice_px)
    copy.unlink()
    with pytest.raises(_shm.NotShared, match="cannot be opened"):
        _shm.open_image(announced, job.id, format_, 10, 20, slice_px)
    copy.symlink_to(path)
    with pytest.raises(_shm.NotShared):
        _shm.open_image(announced, job.id, format_, 10, 20, slice_px)
    job.release()
    del stage
