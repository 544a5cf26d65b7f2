"""libbrot.so, as a program uses it that knows its headers alone (lib_user.c)."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from harness import BIN, Broker, Process, Result, Stage, heavy_request, wait_until
from house import House, fixture_house

__all__ = ["fixture_house"]  # a fixture is used by its other name

USER = os.environ["BROT_LIB_USER"]

# Odd on purpose: neither vectors nor tiles come out even. The last but one is its own mirror image.
SIZE = [133, 71]
OFF_AXIS = {"re": "-0.7453", "im": "0.1127", "width": "0.0065"}
COUNTED = {"kind": "buddhabrot", "iterations": 300, "buddha": {"points": 300000}}
NEBULA = {**COUNTED, "buddha": {"points": 100000, "bands": [[1, 20], [10, 100], [50, 300]]}}
REQUESTS = {
    "iterations.npy": {"view": OFF_AXIS, "format": "iterations", "iterations": 700},
    "smooth.npy": {"view": OFF_AXIS, "format": "smooth", "precision": "f32"},
    "distance.npy": {"view": OFF_AXIS, "format": "distance"},
    "phase.npy": {"formula": "multibrot", "parameters": {"power": 3}, "format": "phase"},
    "raw.npy": {"format": "raw"},
    "raw.exr": {"formula": "burning-ship", "format": "raw"},
    "density.npy": {**COUNTED, "format": "density"},
    "density32.npy": {**COUNTED, "format": "density32",
                      "buddha": {"points": 200000, "sampling": "zoom"},
                      "view": {"re": "-0.16", "im": "1.03", "width": "0.02"}},
    "nebula.npy": {**NEBULA, "format": "nebula"},
    "nebula32.npy": {**NEBULA, "format": "nebula32"},
    "rgb8.png": {"samples": 3},
    "rgb16.ppm": {"view": OFF_AXIS, "format": "rgb16", "colour": {"dither": True}},
    "adaptive.png": {"samples": 4, "adaptive": 4},
    "histogram.png": {"samples": 2, "colour": {"mode": "histogram"}},
    "relief.ppm": {"samples": 2, "format": "rgb16", "colour": {"mode": "relief"}},
    "inside.png": {"colour": {"mode": "distance", "inside": "period"}},
    "buddhabrot.png": COUNTED,
    "nebulabrot.ppm": {**NEBULA, "format": "rgb16", "tone": {"curve": "rank"}},
    "julia.png": {"formula": "julia", "parameters": {"re": "-0.8", "im": "0.1"}},
}


def user(stage: Stage, *arguments: object, programs: Path = BIN, **options) -> Process:
    """programs: where those of an embedded service are looked for; it is started there, if it is
    not the build's own."""
    own = USER if programs == BIN else str(programs / "lib_user")
    return stage.start([own], *arguments, environment={
        **options.pop("environment", {}), "PATH": f"{programs}:{os.environ['PATH']}"}, **options)


def succeed(process: Process) -> dict:
    result = process.wait()
    assert result.status == 0, result.err
    return json.loads(result.out.splitlines()[-1]) if result.out else {}


def failure(result: Result) -> str:
    assert result.status == 1, result
    return result.err.rstrip("\n")


@pytest.fixture(name="broker")
def make_broker(stage: Stage) -> Broker:
    broker = stage.broker("--tile-rows", 7)
    stage.worker(broker, processes=2)
    broker.wait_workers(2)
    return broker


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_bytes(stage: Stage, broker: Broker, name: str) -> None:
    """In this process on 1, 2 and 3 threads, and by the service either way."""
    document = {"size": SIZE, **REQUESTS[name]}
    full = {"brot": 1, "view": {"re": "-0.75", "im": "0", "width": "4"}, **document}
    if document.get("formula") == "julia":
        full["view"] = {"re": "0", "im": "0", "width": "4"}
    ways = {f"threads{n}": ["local", n] for n in (1, 2, 3)}
    ways["mapped"] = ["service", broker.url, "-"]
    ways["copied"] = ["service", broker.url, "unshared"]
    request = stage.folder / "request.json"
    request.write_text(json.dumps(full))
    stage.named.add(request)
    for part in ["client", *ways]:
        (stage.folder / part).mkdir()
    expected = stage.render(broker, f"client/{name}", "--view", f"@{request}").read_bytes()
    for part, words in ways.items():
        path = stage.folder / part / name
        told = succeed(user(stage, *words, json.dumps(full), path))
        assert path.read_bytes() == expected, part
        if part == "mapped":
            is_made_here = document.get("format", "rgb8").startswith("rgb") and (
                document.get("kind") == "buddhabrot"
                or document.get("colour", {}).get("mode") in ("histogram", "relief"))
            assert told["is_mapped"] != is_made_here
        if part == "copied":
            assert not told["is_mapped"]


