"""What a person says to a service: submit, pause, resume, priority, retry, drain, cancel, jobs; for
wait see test_verbs_wait.py, for top test_verbs_top.py."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
import zmq

import wire
from harness import HISTORY_PAGE, PATIENCE_S, Broker, Stage, heavy, light_request, wait_until
from verbs import (CANCELLED, DENIED, NOT_FOUND, REQUEST, UNAVAILABLE, USAGE, durable_broker,
                   row_of, say, submit)

__all__ = ["durable_broker"]  # a fixture is used by its other name


def test_a_job_that_nobody_waits_for(stage: Stage) -> None:
    """submit is over at once; the job goes on, and is there until somebody cancels it."""
    broker = stage.broker()
    job = submit(stage, broker, "--size", "64x48", "--priority", "-7", "--client", "me and more")
    row = row_of(broker, job)
    assert row["client"] == "me and more" and row["priority"] == -7 and row["keep"]
    stage.worker(broker)
    wait_until(lambda: row_of(broker, job)["state"] == "finished", "the end")
    listed = say(stage, broker, "jobs").out
    assert f"{job} " in listed and " finished " in listed and " me and more " in listed
    assert all(len(line) <= 100 for line in listed.splitlines())
    assert say(stage, broker, "cancel", job).out == f"job {job} is cancelled\n"
    assert say(stage, broker, "jobs").out == "no jobs\n"


def test_submit_says_who_and_what(stage: Stage) -> None:
    broker = stage.broker()
    result = say(stage, broker, "submit", "--size", "8x8", "--json")
    (event,) = result.events()
    assert event["event"] == "accepted" and event["request"]["size"] == [8, 8]
    client = row_of(broker, event["job"])["client"]
    assert re.fullmatch(r"[!-~]+@[!-~]+", client), "USER@HOST"


@pytest.mark.parametrize("words", [
    ["submit", "--priority", "101"], ["submit", "--client", ""], ["submit", "--client", "x" * 64],
    ["submit", "--client", "a\tb"], ["render", "--out", "a.png", "--client", ""], ["pause"], ["pause", "0"], ["pause", "x"], ["resume", "1", "x"], ["release"],
    ["priority", "1"], ["priority", "1", "-101"], ["priority", "1", "high"], ["drain", ""],
    ["jobs", "--limit", "3"], ["jobs", "--before", "3"], ["jobs", "--history", "--limit", "1001"],
    ["jobs", "--history", "--before", "0"], ["top", "--interval", "0"], ["top", "--count", "0"]])
def test_what_is_refused_without_a_broker(stage: Stage, words: list[str]) -> None:
    result = stage.client(*words, "--broker", f"ipc://{stage.folder}/none", "--timeout", "0.1")
    assert result.status == USAGE and result.err.count("\n") == 1 and result.out == ""


@pytest.mark.parametrize("words", [
    ["submit", "--size", "8x8"], ["pause", "1"], ["drain", "x"], ["jobs", "--history"], ["top"]])
def test_no_broker(stage: Stage, words: list[str]) -> None:
    url = f"ipc://{stage.folder}/none"
    result = stage.client(*words, "--broker", url, "--timeout", "0.3")
    assert result.status == UNAVAILABLE and url in result.err and result.err.count("\n") == 1


def test_submit_says_which_file_suits(stage: Stage) -> None:
    """The format is settled by submit, where no file is named; its help and wait say so."""
    broker = stage.broker()
    stage.worker(broker)
    assert "any for the others" in " ".join(stage.client("submit", "--help").out.split())
    for words, out in [([], "a.npy"), (["--format", "iterations"], "a.png")]:
        job = submit(stage, broker, "--size", "8x8", *words)
        result = say(stage, broker, "wait", job, "--out", out)
        assert result.status == USAGE and result.err.startswith("brot-client: --out: ")
        assert not (stage.folder / out).exists()
        good = "a.png" if out == "a.npy" else "a.npy"
        assert say(stage, broker, "wait", job, "--release", "--out", good).status == 0
        (stage.folder / good).unlink()


def blocks_interrupt(pid: int) -> bool:
    """Whether SIGINT waits to be read, as it does from the first steps of a client on."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigBlk:"):
            return int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1 == 1
    return False


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_submit_interrupted_before_its_answer(stage: Stage, words: list[str]) -> None:
    """The job goes on all the same, so its number is told."""
    broker = stage.broker()
    broker.process.popen.send_signal(signal.SIGSTOP)
    client = stage.start("brot-client", "submit", "--size", "8x8", *words, "--broker", broker.url)
    wait_until(lambda: blocks_interrupt(client.pid), "the client to listen to signals")
    client.popen.send_signal(signal.SIGINT)
    broker.process.popen.send_signal(signal.SIGCONT)
    result = client.wait()
    assert result.status == CANCELLED, result.err
    (row,) = broker.jobs()
    if words:
        assert {"event": "left", "job": row["job"]} in result.events()
    else:
        assert f"`brot-client wait {row['job']} --out FILE`" in result.err and result.out == ""


