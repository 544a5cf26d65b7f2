"""Each verb of brot-client at a locked door, as README's table has it, by whoever may hold a key."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import wire
from harness import BIN, Result, Stage, wait_until
from house import CELLS, CONFIG, DENIED, UNAVAILABLE, USAGE, House

TABLE = {(message, who): word for message, who, word in CELLS}

# Who asks, and the column of the table. The job that is asked about is the client's.
ASKERS = {"client": "client", "variables": "client", "other": "client", "worker": "worker",
          "stranger": "stranger", "keyless": "stranger", "admin": "admin"}


@dataclass
class Verb:
    """JOB and OUT stand for a job's number and a file to make."""

    words: str
    messages: str  # of the table that the verb says
    job: str = ""  # the state that the job it is about must be in; "": it is about none

    @property
    def needs_worker(self) -> bool:
        return self.job == "finished" or self.words.startswith(("render", "drain"))


VERBS = [
    Verb("render --view home --size 8x8 --out OUT", "SUBMIT WATCH FETCH RELEASE"),
    Verb("submit --view home --size 8x8", "SUBMIT"),
    Verb("wait JOB --out OUT", "ATTACH WATCH FETCH", "finished"),
    Verb("wait JOB --out OUT --release", "ATTACH WATCH FETCH RELEASE", "finished"),
    Verb("fetch JOB --out OUT", "ATTACH FETCH", "finished"),
    Verb("release JOB", "RELEASE", "finished"),
    Verb("cancel JOB", "CANCEL_JOB", "queued"),
    Verb("pause JOB", "PAUSE", "queued"),
    Verb("resume JOB", "RESUME", "paused"),
    Verb("priority JOB 7", "PRIORITY", "queued"),
    Verb("retry JOB", "RETRY", "cancelled"),
    Verb("jobs", "JOBS"),
    Verb("jobs --history", "HISTORY"),
    Verb("workers", "WORKERS"),
    Verb("status", "STATUS"),
    Verb("top --count 1", "STATUS JOBS WORKERS"),
    Verb("drain lab", "DRAIN_WORKER"),
]
assert {message for verb in VERBS for message in verb.messages.split()} == {
    message for message, who, word in CELLS if who == "admin" and word == "yes"}


@pytest.fixture(name="house")
def fixture_house(stage: Stage, tmp_path: Path) -> Iterator[House]:
    house = House(stage, tmp_path)
    house.start(state=stage.folder / "state")
    yield house
    with wire.Client(house.broker.url) as client:
        for row in house.broker.jobs():
            client.ask("CANCEL_JOB", job=row["job"])
    house.broker.process.stop()
    shutil.rmtree(stage.folder / "state")


def may(verb: Verb, who: str) -> bool:
    words = [TABLE[message, ASKERS[who]] for message in verb.messages.split()]
    is_owner = not verb.job or who in ("client", "variables")
    return all(word == "yes" or (word == "own" and is_owner) for word in words)


def ask(house: House, who: str, words: list[str]) -> Result:
    if who == "keyless":
        return house.stage.client(*words, "--broker", house.clients_url)
    if who == "variables":
        return house.stage.client(*words, environment={
            "BROT_BROKER": house.clients_url, "BROT_KEY": str(house.secret("client")),
            "BROT_SERVER_KEY": str(house.public("broker"))})
    return house.ask(who, *words)


def row_of(house: House, job: int) -> dict | None:
    """What is known of a job, but for what changes by itself."""
    rows = [row for row in house.broker.jobs() + house.broker.history() if row["job"] == job]
    return {**rows[0], "elapsed_ms": 0} if rows else None


def make_job(house: House, state: str) -> int:
    result = house.ask("client", "submit", "--view", "home", "--size", "8x8")
    assert result.status == 0, result.err
    job = int(result.out)
    verb = {"paused": "pause", "cancelled": "cancel"}.get(state)
    if verb:
        result = house.ask("client", verb, job)
        assert result.status == 0, result.err

    def is_there() -> bool:
        row = row_of(house, job)
        return row is not None and row["state"] == state
    wait_until(is_there, f"job {job} is {state}")
    return job


def filled(house: House, words: str, numbers: Callable[[], int], job: int) -> list[str]:
    out = house.stage.folder / f"{numbers()}.png"
    return [{"JOB": str(job), "OUT": str(out)}.get(word, word) for word in words.split()]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.words)