def test_a_document_without_a_view(stage: Stage, broker: Broker) -> None:
    stage.render(broker, "a.npy", "--size", "133x71", "--formula", "multibrot:4")
    succeed(user(stage, "local", 2, json.dumps({
        "size": SIZE, "formula": "multibrot", "parameters": {"power": 4}, "format": "iterations"}),
        stage.folder / "b.npy"))
    assert (stage.folder / "a.npy").read_bytes() == (stage.folder / "b.npy").read_bytes()


def test_bands(stage: Stage) -> None:
    """An image that is larger than the broker's memory."""
    broker = stage.broker("--memory", "1M")
    stage.worker(broker)
    document = json.dumps({"size": [700, 1500], "iterations": 60})
    succeed(user(stage, "service", broker.url, "release", document, stage.folder / "a.ppm"))
    succeed(user(stage, "local", 2, document, stage.folder / "b.ppm"))
    assert (stage.folder / "a.ppm").read_bytes() == (stage.folder / "b.ppm").read_bytes()
    assert broker.jobs() == []


@pytest.mark.parametrize("words", ["workers", "embed", "workers,silent", "workers,childless",
                                   "workers,thread", "workers,silent,childless,thread,unshared"])
def test_an_embedded_service(stage: Stage, words: str) -> None:
    """Whatever the program has done with its streams, signals and threads."""
    document = json.dumps({"size": SIZE, "format": "raw"})
    succeed(user(stage, "service", "-", words, document, stage.folder / "a.npy"))
    succeed(user(stage, "local", 1, document, stage.folder / "b.npy"))
    assert (stage.folder / "a.npy").read_bytes() == (stage.folder / "b.npy").read_bytes()
    stage.wait_nothing_left()


def test_an_embedded_service_of_a_program_that_is_killed(stage: Stage) -> None:
    process = user(stage, "service", "-", "workers,loud", json.dumps(heavy_request(4096)),
                   stage.folder / "a.npy")
    wait_until(lambda: "running" in process.out_path.read_text(), "a running job")
    process.kill()
    stage.wait_nothing_left()


def test_a_child_of_an_embedded_service_that_dies(stage: Stage) -> None:
    process = user(stage, "service", "-", "workers,childless,loud",
                   json.dumps(heavy_request(4096)), stage.folder / "a.npy")
    wait_until(lambda: "running" in process.out_path.read_text(), "a running job")
    (victim,) = stage.children(process.pid) & stage.programs("brot-broker")
    os.kill(victim, signal.SIGKILL)
    assert failure(process.wait()).startswith("system: the embedded brot-broker ")
    stage.wait_nothing_left()


def test_the_children_of_an_embedded_service(stage: Stage) -> None:
    """Ctrl-C in a terminal is not for them; and a number that was a child's gets no signal."""
    process = stopped(user(stage, "service", "-", "workers,childless,stop1", '{"size": [9, 9]}',
                           stage.folder / "a.npy"))
    children = stage.children(process.pid)
    assert len(children) == 2
    assert {os.getpgid(child) for child in children} == children
    for child in children:
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: not stage.children(process.pid), "no child")
    os.kill(process.pid, signal.SIGCONT)
    assert failure(process.wait()).startswith("system: the embedded brot-broker ")
    stage.wait_nothing_left()