ANSWERS = {
    "cancel": {"job": 7, "state": "cancelled"}, "pause": {"job": 7, "state": "paused"},
    "resume": {"job": 7, "state": "running"}, "retry": {"job": 7, "state": "queued"},
    "priority": {"job": 7, "state": "queued", "priority": 5}, "drain": {"draining": 1},
    "jobs": {"jobs": []}}


@pytest.mark.parametrize("verb", ANSWERS)
def test_a_broker_that_dies_with_its_answer(stage: Stage, verb: str) -> None:
    """The question is asked again, and the next life answers it."""
    url = f"ipc://{stage.folder}/mortal"
    words = {"priority": ["7", "5"], "jobs": []}.get(verb, ["7"])
    client = stage.start("brot-client", verb, *words, "--broker", url)
    asked = []
    for is_last in (False, True):
        with zmq.Context() as context, context.socket(zmq.ROUTER) as life:
            life.bind(url)
            assert life.poll(PATIENCE_S * 1000), "the question"
            route, *frames = life.recv_multipart()
            asked.append(frames)
            if is_last:
                life.send_multipart([route, *wire.frames_of("REPORT", body=ANSWERS[verb])])
                result = client.wait()
    Path(url.removeprefix("ipc://")).unlink(missing_ok=True)
    assert result.status == 0, result.err
    assert asked[0] == asked[1]


def test_cancel_of_a_cancelled_job(stage: Stage, durable: Broker) -> None:
    """Where the first answer was lost the second says the same; of other ends it does not."""
    jobs = [submit(stage, durable, "--size", "8x8") for _ in range(3)]
    for _ in range(2):
        assert say(stage, durable, "cancel", jobs[1]).out == f"job {jobs[1]} is cancelled\n"
    answer = json.loads(say(stage, durable, "cancel", jobs[1], "--json").out)
    assert answer == {"job": jobs[1], "state": "cancelled"}
    stage.worker(durable)
    assert say(stage, durable, "wait", jobs[2], "--release").status == 0
    wait_until(lambda: say(stage, durable, "cancel", jobs[2]).status == NOT_FOUND, "its end")
    assert say(stage, durable, "cancel", jobs[2] + 1).status == NOT_FOUND
    assert say(stage, durable, "cancel", jobs[0]).status == 0


def test_submit_starts_no_service(stage: Stage) -> None:
    result = stage.client("submit", "--size", "8x8")
    assert result.status == UNAVAILABLE and result.err.count("\n") == 1


def test_release(stage: Stage, durable: Broker) -> None:
    """History says released, not cancelled; what is not finished is not released."""
    jobs = [submit(stage, durable, "--size", "8x8") for _ in range(2)]
    early = say(stage, durable, "release", jobs[0])
    assert early.status == REQUEST and "finished" in early.err and early.out == ""
    stage.worker(durable)
    for job in jobs:
        assert say(stage, durable, "wait", job).status == 0
    assert say(stage, durable, "release", jobs[0]).out == f"job {jobs[0]} is released\n"
    answer = json.loads(say(stage, durable, "release", jobs[1], "--json").out)
    assert answer == {"job": jobs[1], "state": "released"}
    assert durable.jobs() == []
    wait_until(lambda: [row["state"] for row in durable.history()] == ["released"] * 2, "history")
    assert say(stage, durable, "release", jobs[0]).status == NOT_FOUND


def test_several_jobs_at_once(stage: Stage) -> None:
    """Each is done, whatever became of those before it, and each failure told."""
    broker = stage.broker()
    jobs = [submit(stage, broker, "--size", "8x8") for _ in range(3)]
    assert say(stage, broker, "pause", *jobs).out == "".join(f"job {job} is paused\n" for job in jobs)
    result = say(stage, broker, "cancel", jobs[0], 4711, jobs[1], 4712, jobs[2])
    assert result.out == "".join(f"job {job} is cancelled\n" for job in jobs)
    assert result.status == NOT_FOUND and result.err.count("\n") == 2
    assert "4711" in result.err.splitlines()[0] and "4712" in result.err.splitlines()[1]
    events = say(stage, broker, "cancel", 4711, 4712, "--json").events()
    assert [event["event"] for event in events] == ["failed", "failed"]


