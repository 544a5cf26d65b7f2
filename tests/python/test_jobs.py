"""Lives of jobs at a client against the real service: who waits, who goes, how many there are."""

from __future__ import annotations

import gc
import json
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import brot
import numpy as np
import pytest
from conftest import program
from harness import Broker, Stage, heavy_request, wait_until

HEAVY = heavy_request(4096)


@pytest.fixture(name="service")
def a_service(broker: Broker) -> Iterator[brot.Service]:
    with brot.connect(broker.url) as service:
        yield service


def running(service: brot.Service, **words: Any) -> brot.Job:
    """One that takes long, and has begun."""
    job = service.submit(HEAVY, **words)
    wait_until(lambda: job.progress(), "some progress")
    return job


# Callbacks


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_callback_may_raise_anything(service: brot.Service, error: type[BaseException]) -> None:
    def fail(_: object) -> None:
        raise error("from a callback")
    job = service.submit(heavy_request(64))
    job.add_progress_callback(fail)
    job.add_done_callback(fail)
    assert job.result(60) is not None
    assert service.status()["version"] and service.render("home", (8, 8)) is not None


def test_callbacks_are_let_go(service: brot.Service) -> None:
    class Listener:
        def hear(self, _: object) -> None:
            pass
    listener = Listener()
    job = service.submit(heavy_request(64))
    job.add_progress_callback(listener.hear)
    job.add_done_callback(listener.hear)
    job.result(60)
    found = weakref.ref(listener)
    del listener
    wait_until(lambda: found() is None, "the callbacks to go")


def test_a_thread_that_ends_tells_everybody(service: brot.Service,
                                            caplog: pytest.LogCaptureFixture) -> None:
    job = running(service)
    loop = service._loop

    def die(_: object) -> None:
        raise SystemExit("a mistake")
    setattr(loop, "_forget", lambda: die(loop))
    for call in (lambda: job.result(60), service.jobs, lambda: service.render("home", (4, 4))):
        with pytest.raises(brot.Error, match="SystemExit|closed"):
            call()
    assert "a mistake" in caplog.text