def fake_programs(stage: Stage, **scripts: str) -> Path:
    folder = stage.folder / "programs"
    folder.mkdir()
    shutil.copy(USER, folder / "lib_user")
    for name, script in scripts.items():
        path = folder / f"brot-{name}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        stage.named.add(path)
    return folder


def test_what_an_embedded_service_says(stage: Stage) -> None:
    """Nothing of it is printed; its last line tells why it has ended."""
    programs = fake_programs(stage, broker="echo hello; echo out of luck >&2; exit 3",
                             worker="echo hello; exec sleep 60")
    process = user(stage, "service", "-", "workers", '{"size": [9, 9]}', stage.folder / "a.png",
                   programs=programs)
    result = process.wait()
    assert failure(result) == (
        "system: the embedded brot-broker ended with exit status 3: out of luck")
    assert result.out == ""


def test_an_embedded_service_that_says_much(stage: Stage) -> None:
    """More than a pipe has room for, before and after it is ready."""
    much = "head -c 300000 /dev/zero | tr '\\0' '\\n'"
    wait = ('for word; do case $word in ipc://*) socket=${word#ipc://};; esac; done; '
            'until [ -S "$socket" ]; do :; done; ')
    programs = fake_programs(stage, broker=f'{much}; exec "{BIN}/brot-broker" "$@"',
                             worker=f'{wait}{much} >&2; exec "{BIN}/brot-worker" "$@"')
    process = user(stage, "service", "-", "workers", '{"size": [9, 9]}', stage.folder / "a.png",
                   programs=programs)
    result = process.wait()
    assert result.status == 0 and result.err == "", result
    stage.wait_nothing_left()


@pytest.mark.parametrize("words", ["cancel", "cancel,keep", "cancel,unshared"])
def test_cancel_from_another_thread(stage: Stage, words: str) -> None:
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    process = user(stage, "service", broker.url, words, json.dumps(heavy_request(4096)),
                   stage.folder / "a.npy")
    assert failure(process.wait()) == "cancelled: the job was cancelled"
    wait_until(lambda: broker.jobs() == [], "no job")


def test_keep_and_attach(stage: Stage, broker: Broker) -> None:
    document = json.dumps({"size": SIZE, "format": "smooth"})
    told = succeed(user(stage, "service", broker.url, "keep", document, stage.folder / "a.npy"))
    assert [job["job"] for job in broker.jobs()] == [told["job"]]
    for words in ("-", "unshared"):
        again = succeed(user(stage, "attach", broker.url, words, told["job"],
                             stage.folder / "b.npy"))
        assert again["job"] == told["job"] and again["is_mapped"] == (words == "-")
        assert (stage.folder / "a.npy").read_bytes() == (stage.folder / "b.npy").read_bytes()
    result = user(stage, "attach", broker.url, "-", 77, stage.folder / "c.npy").wait()
    assert failure(result).startswith("not_found: job: 77 ")


@pytest.mark.parametrize("words", ["keep,release", "keep,release,late", "release,late"])
def test_release(stage: Stage, broker: Broker, words: str) -> None:
    """late: a cancel means nothing to a job that is done."""
    succeed(user(stage, "service", broker.url, words, json.dumps({"size": SIZE}),
                 stage.folder / "a.png"))
    assert broker.jobs() == []


def stopped(process: Process) -> Process:
    """One that stops itself, when it has."""
    state = Path(f"/proc/{process.pid}/stat")
    wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T"
               and "stopping" in process.out_path.read_text(), "a program that has stopped itself")
    return process


def test_a_release_that_nobody_answers(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker)
    process = stopped(user(stage, "service", broker.url, "keep,release,brief,stop2",
                           json.dumps({"size": SIZE}), stage.folder / "a.png"))
    broker.process.kill()
    os.kill(process.pid, signal.SIGCONT)
    assert failure(process.wait()) == (
        f"unavailable: no broker answers at {broker.url} within 1.5 s")


def test_cancel_while_the_broker_is_silent(stage: Stage) -> None:
    """A kept job's end is asked for by a question, which nobody answers."""
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    process = user(stage, "service", broker.url, "keep,cancel,hush,loud",
                   json.dumps(heavy_request(4096)), stage.folder / "a.npy")
    broker.wait_tiles(1)
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        assert failure(process.wait()) == "cancelled: the job was cancelled"
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)


