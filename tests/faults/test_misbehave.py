"""Peers that say everything in every state, too much of it, or nothing, and the service beside
them, which goes on."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator

import pytest

import wire
from durable import Durable, cpu_s, memory_kib
from harness import HISTORY_PAGE, PATIENCE_S, Broker, Stage, light_request, wait_until

# As section 8 has them: jobs, and those of one client; answers that wait for a client, the size from
# which REPORTs are large, and how many of these may be among them.
JOBS, JOB_LIMIT = 256, 64
ANSWERS, LARGE_BYTES, LARGE_REPORTS = 160, 65536, 16
FRAMES = 100_000
SILENT = 300
# What the broker's own memory may grow by, however it is mistreated. Its queues have limits: 160
# answers to a client, 32 messages from one.
GROWTH_KIB = 48 << 10


class Watched:
    """A broker with a worker, whose memory and answers are compared with what they were."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.durable = Durable(stage, "--tile-rows", 8, tcp=True)
        self.broker = self.durable.start()
        self.expected = self.picture("first.npy")
        self.memory_kib = memory_kib(self.pid)

    @property
    def pid(self) -> int:
        return self.broker.process.pid

    def picture(self, name: str) -> bytes:
        """A proper render. It brings its own worker: others here take tiles and keep them."""
        worker = self.stage.worker(self.broker)
        path = self.stage.render(self.broker, name, "--view", "seahorse", "--size", "200x150",
                                 "--iterations", "1000")
        assert worker.stop().status == 0
        return path.read_bytes()

    def check(self, growth_kib: int = GROWTH_KIB) -> None:
        assert self.broker.process.is_running(), self.broker.process.err()
        assert self.picture("after.npy") == self.expected
        grown = memory_kib(self.pid) - self.memory_kib
        assert grown < growth_kib, f"the broker's memory grew by {grown} KiB"
        assert "internal" not in self.broker.process.err()


@pytest.fixture(name="watched")
def make_watched(stage: Stage) -> Iterator[Watched]:
    made = Watched(stage)
    yield made
    made.check()
    with wire.Client(made.broker.url) as client:
        for job in made.broker.jobs():
            client.ask("CANCEL_JOB", job=job["job"])
    made.durable.finish()


# Every message, with sound fields, for some job and session.
def bodies(job: int) -> dict[str, list[object]]:
    request = light_request(size=[8, 8])
    return {
        "HELLO": [wire.hello(), {}, "[]"],
        "SUBMIT": [{"key": secrets.token_hex(16), "request": request},
                   {"key": secrets.token_hex(16), "request": request, "keep": True},
                   {"key": "short", "request": request}, {"request": request},
                   {"key": secrets.token_hex(16), "request": request, "priority": 101},
                   {"key": secrets.token_hex(16), "request": request, "priority": 1.5},
                   {"key": secrets.token_hex(16), "request": request, "client": ""},
                   {"key": secrets.token_hex(16), "request": request, "client": "x" * 64},
                   {"key": secrets.token_hex(16), "request": request, "client": "a\nb"},
                   {"key": secrets.token_hex(16), "request": request, "keep": 1}],
        "ATTACH": [{"job": job}, {}, {"job": -1}, {"job": 0}, {"job": 2**63 - 1}],
        "FETCH": [{"job": job, "plane": 0, "x": 0, "y": 0, "w": 8, "h": 8, "seen": 0},
                  {"job": job, "plane": 0, "x": 0, "y": 0, "w": 8, "h": 8, "seen": 2**62},
                  {"job": job, "plane": 0, "x": 0, "y": 0, "w": 8, "h": 8, "seen": -1},
                  {"job": job, "plane": 4, "x": 2**32 - 1, "y": 2**32 - 1, "w": 8, "h": 8,
                   "seen": 0}],
        "RELEASE": [{"job": job}, {"job": job, "band": 0}, {"job": job, "band": 2**32 - 1},
                    {"job": job, "band": -1}, {"job": 1 << 62, "band": 1}],
        "CANCEL_JOB": [{"job": job}, {"job": 1 << 40 | job}],
        "JOBS": [{}, {"limit": 1}], "WORKERS": [{}], "STATUS": [{}, "", "null"],
        "WATCH": [{"jobs": [job]}, {"jobs": []}, {"jobs": list(range(1, 65))},
                  {"jobs": list(range(1, 66))}, {"jobs": [job] * 64}],
        "PAUSE": [{"job": job}, {}], "RESUME": [{"job": job}, {"job": "1"}],
        "RETRY": [{"job": job}, {"job": 2**62}],
        "PRIORITY": [{"job": job, "priority": 100}, {"job": job, "priority": -101},
                     {"job": job}, {"job": job, "priority": "high"}],
        "DRAIN_WORKER": [{"worker": "nobody"}, {"worker": ""}, {"worker": "f" * 32},
                         {"worker": "x" * 64}, {}],
        "HISTORY": [{"limit": 1}, {"limit": 0}, {"limit": 101}, {"limit": 100, "before": 0},
                    {"limit": 5, "before": job}, {}],
    }


