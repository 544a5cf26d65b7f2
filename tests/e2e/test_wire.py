"""The protocol itself, spoken by peers written from PROTOCOL.md: polite, rude and broken ones."""

from __future__ import annotations

import contextlib
import json
import secrets
import struct
from typing import BinaryIO

import numpy
import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

import pictures
import wire
from harness import Broker, Stage, heavy_request, light_request, wait_until

# All of it escapes at once: n = 1 where |c| > 2, which holds for every pixel here.
FAR = {"re": "10", "im": "0.5", "width": "1"}
MAX_FRAME = 96 * 1024


@pytest.fixture(name="broker")
def make_broker(stage: Stage) -> Broker:
    return stage.broker("--tile-rows", 8)


def far_request() -> dict:
    return light_request(view=FAR)


def ones(tile: wire.Message) -> bytes:
    """The pixels of a tile of far_request(): iterations, all 1."""
    *_, width, height = tile.fields
    return struct.pack("<I", 1) * (width * height)


def fetch_counts(client: wire.Client, job: int) -> bytes:
    return client.fetch(job, 0, 4, 64, 48)


def light_pixels(stage: Stage, broker: Broker) -> bytes:
    """What brot's own client gets for light_request()."""
    path = stage.render(broker, "light.npy", "--view", "-0.7453,0.1127,0.0065", "--size", "64x48",
                        "--iterations", "500")
    return pictures.read_npy(path).astype("<u4").tobytes()


# A client

def test_a_job_from_submit_to_release(stage: Stage, broker: Broker) -> None:
    stage.worker(broker)
    expected = light_pixels(stage, broker)
    with wire.Client(broker.url) as client:
        accepted = client.submit(light_request())
        assert accepted.name == "ACCEPTED"
        job = accepted.body["job"]
        assert 0 < job < 1 << 63
        assert accepted.body["request"]["samples"] == 1, "every default must be spelled out"
        finished = client.wait(job)
        assert finished.name == "FINISHED"
        assert finished.body["pixels"] == 64 * 48 and finished.body["tiles"] == 6
        assert fetch_counts(client, job) == expected
        client.send("FETCH", body={"job": job, "plane": 0, "x": 5, "y": 3, "w": 7, "h": 2,
                                   "seen": client.rows_seen})
        part = client.expect("ROWS")
        whole = numpy.frombuffer(expected, "<u4").reshape(48, 64)
        assert part.data == whole[3:5, 5:12].tobytes()
        client.release(job)
        gone = client.progress(job)
        assert gone.name == "FAILED" and gone.body["error"] == "not_found"
    assert broker.jobs() == [] and broker.status()["image_bytes"] == 0


def test_the_same_key_is_the_same_job(stage: Stage, broker: Broker) -> None:
    key = secrets.token_hex(16)
    with wire.Client(broker.url) as first, wire.Client(broker.url) as second:
        job = first.submit(light_request(), key).body["job"]
        assert first.submit(light_request(), key).body["job"] == job
        assert second.submit(light_request(), key).body["job"] == job
        assert len(broker.jobs()) == 1
        assert second.submit(light_request()).body["job"] != job
        stage.worker(broker)
        assert second.wait(job).name == "FINISHED"


@pytest.mark.parametrize("piece", [
    {"plane": 1}, {"x": 60, "w": 5}, {"y": 47, "h": 2}, {"w": 0}, {"h": 0}, {"x": 2**32 - 1},
    {"y": -1}, {"job": 2**62}, {"job": 0}, {"unknown": 1},
])
def test_a_fetch_beyond_the_image(stage: Stage, broker: Broker, piece: dict) -> None:
    stage.worker(broker)
    with wire.Client(broker.url) as client:
        job = client.submit(light_request()).body["job"]
        assert client.wait(job).name == "FINISHED"
        body = {"job": job, "plane": 0, "x": 0, "y": 0, "w": 1, "h": 1, "seen": 0}
        client.send("FETCH", body={**body, **piece})
        assert client.expect("ROWS", "REFUSED").name == "REFUSED"
        client.send("FETCH", body=body)
        assert client.expect("ROWS", "REFUSED").name == "ROWS"


