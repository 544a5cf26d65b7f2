"""A broker whose descriptors do not suffice, and the metrics that it tells."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

import wire
from harness import (BIN, NOBODY_UID, Broker, Stage, as_user, can_be_others, heavy, heavy_request,
                     light_request, wait_until)

DESCRIPTORS = 128
CONNECTIONS = 300
SPEAKERS = 40  # more than are kept, and fewer than are there at a time
# A broker that has nothing to do is watched for so long; one that spins takes all of it on a CPU.
SPIN_S = 1.0

Connect = Callable[[], socket.socket]


def small_broker(stage: Stage, tcp: bool, *arguments: object) -> Broker:
    """A broker with a small limit, hard and soft."""
    clients = "tcp://127.0.0.1:*" if tcp else f"ipc://{stage.folder}/c"
    workers = "tcp://127.0.0.1:*" if tcp else f"ipc://{stage.folder}/w"
    reading, writing = os.pipe()
    process = stage.start(
        ["prlimit", f"--nofile={DESCRIPTORS}", str(BIN / "brot-broker"), "--clients", clients,
         "--workers", workers, "--ready-fd", str(writing)], *arguments, pass_fds=(writing,))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        ready = json.loads(pipe.readline())
    return Broker(process, ready["clients"], ready["workers"])


def connect_to(url: str) -> Connect:
    scheme, address = url.split("://")

    def connect() -> socket.socket:
        if scheme == "ipc":
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(10)
            plain.connect(address)
            return plain
        host, port = address.split(":")
        return socket.create_connection((host, int(port)), 10)
    return connect


def speak(plain: socket.socket) -> bytes:
    """A client that asks once and does not come back: ZMTP by hand, for libzmq would. Returns what
    the broker has said."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    ready = b"\x05READY" + b"\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER"
    head, body = wire.frames_of("STATUS", body={})
    plain.sendall(greeting + bytes([4, len(ready)]) + ready)

    def hear(end: bytes) -> bytes:
        heard = b""
        while end not in heard:
            piece = plain.recv(4096)
            if not piece:
                break
            heard += piece
        return heard
    hear(b"Identity")
    plain.sendall(bytes([1, len(head)]) + head + bytes([0, len(body)]) + body)
    return hear(b'"client_bytes_received"')


def has_ended(plain: socket.socket) -> bool:
    """Whether the other end has closed it; what that has said before is dropped."""
    plain.setblocking(False)
    try:
        while plain.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        pass
    return True


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize("tcp", [False, True], ids=["ipc", "tcp"])
def test_more_connections_than_descriptors(stage: Stage, tcp: bool) -> None:
    """Who says nothing makes room for who does: those that are there go on, and others get in."""
    broker = small_broker(stage, tcp)
    pid = broker.process.pid
    stage.worker(broker)
    with wire.Client(broker.url) as early:
        wait_until(lambda: len(early.report("WORKERS")["workers"]) == 1, "a worker")
        connect = connect_to(broker.url)
        crowd = [connect() for _ in range(CONNECTIONS)]
        wait_until(lambda: sum(has_ended(plain) for plain in crowd) > CONNECTIONS // 2,
                   "most of the crowd is out again")
        # One may be there for the moment between its accept and its close.
        assert open_descriptors(pid) <= DESCRIPTORS * 3 // 4 + 1

        # It neither spins, nor forgets whom it knows.
        for _ in range(100):
            assert early.report("STATUS")["status"]["workers"] == 1
        before_s = cpu_s(pid)
        assert early.is_silent(SPIN_S)
        assert cpu_s(pid) - before_s < SPIN_S / 2
        crowd += [connect() for _ in range(CONNECTIONS)]
        assert early.submit(light_request()).name == "ACCEPTED"
        with wire.Client(broker.url) as late:
            assert late.report("STATUS")["status"]["workers"] == 1
            assert late.submit(light_request()).name == "ACCEPTED"
        for plain in crowd:
            plain.close()
    assert broker.process.is_running()
    assert "worker ended" not in broker.process.err()


def test_a_crowd_that_speaks_takes_the_place_of_its_own(stage: Stage) -> None:
    """More connections of one user than may be kept, who all may speak: the one silent longest goes,
    and never a worker."""
    broker = small_broker(stage, True)
    stage.worker(broker)
    with wire.Client(broker.url) as early:
        wait_until(lambda: len(early.report("WORKERS")["workers"]) == 1, "a worker")
        connect = connect_to(broker.url)
        crowd = []
        for _ in range(CONNECTIONS):
            crowd.append(connect())
            assert b'"status"' in speak(crowd[-1])
            assert early.report("STATUS")["status"]["workers"] == 1
        wait_until(lambda: sum(has_ended(plain) for plain in crowd) > CONNECTIONS // 2,
                   "most of the crowd is out again")
        assert open_descriptors(broker.process.pid) <= DESCRIPTORS * 3 // 4 + 1
        result = stage.client("submit", "--size", "8x8", "--broker", broker.url)
        assert result.status == 0, result.err
        for plain in crowd:
            plain.close()
    assert "worker ended" not in broker.process.err()


