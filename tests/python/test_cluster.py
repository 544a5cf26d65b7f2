"""An embedded service, asyncio, keys, and the command line of the package."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import brot
import brot.aio
import numpy as np
import pytest
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
    with pytest.raises(brot.Error, match="exit status"):
        brot.cluster(programs=BIN, memory="much")
    assert not list(stage.runtime.iterdir())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("brot")]


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
])
def test_command_line_that_is_wrong(stage: Stage, words: list[str], status: int,
                                    word: str) -> None:
    result = run(stage, "-m", "brot", *words).wait()
    assert word in result.err and "Traceback" not in result.err, result.err
    assert result.status == status, result.err