def test_a_fetch_before_the_end(broker: Broker) -> None:
    with wire.Client(broker.url) as client:
        job = client.submit(light_request()).body["job"]
        client.send("FETCH", body={"job": job, "plane": 0, "x": 0, "y": 0, "w": 1, "h": 1,
                                   "seen": 0})
        assert client.expect("ROWS", "REFUSED").name == "REFUSED"


# A worker

def test_a_worker_from_hello_to_bye(broker: Broker) -> None:
    """Python renders a whole image, tile by tile, over the socket."""
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        welcome = worker.register(credit=1, name="python-worker")
        assert welcome.body["beat_ms"] < welcome.body["lost_ms"]
        # CREDIT and the question come over different sockets.
        wait_until(lambda: [entry["credit"] for entry in broker.worker_list()] == [1], "CREDIT")
        assert broker.worker_list()[0]["name"] == "python-worker"
        job = client.submit(far_request()).body["job"]
        announced, tile = worker.take()
        assert announced.body["request"]["size"] == [64, 48]
        for number in range(6):
            assert tile.fields[0:2] == (worker.session, job)
            worker.done(tile, ones(tile))
            if number < 5:
                tile = worker.expect("TILE")
        assert client.wait(job).body["workers"] == 1
        assert fetch_counts(client, job) == struct.pack("<I", 1) * (64 * 48)
        worker.send("BYE", worker.session)
        wait_until(lambda: broker.worker_list() == [], "the end of the session")


def test_credit_is_never_exceeded(broker: Broker) -> None:
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        worker.register(credit=3)
        client.submit(far_request())
        tiles = [worker.take()[1], worker.expect("TILE"), worker.expect("TILE")]
        assert len({tile.fields[3] for tile in tiles}) == 3
        assert broker.worker_list()[0]["tiles_held"] == 3
        # What the broker had to say before it answered this, it has said.
        worker.send("BEAT", worker.session, 3, 0)
        assert worker.receive().name == "WELCOME"
        worker.send("CREDIT", worker.session, 4)
        assert worker.expect("TILE").fields[3] == 3


def test_results_that_come_twice_late_or_from_nowhere(stage: Stage, broker: Broker) -> None:
    """None of them may reach the image; the job ends with the right bytes."""
    expected = light_pixels_of_a_lone_worker(stage)
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as liar:
        liar.register(credit=2)
        job = client.submit(light_request()).body["job"]
        tile = liar.take()[1]
        other = liar.expect("TILE")
        junk = b"\xff" * (64 * 8 * 4)

        liar.done(tile, junk, session=liar.session ^ 1)  # of a session that is not there
        assert liar.expect("REREGISTER").fields == (liar.session ^ 1,)
        liar.done(tile, junk, attempt=77)  # of a lease that never was
        liar.done(tile, junk, digest=12345)  # damaged on its way
        liar.done(other, junk[:-1])  # too short
        liar.done(tile, b"")  # nothing at all, though the image is not mapped

        liar.send("BYE", liar.session)
        wait_until(lambda: broker.worker_list() == [], "the end of the session")
        liar.done(tile, junk)  # late: the session is over
        assert liar.expect("REREGISTER").fields == (liar.session,)

        stage.worker(broker)
        assert client.wait(job).name == "FINISHED"
        liar.done(tile, junk)  # later still: the image is complete
        liar.expect("REREGISTER")
        assert fetch_counts(client, job) == expected


def light_pixels_of_a_lone_worker(stage: Stage) -> bytes:
    broker = stage.broker()
    worker = stage.worker(broker)
    pixels = light_pixels(stage, broker)
    assert worker.stop().status == 0
    return pixels


def test_a_result_that_comes_twice(broker: Broker) -> None:
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        worker.register(credit=1)
        job = client.submit(far_request()).body["job"]
        tile = worker.take()[1]
        for number in range(6):
            worker.done(tile, ones(tile))
            worker.done(tile, ones(tile))
            if number < 5:
                following = worker.expect("TILE")
                assert following.fields[3] != tile.fields[3]
                tile = following
        finished = client.wait(job)
        assert finished.body["tiles"] == 6
        assert fetch_counts(client, job) == struct.pack("<I", 1) * (64 * 48)


