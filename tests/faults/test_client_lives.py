"""Clients that go, come back, change their minds, and share the workers."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

import pytest

import wire
from durable import IS_LONG, Durable, images, memory_kib, sha
from harness import (SHM, Broker, Process, Result, Stage, heavy, heavy_request, light_request,
                     wait_until)

REPLAY = os.environ.get("BROT_REPLAY", "")
NOT_FOUND, BUSY, UNAVAILABLE = 66, 75, 69
CANCELLED = 130
# Silence after which a peer is taken for dead, as PROTOCOL.md has it.
LOST_S = 10.0
SMALL = ["--view", "seahorse", "--size", "320x240", "--iterations", "1000"]


@pytest.fixture(name="durable")
def make_durable(stage: Stage) -> Durable:
    made = Durable(stage, "--tile-rows", 8)
    made.start()
    return made


def ask(durable: Durable, *arguments: object, status: int = 0) -> Result:
    """A subcommand that is over at once."""
    result = durable.stage.client(*arguments, "--broker", durable.url)
    assert result.status == status, result.err
    return result


def submit(durable: Durable, *arguments: object) -> int:
    return int(ask(durable, "submit", *arguments).out.split()[0])


def start(durable: Durable, *arguments: object) -> Process:
    return durable.stage.start("brot-client", *arguments, "--quiet", "--broker", durable.url,
                               "--timeout", "60")


def ends(process: Process, *statuses: int) -> Result:
    result = process.wait()
    assert result.status in (statuses or (0,)), result.err
    return result


def take(durable: Durable, job: int, out: str) -> Process:
    """Waits for a job's picture, then has the broker forget it."""
    return start(durable, "wait", job, "--release", "--out", out)


def job_of(durable: Durable, job: int) -> dict:
    (entry,) = [entry for entry in durable.broker.jobs() if entry["job"] == job]
    return entry


def state_of(durable: Durable, job: int) -> str:
    return job_of(durable, job)["state"]


def ended(durable: Durable, job: int) -> dict:
    """Its line of the history, once it has one."""
    def found() -> list[dict]:
        return [entry for entry in durable.broker.history() if entry["job"] == job]
    return wait_until(found, f"job {job} in the history")[0]


def expected(stage: Stage, name: str = "expected.png", *more: object) -> str:
    return sha(stage.render(None, name, *SMALL, *more, "--workers", "2"))


# Jobs that are kept

def test_submit_then_wait_from_another_client(stage: Stage, durable: Durable) -> None:
    job = submit(durable, *SMALL)
    assert job_of(durable, job)["keep"] and "@" in job_of(durable, job)["client"]
    waiter = take(durable, job, "a.png")
    stage.worker(durable.broker)
    ends(waiter)
    assert sha(stage.folder / "a.png") == expected(stage)
    assert ended(durable, job)["state"] == "released"
    ask(durable, "wait", job, "--out", "b.png", status=NOT_FOUND)
    durable.finish()


def test_fetch_as_often_as_one_likes(stage: Stage, durable: Durable) -> None:
    """It keeps the picture, also over the broker's death; wait takes it."""
    job = submit(durable, *SMALL)
    stage.worker(durable.broker)
    wait_until(lambda: state_of(durable, job) == "finished", "the picture")
    ends(start(durable, "fetch", job, "--out", "a.png"))
    assert state_of(durable, job) == "finished"
    durable.restart()
    assert state_of(durable, job) == "finished"
    ends(start(durable, "fetch", job, "--out", "b.png", "--no-shm"))
    ends(take(durable, job, "c.png"))
    assert {sha(stage.folder / f"{name}.png") for name in "abc"} == {expected(stage)}
    assert ended(durable, job)["state"] == "released"
    durable.finish()


def test_fetch_before_the_end(stage: Stage, durable: Durable) -> None:
    job = submit(durable, *SMALL)
    result = start(durable, "fetch", job, "--out", "a.png").wait()
    assert result.status != 0 and len(result.err.splitlines()) == 1
    assert not (stage.folder / "a.png").exists()
    assert state_of(durable, job) == "queued"
    ask(durable, "cancel", job)
    durable.finish()