def test_the_longest_patience(stage: Stage, broker: Broker) -> None:
    document = json.dumps({"size": SIZE})
    succeed(user(stage, "service", broker.url, "forever,keep,release", document,
                 stage.folder / "a.png"))
    succeed(user(stage, "service", "-", "workers,forever", document, stage.folder / "b.png"))


def test_the_name_of_a_client(stage: Stage, broker: Broker) -> None:
    succeed(user(stage, "service", broker.url, "keep,named", json.dumps({"size": SIZE}),
                 stage.folder / "a.png"))
    assert [job["client"] for job in broker.jobs()] == ["somebody"]


def test_options_of_a_later_version(stage: Stage, broker: Broker) -> None:
    told = "usage: reserved[{}]: must be 0 for libbrot "
    result = user(stage, "service", broker.url, "newer", json.dumps({"size": SIZE}),
                  stage.folder / "a.png").wait()
    assert failure(result).startswith(told.format(7))
    result = user(stage, "attach", broker.url, "newer", 1, stage.folder / "a.png").wait()
    assert failure(result).startswith(told.format(0))
    assert broker.jobs() == []


def test_disconnect_before_the_job_is_done(stage: Stage, broker: Broker) -> None:
    """What the job needs stays until it is freed: keys and URL, and an embedded service."""
    document = json.dumps({"size": SIZE})
    succeed(user(stage, "service", broker.url, "early,release,keep", document,
                 stage.folder / "a.png"))
    assert broker.jobs() == []
    succeed(user(stage, "service", "-", "workers,early", document, stage.folder / "b.png"))


def test_many_jobs(stage: Stage, broker: Broker) -> None:
    """Where descriptors are short the library says so; what is copied, or was in bands, needs few."""
    document = json.dumps({"size": SIZE})
    result = user(stage, "crowd", broker.url, "-", 100, document).wait()
    assert 10 <= json.loads(result.out)["jobs"] < 25
    assert failure(result).startswith("system: descriptors: ")
    assert succeed(user(stage, "crowd", broker.url, "unshared", 30, document)) == {"jobs": 30}
    wait_until(lambda: broker.jobs() == [], "no job")
    small = stage.broker("--memory", "1M")
    stage.worker(small)
    document = json.dumps({"size": [700, 1000], "iterations": 20})
    assert succeed(user(stage, "crowd", small.url, "keep", 30, document)) == {"jobs": 30}


def test_no_descriptors(stage: Stage, broker: Broker) -> None:
    """To connect, whatever is missing, never ends the program."""
    sentences = set()
    for limit in range(8, 20):
        result = user(stage, "service", broker.url, "-", '{"size": [9, 9]}', stage.folder / "a.png",
                      prefix=["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"]).wait()
        assert result.status in (0, 1), (limit, result)
        sentences.add(result.err.partition(" (")[0])
    assert sentences == {"", "system: descriptors: 8 more must be free"}


def test_attach_to_bands(stage: Stage) -> None:
    """They are read but once, so who attaches must want that."""
    broker = stage.broker("--memory", "1M")
    stage.worker(broker)
    for _ in range(2):
        result = stage.client("submit", "--broker", broker.url, "--size", "700x1500",
                              "--iterations", 60)
        assert result.status == 0, result.err
    first, second = sorted(row["job"] for row in broker.jobs())
    result = user(stage, "attach", broker.url, "-", first, stage.folder / "a.ppm").wait()
    assert failure(result) == (f"usage: job: {first} is in bands, which are gone once they are "
                               "read: may_consume must allow that")
    succeed(user(stage, "attach", broker.url, "consume,release", second, stage.folder / "a.ppm"))
    assert [row["job"] for row in broker.jobs()] == [first]
    document = json.dumps({"size": [700, 1500], "iterations": 60})
    succeed(user(stage, "local", 2, document, stage.folder / "b.ppm"))
    assert (stage.folder / "a.ppm").read_bytes() == (stage.folder / "b.ppm").read_bytes()


