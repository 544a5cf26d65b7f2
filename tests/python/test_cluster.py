"""An embedded service, asyncio, keys, and the command line of the package."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brot
import brot.aio
import numpy as np
import pytest
from brot import _cluster, _native
from brot.__main__ import main
from harness import BIN, SHM, Broker, Stage, heavy_request, wait_until

PACKAGE = str(Path(brot.__file__).parents[1])


def run(stage: Stage, *words: object, **options: Any) -> Any:
    return stage.start([sys.executable, *map(str, words)],
                       environment={"PYTHONPATH": PACKAGE, "PYTHONDONTWRITEBYTECODE": "1",
                                    "PATH": f"{BIN}:{os.environ['PATH']}"}, **options)


def test_a_cluster(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(stage.runtime))
    with brot.cluster(workers=2, programs=BIN) as service:
        (folder,) = stage.runtime.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        wait_until(lambda: len(service.workers()) == 2, "two workers")
        array = service.render("home", (64, 48), format="iterations")
        pid = service.status()["pid"]
    assert isinstance(array, np.ndarray) and array.shape == (48, 64)
    assert not list(stage.runtime.iterdir()) and not Path(f"/proc/{pid}").exists()
    with pytest.raises(ValueError, match="workers"):
        brot.cluster(workers=0)
    with pytest.raises(LookupError, match="not installed"):
        brot.cluster(programs=stage.folder)


@pytest.mark.parametrize("cause", ["exit", "signal", "mistake", "no program", "no loop",
                                   "no thread", "Ctrl-C"])
def test_a_cluster_that_does_not_start(stage: Stage, monkeypatch: pytest.MonkeyPatch,
                                       cause: str) -> None:
    """It leaves no thread, no descriptor and no folder."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(stage.runtime))
    error: type[BaseException]
    broker, error, word = stage.folder / "brot-broker", RuntimeError, "mistake"
    stage.named.add(broker)
    broker.write_text("#!/nowhere/sh\n" if cause == "no program" else
                      f"#!/bin/sh\n{'exit 3' if cause == 'exit' else 'kill -9 $$'}\n")
    broker.chmod(0o755)
    if cause == "Ctrl-C":
        error, word = KeyboardInterrupt, ""
        monkeypatch.setattr(_cluster.Cluster, "_ask", broken(KeyboardInterrupt))
    else:
        monkeypatch.setattr(_cluster, "_find", lambda name, _: broker)
    if cause == "mistake":
        monkeypatch.setattr(_cluster, "_popen", broken(TypeError))
        # What is logged keeps the frames that it went through, for as long as pytest keeps it.
        monkeypatch.setattr(logging.getLogger("brot"), "disabled", True)
    if cause == "no loop":
        monkeypatch.setattr(_cluster, "Loop", broken(brot.Error))
    if cause == "no thread":
        monkeypatch.setattr(threading.Thread, "start", broken(RuntimeError))
    word = {"exit": "brot-broker ended with exit status 3", "signal": "killed by signal 9",
            "no program": "No such file"}.get(cause, word)

    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))
    before = descriptors()
    for _ in range(3):
        with pytest.raises(error, match=word):
            brot.cluster(1, programs=BIN)
    monkeypatch.undo()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("brot")]
    assert descriptors() <= before and not list(stage.runtime.iterdir())


def broken(error: type[BaseException]) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error("a mistake")
    return fail


@pytest.mark.parametrize("memory, bytes_", [(1 << 21, 1 << 21), ("2048K", 1 << 21),
                                            ("1m", 1 << 20), (np.int64(1 << 20), 1 << 20),
                                            ("1048576T", 1 << 60), ("1048576", 1 << 20)])
def test_memory_of_a_cluster(memory: Any, bytes_: int) -> None:
    assert _cluster._memory_bytes(memory) == bytes_