def test_wait_while_the_broker_dies(stage: Stage, durable: Durable) -> None:
    job = submit(durable, *heavy(256), "--format", "iterations")
    waiter = take(durable, job, "a.npy")
    stage.worker(durable.broker)
    durable.broker.wait_tiles(3)
    durable.restart()
    durable.broker.wait_tiles(3)
    durable.restart()
    ends(waiter)
    stage.render(None, "expected.npy", *heavy(256), "--workers", "2")
    assert sha(stage.folder / "a.npy") == sha(stage.folder / "expected.npy")
    durable.finish()


@pytest.mark.parametrize("takes", [False, True])
def test_two_who_wait(stage: Stage, durable: Durable, takes: bool) -> None:
    """Both get the picture; where both take it away, one may be told in a sentence that it is
    gone."""
    job = submit(durable, *SMALL)
    release = ["--release"] if takes else []
    waiters = [start(durable, "wait", job, *release, "--out", f"{i}.png") for i in range(2)]
    with wire.Client(durable.url) as client:
        client.attach(job)
        stage.worker(durable.broker)
        results = [waiter.wait() for waiter in waiters]
    good = [i for i in range(2) if results[i].status == 0]
    assert len(good) >= (1 if takes else 2)
    assert {sha(stage.folder / f"{i}.png") for i in good} == {expected(stage)}
    for result in results:
        assert result.status in (0, NOT_FOUND) and len(result.err.splitlines()) <= 1
    if not takes:
        ask(durable, "cancel", job)
    durable.finish()


def test_the_end_of_retention(stage: Stage) -> None:
    """Counts from the end of the job, and over the broker's death."""
    durable = Durable(stage, "--retention", 2)
    durable.start()
    first = submit(durable, *SMALL)
    stage.worker(durable.broker)
    assert ended(durable, first)["state"] == "expired"
    second = submit(durable, *SMALL)
    wait_until(lambda: state_of(durable, second) == "finished", "the picture")
    durable.restart()
    assert ended(durable, second)["state"] == "expired"
    ask(durable, "wait", first, "--out", "a.png", status=NOT_FOUND)
    assert ended(durable, first)["finished_ms"] > 0
    durable.finish()


def test_the_same_key_again(stage: Stage, durable: Durable) -> None:
    """The same job: also over another connection, after the broker's death, and once it is over a
    refusal."""
    key = secrets.token_hex(16)
    with wire.Client(durable.url) as client:
        job = client.submit(light_request(), key, keep=True).body["job"]
    durable.restart()
    with wire.Client(durable.url) as client:
        again = client.submit(light_request(), key, keep=True)
        assert again.name == "ACCEPTED" and again.body["job"] == job
        other = client.submit(light_request(), keep=True).body["job"]
        assert other > job
        stage.worker(durable.broker)
        for number in (job, other):
            assert client.wait(number).name == "FINISHED"
            client.release(number)
    ended(durable, job)
    ended(durable, other)
    durable.restart()
    with wire.Client(durable.url) as client:
        refused = client.submit(light_request(), key, keep=True)
        assert refused.name == "REFUSED" and refused.body["error"] == "request"
        assert client.submit(light_request(), keep=True).body["job"] > other
        client.ask("CANCEL_JOB", job=durable.broker.jobs()[0]["job"])
    durable.finish()


# Clients that die

def test_a_render_that_is_killed(durable: Durable) -> None:
    """Its job ends, is told as abandoned, and nothing of it stays."""
    render = start(durable, "render", *heavy(16384), "--out", "a.npy")
    ((entry),) = wait_until(durable.broker.jobs, "the job")
    render.kill()
    assert ended(durable, entry["job"])["state"] == "abandoned"
    durable.finish()
    for path in durable.stage.folder.glob("*a.npy*"):
        path.unlink()


