"""Which kernel a worker uses, how it is told, and what it does where one is wrong."""

from __future__ import annotations

import json
import os
import platform
import re

import pytest

import wire
from harness import Broker, Stage

USAGE, SOFTWARE = 64, 70
PRECISIONS = {"f64", "f32"}
STEPS = 7

# Both sides of the boundary, and odd, so that vectors do not come out even.
VIEW = ["--view", "-0.7453,0.1127,0.0065", "--size", "61x37", "--iterations", "600"]
FORMATS = {"rgb8": "a.ppm", "iterations": "a.npy", "smooth": "b.npy"}


def selftest(stage: Stage, *arguments: object) -> dict:
    result = stage.start("brot-worker", "--selftest", "--json", *arguments).wait()
    assert result.status == 0 and result.err == "", result.err
    return json.loads(result.out)


def kernels_here(stage: Stage) -> list[str]:
    """Those that a worker here offers, the widest first."""
    return list(dict.fromkeys(row["kernel"] for row in selftest(stage)["rows"]))


def workers_as_json(stage: Stage, broker: Broker) -> list[dict]:
    result = stage.client("workers", "--json", "--broker", broker.url)
    assert result.status == 0, result.err
    return json.loads(result.out)["workers"]


def test_the_table_of_the_self_test(stage: Stage) -> None:
    result = stage.start("brot-worker", "--selftest").wait()
    assert result.status == 0 and result.err == ""
    heading, *rows = result.out.splitlines()
    assert heading.split()[:5] == ["kernel", "needs", "precision", "step", "checks"]
    assert rows[-1].startswith("A worker here uses ")
    chosen = rows[-1].removeprefix("A worker here uses ").rstrip(".")
    counted = [row for row in rows if " ok " in row]
    names = {row.split()[0] for row in counted}
    assert {"scalar", chosen} <= names
    assert len(counted) == len(names) * len(PRECISIONS) * STEPS


def test_the_self_test_as_json(stage: Stage) -> None:
    report = selftest(stage)
    assert report["ok"] and report["version"]
    for row in report["rows"]:
        assert row["ok"] and row["checks"] > 0 and row["speed"] > 0 and row["ratio"] > 0
    steps = {(row["kernel"], row["precision"], row["step"]) for row in report["rows"]}
    assert len(steps) == len(report["rows"])
    assert {row["precision"] for row in report["rows"]} == PRECISIONS
    only = selftest(stage, "--kernel", "scalar")
    assert only["kernel"] == "scalar" and {row["kernel"] for row in only["rows"]} == {"scalar"}


def test_a_worker_tells_its_kernel_and_speeds(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker)
    broker.wait_workers(1)
    (worker,) = workers_as_json(stage, broker)
    assert worker["kernel"] in worker["kernels"] and "scalar" in worker["kernels"]
    assert worker["speeds"].keys() == set(worker["kernels"])
    for speed in worker["speeds"].values():
        assert speed.keys() == PRECISIONS and all(value > 0 for value in speed.values())
    plain = stage.client("workers", "--broker", broker.url)
    assert plain.status == 0
    heading, row = plain.out.splitlines()
    assert "SPEED" in heading and re.search(r" [\d.]+ [kMGT]?/s ", row), row
    assert f" {worker['kernel']} " in row


@pytest.mark.parametrize("speeds, shown", [
    (None, " - "), ({}, " - "), ({"python": {"f64": 1, "f32": 1}}, " 1.00 /s "),
    ({"python": {"f64": 10**15, "f32": 10**15}}, " 1.00 P/s ")])
def test_what_a_worker_may_claim(stage: Stage, speeds: dict | None, shown: str) -> None:
    broker = stage.broker()
    with wire.Worker(broker.workers[0]) as worker:
        worker.register(1, **({} if speeds is None else {"speeds": speeds}))
        (entry,) = workers_as_json(stage, broker)
        assert entry["speeds"] == (speeds or {})
        plain = stage.client("workers", "--broker", broker.url)
        assert plain.status == 0 and shown in plain.out


@pytest.mark.parametrize("speeds", [
    7, [], {"another": {"f64": 1, "f32": 1}}, {"python": {"f64": 1}},
    {"python": {"f64": 0, "f32": 1}}, {"python": {"f64": 10**15 + 1, "f32": 1}},
    {"python": {"f64": 1.5, "f32": 1}}, {"python": {"f64": 1, "f32": 1, "f16": 1}}])
def test_what_a_worker_may_not_claim(stage: Stage, speeds: object) -> None:
    broker = stage.broker()
    with wire.Worker(broker.workers[0]) as worker:
        worker.send("HELLO", body=wire.hello(speeds=speeds))
        refused = worker.expect("REFUSED", "WELCOME")
        assert refused.name == "REFUSED" and refused.body["error"] == "protocol"
        assert "speeds" in refused.body["text"]
    assert broker.worker_list() == []


