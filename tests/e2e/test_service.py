"""A standing service: who joins, who shares, who waits for whom."""

from __future__ import annotations

import signal

import pytest

import wire
from harness import Stage, heavy, heavy_request, light_request, wait_until


@pytest.mark.parametrize("tcp", [False, True])
def test_a_worker_that_joins_gets_tiles_at_once(stage: Stage, tcp: bool) -> None:
    broker = stage.broker("--tile-rows", 1, tcp=tcp)
    render = stage.start("brot-client", "render", *heavy(4096), "--out", "a.npy", "--broker",
                         broker.url)
    wait_until(broker.jobs, "a job that waits for workers")
    first = stage.worker(broker)
    (entry,) = broker.wait_workers(1)
    broker.wait_tiles(3, {entry["pid"]})
    stage.worker(broker)
    pids = {entry["pid"] for entry in broker.wait_workers(2)}
    broker.wait_tiles(3, pids - {entry["pid"]})
    (job,) = broker.jobs()
    assert job["state"] == "running", "the job was over before the second worker had its share"
    assert first.is_running()
    render.popen.send_signal(signal.SIGINT)
    assert render.wait().status == 130


def test_three_clients_and_a_worker_that_joins_midway(stage: Stage) -> None:
    """None starves: each makes progress before any is finished, and all get the same bytes."""
    broker = stage.broker("--tile-rows", 1)
    renders = [stage.start("brot-client", "render", *heavy(512), "--quiet", "--out", f"{i}.npy",
                           "--broker", broker.url) for i in range(3)]
    wait_until(lambda: len(broker.jobs()) == 3, "three jobs")
    stage.worker(broker)
    with wire.Client(broker.url) as observer:
        def all_progress() -> bool:
            jobs = observer.report("JOBS")["jobs"]
            assert len(jobs) == 3 and all(job["state"] != "finished" for job in jobs), jobs
            return all(job["tiles_done"] >= 2 for job in jobs)
        wait_until(all_progress, "progress of each job")
    stage.worker(broker)
    joined = {entry["pid"] for entry in broker.wait_workers(2)}
    assert len(joined) == 2
    for render in renders:
        assert render.wait().status == 0
    assert all(entry["tiles_done"] > 0 for entry in broker.worker_list())
    assert len({(stage.folder / f"{i}.npy").read_bytes() for i in range(3)}) == 1


def test_a_small_job_does_not_wait_for_a_large_one(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    broker.wait_workers(1)
    with wire.Client(broker.url) as large, wire.Client(broker.url) as small:
        first = large.submit(heavy_request(8192)).body["job"]
        wait_until(lambda: large.progress(first).body.get("tiles_done"), "a tile of the large one")
        second = small.submit(light_request()).body["job"]
        assert small.wait(second).name == "FINISHED"
        assert large.progress(first).name == "PROGRESS"
        large.send("CANCEL_JOB", body={"job": first})
        assert large.wait(first).body["error"] == "cancelled"


def test_drain_of_a_worker_by_sigterm(stage: Stage) -> None:
    """It finishes what it has begun, says BYE and exits 0; the other one does the rest."""
    broker = stage.broker("--tile-rows", 1)
    leaver = stage.worker(broker)
    broker.wait_workers(1)
    render = stage.start("brot-client", "render", *heavy(512), "--quiet", "--out", "a.npy",
                         "--broker", broker.url)
    broker.wait_tiles(2)
    stage.worker(broker)
    broker.wait_workers(2)
    assert leaver.stop().status == 0
    broker.wait_workers(1)
    assert render.wait().status == 0


def test_cancel_from_elsewhere(stage: Stage) -> None:
    broker = stage.broker()
    render = stage.start("brot-client", "render", *heavy(256), "--quiet", "--out", "a.npy",
                         "--broker", broker.url)
    (job,) = wait_until(broker.jobs, "the job")
    assert job["state"] == "queued"
    assert stage.client("cancel", job["job"], "--broker", broker.url).status == 0
    result = render.wait()
    assert result.status != 0 and len(result.err.splitlines()) == 1
    assert broker.jobs() == [] and not (stage.folder / "a.npy").exists()
    gone = stage.client("cancel", job["job"], "--broker", broker.url)
    assert gone.status == 66 and len(gone.err.splitlines()) == 1


def test_several_endpoints(stage: Stage) -> None:
    broker = stage.broker(clients=[f"ipc://{stage.folder}/c", "tcp://127.0.0.1:*"],
                          workers=[f"ipc://{stage.folder}/w", "tcp://127.0.0.1:*"])
    assert len(broker.clients) == len(broker.workers) == 2
    stage.start("brot-worker", "--broker", broker.workers[1], "--processes", "1")
    small = ["render", "--view", "seahorse", "--size", "64x48", "--quiet"]
    for number, url in enumerate(broker.clients):
        assert stage.client(*small, "--out", f"{number}.png", "--broker", url).status == 0
    assert (stage.folder / "0.png").read_bytes() == (stage.folder / "1.png").read_bytes()


def test_broker_named_by_the_environment(stage: Stage) -> None:
    broker = stage.broker()
    stage.environment["BROT_BROKER"] = broker.workers[0]
    stage.start("brot-worker", "--processes", "1")
    broker.wait_workers(1)
    stage.environment["BROT_BROKER"] = broker.url
    stage.render(None, "a.png", "--view", "seahorse", "--size", "64x48")
    assert broker.status()["jobs_done"] == 1


def test_a_second_broker_does_not_steal_an_endpoint(stage: Stage) -> None:
    broker = stage.broker()
    thief = stage.start("brot-broker", "--clients", broker.clients[0], "--workers",
                        broker.workers[0]).wait()
    assert thief.status == 75 and "another process listens there" in thief.err
    assert broker.jobs() == []


def test_tcp_beyond_this_host_needs_a_word(stage: Stage) -> None:
    refused = stage.start("brot-broker", "--clients", "tcp://0.0.0.0:*", "--workers",
                          "tcp://127.0.0.1:*").wait()
    assert refused.status == 64 and "--insecure" in refused.err


def test_tiles_follow_the_cost_of_their_job(stage: Stage) -> None:
    """Of two pictures of one size the one that costs more comes in more tiles, and none of it in
    as few as the cheap one, whose tiles grow."""
    broker = stage.broker()
    stage.worker(broker)
    broker.wait_workers(1)
    with wire.Client(broker.url) as client:
        tiles = {}
        for iterations in (1, 12000):
            job = client.submit({**heavy_request(512), "iterations": iterations}).body["job"]
            finished = client.wait(job)
            assert finished.name == "FINISHED", finished.body
            tiles[iterations] = finished.body["tiles"]
            client.release(job)
    assert 2 * tiles[1] < tiles[12000], tiles