def test_a_render_that_is_killed_with_its_broker(durable: Durable) -> None:
    """The next broker ends what nobody asks for any more."""
    render = start(durable, "render", *heavy(16384), "--out", "a.npy")
    ((entry),) = wait_until(durable.broker.jobs, "the job")
    render.kill()
    durable.restart()
    assert durable.broker.jobs()[0]["job"] == entry["job"]
    assert ended(durable, entry["job"])["state"] == "abandoned"
    durable.finish()
    for path in durable.stage.folder.glob("*a.npy*"):
        path.unlink()


@pytest.mark.parametrize("keep", [False, True])
def test_ctrl_c(stage: Stage, durable: Durable, keep: bool) -> None:
    """Cancels, or with --keep leaves the job and says how to get it."""
    render = stage.start("brot-client", "render", *SMALL, "--out", "a.png", "--broker",
                         durable.url, *(["--keep"] if keep else []))
    ((entry),) = wait_until(durable.broker.jobs, "the job")
    assert entry["keep"] == keep
    job = entry["job"]
    render.popen.send_signal(signal.SIGINT)
    result = render.wait()
    assert result.status == CANCELLED and not (stage.folder / "a.png").exists()
    if keep:
        assert f"wait {job}" in result.err
        assert state_of(durable, job) == "queued"
        stage.worker(durable.broker)
        ends(take(durable, job, "a.png"))
        assert sha(stage.folder / "a.png") == expected(stage)
    else:
        assert ended(durable, job)["state"] == "cancelled"
    durable.finish()


# Verbs

def test_pause_and_resume(stage: Stage, durable: Durable) -> None:
    """A paused job stays so over the broker's death."""
    job = submit(durable, *SMALL)
    assert "paused" in ask(durable, "pause", job).out
    stage.worker(durable.broker)
    other = submit(durable, *SMALL)
    ends(take(durable, other, "b.png"))
    assert state_of(durable, job) == "paused"
    durable.restart()
    assert state_of(durable, job) == "paused"
    durable.broker.wait_workers(1)
    third = submit(durable, *SMALL)
    ends(take(durable, third, "c.png"))
    assert job_of(durable, job)["tiles_done"] == 0
    ask(durable, "resume", job)
    ends(take(durable, job, "a.png"))
    assert {sha(stage.folder / f"{name}.png") for name in "abc"} == {expected(stage)}
    ask(durable, "pause", job, status=NOT_FOUND)
    durable.finish()


def test_retry_of_a_cancelled_job(stage: Stage, durable: Durable) -> None:
    """Under its id, from the request that was stored, in another life of the broker."""
    render = start(durable, "render", *SMALL, "--out", "b.png")
    ((entry),) = wait_until(durable.broker.jobs, "the job")
    job = entry["job"]
    assert "cancelled" in ask(durable, "cancel", job).out
    assert render.wait().status != 0
    durable.restart()
    assert ended(durable, job)["state"] == "cancelled"
    ask(durable, "retry", job)
    assert job_of(durable, job)["keep"]
    stage.worker(durable.broker)
    ends(take(durable, job, "a.png"))
    assert sha(stage.folder / "a.png") == expected(stage)
    assert ended(durable, job)["state"] == "released"
    ask(durable, "retry", 10**9, status=NOT_FOUND)
    durable.finish()


