"""asyncio: several event loops, tasks that end, and nothing that blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import brot
import brot.aio
import numpy as np
import pytest
from harness import Broker, Stage, heavy_request

HEAVY = heavy_request(4096)
T = TypeVar("T")


@pytest.fixture(name="service")
def a_service(broker: Broker) -> Iterator[brot.Service]:
    with brot.connect(broker.url) as service:
        yield service


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(main())


async def is_under_way(job: brot.aio.AsyncJob) -> None:
    under_way = brot.aio._Bell()
    job.job.add_progress_callback(under_way.ring)
    await asyncio.wait_for(under_way.rung, 30)


def test_a_job_is_waited_for_in_several_loops(service: brot.Service) -> None:
    job = brot.aio.AsyncService(service).submit(heavy_request(128))

    async def early() -> None:
        with pytest.raises(brot.TimeoutError, match="within 0.01 s"):
            await job.result(0.01)

    async def late() -> list[Any]:
        return list(await asyncio.gather(job.result(60), job.result(), job.image(), job.planes(),
                                         job))
    run(early)
    first, second, image, planes, last = run(late)
    assert first is second is last is image.array
    assert list(planes) == ["iterations"]
    thread = threading.Thread(target=lambda: run(lambda: job.result(60)))
    thread.start()
    thread.join()
    assert not job.job._listeners


@pytest.mark.parametrize("name", ["render", "image"])
@pytest.mark.parametrize("keep", [False, True])
def test_the_end_of_a_task_cancels(service: brot.Service, name: str, keep: bool,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[brot.Job] = []
    submit = service.submit
    monkeypatch.setattr(service, "submit", lambda *given, **said: (
        jobs.append(submit(*given, **said)), jobs[-1])[1])

    async def main() -> None:
        under_way = brot.aio._Bell()
        task = asyncio.create_task(getattr(brot.aio.AsyncService(service), name)(
            HEAVY, keep=keep, progress=under_way.ring))
        await under_way.rung
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    run(main)
    assert jobs[0].exception(30) is not None and jobs[0].cancelled()


@pytest.mark.parametrize("keep, shared", [(False, True), (False, False), (True, True)])
def test_the_end_of_a_stream_cancels_ones_own(service: brot.Service, keep: bool,
                                              shared: bool) -> None:
    async def main() -> brot.Job:
        job = brot.aio.AsyncService(service).submit(HEAVY, keep=keep, shared=shared)
        await is_under_way(job)

        async def read() -> None:
            async for _ in job.stream():
                pass
        task = asyncio.create_task(read())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(task, 0.1)
        return job.job
    job = run(main)
    if keep:
        service.pause(job.id)
        assert not job.done()
        service.cancel(job.id)
    assert job.exception(30) is not None and job.cancelled()


def test_a_stream_has_a_timeout(service: brot.Service) -> None:
    async def main() -> None:
        for shared in (True, False):
            job = brot.aio.AsyncService(service).submit(HEAVY, shared=shared)
            with pytest.raises(brot.TimeoutError, match="within 0.1 s"):
                async for _ in job.stream(0.1):
                    pass
            assert job.cancel()
    run(main)


def test_no_thread_colours_but_one_of_its_own(service: brot.Service,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    colour = brot.job._native.colour

    def coloured(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return colour(*arguments)
    monkeypatch.setattr(brot.job._native, "colour", coloured)

    async def main() -> None:
        job = brot.aio.AsyncService(service).submit("home", (64, 48), mode="relief")
        assert sum([len(rows) async for _, rows in job.stream()]) == 48
        assert isinstance(await job, np.ndarray)
    run(main)
    assert threads and threading.main_thread() not in threads


def test_who_does_not_wait_for_connect_has_no_thread_that_does(stage: Stage) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(brot.aio.connect(f"ipc://{stage.folder}/nobody"), 0.05)
        assert not [thread for thread in threading.enumerate() if "asyncio" in thread.name]
        with pytest.raises(brot.ConnectionError, match="within 0.1 s"):
            await brot.aio.connect(f"ipc://{stage.folder}/nobody", timeout=0.1)
        with pytest.raises(brot.RequestError, match="timeout"):
            await brot.aio.connect("ipc:///x", timeout=0)
    run(main)


def test_all_that_a_service_can_be_asked(broker: Broker) -> None:
    async def main() -> None:
        async with await brot.aio.connect(broker.url, client="me", timeout=30) as service:
            job = service.submit(HEAVY, keep=True)
            await is_under_way(job)
            await service.pause(job.id)
            await service.priority(job.id, 3)
            (row,) = await service.jobs()
            assert (row["state"], row["priority"], row["client"]) == ("paused", 3, "me")
            await service.resume(job.id)
            with pytest.raises(brot.BusyError):
                await service.retry(job.id)
            for wrong in (service.release(job.id), service.pause("x"),
                          service.history(0), job.release()):
                with pytest.raises(brot.RequestError):
                    await wrong
            await service.cancel(job.id)
            with pytest.raises(brot.Cancelled):
                await job
            with pytest.raises(LookupError):
                await service.cancel(job.id)
            assert await service.history() == [] and (await service.status())["version"]
            workers = await service.workers()
            assert await service.drain(workers[0]["worker"]) == 1
            with pytest.raises(LookupError):
                await service.attach(10**9)
        with pytest.raises(ConnectionError):
            await service.jobs()
    run(main)