def test_a_broker_that_dies_and_comes_back(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    document = heavy_request(512)
    process = user(stage, "service", broker.url, "-", json.dumps(document),
                   stage.folder / "a.npy")
    broker.wait_tiles(2)
    broker.process.kill()
    again = stage.broker(clients=[broker.url], workers=broker.workers)
    stage.worker(again)
    succeed(process)
    succeed(user(stage, "local", 2, json.dumps(document), stage.folder / "b.npy"))
    assert (stage.folder / "a.npy").read_bytes() == (stage.folder / "b.npy").read_bytes()


@pytest.mark.parametrize("before, after", [("1M", "1M"), ("1M", "64M"), ("64M", "1M")])
def test_bands_of_a_broker_that_dies_and_comes_back(stage: Stage, before: str, after: str) -> None:
    """Rows that are copied already come again, and an image may be in bands before or afterwards
    alone."""
    broker = stage.broker("--memory", before)
    stage.worker(broker)
    document = {**heavy_request(768), "size": [1024, 768], "iterations": 2000}
    process = user(stage, "service", broker.url, "-", json.dumps(document), stage.folder / "a.npy")
    if before == "1M":
        # Two bands may have images at a time: one that is not among the first two is begun.
        wait_until(lambda: any(job["pixels_done"] > 1024 * 600 for job in broker.jobs()),
                   "a band that was released")
    else:
        broker.wait_tiles(2)
    broker.process.kill()
    again = stage.broker("--memory", after, clients=[broker.url], workers=broker.workers)
    stage.worker(again)
    succeed(process)
    succeed(user(stage, "local", 2, json.dumps(document), stage.folder / "b.npy"))
    assert (stage.folder / "a.npy").read_bytes() == (stage.folder / "b.npy").read_bytes()


def test_a_broker_that_dies_for_good(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 1)
    stage.worker(broker)
    process = user(stage, "service", broker.url, "brief", json.dumps(heavy_request(4096)),
                   stage.folder / "a.npy")
    broker.wait_tiles(2)
    broker.process.kill()
    assert failure(process.wait()) == (
        f"unavailable: no broker answers at {broker.url} within 1.5 s")


def test_failures(stage: Stage, tmp_path: Path) -> None:
    nowhere = f"ipc://{stage.folder}/none"
    for words, sentence in [
            (["service", nowhere, "brief", "{}"],
             f"unavailable: no broker answers at {nowhere} within 1.5 s"),
            (["service", nowhere, "workers", "{}"],
             "usage: workers: counts those of an embedded service, and the broker to use is named: "
             f"{nowhere}"),
            (["service", "http://x", "-", "{}"],
             'usage: url: must be ipc://PATH or tcp://HOST:PORT, got "http://x"'),
            (["local", 300, "{}"], "usage: threads: must be at most 256, got 300"),
            (["local", 1, '{"size": [0, 1]}'],
             "request: size: width must be 1..1048576, got 0"),
            (["local", 1, '{"size": [9, 9], "view": {"re": -0.75, "im": 0, "width": 1e-30}}'],
             "request: view.width: 1e-30 is too deep for f64 ")]:
        said = failure(user(stage, *words, stage.folder / "a.png").wait())
        assert said.startswith(sentence), said
    result = user(stage, "local", 1, '{"size": [9, 9]}', tmp_path / "no" / "a.png").wait()
    assert failure(result).startswith("output: path: cannot write ")


def test_keys(stage: Stage, house: House) -> None:
    """The environment names them, as for brot-client."""
    stage.start("brot-worker", "--broker", house.workers_url, *house.options("worker"))
    for name in ("client", "stranger"):
        process = user(stage, "service", house.clients_url, "brief", '{"size": [9, 9]}',
                       stage.folder / "a.png", environment={
                           "BROT_KEY": str(house.secret(name)),
                           "BROT_SERVER_KEY": str(house.public("broker"))})
        if name == "client":
            succeed(process)
        else:
            assert failure(process.wait()).startswith("denied: ")
