"""What a broker says of the lives of its jobs and workers: a line an event, fields as key=value."""

from __future__ import annotations

import re
from pathlib import Path

from harness import Stage, wait_until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")
LINE = re.compile(r"brot-broker: (?P<event>[a-z]+(?: [a-z]+)*)"
                  r"(?P<fields>(?: [a-z_]+=(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"]+))+)")
SIZE = ["--size", "64x48", "--view", "seahorse"]


def events(text: str, **fields: object) -> list[str]:
    """The events of the lines that have these fields; each line must have its form."""
    found = []
    for line in text.splitlines():
        time = TIME.match(line)
        assert time, line
        match = LINE.fullmatch(line[time.end():])
        if match is None:
            assert "brot-broker: jobs kept=nowhere" in line, line
            continue
        if all(f" {name}={value}" in match["fields"] + " " for name, value in fields.items()):
            found.append(match["event"])
    return found


def test_the_life_of_a_job_and_a_worker(stage: Stage) -> None:
    """One line for each event, in its order, and none for a tile."""
    broker = stage.broker("--tile-rows", 1)

    def client(*words: object) -> None:
        result = stage.client(*words, "--broker", broker.url)
        assert result.status == 0, result.err

    submitted = stage.client("submit", *SIZE, "--broker", broker.url)
    job = submitted.out.split()[0]
    for words in (["pause", job], ["priority", job, 7], ["resume", job], ["cancel", job]):
        client(*words)
    kept = stage.client("submit", *SIZE, "--broker", broker.url).out.split()[0]
    worker = stage.worker(broker)
    (entry,) = broker.wait_workers(1)
    client("wait", kept, "--out", "a.png", "--quiet", "--release")
    client("drain", entry["name"])
    assert worker.wait().status == 0
    wait_until(lambda: not broker.worker_list(), "the worker's end")
    assert broker.process.stop().status == 0
    text = broker.process.err()
    assert events(text, job=job) == ["job accepted", "job paused", "job priority", "job resumed",
                                     "job ended"]
    assert events(text, job=kept) == ["job accepted", "job finished", "job ended"]
    assert events(text, name=f'"{entry["name"]}"') == ["worker joined", "worker draining",
                                                       "worker ended"]
    assert events(text)[-1] == "stopping"


def test_processes_have_the_names_of_their_programs(stage: Stage) -> None:
    """Also those that are started through a link."""
    broker = stage.broker()
    stage.worker(broker, processes=2)
    broker.wait_workers(2)

    def names() -> list[str]:
        return sorted(Path(f"/proc/{pid}/comm").read_text().strip() for pid in stage.alive())
    # The broker has a keeper, and the workers a parent.
    wait_until(lambda: names() == ["brot-broker"] * 2 + ["brot-worker"] * 3, "names")


def test_one_word_of_each(stage: Stage) -> None:
    """A signal is told by the parent alone, and what is as it should be not at all."""
    broker = stage.broker()
    worker = stage.worker(broker, "--log-level", "info")
    broker.wait_workers(1)
    assert worker.stop().err.count("asked to end signal=15") == 1
    assert "descriptors" not in broker.process.err()
