"""Brokers that die, stop or lie, and clients that end in all kinds of ways."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import brot
import numpy as np
import pytest
import zmq
from conftest import program
from harness import SHM, Broker, Stage, heavy_request, wait_until

PACKAGE = str(Path(brot.__file__).parents[1])
ROWS = 1500  # of a heavy request: seconds of work
IMAGE = {"name": "/brot-" + "0" * 32, "bytes": 8192, "nonce": "01" * 16}


def again(stage: Stage, broker: Broker, *arguments: object) -> Broker:
    """Another broker at the same place."""
    return stage.broker(*arguments, clients=broker.clients, workers=broker.workers)


def wait_running(job: brot.Job) -> None:
    def is_under_way() -> bool:
        progress = job.progress()
        return progress is not None and progress.pixels_done > 0
    wait_until(is_under_way, "some pixels")


@pytest.mark.parametrize("is_durable", [False, True])
@pytest.mark.parametrize("shared", [True, False])
def test_a_broker_is_killed(stage: Stage, is_durable: bool, shared: bool) -> None:
    options = ["--state-dir", stage.folder / "state"] if is_durable else []
    broker = stage.broker(*options)
    stage.worker(broker, processes=2)
    request = brot.Request(heavy_request(ROWS))
    with brot.connect(broker.url) as service:
        job = service.submit(request, shared=shared)
        wait_running(job)
        broker.process.kill()
        broker = again(stage, broker, *options)
        array = job.result(120)
        assert isinstance(array, np.ndarray) and array.shape == (ROWS, request.size[0])
        assert array.min() >= 9_900 and array.max() < 9_970
        assert np.array_equal(array, service.render(request))
    wait_until(lambda: not broker.jobs(), "nothing left")


def test_a_broker_is_killed_and_nobody_comes(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker)
    broker.wait_workers(1)
    with brot.connect(broker.url, timeout=1) as service:
        array = service.render("home", (40, 30), format="iterations")
        assert isinstance(array, np.ndarray)
        expected = array.copy()
        job = service.submit(heavy_request(4096))
        wait_running(job)
        broker.process.kill()
        with pytest.raises(ConnectionError, match="within 1 s"):
            job.result(60)
        with pytest.raises(ConnectionError):
            service.jobs()
        assert np.array_equal(array, expected)
    assert np.array_equal(array, expected)


def test_a_stopped_broker_is_a_timeout(stage: Stage, broker: Broker) -> None:
    with brot.connect(broker.url) as service:
        os.kill(broker.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(TimeoutError):
                service.render("home", timeout=0.3)
        finally:
            os.kill(broker.process.pid, signal.SIGCONT)
        assert service.render("home", (8, 8)) is not None
        wait_until(lambda: not service.jobs(), "what was cancelled to go")


INTERRUPTED = """
import sys, brot
service = brot.connect(sys.argv[1])
try:
    print("begun", flush=True)
    service.render(__import__("json").loads(sys.argv[2]))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_cancels(stage: Stage, broker: Broker) -> None:
    process = program(stage, INTERRUPTED, broker.url, json.dumps(heavy_request(4096)))
    wait_until(lambda: [row for row in broker.jobs() if row["state"] == "running"], "the job")
    os.kill(process.pid, signal.SIGINT)
    result = process.wait()
    assert result.status == 0 and result.out == "begun\ninterrupted\n", result.err
    wait_until(lambda: not broker.jobs(), "the job to go", 5)


@pytest.mark.parametrize("end", ["pass", "sys.exit(3)", "os._exit(0)", "1 / 0"])
def test_a_program_ends_amid_a_job(stage: Stage, broker: Broker, end: str) -> None:
    text = f"""
import os, sys, json, brot
service = brot.connect(sys.argv[1])
kept = service.render("home", (64, 64))
job = service.submit(json.loads(sys.argv[2]))
while not job.id:
    job.wait(0.01)
{end}
"""
    process = program(stage, text, broker.url, json.dumps(heavy_request(4096)))
    result = process.wait()
    assert result.status == {"sys.exit(3)": 3, "1 / 0": 1}.get(end, 0), result.err
    if end != "os._exit(0)":
        assert [row for row in broker.jobs() if row["state"] != "finished"] == []
    wait_until(lambda: not broker.jobs(), "the jobs to go", 30)
    assert not list(SHM.glob("brot-*"))


def test_fork(stage: Stage, broker: Broker) -> None:
    text = """
import os, sys, brot
service = brot.connect(sys.argv[1])
array = service.render("home", (64, 64), format="iterations")
before = array.sum()
if os.fork() == 0:
    try:
        service.render("home", (4, 4))
    except ConnectionError:
        assert array.sum() == before
        del array
        service.close()
        os._exit(0)
    os._exit(1)
_, status = os.wait()
assert status == 0, status
assert array.sum() == before and len(service.jobs()) == 1
assert service.render("home", (4, 4)).shape == (4, 4, 3)
"""
    result = program(stage, text, broker.url).wait()
    assert result.status == 0, result.err