def fields_of(layout: str, session: int, job: int, fill: int) -> list[object]:
    """Session and job where they stand, then so much of anything."""
    values: list[object] = []
    for position, letter in enumerate(layout.replace("16s", "s")):
        whole = (session, job)[position] if position < 2 and letter == "Q" else fill
        values.append(bytes(16) if letter == "s" else whole)
    return values


def every_message(session: int, job: int) -> Iterator[list[bytes]]:
    known = bodies(job)
    for name, (_, layout) in wire.MESSAGES.items():
        for fill in (0, 1, 2**31, 2**32 - 1):
            fields = fields_of(layout, session, job, fill)
            for body in known.get(name, [None, {}, "text"]):
                yield wire.frames_of(name, *fields, body=body)
            yield wire.frames_of(name, *fields, body={}, data=b"\xff" * 256)
            yield wire.frames_of(name, *fields, data=b"\xff" * 256)


def drain(peer: wire.Peer) -> None:
    while not peer.is_silent(0):
        peer.receive_raw()


def say_everything(peer: wire.Peer, session: int, job: int) -> None:
    for frames in every_message(session, job):
        peer.send_raw(*frames)
        drain(peer)
    # Answered only once all of it has been heard, where it is answered at all.
    peer.send_raw(b"BROT\x02\x47", b"{}")
    while not peer.is_silent(wire.ANSWER_S):
        frames = peer.receive_raw()
        if frames[0][5] == wire.MESSAGES["REFUSED"][0] and b"version" in frames[1]:
            return
    raise AssertionError("the broker answers this peer no more")


def no_job(_: Watched, __: wire.Client) -> int:
    return 77


def queued(_: Watched, client: wire.Client) -> int:
    return client.submit(light_request(), keep=True).body["job"]


def paused(watched: Watched, client: wire.Client) -> int:
    job = queued(watched, client)
    assert client.ask("PAUSE", job=job).body["state"] == "paused"
    return job


def running(watched: Watched, client: wire.Client) -> int:
    with wire.Worker(watched.broker.workers[0]) as worker:
        worker.register(credit=1)
        job = queued(watched, client)
        worker.take()
        return job


def finished(watched: Watched, client: wire.Client) -> int:
    worker = watched.stage.worker(watched.broker)
    job = queued(watched, client)
    assert client.wait(job).name == "FINISHED"
    assert worker.stop().status == 0
    return job


def cancelled(watched: Watched, client: wire.Client) -> int:
    job = queued(watched, client)
    client.ask("CANCEL_JOB", job=job)
    return job


@pytest.mark.parametrize("state", [no_job, queued, paused, running, finished, cancelled])
def test_every_message_in_every_state(watched: Watched, state: Callable) -> None:
    """Over both doors, from one that never said HELLO and from one with a session."""
    with wire.Client(watched.broker.url) as client, \
            wire.Worker(watched.broker.workers[0]) as worker, \
            wire.Peer(watched.broker.workers[0]) as stranger, \
            wire.Client(watched.broker.url) as other:
        job = state(watched, client)
        worker.register(credit=1)
        say_everything(worker, worker.session, job)
        say_everything(stranger, worker.session, job)
        say_everything(other, worker.session, job)
        say_everything(client, 2**63 - 1, job)