def test_a_verb_at_a_locked_door(house: House, verb: Verb) -> None:
    worker = None
    if verb.needs_worker:
        worker = house.stage.start("brot-worker", "--broker", house.workers_url, "--threads", 1,
                                   "--name", "lab", *house.options("worker"))
        house.broker.wait_workers(1)
    numbers = itertools.count()
    for who in ASKERS:
        job = make_job(house, verb.job) if verb.job else 0
        before = row_of(house, job)
        result = ask(house, who, filled(house, verb.words, lambda: next(numbers), job))
        if may(verb, who):
            assert result.status == 0, (who, result.err)
        else:
            assert result.status == DENIED, (who, result.status, result.err)
            assert result.out == "" and result.err.count("\n") == 1, (who, result.err)
            assert row_of(house, job) == before, who
    if worker is not None and verb.words.startswith("drain"):
        assert worker.wait().status == 0


def test_the_help_of_cancel_says_whose_jobs(stage: Stage) -> None:
    text = " ".join(stage.client("cancel", "--help").out.split())
    assert "one's own, and as an admin anybody's" in text, text
    assert "whoever has submitted" not in text + stage.client("--help").out


def test_to_try_again_is_for_later_while_a_job_may_fail(house: House) -> None:
    job = make_job(house, "queued")
    result = house.ask("client", "retry", job)
    assert result.status == 75, result.err
    assert result.err == f"brot-client: job: {job} must have failed to be tried again, and is queued\n"


def test_the_name_of_a_key(stage: Stage) -> None:
    help_text = " ".join(stage.client("keygen", "--help").out.split())
    assert '1 to 63 ASCII letters, digits and ".-_@", without a dot or dash' in help_text
    result = stage.client("keygen", "zoë Müller", "--json")
    assert result.status == USAGE and 'got "zoë Müller"\n' in result.err
    (event,) = result.events()
    assert event["text"].endswith('got "zoë Müller"')
    for name, shown in ((b"zo\xeb", "zo?"), ("ë".encode() * 41, "?" * 40 + "...")):
        result = stage.client("keygen", os.fsdecode(name), "--json")
        assert result.status == USAGE and f'got "{shown}"\n' in result.err
        assert len(result.events()) == 1
    for name in ("ada.cert", "ada.cert_secret"):
        result = stage.client("keygen", name)
        assert result.status == USAGE and "which is added to it" in result.err
    assert not list(stage.folder.glob("*.cert*"))


def test_a_key_that_does_not_fit(stage: Stage) -> None:
    """Nor do our outputs, which are files here: the sentence goes into a pipe."""
    result = subprocess.run(["prlimit", "--fsize=0", BIN / "brot-client", "keygen", "ada"],
                            cwd=stage.folder, capture_output=True, text=True, check=False)
    assert result.returncode == 73 and "cannot be written: File too large" in result.stderr
    assert not list(stage.folder.glob("ada*"))


def test_a_file_that_holds_no_key(house: House) -> None:
    """Of either option, and told as such: it is neither the command line's fault nor missing."""
    bad = house.folder / "bad"
    bad.mkdir()
    (bad / "empty").write_bytes(b"")
    (bad / "noise").write_bytes(secrets.token_bytes(300))
    os.mkfifo(bad / "pipe")
    for path in (bad / "empty", bad / "noise", bad / "pipe", bad):
        for option, keys in (("--key", [path, house.public("broker")]),
                             ("--server-key", [house.secret("client"), path])):
            words = ["--key", keys[0], "--server-key", keys[1]]
            client = house.stage.client("status", "--broker", house.clients_url, *words)
            worker = house.stage.start("brot-worker", "--broker", house.workers_url, *words).wait()
            for result, name in ((client, "brot-client"), (worker, "brot-worker")):
                assert result.status == CONFIG, result.err
                assert f"{name}: {option}: {path}: " in result.err, result.err


def test_a_broker_with_another_key(house: House) -> None:
    """It is as silent as one that is not there, so both are named."""
    words = ["--server-key", house.public("stranger"), "--key"]
    worker = house.stage.start("brot-worker", "--broker", house.workers_url, "--threads", 1, *words,
                               house.secret("worker"))
    guess = f"within 1 s, or its key is not that of {house.public('stranger')}\n"
    for command in (["status"], ["render", "--out", house.stage.folder / "a.png"],
                    ["top", "--count", "1"]):
        result = house.stage.client(*command, "--broker", house.clients_url, "--timeout", "1",
                                    *words, house.secret("client"))
        assert result.status == UNAVAILABLE and guess in result.err, result.err
    wait_until(lambda: "no broker has answered yet, or its key is not that of" in worker.err(),
               "the worker's guess")
    assert f'server_key="{house.public("stranger")}"' in worker.err()
