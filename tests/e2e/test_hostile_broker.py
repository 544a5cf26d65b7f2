"""brot-client and brot-worker against a broker that lies, babbles, or says nothing at all."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

import wire
from harness import SHM, Process, Stage, light_request, wait_until
from wire import Message

NOINPUT, UNAVAILABLE, SOFTWARE, TEMPFAIL, PROTOCOL = 66, 69, 70, 75, 76
TIMEOUT_S = 2.0
# Beyond its --timeout a client needs time to start and to end, under sanitizers on a busy machine.
LATE_S = 8.0
ABSURD = 2**63 - 1
ERROR_PROTOCOL = 10  # as section 7 has it
NAME = "/brot-" + "ab" * 16
JOB = 7

Frames = list[bytes]
Answer = Callable[[Message], list[Frames]]


def say(name: str, *fields: int, body: object = None, data: bytes | None = None,
        version: int = wire.VERSION) -> Frames:
    return wire.frames_of(name, *fields, body=body, data=data, version=version)


class HostileBroker:
    """A ROUTER that answers each message by what a function makes of it."""

    def __init__(self, url: str, answer: Answer) -> None:
        self.url = url
        self.answer = answer
        self.heard: list[tuple[float, Message]] = []
        self.to_say: list[Frames] = []  # to the last peer that spoke, unasked
        self.fault: Exception | None = None
        self.is_over = False
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.bind(url)
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        route = b""
        while not self.is_over:
            try:
                if self.socket.poll(10):
                    route, *frames = self.socket.recv_multipart()
                    message = wire.parse(frames)
                    self.heard.append((time.monotonic(), message))
                    self.to_say += self.answer(message)
                while self.to_say:
                    self.socket.send_multipart([route, *self.to_say.pop(0)])
            except Exception as fault:  # pylint: disable=broad-except  # told by close()
                self.fault = fault
                return

    def names(self) -> list[str]:
        return [message.name for _, message in self.heard]

    def said(self, name: str) -> list[Message]:
        """What a peer said of that name."""
        return [message for _, message in self.heard if message.name == name]

    def times(self, name: str) -> list[float]:
        return [when for when, message in self.heard if message.name == name]

    def wait_said(self, name: str, count: int = 1) -> Message:
        wait_until(lambda: len(self.said(name)) >= count, f"{count} {name}")
        return self.said(name)[count - 1]

    def close(self) -> None:
        self.is_over = True
        self.thread.join()
        self.context.destroy(linger=0)
        if self.fault is not None:
            raise self.fault


@pytest.fixture(name="hostile")
def make_hostile(stage: Stage) -> Iterator[Callable[[Answer], HostileBroker]]:
    started = []

    def start(answer: Answer) -> HostileBroker:
        broker = HostileBroker(f"ipc://{stage.folder}/hostile", answer)
        started.append(broker)
        broker.thread.start()
        return broker
    try:
        yield start
    finally:
        for broker in started:
            broker.close()
            Path(broker.url.removeprefix("ipc://")).unlink(missing_ok=True)


# The client

def one_sentence(err: str) -> str:
    (line,) = err.splitlines()
    assert line.startswith("brot-client: ") and line.isprintable()
    return line


def accepted(message: Message, **changes: object) -> Frames:
    body = {"key": message.body["key"], "job": JOB, "request": light_request(), "slice": 64,
            "image": {"name": NAME, "bytes": 16384, "nonce": "cd" * 16}}
    return say("ACCEPTED", body={**body, **changes})


def image(**changes: object) -> dict:
    return {"name": NAME, "bytes": 16384, "nonce": "cd" * 16, **changes}


def finished(**changes: object) -> Frames:
    body = {"job": JOB, "pixels": 3072, "tiles": 1, "retries": 0, "workers": 1, "iterations": 1,
            "elapsed_ms": 1}
    return say("FINISHED", body={**body, **changes})


def progress(**changes: object) -> Frames:
    body = {"job": JOB, "state": "running", "pixels_done": 0, "pixels": 3072, "tiles_done": 0,
            "tiles_running": 1, "workers": 1, "iterations": 0, "elapsed_ms": 1}
    return say("PROGRESS", body={**body, **changes})


def always(*answers: Frames) -> Answer:
    return lambda message: list(answers)


def accept(**changes: object) -> Answer:
    return lambda message: [accepted(message, **changes)] if message.name == "SUBMIT" else []


def accept_then(*answers: Frames) -> Answer:
    """A sound ACCEPTED, then these to each WATCH."""
    return lambda message: ([accepted(message)] if message.name == "SUBMIT" else
                            list(answers) if message.name == "WATCH" else [])


def once(*answers: Frames) -> Answer:
    """A sound ACCEPTED, these to the first WATCH, and nothing more."""
    left = list(answers)

    def answer(message: Message) -> list[Frames]:
        if message.name == "SUBMIT":
            return [accepted(message)]
        now = left[:] if message.name == "WATCH" else []
        if now:
            left.clear()
        return now
    return answer


def rows(make: Callable[[dict], list[Frames]]) -> Answer:
    """All is well until the pixels come."""
    return lambda message: ([accepted(message)] if message.name == "SUBMIT" else
                            [finished()] if message.name == "WATCH" else
                            make(message.body) if message.name == "FETCH" else [])


def refused(error: str, text: str = "because", **more: object) -> Frames:
    return say("REFUSED", body={"error": error, "text": text, **more})


HEAD = wire.header("PROGRESS")

# What the broker does, the exit status of brot-client, and a word of its sentence.
RENDERS: dict[str, tuple[Answer, int, str]] = {
    "silence": (always(), UNAVAILABLE, "no broker answers"),
    "silence later": (accept(), UNAVAILABLE, "no broker answers"),
    "garbage": (always([b"\x00\xff junk"]), PROTOCOL, ""),
    "an empty frame": (always([b""]), PROTOCOL, ""),
    "a short header": (always([b"BRO"]), PROTOCOL, ""),
    "an unknown type": (always([b"BROT\x01\x70", b"{}"]), PROTOCOL, ""),
    "five frames": (always([HEAD, b"{}", b"", b"", b""]), PROTOCOL, ""),
    "no body": (always([HEAD]), PROTOCOL, ""),
    "a type for workers": (always(say("TILE", *range(1, 10))), PROTOCOL, "TILE"),
    "a type of clients": (always(say("SUBMIT", body={})), PROTOCOL, ""),
    "another version": (always(say("REFUSED", body={"error": "protocol", "text": "v2"},
                                   version=2)), PROTOCOL, "2"),
    "a frame over the limit": (always([HEAD, b" " * (8 << 20)]), UNAVAILABLE, ""),
    "not JSON": (always(say("PROGRESS", body="{")), PROTOCOL, "PROGRESS"),
    "not an object": (always(say("PROGRESS", body="[]")), PROTOCOL, "PROGRESS"),
    "a key twice": (always(say("REFUSED", body='{"error": "a", "error": "b"}')), PROTOCOL,
                    "REFUSED"),
    "deep JSON": (always(say("PROGRESS", body="[" * 100_000)), PROTOCOL, "PROGRESS"),
    "not UTF-8": (always([HEAD, b'{"state": "\xff"}']), PROTOCOL, "PROGRESS"),
    "an empty ACCEPTED": (always(say("ACCEPTED", body={})), PROTOCOL, "key"),
    "job of text": (accept(job="7"), PROTOCOL, "job"),
    "job 0": (accept(job=0), PROTOCOL, "job"),
    "job below 0": (accept(job=-1), PROTOCOL, "job"),
    "job over 2^63": (accept(job=2**64), PROTOCOL, "ACCEPTED"),
    "slice 0": (accept(slice=0), PROTOCOL, "slice"),
    "absurd slice": (accept(slice=ABSURD), PROTOCOL, "slice"),
    "no image": (accept(image=None), PROTOCOL, "image"),
    "another file": (accept(image=image(name="/../../etc/passwd")), PROTOCOL, "name"),
    "bytes below 0": (accept(image=image(bytes=-1)), PROTOCOL, "bytes"),
    "short nonce": (accept(image=image(nonce="cd")), PROTOCOL, "nonce"),
    "PROGRESS of text": (accept_then(progress(pixels_done="many")), PROTOCOL, "pixels_done"),
    "FINISHED below 0": (accept_then(finished(elapsed_ms=-1)), PROTOCOL, "elapsed_ms"),
    "absurd numbers, then silence": (
        accept_then(progress(**{key: ABSURD for key in (
            "pixels_done", "pixels", "tiles_done", "tiles_running", "workers", "iterations",
            "elapsed_ms")}), finished(pixels=0, elapsed_ms=ABSURD, iterations=ABSURD),
            refused("failed")), SOFTWARE, "because"),
    "FINISHED, then silence": (once(finished()), UNAVAILABLE, "no broker answers"),
    "an unknown codec": (rows(lambda f: [say("ROWS", JOB, 0, 0, 0, 64, 48, 9,
                                             data=bytes(12288))]), PROTOCOL, "codec"),
    "a job lost again and again": (accept_then(say("FAILED", body={
        "job": JOB, "error": "not_found", "text": "who?"})), NOINPUT, "who?"),
    "busy": (always(refused("busy")), TEMPFAIL, "because"),
    "an unknown error": (always(refused("tired")), SOFTWARE, "because"),
    "an error that is none": (always(refused("ok")), PROTOCOL, ""),
    "no reason": (always(refused("busy", "")), TEMPFAIL, ""),
    "a reason of control characters": (always(refused("busy", "a\nb\x1b[2Jc")), TEMPFAIL, ""),
    "a long reason": (always(refused("busy", "long " * 100_000)), TEMPFAIL, "long"),
    "refusals of others": (always(*[refused("busy", key="00" * 16)] * 50), UNAVAILABLE, ""),
    "jobs of others": (always(*[progress(job=JOB + 1)] * 50), UNAVAILABLE, ""),
}


def render(stage: Stage, url: str, *options: str) -> tuple[int, str, float]:
    """The status, what was said on standard error, and how long it took."""
    begin = time.monotonic()
    result = stage.client("render", "--view", "-0.7453,0.1127,0.0065", "--size", "64x48", "--out",
                          "a.npy", "--quiet", "--broker", url, "--timeout", str(TIMEOUT_S),
                          *options)
    assert result.out == ""
    return result.status, result.err, time.monotonic() - begin


@pytest.mark.parametrize("name", RENDERS)
def test_render(stage: Stage, hostile: Callable[[Answer], HostileBroker], name: str) -> None:
    answer, status, word = RENDERS[name]
    got, err, took_s = render(stage, hostile(answer).url)
    assert word in one_sentence(err)
    assert got == status, err
    assert took_s < TIMEOUT_S + LATE_S
    assert not (stage.folder / "a.npy").exists() and stage.unexpected_files() == []


def test_pixels_that_never_come(stage: Stage,
                                hostile: Callable[[Answer], HostileBroker]) -> None:
    """A broker that answers WATCH but no FETCH is given 12 s: four times a FETCH."""
    status, err, took_s = render(stage, hostile(accept_then(finished())).url)
    assert "sent no pixels" in one_sentence(err)
    assert status == UNAVAILABLE and took_s < 12 + LATE_S


def test_rows_that_were_not_asked_for(stage: Stage,
                                      hostile: Callable[[Answer], HostileBroker]) -> None:
    """Rows of another place, of another job or of the wrong size are dropped, the right ones used."""
    right = bytes(range(256)) * 48

    def make(asked: dict) -> list[Frames]:
        place = [asked[key] for key in ("plane", "x", "y", "w", "h")]
        return [say("ROWS", JOB, 0, 0, 0, 64, 2**32 - 1, 0, data=b"\xff" * 4096),
                say("ROWS", JOB, 2**32 - 1, 2**32 - 1, 2**32 - 1, 64, 48, 0, data=bytes(12288)),
                say("ROWS", JOB + 1, *place, 0, data=b"\xff" * 12288),
                say("ROWS", JOB, *place, 0, data=b"\xff" * 12287),
                say("ROWS", JOB, *place, 0, data=right)]
    status, err, _ = render(stage, hostile(rows(make)).url)
    assert status == 0, err
    assert (stage.folder / "a.npy").read_bytes().endswith(right)


@pytest.mark.parametrize("content", [b"", b"BROTIMG1", bytes(16384), b"BROTIMG1" + b"\xff" * 16376])
def test_a_segment_that_is_no_image(stage: Stage, hostile: Callable[[Answer], HostileBroker],
                                    content: bytes) -> None:
    """Where the memory that was announced is not an image, the pixels come over the socket."""
    path = SHM / NAME[1:]
    answer = rows(lambda f: [say("ROWS", JOB, 0, 0, 0, 64, 48, 0, data=bytes(12288))])
    try:
        path.write_bytes(content)
        path.chmod(0o600)
        status, err, _ = render(stage, hostile(answer).url)
        assert status == 0, err
        assert path.exists(), "a client removes no image"
    finally:
        path.unlink(missing_ok=True)


QUESTIONS = {"jobs": ("JOBS", "jobs"), "workers": ("WORKERS", "workers"),
             "status": ("STATUS", "status")}
REPORTS = {
    "silence": (None, UNAVAILABLE),
    "garbage": ([b"junk"], PROTOCOL),
    "another version": (say("REPORT", body={}, version=9), PROTOCOL),
    "another answer": (say("REPORT", body={"weather": "fine"}), UNAVAILABLE),
    "a number": (5, PROTOCOL),
    "a list of numbers": ([1, 2], PROTOCOL),
    "a list of nothing": ([{}], PROTOCOL),
    "absurd": ([{"job": -ABSURD, "worker": "x" * 200_000, "size": [ABSURD] * 3}], PROTOCOL),
    "refused": (refused("busy"), TEMPFAIL),
}


@pytest.mark.parametrize("command", QUESTIONS)
@pytest.mark.parametrize("name", REPORTS)
def test_questions(stage: Stage, hostile: Callable[[Answer], HostileBroker], command: str,
                   name: str) -> None:
    said, status = REPORTS[name]
    key = QUESTIONS[command][1]
    is_message = isinstance(said, list) and isinstance(said[0], bytes)
    answers = [] if said is None else [said if is_message else say("REPORT", body={key: said})]
    result = stage.client(command, "--broker", hostile(always(*answers)).url, "--timeout",
                          str(TIMEOUT_S))
    one_sentence(result.err)
    assert result.status == status and result.out == ""


# The worker

WELCOME_BODY = {"brot": 1, "version": "0", "beat_ms": 100, "lost_ms": 10_000}
SESSION = 99


def welcome(**changes: object) -> Frames:
    return say("WELCOME", SESSION, body={**WELCOME_BODY, **changes})


def polite(message: Message) -> list[Frames]:
    return [welcome()] if message.name in ("HELLO", "BEAT") else []


def start_worker(stage: Stage, broker: HostileBroker) -> Process:
    return stage.start("brot-worker", "--broker", broker.url, "--processes", "1")


def complete(**changes: object) -> dict:
    """A request with every default spelled out."""
    request = light_request(kind="escape", formula="mandelbrot", samples=1, colour={
        "palette": "classic", "mode": "smooth", "interior": "#000000"})
    request.update(changes)
    request["view"] = {**request["view"], "rotate": 0}
    return request


def check_serves(stage: Stage, broker: HostileBroker, worker: Process, job: int = 1000) -> None:
    """It renders a tile rightly, and ends at SIGTERM with BYE and 0."""
    request = complete(view={"re": "10", "im": "0", "width": "1"})
    broker.to_say += [say("JOB", SESSION, job, body={**GOOD_JOB, "request": request}),
                      say("TILE", SESSION, job, 0, 0, 1, 0, 8, 64, 8)]
    done = wait_until(lambda: [done for done in broker.said("DONE") if done.fields[1] == job],
                      "DONE")[0]
    assert done.fields[:5] == (SESSION, job, 0, 0, 1)
    pixels = b"\1\0\0\0" * 512
    assert done.fields[5] == wire.xxh3(pixels)
    assert worker.stop().status == 0
    broker.wait_said("BYE")


def test_a_polite_broker(stage: Stage, hostile: Callable[[Answer], HostileBroker]) -> None:
    broker = hostile(polite)
    worker = start_worker(stage, broker)
    broker.wait_said("CREDIT")
    check_serves(stage, broker, worker)


def test_worker_and_silence(stage: Stage, hostile: Callable[[Answer], HostileBroker]) -> None:
    """It says HELLO every second, and ends when it is told to."""
    broker = hostile(always())
    worker = start_worker(stage, broker)
    broker.wait_said("HELLO", 4)
    pauses = [after - before for before, after in zip(broker.times("HELLO"),
                                                      broker.times("HELLO")[1:])]
    assert min(pauses) > 0.8, pauses
    assert set(broker.names()) == {"HELLO"}
    assert worker.stop().status == 0


def test_worker_and_a_broker_that_denies(stage: Stage,
                                         hostile: Callable[[Answer], HostileBroker]) -> None:
    """Likewise, with longer and longer pauses; it says so once."""
    broker = hostile(lambda message: [refused("denied", message="HELLO")]
                     if message.name == "HELLO" and len(broker.said("HELLO")) < 3
                     else polite(message))
    worker = start_worker(stage, broker)
    broker.wait_said("CREDIT")
    first, second, third = broker.times("HELLO")
    assert second - first > 0.8 and third - second > 1.6
    assert worker.err().count("denied") == 1
    check_serves(stage, broker, worker)


def test_worker_and_a_broker_that_is_busy(stage: Stage,
                                          hostile: Callable[[Answer], HostileBroker]) -> None:
    """It asks again after a pause, and serves once it is welcome."""
    broker = hostile(lambda message: [refused("busy", message="HELLO")]
                     if message.name == "HELLO" and len(broker.said("HELLO")) < 2
                     else polite(message))
    worker = start_worker(stage, broker)
    broker.wait_said("CREDIT")
    first, second = broker.times("HELLO")
    assert second - first > 1.5
    check_serves(stage, broker, worker)


# What HELLO is answered by, and the exit status: each can only be repeated.
REFUSALS = {
    "garbage": ([b"\x00\xff junk"], PROTOCOL),
    "another version": (say("REFUSED", body={"error": "protocol", "text": "v2"}, version=2),
                        PROTOCOL),
    "protocol": (refused("protocol", message="HELLO"), PROTOCOL),
    "an error that is none": (refused("ok", message="HELLO"), PROTOCOL),
    "REFUSED of nothing": (say("REFUSED", body="[]"), SOFTWARE),
    "REFUSED of numbers": (say("REFUSED", body={"error": 5, "text": 6, "message": 7}), SOFTWARE),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_worker_refused(stage: Stage, hostile: Callable[[Answer], HostileBroker],
                        name: str) -> None:
    answer, status = REFUSALS[name]
    worker = start_worker(stage, hostile(always(answer)))
    result = worker.wait(20)
    assert result.status == status, result.err
    assert result.err.isascii() and result.out == ""


# Bodies of WELCOME that a worker cannot use; it must live on with sane times.
WELCOMES = {
    "empty": "{}", "not JSON": "}", "a list": "[1]", "not UTF-8": b'{"beat_ms": "\xff"}',
    "text": {"beat_ms": "soon", "lost_ms": "late"}, "none": {"beat_ms": None, "lost_ms": []},
    "zero": {"beat_ms": 0, "lost_ms": 0}, "below zero": {"beat_ms": -5, "lost_ms": -ABSURD},
    "absurd": {"beat_ms": ABSURD, "lost_ms": ABSURD}, "short": {"beat_ms": 1, "lost_ms": 1},
}


@pytest.mark.parametrize("name", WELCOMES)
def test_worker_and_an_odd_welcome(stage: Stage, hostile: Callable[[Answer], HostileBroker],
                                   name: str) -> None:
    body = WELCOMES[name]
    odd = [wire.header("WELCOME", SESSION), body] if isinstance(body, bytes) else say(
        "WELCOME", SESSION, body=body)
    broker = hostile(lambda message: [odd] if message.name in ("HELLO", "BEAT") else [])
    worker = start_worker(stage, broker)
    broker.wait_said("CREDIT")
    begin, beats = time.monotonic(), len(broker.said("BEAT"))
    check_serves(stage, broker, worker)
    # 20 ms is the shortest time between two BEATs.
    assert len(broker.said("BEAT")) - beats < 10 + (time.monotonic() - begin) / 0.02


TILE = (SESSION, JOB, 0, 0, 1)
GOOD_JOB = {"request": complete(), "slice": 64, "rows": [0, 48], "image": image(),
            "phases": ["render"]}
# What a broker may say to a worker in a session, without more than a FAIL or a MAPPED for answer.
NONSENSE: dict[str, list[Frames]] = {
    "garbage": [[b""], [b"junk"], [b"BROT\x01\x06"], [b"BROT\x02\x06" + bytes(44)],
                [wire.header("TILE", *TILE, 0, 0, 64, 8), b"{}"], [b"x" * 1000] * 3],
    "for clients": [say("REPORT", body={}), progress(), say("ROWS", JOB, 0, 0, 0, 1, 1, 0,
                                                            data=b"1234")],
    "of workers": [say("HELLO", body={}), say("BYE", SESSION), say("GONE", SESSION)],
    "another session": [say("DRAIN", SESSION + 1), say("REREGISTER", SESSION + 1),
                        say("CANCEL", SESSION + 1, JOB), say("JOB", 0, JOB, body=GOOD_JOB)],
    "refusals": [refused("busy"), refused("denied", "\x1b" * 9), say("REFUSED", body="}")],
    "no such job": [say("TILE", *TILE, 0, 0, 64, 8), say("CANCEL", SESSION, JOB)],
    "job 0": [say("JOB", SESSION, 0, body=GOOD_JOB), say("TILE", SESSION, 0, 0, 0, 1, 0, 0, 1, 1)],
    "outside": [say("JOB", SESSION, JOB, body=GOOD_JOB), *[say("TILE", *TILE, *rect) for rect in (
        (0, 0, 65, 1), (0, 48, 1, 1), (64, 0, 1, 1), (0, 0, 0, 0), (1, 1, 2**32 - 1, 2**32 - 1),
        (2**32 - 1, 2**32 - 1, 2, 2))]],
    "too many jobs": [say("JOB", SESSION, JOB + i, body=GOOD_JOB) for i in range(300)]
    + [say("CANCEL", SESSION, JOB + i) for i in range(300)],
    "the same twice": [say("JOB", SESSION, JOB, body=GOOD_JOB)] * 5
    + [say("TILE", *TILE, 0, 0, 64, 8)] * 5,
}
BAD_JOBS: dict[str, object] = {
    "not JSON": "}", "a list": "[]", "empty": {}, "no request": {**GOOD_JOB, "request": None},
    "a bad request": {**GOOD_JOB, "request": light_request(size=[0, 0])},
    "a vast request": {**GOOD_JOB, "request": light_request(size=[2**20, 2**20])},
    "slice 0": {**GOOD_JOB, "slice": 0}, "slice below 0": {**GOOD_JOB, "slice": -1},
    "absurd slice": {**GOOD_JOB, "slice": ABSURD}, "slice of text": {**GOOD_JOB, "slice": "64"},
    "unknown phases": {**GOOD_JOB, "phases": ["dream"]}, "phases of numbers": {**GOOD_JOB,
                                                                               "phases": [1]},
    "two phases": {**GOOD_JOB, "phases": ["mirror", "render"]},
    "no image": {**GOOD_JOB, "image": None}, "no name": {**GOOD_JOB, "image": {}},
    "another file": {**GOOD_JOB, "image": image(name="/../../etc/passwd")},
    "absurd bytes": {**GOOD_JOB, "image": image(bytes=ABSURD)},
    "bytes below 0": {**GOOD_JOB, "image": image(bytes=-1)},
}
NONSENSE |= {f"JOB: {name}": [say("JOB", SESSION, JOB, body=body),
                              say("TILE", *TILE, 0, 0, 64, 8), say("CANCEL", SESSION, JOB)]
             for name, body in BAD_JOBS.items()}


@pytest.mark.parametrize("name", NONSENSE)
def test_worker_and_nonsense(stage: Stage, hostile: Callable[[Answer], HostileBroker],
                             name: str) -> None:
    """It goes on in its session, and renders the next tile rightly."""
    broker = hostile(polite)
    worker = start_worker(stage, broker)
    broker.wait_said("CREDIT")
    broker.to_say += NONSENSE[name]
    check_serves(stage, broker, worker)
    assert len(broker.said("HELLO")) == 1, "the session was lost"


def test_halves_that_are_none(stage: Stage, hostile: Callable[[Answer], HostileBroker]) -> None:
    """Lower rows of a mirrored job, and any rows of one that is not its own mirror image."""
    broker = hostile(polite)
    worker = start_worker(stage, broker)
    broker.wait_said("CREDIT")
    on_axis = complete(view={"re": "-0.5", "im": "0", "width": "3"})
    rects = [(0, 24, 64, 1), (0, 0, 64, 25), (0, 47, 64, 1), (0, 0, 64, 48)]
    broker.to_say += [
        say("JOB", SESSION, JOB, body={**GOOD_JOB, "phases": ["mirror"], "request": on_axis}),
        *[say("TILE", SESSION, JOB, 0, i, 1, *rect) for i, rect in enumerate(rects)],
        say("JOB", SESSION, JOB + 1, body={**GOOD_JOB, "phases": ["mirror"]}),
        say("TILE", SESSION, JOB + 1, 0, 0, 1, 0, 0, 64, 1)]
    wait_until(lambda: len(broker.said("FAIL")) == 5, "five FAIL")
    assert [fail.fields[1] for fail in broker.said("FAIL")] == 4 * [JOB] + [JOB + 1]
    assert {fail.fields[5] for fail in broker.said("FAIL")} == {ERROR_PROTOCOL}
    check_serves(stage, broker, worker)
    assert not [done for done in broker.said("DONE") if done.fields[1] == JOB]


def test_more_tiles_than_credit(stage: Stage, hostile: Callable[[Answer], HostileBroker]) -> None:
    """Those beyond are given back, as far as the connection takes answers."""
    broker = hostile(polite)
    worker = start_worker(stage, broker)
    credit = broker.wait_said("CREDIT").fields[1]
    # So heavy that no tile is done before the last has come.
    job = {**GOOD_JOB, "request": complete(view={"re": "0", "im": "0", "width": "0.01"},
                                           iterations=2 * 10**7, shortcuts=False)}
    broker.to_say += [say("JOB", SESSION, JOB, body=job),
                      *[say("TILE", SESSION, JOB, 0, i, 1, 0, i % 48, 64, 1) for i in range(500)]]
    wait_until(lambda: broker.said("FAIL"), "FAIL")
    assert {fail.fields[3] for fail in broker.said("FAIL")}.isdisjoint(range(credit))
    broker.to_say.append(say("CANCEL", SESSION, JOB))
    check_serves(stage, broker, worker)


def test_a_frame_over_the_limit(stage: Stage, hostile: Callable[[Answer], HostileBroker]) -> None:
    """The worker ends the connection, and says HELLO over another."""
    broker = hostile(lambda message: [welcome(lost_ms=500)] if message.name in ("HELLO", "BEAT")
                     else [])
    start_worker(stage, broker)
    broker.wait_said("BEAT")
    broker.to_say.append(say("JOB", SESSION, JOB, body=" " * (8 << 20)))
    wait_until(lambda: len(broker.said("HELLO")) > 1, "another HELLO", 20.0)


def test_register_again_and_again(stage: Stage,
                                  hostile: Callable[[Answer], HostileBroker]) -> None:
    """A broker that forgets the worker at once does not make a storm of HELLO."""
    broker = hostile(lambda message: [welcome(), say("REREGISTER", SESSION)]
                     if message.name == "HELLO" else [])
    worker = start_worker(stage, broker)
    broker.wait_said("HELLO", 4)
    first, *_, last = broker.times("HELLO")[:4]
    assert last - first > 2.5
    assert worker.stop().status == 0


def test_drain_at_once(stage: Stage, hostile: Callable[[Answer], HostileBroker]) -> None:
    broker = hostile(lambda message: [*polite(message), say("DRAIN", SESSION)])
    worker = start_worker(stage, broker)
    assert worker.wait(20).status == 0
    broker.wait_said("BYE")


def test_a_second_sigterm_amid_silence(stage: Stage,
                                       hostile: Callable[[Answer], HostileBroker]) -> None:
    """A broker that has fallen silent keeps nobody from ending."""
    broker = hostile(lambda message: [welcome(lost_ms=300)] if message.name == "HELLO" else [])
    worker = start_worker(stage, broker)
    broker.wait_said("HELLO", 3)
    worker.popen.send_signal(signal.SIGTERM)
    assert worker.stop().status == 0