def test_a_fork_does_not_wake_its_parent(service: brot.Service,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    loop = service._loop
    monkeypatch.setattr(loop, "_pid", loop._pid + 1)
    calls: list[int] = []
    loop.hint(lambda: calls.append(1))
    assert not loop._calls and not loop.post(lambda: calls.append(1))
    monkeypatch.undo()
    service.status()
    assert not calls


# Ends


def test_ctrl_c_is_not_the_end_of_what_is_kept(service: brot.Service) -> None:
    kept, own = running(service, keep=True), running(service)
    for job in (kept, own):
        with pytest.raises(KeyboardInterrupt), job._interruptible():
            raise KeyboardInterrupt
    assert isinstance(own.exception(30), brot.Cancelled)
    service.pause(kept.id)
    assert not kept.done()
    service.cancel(kept.id)


@pytest.mark.parametrize("wait", ["job = service.submit(heavy); job.wait()",
                                  "service.render(heavy, keep=True)",
                                  "service.image(heavy, keep=True)"])
def test_ctrl_c_cancels(stage: Stage, broker: Broker, wait: str) -> None:
    text = f"""
import json, os, signal, sys, brot
signal.signal(signal.SIGINT, signal.default_int_handler)
service, heavy = brot.connect(sys.argv[1]), json.loads(sys.argv[2])
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    while service.jobs():
        pass
"""
    process = program(stage, text, broker.url, json.dumps(HEAVY))
    wait_until(lambda: [row for row in broker.jobs() if row["pixels_done"]], "some pixels")
    os.kill(process.pid, signal.SIGINT)
    assert process.wait().out == "interrupted\n"


@pytest.mark.parametrize("words", [{"timeout": 0.2}, {"timeout": 0.2, "keep": True},
                                   {"progress": "interrupt"}], ids=str)
@pytest.mark.parametrize("name", ["render", "image"])
def test_who_goes_cancels(service: brot.Service, broker: Broker, words: dict[str, Any], name: str,
                          monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[brot.Job] = []
    submit = service.submit
    monkeypatch.setattr(service, "submit", lambda *given, **said: (
        jobs.append(submit(*given, **said)), jobs[-1])[1])
    if "progress" in words:
        def interrupt(self: brot.Job, _: object) -> None:
            wait_until(lambda: self.id, "the job")
            raise KeyboardInterrupt
        monkeypatch.setattr(brot.Job, "add_progress_callback", interrupt)
        words = {"progress": print}
    with pytest.raises((brot.TimeoutError, KeyboardInterrupt)):
        getattr(service, name)(HEAVY, **words)
    assert jobs[0].exception(30) is not None and jobs[0].cancelled()
    del broker


@pytest.mark.parametrize("words", [{"timeout": "x"}, {"timeout": -1}, {"progress": 5}], ids=str)
def test_wrong_words_submit_nothing(service: brot.Service, words: dict[str, Any],
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "submit", lambda *_, **__: pytest.fail("it was submitted"))
    with pytest.raises((TypeError, ValueError)):
        service.render(HEAVY, **words)


def test_a_job_ends_with_its_last_reference(service: brot.Service, broker: Broker) -> None:
    job = running(service)
    del job
    gc.collect()
    # Sooner than one is abandoned that nobody watches.
    wait_until(lambda: not broker.jobs(), "the end of the job", 8)
    for _ in service.submit(heavy_request(512)).stream():
        break
    gc.collect()
    wait_until(lambda: not broker.jobs(), "the end of the other", 8)


def test_what_is_kept_or_has_callbacks_goes_on(service: brot.Service, broker: Broker) -> None:
    service.submit(heavy_request(48), keep=True)
    told = threading.Event()
    service.submit(heavy_request(48)).add_done_callback(lambda job: told.set())
    gc.collect()
    assert told.wait(60)
    wait_until(lambda: [row["state"] for row in broker.jobs()] == ["finished"], "the kept one")
    service.release(broker.jobs()[0]["job"])


def test_a_service_ends_with_the_last_reference_to_its_jobs(broker: Broker) -> None:
    service = brot.connect(broker.url)
    loop = weakref.ref(service._loop)
    job = running(service)
    del service, job
    gc.collect()
    wait_until(lambda: not broker.jobs(), "the job to go", 8)
    wait_until(lambda: (gc.collect(), loop() is None)[1], "the thread to end")


def test_a_connection_that_closes_cancels_its_own_jobs_alone(broker: Broker) -> None:
    with brot.connect(broker.url) as other, brot.connect(broker.url) as service:
        kept, own = running(service, keep=True), running(service)
        attached = other.attach(kept.id)
        wait_until(lambda: attached.request, "the attached job")
        other.close()
        service.close()
        for job in (kept, attached):
            assert isinstance(job.exception(0), brot.ConnectionError) and not job.cancelled()
        assert own.cancelled()
    with brot.connect(broker.url) as service:
        service.cancel(kept.id)


def test_an_error_keeps_nobodys_frames(service: brot.Service) -> None:
    job = service.submit("home", (8, 8), samples=2, format="iterations")

    class Large:
        pass
    found: list[weakref.ref[Large]] = []

    def look(call: Callable[[], object]) -> None:
        large = Large()
        found.append(weakref.ref(large))
        with pytest.raises(brot.RequestError, match="samples"):
            call()
    for call in (job.result, job.planes, lambda: list(job.stream()), lambda: job.rows(0, 1)):
        look(call)
    assert [one() for one in found] == [None] * 4
    assert job.exception() is job.exception()


# Crowds


def test_more_jobs_than_a_broker_takes(service: brot.Service) -> None:
    jobs = [service.submit("home", (8, 8), iterations=100 + n, format="iterations")
            for n in range(300)]
    arrays = [job.result(60) for job in jobs]
    assert all(isinstance(array, np.ndarray) for array in arrays)


def test_jobs_that_wait_here(stage: Stage) -> None:
    broker = stage.broker()  # without workers
    with brot.connect(broker.url) as service:
        jobs = [service.submit("home", (8, 8)) for _ in range(30)]
        wait_until(lambda: len(broker.jobs()) == 24, "as many as there may be")
        jobs[29].cancel()
        assert isinstance(jobs[29].exception(10), brot.Cancelled)
        jobs[28].add_done_callback(print)
        jobs[0].cancel()
        wait_until(lambda: jobs[24].id, "the next one")
        del jobs[25]
        gc.collect()
        jobs[1].cancel()
        wait_until(lambda: jobs[25].id, "the one after that which nobody wants")
        stage.worker(broker)
        wait_until(lambda: jobs[26].done(), "all that wait", 30)
    assert all(job.done() for job in jobs)


def test_the_oldest_image_makes_room(stage: Stage) -> None:
    broker = stage.broker("--memory", "4M")
    stage.worker(broker)
    with brot.connect(broker.url) as service:
        arrays = [service.render("home", (1000, 300 + n), format="iterations", iterations=20)
                  for n in range(9)]
        assert 1 <= len(broker.jobs()) < 9
        assert all(array.shape == (300 + n, 1000) and array.max() == 20  # type: ignore
                   for n, array in enumerate(arrays))


def test_jobs_wait_for_descriptors(stage: Stage, broker: Broker) -> None:
    text = """
import resource, sys, brot
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
service = brot.connect(sys.argv[1])
jobs = [service.submit("home", (32, 32), iterations=100 + n) for n in range(200)]
print({str(job.exception(60)) for job in jobs})
"""
    result = program(stage, text, broker.url).wait()
    assert result.out == "{'None'}\n", result.err