@pytest.mark.parametrize("memory", ["junk", "", "-1", "1", "512", "1048577T", "9" * 30, "1MM",
                                    "1 M",
                                    (1 << 20) - 1, (1 << 60) + 1, -1, True, 1e9])
def test_memory_that_is_none(memory: Any) -> None:
    with pytest.raises(brot.RequestError, match="memory: must be") as raised:
        brot.cluster(1, programs=BIN, memory=memory)
    assert raised.value.field == "memory"


def test_what_the_programs_of_a_cluster_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("BROT_BROKER", "BROT_KEY", "BROT_SERVER_KEY")
    for name in names:
        monkeypatch.setenv(name, "ipc:///nowhere/that-is-not-theirs")
    monkeypatch.setenv("BROT_OTHER", "theirs")
    with brot.cluster(1, programs=BIN, memory=1 << 22) as service:
        pid = service.status()["pid"]
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        assert words[words.index(b"--memory") + 1] == b"4194304"
        assert os.getsid(pid) == pid != os.getsid(0)  # Ctrl-C is not for them
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert b"BROT_OTHER=theirs" in environment
        assert not [row for row in environment if row.decode().partition("=")[0] in names]


def test_the_folder_of_a_cluster(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_RUNTIME_DIR, unless others may write there, or it is not this user's."""
    runtime = stage.runtime

    def parent() -> Path:
        made = Path(_cluster._make_folder())
        assert made.stat().st_mode & 0o777 == 0o700
        made.rmdir()
        return made.parent
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert parent() == runtime
    for mode in (0o720, 0o702):
        runtime.chmod(mode)
        assert parent() == Path("/tmp")
    runtime.chmod(0o700)
    for value in ("", ".", str(runtime / "nowhere"), str(BIN / "brot-broker")):
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
        assert parent() == Path("/tmp")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert parent() == Path("/tmp")


def test_a_cluster_whose_broker_dies(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(stage.runtime))
    with brot.cluster(workers=1, programs=BIN) as service:
        job = service.submit(heavy_request(4096))
        wait_until(lambda: job.id, "the job to be accepted")
        os.kill(service.status()["pid"], signal.SIGKILL)
        with pytest.raises(brot.Error, match="killed by signal 9"):
            job.result(30)
        with pytest.raises(brot.Error, match="killed by signal 9"):
            service.jobs()
    wait_until(lambda: not list(stage.runtime.iterdir()) and not list(SHM.glob("brot-*")),
               "nothing left")


@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), 9)", "sys.exit(0)"])
def test_a_cluster_ends_with_its_program(stage: Stage, end: str) -> None:
    text = f"""
import os, sys, brot
service = brot.cluster(workers=2)
array = service.render("home", (640, 480))
job = service.submit("seahorse-deep", (8000, 6000))
while not job.id:
    job.wait(0.01)
{end}
"""
    process = run(stage, "-c", text)
    result = process.wait()
    assert result.status == (-9 if "kill" in end else 0), result.err
    stage.wait_nothing_left()