def test_hello_twice(broker: Broker) -> None:
    """A WELCOME may be lost: HELLO again before the first word is the same session."""
    with wire.Worker(broker.workers[0]) as worker:
        worker.send("HELLO", body=wire.hello(worker="ab" * 16))
        (first,) = worker.expect("WELCOME").fields
        worker.register(credit=1, worker="ab" * 16)
        assert worker.session == first
        assert len(broker.worker_list()) == 1


def test_hello_after_everything_was_dropped(broker: Broker) -> None:
    """Later it is a new life: the tiles of the old one are leased again, after a new JOB."""
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        worker.register(credit=1, worker="ab" * 16)
        first = worker.session
        job = client.submit(far_request()).body["job"]
        tile = worker.take()[1]
        worker.register(credit=1, worker="ab" * 16)
        assert worker.session != first
        again = worker.take()[1]
        assert again.fields[1:4] == tile.fields[1:4] and again.fields[4] == 2
        for number in range(6):
            worker.done(again, ones(again))
            if number < 5:
                again = worker.expect("TILE")
        assert client.wait(job).body["retries"] == 1


def test_a_lie_about_the_nonce(stage: Stage, broker: Broker) -> None:
    """Who claims to see the image must return the nonce it holds: its DONE needs pixels else."""
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        worker.register(credit=1)
        job = client.submit(light_request()).body["job"]
        announced = worker.expect("JOB")
        worker.send("MAPPED", worker.session, announced.fields[1], 0, bytes(16), body="")
        tile = worker.expect("TILE")
        worker.send("DONE", worker.session, *tile.fields[1:5], 0, 1, 1, 0)
        refused = worker.expect("REFUSED")
        assert refused.body["error"] == "protocol" and "pixels" in refused.body["text"]
        wait_until(lambda: broker.worker_list() == [], "the end of the session")
        stage.worker(broker)
        assert client.wait(job).name == "FINISHED"


def test_a_late_word_on_an_earlier_image(broker: Broker) -> None:
    """A job in bands that starts again has another image under the same id. Who answers to the old
    one, then to the new one, goes on, and what it maps is the new one."""
    request = far_request()
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        worker.register(credit=1)
        accepted = client.submit(request)
        job, image = accepted.body["job"], accepted.body["image"]
        announced = worker.expect("JOB")
        worker.send("MAPPED", worker.session, announced.fields[1], 0, b"\x5a" * 16, body="")
        worker.send("MAPPED", worker.session, announced.fields[1], 0,
                    bytes.fromhex(image["nonce"]), body="")
        for _ in range(6):
            tile = worker.expect("TILE")
            with open(f"/dev/shm{image['name']}", "r+b") as file:
                file.seek(plane_offset(file) + tile.fields[6] * 64 * 4)
                file.write(ones(tile))
            worker.send("DONE", worker.session, *tile.fields[1:5], wire.xxh3(ones(tile)), 1, 1, 0)
        assert client.wait(job).name == "FINISHED"
        assert [entry["is_local"] for entry in broker.worker_list()] == [True]
        assert fetch_counts(client, job) == struct.pack("<I", 1) * (64 * 48)
        client.release(job)
        assert client.progress(job).name == "FAILED"


def plane_offset(image: BinaryIO) -> int:
    """Of the first plane, from the header in section 6."""
    image.seek(96)
    return struct.unpack("<IIQQ", image.read(24))[2]


def give_back(worker: wire.Worker, tile: wire.Message) -> None:
    """Fails a tile, and takes no other."""
    worker.send("CREDIT", worker.session, 0)
    worker.send("FAIL", *tile.fields[:5], 9, body="out of ink")


def test_a_tile_given_back(stage: Stage, broker: Broker) -> None:
    """It goes to another worker, for there is one."""
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        worker.register(credit=1)
        job = client.submit(light_request()).body["job"]
        tile = worker.take()[1]
        stage.worker(broker)
        broker.wait_workers(2)
        give_back(worker, tile)
        finished = client.wait(job)
        assert finished.name == "FINISHED" and finished.body["retries"] == 1
        assert fetch_counts(client, job) == light_pixels(stage, broker)