def test_retry_of_a_failed_job(stage: Stage, durable: Durable) -> None:
    """What it lacks is rendered, and nothing else."""
    with wire.Client(durable.url) as client, wire.Worker(durable.broker.workers[0]) as worker:
        job = client.submit(light_request(), keep=True).body["job"]
        worker.register(credit=1)
        good = worker.take()[1]
        worker.send("CREDIT", worker.session, 0)
        path = stage.render(None, "light.npy", "--view", "-0.7453,0.1127,0.0065", "--size",
                            "64x48", "--iterations", "500", "--format", "iterations")
        pixels = path.read_bytes()[-64 * 48 * 4:]
        x, y, w, h = good.fields[5:]
        assert (x, w) == (0, 64)
        worker.done(good, pixels[y * 256:(y + h) * 256])
        wait_until(lambda: client.progress(job).body.get("tiles_done") == 1, "a tile")
        for _ in range(3):  # fails three times, and is kept off: there is nobody else
            worker.send("CREDIT", worker.session, 1)
            tile = worker.expect("TILE")
            worker.send("CREDIT", worker.session, 0)
            worker.send("FAIL", *tile.fields[:5], 9, body="out of ink")
        failed = client.wait(job)
        assert failed.name == "FAILED" and "out of ink" in failed.body["text"]
        assert state_of(durable, job) == "failed"
        worker.send("BYE", worker.session)
    durable.restart()
    assert state_of(durable, job) == "failed"
    ask(durable, "retry", job)
    with wire.Client(durable.url) as client:
        stage.worker(durable.broker)
        assert client.wait(job).name == "FINISHED"
        assert durable.broker.status()["tiles_done"] == 5
        assert client.fetch(job, 0, 4, 64, 48) == pixels
        client.release(job)
        ended(durable, job)
    durable.finish()


def test_priorities_of_one_client(stage: Stage, durable: Durable) -> None:
    """The higher first; changed later, it counts at once."""
    first = submit(durable, *heavy(64), "--format", "iterations")
    second = submit(durable, *heavy(64), "--format", "iterations", "--priority", 5)
    third = submit(durable, *heavy(64), "--format", "iterations", "--priority", -5)
    assert job_of(durable, second)["priority"] == 5
    assert "50" in ask(durable, "priority", third, 50).out
    ask(durable, "priority", first, -100)
    ask(durable, "priority", first, 101, status=64)
    stage.worker(durable.broker)
    for job in (first, second, third):
        ends(take(durable, job, f"{job}.npy"))
    times = [ended(durable, job)["finished_ms"] for job in (third, second, first)]
    assert times == sorted(times)
    durable.finish()


def test_fairness_between_clients(stage: Stage, durable: Durable) -> None:
    """One with many jobs does not keep another from its share."""
    with wire.Client(durable.url) as many, wire.Client(durable.url) as one:
        jobs = [many.submit(heavy_request(256), client="many", keep=True).body["job"]
                for _ in range(8)]
        last = one.submit(heavy_request(64), client="one", keep=True).body["job"]
        stage.worker(durable.broker)
        assert one.wait(last).name == "FINISHED"
        one.release(last)
        states = {entry["job"]: entry["state"] for entry in durable.broker.jobs()}
        assert sum(states[job] != "finished" for job in jobs) >= 7
        for job in jobs:
            many.ask("CANCEL_JOB", job=job)
    durable.finish()


# Workers that leave

def test_drain_by_name_and_by_sigterm(stage: Stage, durable: Durable) -> None:
    """With a job running: who is drained finishes what it holds; a signal may give tiles back."""
    broker = durable.broker
    leavers = [stage.worker(broker, "--name", "leaver") for _ in range(2)]
    (other,) = [stage.worker(broker, "--name", "other")]
    broker.wait_workers(3)
    render = start(durable, "render", *heavy(1024), "--out", "a.npy")
    broker.wait_tiles(4)
    assert "2" in ask(durable, "drain", "leaver").out
    for leaver in leavers:
        assert leaver.wait().status == 0, leaver.err()
    broker.wait_workers(1)
    ask(durable, "drain", "leaver", status=NOT_FOUND)
    stage.worker(broker)
    broker.wait_workers(2)
    assert other.stop().status == 0
    ends(render)
    ended_so = [line for line in broker.process.err().splitlines()
                if 'worker ended name="leaver"' in line]
    assert len(ended_so) == 2 and all(" tiles_returned=0 " in line for line in ended_so)
    durable.finish()


