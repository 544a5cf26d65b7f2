"""The views that have a name, and what the subcommands say of themselves."""

from __future__ import annotations

import json

import numpy
import pytest

import pictures
from harness import Stage

SUBCOMMANDS = ["render", "jobs", "workers", "status", "cancel", "views", "version"]


def test_every_preset_shows_something(stage: Stage) -> None:
    views = json.loads(stage.client("views", "--json").out)["views"]
    assert len(views) >= 12
    listed = stage.client("views").out
    broker = stage.broker()
    stage.worker(broker, processes=2)
    for view in views:
        assert view["name"] in listed
        pixels = pictures.read_png(stage.render(broker, f"{view['name']}.png", "--view",
                                                view["name"], "--size", "64x36"))
        colours = len(numpy.unique(pixels.reshape(-1, 3), axis=0))
        assert colours > 1, f"{view['name']} is a single colour"


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_help(stage: Stage, subcommand: str) -> None:
    result = stage.client(subcommand, "--help")
    assert result.status == 0
    assert f"brot-client {subcommand}" in result.out
    assert result.err == ""


@pytest.mark.parametrize("program", ["brot-broker", "brot-worker", "brot-client"])
def test_help_of_the_programs(stage: Stage, program: str) -> None:
    result = stage.start(program, "--help").wait()
    assert result.status == 0
    assert program in result.out


def test_questions_as_json(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker)
    broker.wait_workers(1)
    (worker,) = json.loads(stage.client("workers", "--json", "--broker", broker.url).out)["workers"]
    assert worker["threads"] == 1 and worker["kernel"] in worker["kernels"]
    assert json.loads(stage.client("jobs", "--json", "--broker", broker.url).out)["jobs"] == []
    status = json.loads(stage.client("status", "--json", "--broker", broker.url).out)["status"]
    assert status["workers"] == 1 and status["pid"] == broker.process.pid
    assert "version" in json.loads(stage.client("version", "--json").out)
    for subcommand in ("workers", "jobs", "status"):
        plain = stage.client(subcommand, "--broker", broker.url)
        assert plain.status == 0 and plain.out and plain.err == ""