def test_a_tile_that_fails_on_three_workers(broker: Broker) -> None:
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(wire.Client(broker.url))
        workers = [stack.enter_context(wire.Worker(broker.workers[0])) for _ in range(3)]
        for worker in workers:
            worker.register(credit=1)
        job = client.submit(light_request(size=[8, 1])).body["job"]
        poller = zmq.Poller()
        for worker in workers:
            poller.register(worker.socket, zmq.POLLIN)
        for _ in workers:
            ready = dict(poller.poll(20_000))
            worker = next(worker for worker in workers if worker.socket in ready)
            give_back(worker, worker.take()[1])
            poller.unregister(worker.socket)
        failed = client.wait(job)
        assert failed.name == "FAILED" and "out of ink" in failed.body["text"]


def test_the_death_of_a_worker_told_by_its_parent(broker: Broker) -> None:
    with wire.Worker(broker.workers[0]) as worker, wire.Worker(broker.workers[0]) as parent:
        worker.register(credit=1)
        parent.send("GONE", worker.session + 1)  # a guess does no harm
        parent.send("GONE", worker.session)
        wait_until(lambda: broker.worker_list() == [], "the end of the session")


# Noise

GARBAGE = [
    [b""],
    [b"", b"", b""],
    [b"GET / HTTP/1.1"],
    [b"BROT"],
    [b"BROT\x01"],
    [b"BROT\x01\xff"],
    [b"BROT\x01\x40"],
    [b"BROT\x01\x40", b"not JSON"],
    [b"BROT\x01\x40", b"{}", b"more"],
    [b"BROT\x01\x40", b"[" * 90_000],
    [b"BROT\x01\x40", b"{}"] + [b"frame"] * 40,
    [b"BROT\x01\x40\x00", b"{}"],
    [b"BROT\x01\x01", b"{}"],
    [b"BROT\x01\x02" + bytes(8), b"{}"],
    [b"BROT\x01\x03" + bytes(5)],
    [b"BROT\x01\x06" + b"\xff" * 44],
    [b"BROT\x01\x07" + b"\xff" * 56, b"x" * 1000],
    [b"BROT\x01\x48", b'{"jobs": [' + b"1," * 9000 + b"1]}"],
    [b"BROT\x01\x48", b'{"jobs": ["one"]}'],
    [b"BROT\x01\x45", b'{"jobs": 1}'],
    [b"BROT\x01\x60", b"{}"],
    [secrets.token_bytes(4096)],
]


def check_service(stage: Stage, broker: Broker) -> None:
    with wire.Client(broker.url) as client:
        job = client.submit(light_request()).body["job"]
        stage.worker(broker)
        assert client.wait(job).name == "FINISHED"
        client.release(job)


def test_garbage(stage: Stage, broker: Broker) -> None:
    for url in (broker.clients[0], broker.workers[0]):
        for frames in GARBAGE:
            with wire.Peer(url) as peer:
                peer.send_raw(*frames)
                answer = peer.receive()
                # Well-formed DONE, CREDIT and such of an unknown session are no nonsense.
                assert answer.name in ("REFUSED", "REREGISTER"), frames[0]
                if answer.name == "REFUSED":
                    assert answer.body["error"] in ("protocol", "request") and answer.body["text"]
    check_service(stage, broker)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version(stage: Stage, broker: Broker, version: int) -> None:
    """Is answered in ours, so that the peer can say why it stops."""
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        client.send("SUBMIT", body={}, version=version)
        worker.send("HELLO", body=wire.hello(), version=version)
        for peer in (client, worker):
            refused = peer.receive()
            assert refused.name == "REFUSED" and refused.body["error"] == "protocol"
            assert str(version) in refused.body["text"]
    check_service(stage, broker)


def test_a_frame_over_the_limit(stage: Stage, broker: Broker) -> None:
    """Ends the connection of the client that sent it, and nothing else; it may connect again."""
    with wire.Client(broker.url) as client, wire.Client(broker.url) as other:
        monitor = client.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECTED)
        assert "status" in client.report("STATUS") and "status" in other.report("STATUS")
        while monitor.poll(0):
            recv_monitor_message(monitor)
        client.send("SUBMIT", body='{"key": "' + "x" * (2 * MAX_FRAME) + '"}')
        for event in (zmq.EVENT_DISCONNECTED, zmq.EVENT_CONNECTED):
            assert monitor.poll(20_000), "still connected"
            assert recv_monitor_message(monitor)["event"] == event
        client.socket.disable_monitor()
        client.send("STATUS", body={})
        answer = client.receive()
        assert answer.name == "REPORT" and "status" in answer.body, "SUBMIT was answered"
        assert "status" in other.report("STATUS")
    check_service(stage, broker)