def test_drain_of_one_process(stage: Stage, durable: Durable) -> None:
    """Named by its id: its parent does not start it again."""
    worker = stage.worker(durable.broker, processes=2)
    first, second = durable.broker.wait_workers(2)
    ask(durable, "drain", first["worker"])
    (left,) = durable.broker.wait_workers(1)
    assert left["worker"] == second["worker"]
    ask(durable, "drain", second["worker"])
    assert worker.wait().status == 0
    durable.finish()


def last_tile_held(broker: Broker, pid: int) -> bool:
    (entry,) = [entry for entry in broker.worker_list() if entry["pid"] == pid]
    return entry["tiles_held"] > 0


def test_a_stopped_worker_near_the_end(stage: Stage, durable: Durable) -> None:
    """Its tiles have a second copy elsewhere long before its silence or its lease ends."""
    broker = durable.broker
    stopped = stage.worker(broker, processes=1)
    broker.wait_workers(1)
    (child,) = stage.children(stopped.pid)
    render = start(durable, "render", *heavy(64), "--out", "a.npy")
    wait_until(lambda: last_tile_held(broker, child), "its tiles")
    os.kill(child, signal.SIGSTOP)
    stage.worker(broker)
    broker.wait_workers(2)
    ends(render)
    # Not because it was taken for dead: it is still among the workers.
    assert child in {entry["pid"] for entry in broker.worker_list()}
    os.kill(child, signal.SIGCONT)
    stage.render(None, "expected.npy", *heavy(64), "--workers", "2")
    assert sha(stage.folder / "a.npy") == sha(stage.folder / "expected.npy")
    broker.wait_workers(2)
    stage.render(broker, "b.npy", *heavy(64))
    durable.finish()


# What is said of it all

def test_a_log_is_a_test(stage: Stage) -> None:
    """The debug log of a broker, replayed, gives the same actions."""
    if not Path(REPLAY).is_file():
        pytest.skip("the program replay is not there")
    durable = Durable(stage)
    broker = durable.start("--log-level", "debug")
    stage.worker(broker, processes=2)
    stage.render(broker, "a.png", *SMALL)
    job = submit(durable, *SMALL)
    wait_until(lambda: state_of(durable, job) == "finished", "the picture")
    ends(take(durable, job, "b.png"))
    other = submit(durable, *heavy(64), "--format", "iterations")
    ask(durable, "pause", other)
    ask(durable, "cancel", other)
    durable.wait_empty()
    for process in reversed(stage.processes):
        if process.is_running():
            assert process.stop().status == 0
    log = stage.folder / "broker.log"
    log.write_text(broker.process.err())
    done = subprocess.run([REPLAY, str(log)], capture_output=True, text=True, check=False)
    log.unlink()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_a_picture_in_bands(stage: Stage) -> None:
    """Of 108 MB in 16 MB of memory: the same bytes, and the broker holds no more."""
    side = 6000
    scene = ["--view", "seahorse", "--size", f"{side}x{side}", "--iterations", "200"]
    broker = stage.broker("--memory", f"{16 if side == 6000 else 2}M", "--state-dir",
                          stage.folder / "state")
    stage.worker(broker, processes=2)
    render = stage.start("brot-client", "render", *scene, "--out", "banded.png", "--quiet",
                         "--broker", broker.url)
    (entry,) = wait_until(broker.jobs, "the job")
    assert entry["bands"] > 2
    most = 0
    while render.is_running():
        with contextlib.suppress(FileNotFoundError):  # gone before it was looked at
            most = max(most, broker.status()["image_bytes"], sum(
                path.stat().st_size for path in SHM.glob("brot-*")))
    ends(render)
    assert 0 < most <= broker.status()["image_budget_bytes"]
    whole = stage.render(None, "whole.png", *scene, "--workers", "2")
    assert (stage.folder / "banded.png").read_bytes() == whole.read_bytes()
    wait_until(lambda: not broker.jobs() and not images(), "the end of the job")
    assert memory_kib(broker.process.pid) < 100 << 10


