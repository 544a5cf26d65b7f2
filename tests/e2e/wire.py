"""BROT/1 in Python, written from PROTOCOL.md alone: a client and a worker of the plainest kind.

They let the tests say what no proper program would, and prove that the page is enough.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import secrets
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import zmq
from zmq.utils.monitor import recv_monitor_message

MAGIC = b"BROT"
VERSION = 1

# Name: type, fields. I is a u32, Q a u64, 16s sixteen bytes.
MESSAGES: dict[str, tuple[int, str]] = {
    "HELLO": (0x01, ""),
    "WELCOME": (0x02, "Q"),
    "CREDIT": (0x03, "QI"),
    "JOB": (0x04, "QQ"),
    "MAPPED": (0x05, "QQI16s"),
    "TILE": (0x06, "QQIIIIIII"),
    "DONE": (0x07, "QQIIIQQQI"),
    "FAIL": (0x08, "QQIIII"),
    "BEAT": (0x09, "QIQ"),
    "CANCEL": (0x0A, "QQ"),
    "DRAIN": (0x0B, "Q"),
    "BYE": (0x0C, "Q"),
    "REREGISTER": (0x0D, "Q"),
    "GONE": (0x0E, "Q"),
    "REVOKE": (0x0F, "QQIII"),
    "SUBMIT": (0x40, ""),
    "ATTACH": (0x41, ""),
    "FETCH": (0x42, ""),
    "RELEASE": (0x43, ""),
    "CANCEL_JOB": (0x44, ""),
    "JOBS": (0x45, ""),
    "WORKERS": (0x46, ""),
    "STATUS": (0x47, ""),
    "WATCH": (0x48, ""),
    "PAUSE": (0x49, ""),
    "RESUME": (0x4A, ""),
    "RETRY": (0x4B, ""),
    "PRIORITY": (0x4C, ""),
    "DRAIN_WORKER": (0x4D, ""),
    "HISTORY": (0x4E, ""),
    "ACCEPTED": (0x60, ""),
    "PROGRESS": (0x61, ""),
    "FINISHED": (0x62, ""),
    "FAILED": (0x63, ""),
    "ROWS": (0x64, "QIIIIII"),
    "REPORT": (0x65, ""),
    "BAND": (0x66, ""),
    "REFUSED": (0x7F, ""),
}
NAMES = {code: name for name, (code, _) in MESSAGES.items()}

ANSWER_S = 20.0  # how long an answer may take before the test fails
PIECE_BYTES = 1 << 20  # the most that one FETCH may ask for
BAND_SHIFT = 40  # where the number of a band stands in the id that workers know it by


@dataclass
class Message:
    name: str
    fields: tuple = ()
    body: dict = field(default_factory=dict)
    data: bytes = b""


def header(name: str, *fields: object, version: int = VERSION) -> bytes:
    code, layout = MESSAGES[name]
    return MAGIC + bytes([version, code]) + struct.pack("<" + layout, *fields)


def frames_of(name: str, *fields: object, body: object = None, data: bytes | None = None,
              version: int = VERSION) -> list[bytes]:
    """A message. A body is text or what will be JSON."""
    frames = [header(name, *fields, version=version)]
    if body is not None:
        frames.append(body.encode() if isinstance(body, str) else json.dumps(body).encode())
    if data is not None:
        frames.append(data)
    return frames


def parse(frames: list[bytes]) -> Message:
    head = frames[0]
    assert head[:4] == MAGIC and head[4] == VERSION, head
    name = NAMES[head[5]]
    fields = struct.unpack("<" + MESSAGES[name][1], head[6:])
    if name in ("ROWS", "DONE"):
        return Message(name, fields, data=b"".join(frames[1:]))  # DONE may have none
    body = json.loads(frames[1]) if len(frames) > 1 and name not in ("MAPPED", "FAIL") else {}
    return Message(name, fields, body)


class Keys(NamedTuple):
    """CURVE keys: one's own, and the broker's public one."""

    public: bytes
    secret: bytes
    server: bytes


class Peer:
    """A DEALER, connected to one socket of a broker."""

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        if keys:
            self.socket.curve_publickey, self.socket.curve_secretkey = keys.public, keys.secret
            self.socket.curve_serverkey = keys.server
        self.monitor = self.socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL) if keys else None
        self.socket.connect(url)

    def is_let_in(self, seconds: float = ANSWER_S) -> bool:
        """Of a peer with keys: how its handshake ends."""
        if not self.monitor.poll(int(seconds * 1000)):
            raise AssertionError(f"no handshake has ended within {seconds} s")
        return recv_monitor_message(self.monitor)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED

    def close(self) -> None:
        self.context.destroy(linger=0)

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, name: str, *fields: object, **parts: Any) -> None:
        """parts: as frames_of() has them."""
        self.socket.send_multipart(frames_of(name, *fields, **parts))

    def send_raw(self, *frames: bytes) -> None:
        self.socket.send_multipart(list(frames))

    def receive_raw(self, seconds: float = ANSWER_S) -> list[bytes]:
        if not self.socket.poll(int(seconds * 1000)):
            raise AssertionError(f"no message within {seconds} s")
        return self.socket.recv_multipart()

    def receive(self, seconds: float = ANSWER_S) -> Message:
        return parse(self.receive_raw(seconds))

    def is_silent(self, seconds: float) -> bool:
        return not self.socket.poll(int(seconds * 1000))

    def expect(self, *names: str, seconds: float = ANSWER_S) -> Message:
        """The next message of one of these names; others are dropped."""
        while True:
            message = self.receive(seconds)
            if message.name in names:
                return message


class Client(Peer):
    rows_seen = 0  # ROWS received over this connection

    def receive(self, seconds: float = ANSWER_S) -> Message:
        message = super().receive(seconds)
        self.rows_seen += message.name == "ROWS"
        return message

    def submit(self, request: dict, key: str | None = None, **more: object) -> Message:
        """ACCEPTED or REFUSED. more: keep, priority, client."""
        key = key or secrets.token_hex(16)
        self.send("SUBMIT", body={"key": key, "request": request, **more})
        while True:
            answer = self.expect("ACCEPTED", "REFUSED")
            if answer.body.get("key") == key:
                return answer

    def attach(self, job: int) -> Message:
        """ACCEPTED or REFUSED."""
        self.send("ATTACH", body={"job": job})
        while True:
            answer = self.expect("ACCEPTED", "REFUSED")
            if answer.body.get("job") == job:
                return answer

    def finish(self, request: dict) -> dict:
        """What FINISHED says of a job that is submitted and, then, released."""
        job = self.submit(request).body["job"]
        finished = self.wait(job)
        assert finished.name == "FINISHED", finished.body
        self.release(job)
        return finished.body

    def wait(self, job: int, *names: str) -> Message:
        """FINISHED, FAILED, or another of these names."""
        due_s = 0.0
        while True:
            if time.monotonic() >= due_s:
                self.send("WATCH", body={"jobs": [job]})
                due_s = time.monotonic() + 1.0
            # PROGRESS comes unasked; a WATCH in answer to each would keep the broker busy.
            answer = self.expect("PROGRESS", "FINISHED", "FAILED", *names)
            if answer.name != "PROGRESS" and answer.body["job"] == job:
                return answer

    def progress(self, job: int) -> Message:
        """What WATCH answers now."""
        self.send("WATCH", body={"jobs": [job]})
        while True:
            answer = self.expect("PROGRESS", "FINISHED", "FAILED")
            if answer.body["job"] == job:
                return answer

    def fetch(self, job: int, plane: int, pixel_bytes: int, width: int, height: int,
              first: int = 0) -> bytes:
        """All of a plane from row `first` on, a run of rows at a time."""
        rows = max(1, PIECE_BYTES // (width * pixel_bytes))
        pieces = []
        for y in range(first, first + height, rows):
            h = min(rows, first + height - y)
            self.send("FETCH", body={"job": job, "plane": plane, "x": 0, "y": y, "w": width,
                                     "h": h, "seen": self.rows_seen})
            answer = self.expect("ROWS", "REFUSED")
            assert answer.name == "ROWS", answer.body
            assert answer.fields == (job, plane, 0, y, width, h, answer.fields[6])
            assert answer.fields[6] == 0, "a codec that the page does not promise to a client"
            assert len(answer.data) == width * h * pixel_bytes
            pieces.append(answer.data)
        return b"".join(pieces)

    def fetch_bands(self, accepted: Message, pixel_bytes: int, first: int = 0) -> bytes:
        """The one plane of a job in bands, from row `first` on, each released once it is here."""
        job = accepted.body["job"]
        width, height = accepted.body["request"]["size"]
        pieces = []
        y = first
        while True:
            answer = self.wait(job, "BAND")
            if answer.name != "BAND":
                assert answer.name == "FINISHED" and y == height, answer.body
                return b"".join(pieces)
            if answer.body["first"] == y:  # others were read before, and told once more
                rows = answer.body["rows"]
                pieces.append(self.fetch(job, 0, pixel_bytes, width, rows, y))
                y += rows
                self.release_band(job, answer.body["band"])

    def release_band(self, job: int, band: int) -> None:
        self.send("RELEASE", body={"job": job, "band": band})

    def release(self, job: int) -> None:
        self.send("RELEASE", body={"job": job})

    def ask(self, name: str, **body: object) -> Message:
        """REPORT or REFUSED."""
        self.send(name, body=body)
        return self.expect("REPORT", "REFUSED")

    def report(self, name: str, **body: object) -> dict:
        """The answer to JOBS, WORKERS, STATUS or HISTORY."""
        self.send(name, body=body)
        return self.expect("REPORT").body


def hello(**changes: object) -> dict:
    """The body of a HELLO."""
    body = {"brot": 1, "version": "0.1.0", "worker": secrets.token_hex(16), "name": "python",
            "pid": 1, "threads": 1, "kernel": "python", "kernels": ["python"]}
    return {**body, **changes}


class Worker(Peer):
    """A worker that does what it is told to, and only then."""

    session = 0

    def register(self, credit: int, **changes: object) -> Message:
        """Says HELLO and CREDIT, and returns WELCOME."""
        self.send("HELLO", body=hello(**changes))
        welcome = self.expect("WELCOME")
        (self.session,) = welcome.fields
        self.send("CREDIT", self.session, credit)
        return welcome

    def take(self) -> tuple[Message, Message]:
        """JOB and its first TILE; the pixels will be sent, for the image is not mapped."""
        job = self.expect("JOB")
        self.send("MAPPED", self.session, job.fields[1], 1, bytes(16), body="not tried")
        return job, self.expect("TILE")

    def done(self, tile: Message, pixels: bytes, session: int | None = None,
             attempt: int | None = None, digest: int | None = None) -> None:
        _, job, phase, number, lease, *_ = tile.fields
        self.send("DONE", self.session if session is None else session, job, phase, number,
                  lease if attempt is None else attempt,
                  xxh3(pixels) if digest is None else digest, 1, 1, 0, data=pixels)


_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def xxh3(data: bytes) -> int:
    """XXH3-64 with seed 0."""
    return _xxhash.XXH3_64bits(data, len(data))


@contextlib.contextmanager
def impostor(url: str) -> Iterator[None]:
    """Somebody without keys listens there, as soon as nobody else does."""
    context = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    try:
        while True:
            try:
                socket.bind(url)
                break
            except zmq.ZMQError as error:
                if error.errno != zmq.EADDRINUSE:
                    raise
        yield
    finally:
        context.destroy(linger=0)