def test_results_of_all_kinds_of_liars(watched: Watched) -> None:
    """DONE twice, late, for another's tile, of wrong sizes and digests, and packed badly."""
    url = watched.broker.workers[0]
    request = light_request(size=[64, 48])
    alone = watched.stage.render(None, "light.npy", "--view", "-0.7453,0.1127,0.0065", "--size",
                                 "64x48", "--iterations", "500", "--format", "iterations")
    junk = b"\xff" * (64 * 8 * 4)
    with wire.Client(watched.broker.url) as client, wire.Worker(url) as honest, \
            wire.Worker(url) as liar:
        honest.register(credit=1)
        job = client.submit(request).body["job"]
        tile = honest.take()[1]
        liar.register(credit=1)
        other = liar.take()[1]
        fields = tile.fields[1:5]
        for _ in range(3):
            liar.done(tile, junk)  # another's, over our session
            liar.done(tile, junk, session=honest.session)  # and over the other's
            liar.done(other, junk, attempt=9)
            liar.done(other, junk, digest=1)
            for wrong in (b"", junk[:-1], junk * 2, junk * 900):
                liar.done(other, wrong)
            for codec in (1, 2, 2**32 - 1):  # no zstd frame, and codecs that are none
                liar.send("DONE", liar.session, job, *other.fields[2:5], wire.xxh3(junk), 1, 1,
                          codec, data=junk)
            liar.send("DONE", liar.session, *fields, 0, 2**64 - 1, 2**64 - 1, 0)
            liar.send("DONE", liar.session, 1 << 40 | job, *fields[1:], wire.xxh3(junk), 1, 1, 0,
                      data=junk)  # a band that is not there
            liar.send("FAIL", liar.session, *fields, 2**32 - 1, body="x" * 5000)
        liar.send("BYE", liar.session)
        honest.send("BYE", honest.session)
        wait_until(lambda: watched.broker.worker_list() == [], "the end of both")
        liar.done(other, junk)
        worker = watched.stage.worker(watched.broker)
        assert client.wait(job).name == "FINISHED"
        counts = client.fetch(job, 0, 4, 64, 48)
        assert alone.read_bytes().endswith(counts), "junk has reached the image"
        client.release(job)
        assert worker.stop().status == 0


def raw(url: str) -> socket.socket:
    host, _, port = url.removeprefix("tcp://").rpartition(":")
    return socket.create_connection((host, int(port)))


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
READY_BODY = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
READY = bytes([4, len(READY_BODY)]) + READY_BODY


@pytest.mark.parametrize("door", ["clients", "workers"])
def test_silence_amid_a_message(watched: Watched, door: str) -> None:
    """Raw tcp: half a greeting, half a handshake, half a frame, and a frame that never ends."""
    url = getattr(watched.broker, door)[0]
    texts = [b"", b"\xff", GREETING[:20], GREETING, GREETING + READY[:9], GREETING + READY,
             GREETING + READY + b"\x01", GREETING + READY + b"\x01\x06BRO",
             GREETING + READY + b"\x01\x06BROT\x01\x40" + b"\x00",  # the body's length is missing
             GREETING + READY + b"\x01\x06BROT\x01\x40" + b"\x00\x60" + b"x" * 10,
             GREETING + READY + b"\x02" + struct.pack(">Q", 2**63 - 1),
             GREETING + READY + b"\x02" + struct.pack(">Q", 90_000) + b"y" * 1000,
             b"GET / HTTP/1.1\r\n\r\n"]
    with contextlib.ExitStack() as stack:
        for text in texts * 4:
            link = stack.enter_context(raw(url))
            with contextlib.suppress(OSError):
                link.sendall(text)
        watched.check()
    watched.check()


