"""Threads, forks, signals, garbage and ends at the worst moment, against the real service."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import brot
import brot.aio
import brot.local
import numpy as np
import pytest
from conftest import program
from harness import SHM, Broker, Stage, heavy_request, wait_until

HEAVY = json.dumps(heavy_request(4096))
HEAD = """
import gc, json, os, sys, threading, brot, brot.aio
service = brot.connect(sys.argv[1])
heavy = json.loads(sys.argv[2])
"""


def run(stage: Stage, broker: Broker, text: str) -> Any:
    """What a Python program said and how it ended, which it must do by itself."""
    return program(stage, HEAD + text, broker.url, HEAVY).wait()


def ends(broker: Broker) -> None:
    wait_until(lambda: not broker.jobs(), "the jobs to go", 40)
    assert not list(SHM.glob("brot-*"))


# Threads


def test_two_services_many_threads_and_garbage(stage: Stage, broker: Broker) -> None:
    """Arrays are let go in other threads than those that got them."""
    other = stage.broker()
    stage.worker(other)
    expected = {size: brot.local.render("home", (size, 48), format="iterations").tobytes()
                for size in range(64, 72)}  # type: ignore[union-attr]
    errors: list[Exception] = []

    def work(service: brot.Service) -> None:
        try:
            for size, pixels in expected.items():
                array = service.render("home", (size, 48), format="iterations")
                assert isinstance(array, np.ndarray) and array.tobytes() == pixels
                kept = [array[3:5]]
                del array
                thread = threading.Thread(target=kept.clear)
                thread.start()
                thread.join()
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)
    with brot.connect(broker.url) as one, brot.connect(other.url) as two:
        threads = [threading.Thread(target=work, args=(service,)) for service in (one, two) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
        assert not errors
        wait_until(lambda: not one.jobs() and not two.jobs(), "all images to be released")
    assert not list(SHM.glob("brot-*"))


@pytest.mark.parametrize("wait", [
    lambda service, job: service.jobs(), lambda service, job: service.render("home", (4, 4)),
    lambda service, job: service.submit("home", (4, 4)).result(),
    lambda service, job: list(service.submit("home", (4, 4)).stream()),
    lambda service, job: service.attach(job.id).dask(),
])
def test_a_callback_that_waits_is_an_error(broker: Broker,
                                           wait: Callable[[Any, Any], Any]) -> None:
    raised: list[Exception] = []
    over = threading.Event()
    with brot.connect(broker.url) as service:
        job = service.submit(heavy_request(64))

        def callback(job: brot.Job) -> None:
            try:
                assert job.result() is not None  # which is there
                wait(service, job)
            except Exception as error:  # pylint: disable=broad-except
                raised.append(error)
            over.set()
        job.add_done_callback(callback)
        assert over.wait(60)
        assert isinstance(raised[0], brot.Error) and "callback" in str(raised[0])
        assert service.render("home", (4, 4)) is not None


def test_a_callback_that_closes(broker: Broker) -> None:
    service = brot.connect(broker.url)
    job = service.submit(heavy_request(64))
    job.add_done_callback(lambda job: service.close())
    assert job.result(60) is not None
    with pytest.raises(ConnectionError):
        service.render("home", (4, 4))


# Forks


def test_a_fork_amid_jobs(stage: Stage, broker: Broker) -> None:
    result = run(stage, broker, """
jobs = [service.submit(heavy), service.submit("home", (64, 64))]
pid = os.fork()
if pid == 0:
    said = []
    for call in (jobs[0].result, lambda: jobs[0].rows(0, 4096), jobs[0].cancel, service.jobs,
                 lambda: service.submit("home", (4, 4)), lambda: list(jobs[0].stream())):
        try:
            call()
        except brot.ConnectionError:
            said.append("refused")
    with brot.connect(sys.argv[1]) as other:  # one of its own
        said.append(other.render("home", (4, 4)).shape)
    service.close()
    print(said, flush=True)
    os._exit(len([word for word in said if word == "refused"]))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), jobs[0].done(), flush=True)
jobs[0].cancel()
print(jobs[1].result().shape)
""")
    assert result.status == 0, result.err
    assert result.out.splitlines()[1:] == ["5 False", "(64, 64, 3)"], result.out
    ends(broker)


@pytest.mark.parametrize("end", ["own.close()", "del own; gc.collect()", "sys.exit(0)"])
def test_a_fork_of_a_clusters_owner(stage: Stage, broker: Broker, end: str) -> None:
    programs = os.environ["BROT_BIN"]
    result = run(stage, broker, f"""
own = brot.cluster(1, programs={programs!r})
pid = os.fork()
if pid == 0:
    {end}
    os._exit(0)