def test_pause_and_resume(stage: Stage) -> None:
    broker = stage.broker()
    job = submit(stage, broker, *heavy(8))
    assert say(stage, broker, "pause", job).out == f"job {job} is paused\n"
    stage.worker(broker)
    broker.wait_workers(1)
    assert row_of(broker, job)["state"] == "paused"
    other = submit(stage, broker, "--size", "64x48")
    wait_until(lambda: row_of(broker, other)["state"] == "finished", "the other job")
    assert row_of(broker, job)["tiles_done"] == 0
    resumed = say(stage, broker, "resume", job, "--json")
    assert json.loads(resumed.out)["state"] in ("queued", "running")
    wait_until(lambda: row_of(broker, job)["state"] == "finished", "the end")


def test_priority(stage: Stage) -> None:
    broker = stage.broker()
    job = submit(stage, broker, "--size", "64x48")
    assert say(stage, broker, "priority", job, "-100").out == f"job {job} has priority -100\n"
    assert row_of(broker, job)["priority"] == -100


@pytest.mark.parametrize("verb", [["pause"], ["resume"], ["retry"], ["priority", "5"], ["cancel"],
                                  ["release"]])
def test_a_job_that_is_not(stage: Stage, verb: list[str]) -> None:
    result = say(stage, stage.broker(), verb[0], "4711", *verb[1:])
    assert result.status == NOT_FOUND and "4711" in result.err and result.out == ""


def test_drain(stage: Stage) -> None:
    broker = stage.broker()
    worker = stage.worker(broker)
    (entry,) = broker.wait_workers(1)
    assert say(stage, broker, "drain", "nobody").status == NOT_FOUND
    assert say(stage, broker, "drain", entry["worker"]).out == "1 worker is draining\n"
    broker.wait_workers(0)
    assert worker.wait().status == 0
    others = stage.worker(broker, processes=2), stage.worker(broker, "--name", "else")
    host = {entry["name"].partition("/")[0] for entry in broker.wait_workers(3)} - {"else"}
    assert say(stage, broker, "drain", *host).out == "2 workers are draining\n"
    assert [entry["name"] for entry in broker.wait_workers(1)] == ["else"]
    result = others[0].wait()
    assert result.status == 0
    assert result.err.count(' tiles_done=0 status=0 reason="the broker asked for it"') == 2


def test_a_worker_logs_its_life(stage: Stage) -> None:
    broker = stage.broker()
    worker = stage.worker(broker)
    broker.wait_workers(1)
    job = submit(stage, broker, "--size", "8x8")
    assert say(stage, broker, "wait", job, "--release").status == 0
    broker.process.kill()
    again = stage.broker(clients=broker.clients, workers=broker.workers)
    again.wait_workers(1)
    job = submit(stage, again, *heavy())
    wait_until(lambda: row_of(again, job)["tiles_running"] > 0, "a tile")
    result = worker.stop()
    assert say(stage, again, "cancel", job).status == 0
    lines = [line.partition(": ")[2] for line in result.err.splitlines()]
    begins = ["registered name=", "lost the broker", "registered again name=", "draining name=",
              "ended name="]
    told = [line for line in lines if line.startswith(tuple(begins))]
    assert [line.startswith(begin) for line, begin in zip(told, begins, strict=True)] == [True] * 5
    assert 'reason="the broker does not know the session"' in told[1]
    assert 'reason="signal"' in told[3]
    assert re.search(r' tiles_done=[1-9]\d* status=0 reason="signal"', told[4])


def test_history(stage: Stage, durable: Broker) -> None:
    broker = durable
    jobs = [submit(stage, broker, "--size", f"{side}x{side}") for side in (8, 9, 10)]
    for job in jobs:
        assert say(stage, broker, "cancel", job).status == 0
    lines = say(stage, broker, "jobs", "--history").out.splitlines()
    assert [int(line.split()[0]) for line in lines[1:]] == jobs[::-1]
    assert all(re.search(r" cancelled +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d ", line) for line in lines[1:])
    two = json.loads(say(stage, broker, "jobs", "--history", "--limit", "2", "--json").out)
    assert [row["job"] for row in two["history"]] == jobs[:0:-1]
    older = say(stage, broker, "jobs", "--history", "--before", jobs[1]).out.splitlines()
    assert [int(line.split()[0]) for line in older[1:]] == jobs[:1]