def test_who_reads_a_picture_in_bands(stage: Stage) -> None:
    """One at a time; when that one dies, another begins again from the top."""
    scene = ["--view", "seahorse", "--size", "1000x1500", "--iterations", "200"]
    durable = Durable(stage, "--memory", "1M")
    durable.start()
    stage.worker(durable.broker, processes=2)
    job = submit(durable, *scene)
    with wire.Client(durable.url) as reader, wire.Client(durable.url) as other:
        accepted = reader.attach(job)
        assert accepted.name == "ACCEPTED", accepted.body
        band = reader.wait(job, "BAND").body
        reader.fetch(job, 0, 3, 1000, band["rows"])
        reader.release_band(job, 0)
        wait_until(lambda: reader.wait(job, "BAND").body["band"] > 0, "the next band")
        assert other.attach(job).body["error"] == "busy"
        assert accepted.body["bands"]["count"] > 3
    wait_until(lambda: take(durable, job, "a.png").wait().status == 0,
               "the picture", 2 * LOST_S)
    whole = stage.render(None, "whole.png", *scene, "--workers", "2")
    assert (stage.folder / "a.png").read_bytes() == whole.read_bytes()
    durable.finish()


def test_top(stage: Stage, durable: Durable) -> None:
    stage.worker(durable.broker, "--name", "busy-bee")
    durable.broker.wait_workers(1)
    job = submit(durable, *heavy(16384), "--format", "iterations")
    top = stage.client("top", "--count", 2, "--interval", "0.2", "--broker", durable.url)
    assert top.status == 0 and top.out.count("busy-bee") == 2
    assert sum(line.split()[:1] == [str(job)] for line in top.out.splitlines()) == 2
    as_json = stage.client("top", "--count", 2, "--interval", "0.2", "--json", "--broker",
                           durable.url)
    assert as_json.status == 0 and len(as_json.out.splitlines()) == 2
    assert all(json.loads(line) for line in as_json.out.splitlines())
    ask(durable, "cancel", job)
    durable.finish()


def test_history(stage: Stage, durable: Durable) -> None:
    """In order, with what each job cost, and over the broker's death."""
    stage.worker(durable.broker)
    before_ms = time.time() * 1000
    jobs = [submit(durable, *SMALL) for _ in range(5)]
    for job in jobs[:4]:
        ends(take(durable, job, f"{job}.png"))
    ask(durable, "cancel", jobs[4])
    durable.restart()
    lines = json.loads(ask(durable, "jobs", "--history", "--json").out)["history"]
    assert [line["job"] for line in lines] == jobs[::-1]
    assert [line["state"] for line in lines[1:]] == ["released"] * 4
    assert lines[0]["state"] == "cancelled"
    for line in lines[1:]:
        assert line["pixels"] == 320 * 240 and line["tiles_done"] > 0 and line["iterations"] > 0
        assert line["workers"] == 1 and line["size"] == [320, 240] and line["kind"] == "escape"
        assert before_ms - 1000 <= line["accepted_ms"] <= line["finished_ms"] <= line["ended_ms"]
    limited = ask(durable, "jobs", "--history", "--limit", 2, "--before", jobs[3], "--json").out
    assert [line["job"] for line in json.loads(limited)["history"]] == jobs[2:0:-1]
    table = ask(durable, "jobs", "--history").out
    assert all(str(job) in table for job in jobs) and "cancelled" in table
    durable.finish()


@pytest.mark.skipif(not IS_LONG, reason="takes a minute; BROT_FAULTS=long runs it")
def test_a_thousand_jobs(stage: Stage, durable: Durable) -> None:
    """One after the other: neither memory nor files grow but for the history."""
    stage.worker(durable.broker, processes=2)
    with wire.Client(durable.url) as client:
        def one() -> None:
            job = client.submit(light_request()).body["job"]
            assert client.wait(job).name == "FINISHED"
            client.release(job)
        for _ in range(200):
            one()
        before = memory_kib(durable.broker.process.pid)
        for _ in range(800):
            one()
        assert memory_kib(durable.broker.process.pid) - before < 4096
    assert len(durable.broker.history()) == 1000
    durable.finish()