os.waitpid(pid, 0)
print(own.render("home", (8, 6)).shape)
""")
    assert result.status == 0 and result.out == "(6, 8, 3)\n", result.err


# Ends


@pytest.mark.parametrize("text", [
    "service.submit(heavy)",
    "threading.Thread(target=service.submit(heavy).result, daemon=True).start()",
    "jobs = [service.submit(heavy, shared=False) for _ in range(4)]",
    "next(service.submit(heavy).stream())",
    "service.itself = service; service.job = service.submit(heavy); del service; gc.collect()",
    "service.submit(heavy).add_done_callback(lambda job: service.jobs())",
    "kept = [service.render('home', (64, 1 + i)) for i in range(40)]",
    "jobs = [service.submit(heavy)]; service.close(); assert jobs[0].exception(0)",
])
def test_the_interpreter_ends(stage: Stage, broker: Broker, text: str) -> None:
    result = run(stage, broker, text)
    assert result.status == 0 and "Fatal" not in result.err, result.err
    ends(broker)


@pytest.mark.parametrize("wait", [
    "service.submit(heavy).result()", "for _ in service.submit(heavy).stream(): pass",
    "service.submit(heavy).rows(0, 4096)", "service.submit(heavy).exception()",
    """
async def run():
    async with await brot.aio.connect(sys.argv[1]) as other:
        await other.render(heavy)
__import__("asyncio").run(run())
""",
    """
async def run():
    async with await brot.aio.connect(sys.argv[1]) as other:
        async for _ in other.submit(heavy).stream():
            pass
__import__("asyncio").run(run())
"""])
def test_ctrl_c_wherever_one_waits(stage: Stage, broker: Broker, wait: str) -> None:
    lines = "".join(f"    {line}\n" for line in wait.strip().splitlines())
    text = HEAD + f"try:\n{lines}except KeyboardInterrupt:\n    print('interrupted', flush=True)\n"
    process = program(stage, text, broker.url, HEAVY)
    wait_until(lambda: [row for row in broker.jobs() if row["pixels_done"]], "some pixels")
    os.kill(process.pid, signal.SIGINT)
    result = process.wait()
    assert result.status == 0 and result.out == "interrupted\n", result.err
    ends(broker)


# Brokers that die


def restart_amid(stage: Stage, broker: Broker, job: brot.Job) -> threading.Thread:
    """Kills the broker once there are pixels, and starts another at its place."""
    def run_() -> None:
        def is_under_way() -> bool:
            progress = job.progress()
            return progress is not None and progress.pixels_done > 0
        wait_until(is_under_way, "some pixels")
        broker.process.kill()
        stage.broker(clients=broker.clients, workers=broker.workers)
    thread = threading.Thread(target=run_)
    thread.start()
    return thread


@pytest.mark.parametrize("shared", [True, False])
def test_a_stream_survives_its_broker(stage: Stage, broker: Broker, shared: bool) -> None:
    request = brot.Request(heavy_request(1000))
    given, whole = np.zeros(1000, int), np.zeros((1000, request.size[0]), "u4")
    with brot.connect(broker.url) as service:
        job = service.submit(request, shared=shared)
        thread = restart_amid(stage, broker, job)
        for y, rows in job.stream(120):
            given[y:y + len(rows)] += 1
            whole[y:y + len(rows)] = rows
        thread.join()
    assert (given == 1).all() and np.array_equal(whole, brot.local.render(request))


def test_so_does_one_of_asyncio(stage: Stage, broker: Broker) -> None:
    async def run_() -> int:
        async with await brot.aio.connect(broker.url) as service:
            job = service.submit(heavy_request(1000))
            thread = restart_amid(stage, broker, job.job)
            rows = 0
            async for _, part in job.stream():
                rows += len(part)
            thread.join()
            return rows
    assert asyncio.run(run_()) == 1000


def test_a_broker_that_never_comes_back(broker: Broker) -> None:
    with brot.connect(broker.url) as patient, brot.connect(broker.url, timeout=0.5) as other:
        jobs = [service.submit(heavy_request(4096)) for service in (patient, other)]
        for job in jobs:
            wait_until(lambda job=job: job.id, "the job")  # type: ignore[misc]
        broker.process.kill()
        for call in (lambda: patient.render("home", (4, 4), timeout=0.5),
                     lambda: list(jobs[0].stream(0.5)), lambda: jobs[0].rows(0, 4096, 0.5),
                     lambda: jobs[0].result(0.5),
                     lambda: asyncio.run(brot.aio.AsyncService(patient).render(
                         "home", (4, 4), timeout=0.5))):
            with pytest.raises(TimeoutError, match="within 0.5 s"):
                call()  # type: ignore[no-untyped-call]
        for call in (lambda: other.render("home", (4, 4)), lambda: list(jobs[1].stream()),
                     other.jobs, jobs[1].dask().compute):
            with pytest.raises(ConnectionError, match="within 0.5 s"):
                call()
    assert isinstance(jobs[0].exception(0), brot.Cancelled)


@pytest.mark.filterwarnings("error")  # what a finalizer raises
def test_descriptors_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe2(_: int) -> tuple[int, int]:
        raise OSError(24, "Too many open files")
    made: list[str] = []
    monkeypatch.setattr(brot.cluster.__globals__["tempfile"], "mkdtemp", made.append)
    monkeypatch.setattr(os, "pipe2", pipe2)
    for call in (lambda: brot.cluster(1, programs=os.environ["BROT_BIN"]),
                 lambda: brot.connect("ipc:///nowhere/socket")):
        with pytest.raises(OSError, match="Too many open files"):
            call()  # type: ignore[no-untyped-call]
        gc.collect()
    assert not made  # no folder that would stay