def test_a_cluster_of_a_thread_that_ends(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs are tied to a thread of the cluster's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(stage.runtime))

    async def start() -> brot.Cluster:
        return await asyncio.to_thread(brot.cluster, 1, programs=BIN)
    with asyncio.run(start()) as service:
        assert service.render("home", (8, 8)) is not None


# asyncio


def test_asyncio(broker: Broker) -> None:
    async def main() -> None:
        async with await brot.aio.connect(broker.url) as service:
            found = await asyncio.gather(*(service.render("home", (32, 20 + n)) for n in range(6)))
            assert [array.shape[0] for array in found] == list(range(20, 26))
            job = service.submit("seahorse-deep", (400, 1000))
            given = np.zeros(1000, int)
            async for y, rows in job.stream():
                given[y:y + len(rows)] += 1
            assert (given == 1).all()
            assert (await job).shape == (1000, 400, 3)
            far = service.submit("home", (64, 48), shared=False)
            assert sum([len(rows) async for _, rows in far.stream()]) == 48
            with pytest.raises(brot.TimeoutError):
                await service.render(heavy_request(4096), timeout=0.2)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(service.render(heavy_request(4096)), 0.2)
            with pytest.raises(ValueError):
                await service.render("home", samples=99)
            assert (await service.status())["version"] and await service.workers()
            assert (await service.image("home", (8, 8))).size == (8, 8)
    asyncio.run(main())
    wait_until(lambda: not broker.jobs(), "nothing left")


# Keys


def test_keys(stage: Stage) -> None:
    for name in ("server", "alice", "mallory", "worker"):
        subprocess.run([BIN / "brot-client", "keygen", name], cwd=stage.folder, check=True,
                       capture_output=True, env=stage.environment)
    stage.named |= set(stage.folder.glob("*.cert*"))
    keys = stage.folder / "keys"
    for role, name in (("clients", "alice"), ("workers", "worker"), ("admins", "")):
        (keys / role).mkdir(parents=True)
        if name:
            path = keys / role / f"{name}.cert"
            path.write_bytes((stage.folder / f"{name}.cert").read_bytes())
            stage.named.add(path)
    broker = stage.broker("--key", stage.folder / "server.cert_secret", "--keys", keys, tcp=True)
    stage.worker(broker, "--key", stage.folder / "worker.cert_secret", "--server-key",
                 stage.folder / "server.cert")
    good = {"key": stage.folder / "alice.cert_secret", "server_key": stage.folder / "server.cert"}
    with brot.connect(broker.url, **good) as service:
        wait_until(service.workers, "a worker")
        array = service.render("home", (64, 48), format="iterations")
        assert isinstance(array, np.ndarray) and array.max() > 0
    with pytest.raises(PermissionError, match="does not let this key in"):
        brot.connect(broker.url, **{**good, "key": stage.folder / "mallory.cert_secret"})
    with pytest.raises(ConnectionError):
        brot.connect(broker.url, timeout=2, **{**good, "server_key": stage.folder / "alice.cert"})
    with pytest.raises(ConnectionError):
        brot.connect(broker.url, timeout=2)
    with pytest.raises(ValueError, match="server_key"):
        brot.connect(broker.url, key=good["key"])
    with pytest.raises(OSError, match="secret-key"):
        brot.connect(broker.url, **{**good, "key": stage.folder / "alice.cert"})
    with pytest.raises(OSError, match="cannot be read"):
        brot.connect(broker.url, **{**good, "key": stage.folder / "nobody"})
    junk = stage.folder / "junk.cert_secret"
    junk.write_text(f"public-key = \"{40 * chr(39)}\"\nsecret-key = \"{40 * chr(39)}\"\n")
    junk.chmod(0o600)
    stage.named.add(junk)
    with pytest.raises(OSError, match="junk.cert_secret: must be a certificate"):
        brot.connect(broker.url, **{**good, "key": junk})
    (stage.folder / "alice.cert_secret").chmod(0o644)
    with pytest.raises(PermissionError, match="others may read"):
        brot.connect(broker.url, **good)


# The command line


def test_command_line(stage: Stage, broker: Broker) -> None:
    out = stage.folder / "out.npy"
    result = run(stage, "-m", "brot", "render", "--view", "seahorse", "--size", "64x48", "--out",
                 out, "--iterations", 200, "--broker", broker.url).wait()
    assert result.status == 0, result.err
    assert np.load(out).shape == (48, 64)
    for words in (["--local", "--threads", 2], ["--workers", 1]):
        other = stage.folder / "other.npy"
        result = run(stage, "-m", "brot", "render", "--view", "seahorse", "--size", "64x48",
                     "--out", other, "--iterations", 200, *words).wait()
        assert result.status == 0, result.err
        assert other.read_bytes() == out.read_bytes()
    result = run(stage, "-m", "brot", "workers", "--broker", broker.url).wait()
    assert len(json.loads(result.out)) == 2
    assert "seahorse valley" in run(stage, "-m", "brot", "views").wait().out
    assert run(stage, "-m", "brot", "version").wait().out.startswith("brot ")
    document = json.loads(run(stage, "-m", "brot", "view", "--view", "ship").wait().out)
    assert document["formula"] == "burning-ship"


@pytest.mark.parametrize("words, status, word", [
    (["render", "--view", "nowhere", "--out", "a.png", "--local"], 66, "nowhere"),
    (["render", "--view", "home", "--size", "0x5", "--out", "a.png", "--local"], 65, "size"),
    (["render", "--view", "home", "--size", "axb", "--out", "a.png", "--local"], 64, "size"),
    (["render", "--view", "home", "--out", "a.gif", "--local", "--size", "8x8"], 64, "gif"),
    (["jobs", "--broker", "ipc:///nowhere/c", "--timeout", "0.2"], 69, "no broker"),
    (["dance"], 64, "dance"),
    (["render", "--out", "a.png", "--local", "--broker", "ipc:///x"], 64, "--broker: must not"),
    (["render", "--out", "a.png", "--local", "--server-key", "x"], 64, "--server-key: must not"),
    (["render", "--out", "a.png", "--local", "--insecure"], 64, "--insecure: must not"),
    (["render", "--out", "a.png", "--workers", 1, "--threads", 2], 64, "--threads: must not"),
    (["render", "--size", "640", "--out", "a.png"], 64, "--size: must be WIDTHxHEIGHT"),
    (["render", "--size", "64x48x3", "--out", "a.png"], 64, "got '64x48x3'"),
    (["render", "--points", "nan", "--kind", "buddhabrot", "--out", "a.png"], 65, "points"),
])
def test_command_line_that_is_wrong(stage: Stage, words: list[str], status: int,
                                    word: str) -> None:
    result = run(stage, "-m", "brot", *words).wait()
    assert word in result.err and "Traceback" not in result.err, result.err
    assert result.status == status, result.err


@pytest.mark.parametrize("out, more, status, word", [
    ("a.gif", [], 64, "\"a.gif\""), ("a", [], 64, "suffix|kind|path"),
    ("nowhere/a.png", [], 73, "No such file"), ("a.png/b.png", [], 73, "nowhere|folder|No such"),
    ("a.png", ["--format", "distance"], 65, "can be coloured"),
    ("a.npy", ["--format", "rgb16", "--palette", "mud"], 65, "palette"),
    ("a.exr", ["--format", "rgb8"], 64, "exr"),
])
def test_a_file_that_cannot_be_is_refused_before(stage: Stage, monkeypatch: pytest.MonkeyPatch,
                                                 capsys: pytest.CaptureFixture[str], out: str,
                                                 more: list[str], status: int, word: str) -> None:
    monkeypatch.chdir(stage.folder)
    monkeypatch.setattr(_native, "render", broken(AssertionError))
    found = main(["render", "--view", "home", "--local", "--out", out, *more])
    said = capsys.readouterr().err
    assert re.search(word, said) and "trial" not in said and found == status


@pytest.mark.parametrize("verb", ["version", "views", "view"])
def test_an_output_that_is_full(stage: Stage, verb: str) -> None:
    """One sentence and no traceback, also where whoever reads has gone."""
    command = f"{sys.executable} -m brot {verb}"
    for text, word in ((f"{command} >/dev/full", "No space left"),
                       (f"{command} | exit 0; exit ${{PIPESTATUS[0]}}", "Broken pipe|^$")):
        process = stage.start(["bash", "-c", text], environment={
            "PYTHONPATH": PACKAGE, "PYTHONDONTWRITEBYTECODE": "1"})
        result = process.wait()
        assert re.search(word, result.err) and len(result.err.splitlines()) <= 1, result.err
        assert result.status == 73 or not result.err