@pytest.mark.parametrize("way", ["option", "variable", "both"])
def test_a_kernel_can_be_forced(stage: Stage, way: str) -> None:
    broker = stage.broker()
    if way != "option":
        stage.environment["BROT_KERNEL"] = "scalar" if way == "variable" else "mmx"
    stage.worker(broker, *([] if way == "variable" else ["--kernel", "scalar"]))
    broker.wait_workers(1)
    (worker,) = workers_as_json(stage, broker)
    assert worker["kernel"] == "scalar"
    assert worker["kernels"] == ["scalar"] and worker["speeds"].keys() == {"scalar"}


@pytest.mark.parametrize("arguments", [["--broker", "ipc:///tmp/x"], ["--selftest"]])
@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_wrong_kernel_is_refused_with_the_choices(stage: Stage, arguments: list[str],
                                                    way: str) -> None:
    if way == "variable":
        stage.environment["BROT_KERNEL"] = "mmx"
    options = ["--kernel", "mmx"] if way == "option" else []
    result = stage.start("brot-worker", *arguments, *options).wait()
    assert result.status == USAGE and result.out == ""
    (line,) = result.err.splitlines()
    assert '"mmx"' in line and "scalar" in line


def test_versions(stage: Stage) -> None:
    result = stage.start("brot-worker", "--version").wait()
    assert result.status == 0 and result.err == ""
    version, kernels = result.out.splitlines()
    assert version.startswith("brot-worker ")
    assert kernels.startswith("kernels: ") and "scalar" in kernels
    assert kernels.endswith(" is the fastest")

    broker = stage.broker()
    stage.worker(broker, "--kernel", "scalar")
    broker.wait_workers(1)
    # A broker is asked only where the command line names one.
    stage.environment["BROT_BROKER"] = "ipc:///nobody/listens/there"
    assert stage.client("version").out.count("\n") == 1
    plain = stage.client("version", "--broker", broker.url)
    assert plain.status == 0 and " scalar " in plain.out and "\nbroker " in plain.out
    report = json.loads(stage.client("version", "--json", "--broker", broker.url).out)
    assert report["version"] == report["broker"]
    (worker,) = report["workers"]
    assert worker["kernel"] == "scalar"


def test_every_kernel_gives_the_same_bytes(stage: Stage) -> None:
    kernels = kernels_here(stage)
    assert kernels[-1] == "scalar"
    if len(kernels) == 1:
        pytest.skip("this CPU has the scalar kernel alone")
    broker = stage.broker()
    seen: dict[tuple[str, str], bytes] = {}
    for kernel in kernels:
        worker = stage.worker(broker, "--kernel", kernel)
        (entry,) = broker.wait_workers(1)
        assert entry["kernel"] == kernel
        for name, file in FORMATS.items():
            for more in ([], ["--no-shortcuts"], ["--precision", "f32"]):
                path = stage.render(broker, file, *VIEW, "--format", name, *more)
                # A picture carries its request, which says whether there were shortcuts.
                key = (name, "f32" if "f32" in more else "f64")
                assert seen.setdefault(key, path.read_bytes()) == path.read_bytes(), \
                    (kernel, name, more)
        assert worker.stop().status == 0
        broker.wait_workers(0)
    assert seen["iterations", "f64"] != seen["iterations", "f32"]


def break_fma(stage: Stage) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("the scalar kernel calls no fma() of libm here")
    stage.environment["LD_PRELOAD"] = os.environ["BROT_BROKEN_FMA"]
    options = stage.environment.get("ASAN_OPTIONS", "")
    stage.environment["ASAN_OPTIONS"] = f"{options}:verify_asan_link_order=0"


@pytest.mark.parametrize("shape", [["--processes", "3"], ["--threads", "2"]])
def test_a_worker_with_a_wrong_kernel_does_not_register(stage: Stage, shape: list[str]) -> None:
    broker = stage.broker()
    break_fma(stage)
    result = stage.start("brot-worker", "--broker", broker.workers[0], *shape).wait()
    assert result.status == SOFTWARE
    (line,) = result.err.splitlines()
    assert "self-test: kernel scalar, f64, step square, tile " in line
    assert broker.worker_list() == []


def test_the_table_shows_a_wrong_kernel(stage: Stage) -> None:
    break_fma(stage)
    result = stage.start("brot-worker", "--selftest", "--kernel", "scalar").wait()
    assert result.status == SOFTWARE
    assert " DIFFERS " in result.out
    (line,) = result.err.splitlines()
    assert "self-test: kernel scalar, f64, step " in line
    report = stage.start("brot-worker", "--selftest", "--kernel", "scalar", "--json").wait()
    assert report.status == SOFTWARE
    rows = [row for row in json.loads(report.out)["rows"] if row["precision"] == "f64"]
    assert len(rows) == STEPS and not any(row["ok"] for row in rows)


def test_another_kernel_serves_where_one_is_wrong(stage: Stage) -> None:
    kernels = kernels_here(stage)
    if len(kernels) == 1:
        pytest.skip("this CPU has the scalar kernel alone")
    broker = stage.broker()
    break_fma(stage)
    stage.worker(broker, "--kernel", kernels[0])
    (entry,) = broker.wait_workers(1)
    assert entry["kernel"] == kernels[0] and entry["kernels"] == [kernels[0]]