def test_the_memory_of_an_array_is_read_only(stage: Stage, broker: Broker) -> None:
    with brot.connect(broker.url) as service:
        array = service.render("home", (64, 64))
        assert isinstance(array, np.ndarray)
        with pytest.raises(ValueError):
            array[0] = 1
        with pytest.raises(ValueError):
            array.flags.writeable = True


# Brokers that lie


class Liar:
    """A broker that answers SUBMIT as it is told, and STATUS so that one may connect."""

    def __init__(self, stage: Stage, answers: list[list[bytes]]) -> None:
        self.url = f"ipc://{stage.folder}/liar"
        self._answers = answers
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.bind(self.url)
        self._is_over = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over:
            if not self._socket.poll(20):
                continue
            peer, head, body = self._socket.recv_multipart()
            if head[5] == 0x47:
                self._socket.send_multipart([peer, b"BROT\x01\x65", b'{"status": {}}'])
                continue
            for answer in self._answers:
                key = json.loads(body).get("key", "")
                self._socket.send_multipart([peer] + [frame.replace(b"KEY", key.encode())
                                                      for frame in answer])

    def close(self) -> None:
        self._is_over = True
        self._thread.join()
        self._socket.close(0)
        self._context.term()
        Path(self.url.removeprefix("ipc://")).unlink(missing_ok=True)


def word(type_: int, **body: Any) -> list[bytes]:
    return [b"BROT\x01" + bytes([type_]), json.dumps(body).encode()]


def accepted(**change: Any) -> list[bytes]:
    request = {"brot": 1, "view": {"re": "0", "im": "0", "width": "4"}, "size": [8, 6],
               "format": "iterations"}
    return word(0x60, **{"key": "KEY", "job": 7, "request": request, "slice": 8, "image": IMAGE,
                         **change})


FINISHED = word(0x62, job=7, pixels=48, tiles=1, retries=0, workers=1, iterations=1, elapsed_ms=1)


@pytest.mark.parametrize("answers", [
    [[b"", b""]],
    [[b"BROT\x01\x60", b"{"]],
    [[b"BROT\x02\x60", b"{}"]],
    [accepted(job=0)],
    [accepted(request={})],
    [accepted(request={"size": [0, 1], "view": {}})],
    [accepted(request={"size": [1 << 20, 1 << 20], "view": {}, "format": "raw"}), FINISHED],
    [accepted(), accepted(), word(0x61, job=7)],
    [accepted(image={**IMAGE, "name": "/brot-../../etc/passwd"})],
    [accepted(bands={"count": 1, "rows": 6}), word(0x66, job=7, band=0, first=3, rows=6,
                                                    image=IMAGE)],
    [word(0x7f, error="internal", text="x" * 5000, message="SUBMIT", key="KEY")],
    [word(0x7f, error="no such word", text="", message="SUBMIT", key="KEY")],
])
def test_lies_are_errors(stage: Stage, answers: list[list[bytes]]) -> None:
    liar = Liar(stage, answers)
    try:
        with brot.connect(liar.url, timeout=2) as service:
            with pytest.raises(brot.Error):
                service.render("home", (8, 6), format="iterations", timeout=30)
    finally:
        liar.close()


@pytest.mark.parametrize("body", [
    {}, {"draining": "abc", "jobs": 3, "workers": {}, "history": [3], "status": []},
    {"draining": -1, "jobs": None}, {"draining": True}, {"draining": 1.5}], ids=str)
def test_reports_that_are_none(stage: Stage, body: dict[str, Any]) -> None:
    liar = Liar(stage, [word(0x65, **body)])
    try:
        with brot.connect(liar.url, timeout=30) as service:
            for call in (lambda: service.drain("x"), service.jobs, service.workers,
                         service.history):
                with pytest.raises(brot.ProtocolError, match="REPORT"):
                    call()
    finally:
        liar.close()


def test_a_status_that_is_none() -> None:
    for body in ({}, {"status": 3}):
        with pytest.raises(brot.ProtocolError, match="status"):
            brot.service._questions.status().read(body)


def test_pixels_that_nobody_sends(stage: Stage) -> None:
    liar = Liar(stage, [accepted(), FINISHED])
    try:
        with brot.connect(liar.url, timeout=0.5) as service:
            with pytest.raises((ConnectionError, TimeoutError)):
                service.render("home", (8, 6), format="iterations", timeout=20)
    finally:
        liar.close()


def test_no_process_is_needed_for_these() -> None:
    assert subprocess.run([sys.executable, "-c", "import brot"], check=False,
                          env={"PYTHONPATH": PACKAGE}).returncode == 0