def test_a_message_without_end(watched: Watched) -> None:
    """Ever more frames: bounded by nothing but what libzmq holds (section 10), and then dropped."""
    with wire.Peer(watched.broker.url) as peer:
        peer.send_raw(wire.header("STATUS"), *[b"x"] * FRAMES)
        peer.send("STATUS", body={})
        assert peer.expect("REPORT")
    watched.check(growth_kib=GROWTH_KIB + FRAMES // 8)


@pytest.mark.parametrize("door, frames", [
    ("clients", [b"BROT\x01\x47", b"{}"]), ("clients", [b"noise"]),
    ("workers", [wire.header("BEAT", 5, 0, 0)]), ("workers", [b"noise"] * 3)])
def test_a_hundred_thousand_frames(watched: Watched, door: str, frames: list[bytes]) -> None:
    with wire.Peer(getattr(watched.broker, door)[0]) as peer:
        for _ in range(FRAMES // len(frames)):
            peer.send_raw(*frames)
            drain(peer)
        watched.check()


def test_connections_that_say_nothing(watched: Watched) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(SILENT):
            url = (watched.broker.url, watched.broker.workers[0])[number % 2]
            stack.enter_context(raw(url)).sendall(GREETING + READY)
        before_s = cpu_s(watched.pid)
        watched.check(growth_kib=GROWTH_KIB + SILENT * 64)
        assert cpu_s(watched.pid) - before_s < PATIENCE_S / 2, "the broker spins"


def test_a_client_that_reads_nothing(watched: Watched) -> None:
    """It asks for 1000 MiB of pixels and takes none: at most 8 are on their way."""
    worker = watched.stage.worker(watched.broker)
    request = light_request(size=[512, 512], iterations=50)
    with wire.Client(watched.broker.url) as deaf:
        deaf.socket.rcvhwm = 1
        job = deaf.submit(request).body["job"]
        assert deaf.wait(job).name == "FINISHED"
        assert worker.stop().status == 0
        for _ in range(1000):
            deaf.send("FETCH", body={"job": job, "plane": 0, "x": 0, "y": 0, "w": 512, "h": 512,
                                     "seen": 0})
        watched.check()
        # Heard of all at last: so many ROWS, the others refused.
        names = [deaf.expect("ROWS", "REFUSED") for _ in range(20)]
        assert sum(message.name == "ROWS" for message in names) == 8
        assert {message.body["error"] for message in names if message.name == "REFUSED"} == {"busy"}
        while not deaf.is_silent(1.0):
            deaf.receive()
        assert deaf.rows_seen == 8
        assert len(deaf.fetch(job, 0, 4, 512, 512)) == 512 * 512 * 4
        deaf.release(job)


def test_a_client_that_reads_no_reports(watched: Watched) -> None:
    """Large ones: so many are on their way at most, and another connection has its own."""
    request = light_request(size=[1, 1])
    with wire.Client(watched.broker.url) as client, wire.Client(watched.broker.url) as deaf:
        deaf.socket.rcvhwm = 1
        for number in range(JOBS):
            assert client.submit(request, client=f"{number % 8:063}",
                                 keep=True).name == "ACCEPTED"
        for _ in range(2000):
            deaf.send("JOBS", body={})
        watched.memory_kib += 4096  # the jobs themselves
        assert len(json.dumps(client.report("JOBS"))) > LARGE_BYTES
        assert memory_kib(watched.pid) - watched.memory_kib < GROWTH_KIB
        answers = []
        while not deaf.is_silent(1.0):
            answers.append(deaf.receive())
        names = [answer.name for answer in answers]
        assert names[:LARGE_REPORTS + 1] == ["REPORT"] * LARGE_REPORTS + ["REFUSED"]
        for first in range(len(names)):
            assert names[first:first + ANSWERS].count("REPORT") <= LARGE_REPORTS
        assert {answer.body["error"] for answer in answers if answer.name == "REFUSED"} == {"busy"}
        for job in watched.broker.jobs():
            assert client.ask("CANCEL_JOB", job=job["job"]).name == "REPORT"


def test_a_count_of_rows_that_were_not_sent(watched: Watched) -> None:
    """A new connection may go on from an earlier one's count; then it must be true."""
    worker = watched.stage.worker(watched.broker)
    with wire.Client(watched.broker.url) as client:
        job = client.submit(light_request()).body["job"]
        assert client.wait(job).name == "FINISHED"
        assert worker.stop().status == 0

        def fetch(seen: int) -> wire.Message:
            client.send("FETCH", body={"job": job, "plane": 0, "x": 0, "y": 0, "w": 8, "h": 8,
                                       "seen": seen})
            return client.expect("ROWS", "REFUSED")
        assert fetch(1000).name == "ROWS"
        assert fetch(1001).name == "ROWS"
        assert fetch(1003).body["error"] == "protocol"
        assert fetch(2**62).body["error"] == "protocol"
        assert fetch(1002).name == "ROWS"
        client.release(job)


def test_questions_that_take_long_hold_up_no_worker(watched: Watched) -> None:
    """Its word is heard between two of them, however many wait."""
    digits = "1" * 3900
    request = light_request(size=[1, 1], view={
        "re": f"-0.7453{digits}", "im": f"0.1127{digits}", "width": f"0.0065{digits}"})
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(wire.Client(watched.broker.url))
        for _ in range(HISTORY_PAGE):
            job = client.submit(request).body["job"]
            assert client.ask("CANCEL_JOB", job=job).name == "REPORT"
        worker = stack.enter_context(wire.Worker(watched.broker.workers[0]))
        worker.register(credit=0)
        crowd = [stack.enter_context(wire.Client(watched.broker.url)) for _ in range(8)]
        for asking in crowd:
            asking.report("STATUS")

        def answers() -> int:
            count = 0
            for asking in crowd:
                while not asking.is_silent(0):
                    asking.receive_raw()
                    count += 1
            return count
        for asking in crowd:
            for _ in range(32):
                asking.send("HISTORY", body={"limit": HISTORY_PAGE})
        most = 0
        for _ in range(6):
            answers()
            worker.send("BEAT", worker.session, 0, 0)
            worker.expect("WELCOME")
            most = max(most, answers())
        assert most < 16, f"{most} questions were answered first"


def test_a_long_line_of_the_log(stage: Stage) -> None:
    """A job of many pieces, every other of them done, is restored: its debug line is whole."""
    height = 400_000
    durable = Durable(stage)
    broker = durable.start()
    with wire.Client(broker.url) as client:
        accepted = client.submit(light_request(
            size=[1, height], view={"re": "-0.7453", "im": "0.1127", "width": "0.001"}), keep=True)
        job, image = accepted.body["job"], accepted.body["image"]
    with open(f"/dev/shm{image['name']}", "r+b") as file:
        file.seek(72)
        (offset,) = struct.unpack("<Q", file.read(8))
        file.seek(offset)
        file.write(b"\x01\x02" * (height // 16))
    broker = durable.restart("--log-level", "debug")
    (row,) = broker.jobs()
    assert row["job"] == job and row["pixels_done"] == height // 8
    with wire.Client(broker.url) as client:
        client.ask("CANCEL_JOB", job=job)
    durable.wait_empty()
    result = broker.process.stop()
    assert any(len(line) > height // 8 for line in result.err.splitlines())
    log = stage.folder / "broker.log"
    log.write_text(result.err)
    done = subprocess.run([os.environ["BROT_REPLAY"], str(log)], capture_output=True, text=True,
                          check=False)
    log.unlink()
    assert done.returncode == 0, done.stdout[-2000:]
    durable.start()
    durable.finish()


def test_more_jobs_than_anybody_may_have(watched: Watched) -> None:
    """One connection, and one name over many, have 64; all together 256: then it is busy."""
    url = watched.broker.url
    request = light_request(size=[1, 1])
    with contextlib.ExitStack() as stack:
        greedy = stack.enter_context(wire.Client(url))
        answers = [greedy.submit(request).name for _ in range(JOB_LIMIT + 50)]
        assert answers == ["ACCEPTED"] * JOB_LIMIT + ["REFUSED"] * 50
        refusals = 0
        accepted = JOB_LIMIT
        for _ in range(4):
            client = stack.enter_context(wire.Client(url))
            for _ in range(JOB_LIMIT):
                answer = client.submit(request)
                accepted += answer.name == "ACCEPTED"
                if answer.name == "REFUSED":
                    assert answer.body["error"] == "busy"
                    refusals += 1
        assert accepted == 256 and refusals == JOB_LIMIT
        assert len(watched.broker.jobs()) == 256
        jobs = [job["job"] for job in watched.broker.jobs()]
        for job in jobs:
            assert greedy.ask("CANCEL_JOB", job=job).name == "REPORT"
    assert watched.broker.jobs() == []


def test_a_flood_of_submits(watched: Watched) -> None:
    """Without a look at the answers."""
    with wire.Client(watched.broker.url) as flood:
        flood.socket.rcvhwm = 1
        for _ in range(5000):
            flood.send("SUBMIT", body={"key": secrets.token_hex(16),
                                       "request": light_request(size=[4, 4])})
        wait_until(lambda: len(watched.broker.jobs()) == JOB_LIMIT, "as many jobs as it may have")
        with wire.Client(watched.broker.url) as client:
            for job in watched.broker.jobs():
                client.ask("CANCEL_JOB", job=job["job"])
            # Some of the flood may still be on its way.
            def is_over() -> bool:
                jobs = watched.broker.jobs()
                for job in jobs:
                    client.ask("CANCEL_JOB", job=job["job"])
                return not jobs and client.progress(1).name == "FAILED"
            flood.close()
            wait_until(is_over, "the end of the flood")


def test_requests_that_hold_what_they_may(watched: Watched) -> None:
    """Of 60 KB each, for as many jobs as there can be: the broker holds them, and lets go."""
    padding = "0" * 4000
    request = light_request(size=[1, 1], view={
        "re": f"-0.7453{padding}", "im": f"0.1127{padding}", "width": f"0.0065{padding}"})
    with wire.Client(watched.broker.url) as client:
        assert len(json.dumps(request)) > 12_000
        for _ in range(5):
            jobs = [client.submit(request).body["job"] for _ in range(JOB_LIMIT)]
            for job in jobs:
                assert client.ask("CANCEL_JOB", job=job).name == "REPORT"


def test_a_broker_alone(stage: Stage) -> None:
    """All of that without a store."""
    broker: Broker = stage.broker()
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        worker.register(credit=1)
        job = client.submit(light_request()).body["job"]
        say_everything(client, worker.session, job)
        say_everything(worker, worker.session, job)
        assert broker.history() == []
        for entry in broker.jobs():
            client.ask("CANCEL_JOB", job=entry["job"])