def test_who_opens_many_connections_pushes_out_only_itself(stage: Stage) -> None:
    """A user whom the broker's own has let in, and who has it remember more than it can."""
    if not can_be_others():
        pytest.skip("this system does not let us be another user")
    broker = small_broker(stage, False)
    stage.worker(broker)
    broker.wait_workers(1)
    stage.folder.chmod(0o755)
    (stage.folder / "c").chmod(0o666)

    connect = connect_to(broker.url)

    def flood() -> int:
        crowd = [connect() for _ in range(CONNECTIONS)]
        return sum(b'"status"' in speak(plain) for plain in crowd[-SPEAKERS:])
    with wire.Client(broker.url) as watcher:
        job = watcher.submit(heavy_request(), keep=True).body["job"]
        watcher.send("PAUSE", body={"job": job})
        watcher.expect("REPORT")
        assert as_user(NOBODY_UID, flood) == SPEAKERS
        with wire.Client(broker.url) as other:
            other.send("RESUME", body={"job": job})
            other.expect("REPORT")
        # It has asked for nothing meanwhile, and is told all the same.
        assert watcher.expect("FINISHED").body["job"] == job
        watcher.release(job)
    assert "worker ended" not in broker.process.err()


def metrics_broker(stage: Stage) -> tuple[Broker, str]:
    reading, writing = os.pipe()
    process = stage.start("brot-broker", "--clients", f"ipc://{stage.folder}/c", "--workers",
                          f"ipc://{stage.folder}/w", "--ready-fd", writing, "--metrics",
                          "127.0.0.1:0", pass_fds=(writing,))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        ready = json.loads(pipe.readline())
    return Broker(process, ready["clients"], ready["workers"]), ready["metrics"]


def scrape(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = answer.read().decode()
    rows = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def status_of(url: str, **options: object) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, **options), timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_metrics_tell_what_was_done(stage: Stage) -> None:
    broker, url = metrics_broker(stage)
    before = scrape(url)
    assert before["brot_workers"] == 0 and before["brot_tiles_done_total"] == 0
    stage.worker(broker)
    broker.wait_workers(1)
    stage.render(broker, "a.png", "--size", "200x100")
    assert stage.client("cancel", 7, "--broker", broker.url).status == 66
    wait_until(lambda: scrape(url)['brot_jobs_ended_total{end="released"}'] == 1, "the release")
    after = scrape(url)
    assert after.keys() == before.keys()
    assert after["brot_workers"] == 1 and after["brot_worker_threads"] >= 1
    assert after["brot_tiles_done_total"] == after["brot_tile_leases_total"] >= 1
    assert after["brot_iterations_total"] > 0 and after["brot_worker_seconds_total"] > 0
    assert after['brot_refused_total{code="not_found"}'] == 1
    assert after['brot_client_messages_total{direction="received"}'] > 3
    assert after["brot_image_bytes"] == 0 < after["brot_image_budget_bytes"]


def test_only_metrics_are_served(stage: Stage) -> None:
    _, url = metrics_broker(stage)
    assert status_of(url) == 200
    assert status_of(url, method="HEAD") == 200
    assert status_of(url + "x") == 404 and status_of(url.removesuffix("/metrics") + "/") == 404
    assert status_of(url, method="POST", data=b"x") == 405
    assert status_of(url, method="DELETE") == 405


@pytest.mark.parametrize("address", ["0.0.0.0:9570", "*:9570", "127.0.0.1", "example.org:80",
                                     "127.0.0.1:99999", "[2001:db8::1]:80"])
def test_metrics_stay_on_this_host(stage: Stage, address: str) -> None:
    process = stage.start("brot-broker", "--clients", f"ipc://{stage.folder}/c", "--workers",
                          f"ipc://{stage.folder}/w", "--metrics", address)
    result = process.wait()
    assert result.status == 64
    assert "--metrics: must be HOST:PORT of a loopback address" in result.err.splitlines()[-1]
    assert "listening" not in result.err


def test_slow_readers_of_metrics_hold_up_nobody(stage: Stage) -> None:
    """Connections that say nothing, half a request, junk, or read nothing."""
    broker, url = metrics_broker(stage)
    host, port = url.removeprefix("http://").removesuffix("/metrics").split(":")
    said = [b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"\x00\xff" * 4000,
            b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2000, b"POST / HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 1000000000\r\n\r\n" + b"x" * 100_000, b"A" * 100_000, b"\r\n" * 5000]
    crowd = []
    for text in said * 3:
        plain = socket.create_connection((host, int(port)), 10)
        plain.setblocking(False)
        with contextlib.suppress(OSError):
            plain.send(text)
        crowd.append(plain)
    stage.worker(broker)
    broker.wait_workers(1)
    stage.render(broker, "a.npy", *heavy(32))
    with wire.Client(broker.url) as client:
        for _ in range(200):
            client.report("STATUS")
        before_s = cpu_s(broker.process.pid)
        assert client.is_silent(SPIN_S)
        assert cpu_s(broker.process.pid) - before_s < SPIN_S / 2
    for plain in crowd:
        plain.close()
    assert scrape(url)["brot_workers"] == 1