def test_a_frame_over_the_limit_of_workers(stage: Stage, broker: Broker) -> None:
    """With its connection a worker loses its session; that of another goes on."""
    with wire.Worker(broker.workers[0]) as worker, wire.Worker(broker.workers[0]) as other:
        worker.register(credit=0)
        other.register(credit=0)
        worker.send_raw(wire.header("DONE", worker.session, 1, 0, 0, 1, 0, 0, 0, 0),
                        bytes(8 << 20))

        def is_unknown() -> bool:
            # Over the new connection, once there is one.
            worker.send("BEAT", worker.session, 0, 0)
            return not worker.is_silent(0.1) and worker.receive().name == "REREGISTER"
        wait_until(is_unknown, "REREGISTER over another connection")
        other.send("BEAT", other.session, 0, 0)
        assert other.expect("WELCOME", "REREGISTER").fields == (other.session,)
        worker.send("BYE", worker.session)
        other.send("BYE", other.session)
        wait_until(lambda: broker.worker_list() == [], "the end of the sessions", 20.0)
    check_service(stage, broker)


def test_a_document_over_the_limit(stage: Stage) -> None:
    """A request of more than 65536 bytes, though all of them but a few are spaces."""
    path = stage.folder / "request.json"
    path.write_text(json.dumps(light_request()) + " " * 65536)
    result = stage.client("render", "--view", f"@{path}", "--out", "a.npy")
    (line,) = result.err.splitlines()
    assert result.status == 65 and "65536" in line and "request.json" in line
    assert stage.unexpected_files() == []


def test_a_flood_of_questions(stage: Stage, broker: Broker) -> None:
    """A peer that asks and never listens costs itself its answers; others are served."""
    with wire.Client(broker.url) as rude:
        rude.socket.rcvhwm = 1
        for _ in range(20_000):
            if not rude.socket.poll(0, zmq.POLLOUT):
                break
            rude.send("STATUS", body={})
        check_service(stage, broker)


def test_more_questions_than_a_second_has(broker: Broker) -> None:
    """Lists beyond their rate are refused, over that connection alone and for a while."""
    with wire.Client(broker.url) as eager, wire.Client(broker.url) as other:
        for _ in range(2500):
            eager.send("JOBS", body={})
        answer = eager.expect("REFUSED")
        assert answer.body["error"] == "busy" and answer.body["message"] == "JOBS", answer.body
        assert other.ask("JOBS").name == "REPORT"


def test_more_jobs_than_one_client_may_have(broker: Broker) -> None:
    with wire.Client(broker.url) as greedy, wire.Client(broker.url) as modest:
        answers = [greedy.submit(light_request(size=[1, 1])) for _ in range(65)]
        assert [answer.name for answer in answers] == ["ACCEPTED"] * 64 + ["REFUSED"]
        assert answers[-1].body["error"] == "busy"
        assert modest.submit(light_request()).name == "ACCEPTED"


def test_messages_of_the_other_side(broker: Broker) -> None:
    """What a worker says is no word for a client's socket, nor the other way round."""
    with wire.Peer(broker.clients[0]) as client, wire.Peer(broker.workers[0]) as worker:
        client.send("HELLO", body=wire.hello())
        worker.send("STATUS", body={})
        for peer in (client, worker):
            assert peer.receive().name == "REFUSED"
    assert broker.worker_list() == []


def test_a_heavy_job_that_is_cancelled_frees_its_worker(stage: Stage, broker: Broker) -> None:
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        worker.register(credit=1)
        job = client.submit(heavy_request()).body["job"]
        worker.take()
        client.send("CANCEL_JOB", body={"job": job})
        assert client.expect("REPORT").body == {"job": job, "state": "cancelled"}
        assert worker.expect("CANCEL").fields == (worker.session, job)
        assert broker.worker_list()[0]["tiles_held"] == 0
    check_service(stage, broker)