def test_a_long_history(stage: Stage, durable: Broker) -> None:
    """The broker tells it a page at a time, and jobs puts them together."""
    jobs = []
    with wire.Client(durable.url) as client:
        for _ in range(HISTORY_PAGE + 50):
            jobs.append(client.submit(light_request(size=[1, 1])).body["job"])
            assert client.ask("CANCEL_JOB", job=jobs[-1]).name == "REPORT"
        assert client.ask("HISTORY", limit=HISTORY_PAGE + 1).body["error"] == "protocol"

    def listed(*words: object) -> list[int]:
        result = say(stage, durable, "jobs", "--history", "--json", *words)
        return [row["job"] for row in json.loads(result.out)["history"]]
    newest = jobs[::-1]
    assert listed() == newest[:20]
    assert listed("--limit", HISTORY_PAGE) == newest[:HISTORY_PAGE]
    assert listed("--limit", HISTORY_PAGE + 20) == newest[:HISTORY_PAGE + 20]
    assert listed("--limit", 1000) == newest
    assert listed("--limit", 1000, "--before", jobs[120]) == newest[30:]


def test_retry_of_a_cancelled_job(stage: Stage, durable: Broker) -> None:
    broker = durable
    job = submit(stage, broker, "--size", "64x48")
    assert say(stage, broker, "cancel", job).status == 0
    assert say(stage, broker, "retry", job).out == f"job {job} is queued\n"
    stage.worker(broker)
    wait_until(lambda: row_of(broker, job)["state"] == "finished", "the end")
    assert say(stage, broker, "cancel", job).status == 0


def test_render_that_is_kept(stage: Stage) -> None:
    """In a client's name; and left with one event, not two."""
    assert stage.client("render", "--keep", "--out", "a.png").status == UNAVAILABLE
    broker = stage.broker()
    render = stage.start("brot-client", "render", "--keep", "--client", "me", "--size", "8x8",
                         "--out", "a.png", "--json", "--broker", broker.url)
    wait_until(lambda: '"progress"' in render.out_path.read_text(), "the render")
    (row,) = broker.jobs()
    assert row["client"] == "me"
    render.popen.send_signal(signal.SIGINT)
    result = render.wait()
    assert result.status == CANCELLED
    names = [event["event"] for event in result.events()]
    assert names[-1] == "left" and "cancelled" not in names
    assert say(stage, broker, "cancel", row["job"]).status == 0


@pytest.mark.parametrize("words", [["jobs"], ["wait", "1"], ["top"],
                                   ["render", "--out", "a.png"]])
def test_a_socket_that_this_user_may_not_use(stage: Stage, words: list[str]) -> None:
    broker = stage.broker()
    Path(broker.url.removeprefix("ipc://")).chmod(0)
    prefix = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    result = stage.client(*words, "--broker", broker.url, "--timeout", "0.3", prefix=prefix,
                          cwd=Path("/tmp"))
    assert result.status == DENIED
    assert "this user may not connect" in result.err, result.err


@pytest.mark.parametrize("words", [["--processes", 1], ["--threads", 1]])
def test_a_worker_that_may_not_use_its_socket(stage: Stage, words: list[object]) -> None:
    broker = stage.broker()
    Path(broker.workers[0].removeprefix("ipc://")).chmod(0)
    prefix = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    stage.folder.chmod(0o755)
    result = stage.start("brot-worker", "--broker", broker.workers[0], *words,
                         prefix=prefix, cwd=Path("/tmp")).wait()
    assert result.status == DENIED
    assert f"{broker.workers[0]}: this user may not connect" in result.err, result.err


def test_lists(stage: Stage) -> None:
    """Jobs by number; what is not known yet of a worker is not claimed."""
    broker = stage.broker()
    stage.worker(broker)
    broker.wait_workers(1)
    title, row = say(stage, broker, "workers").out.splitlines()
    assert "SILENT" in title
    at = title.index("LOCAL")
    assert row[at:at + 5].strip() == "-"
    jobs = [submit(stage, broker, "--size", "8x8") for _ in range(3)]
    assert say(stage, broker, "wait", jobs[2]).status == 0
    assert say(stage, broker, "workers").out.splitlines()[1][at:at + 5].strip() == "yes"
    lines = say(stage, broker, "jobs").out.splitlines()
    assert "ELAPSED" in lines[0]
    assert [int(line.split()[0]) for line in lines[1:]] == jobs
    for job in jobs:
        assert say(stage, broker, "cancel", job).status == 0
