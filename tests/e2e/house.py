"""A locked broker for tests: everybody's keys, what each may say by README's table, and whether it
is heard."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq.auth

import wire
from harness import Broker, Result, Stage, light_request, wait_until

README = Path(__file__).parents[2] / "README.md"
USAGE, UNAVAILABLE, BUSY, DENIED, CONFIG = 64, 69, 75, 77, 78
ROLES = ("client", "worker", "admin")
WORKER_MESSAGES = ("HELLO", "CREDIT", "MAPPED", "DONE", "FAIL", "BEAT", "BYE", "GONE")


def readme_cells() -> list[tuple[str, str, str]]:
    """Message, who, and "yes", "no" or "own", of the table in README."""
    lines = README.read_text().splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("| message | stranger |"))
    columns = [cell.strip() for cell in lines[begin].strip("|").split("|")][1:]
    cells = []
    for line in lines[begin + 2:]:
        if not line.startswith("|"):
            break
        messages, *words = [cell.strip() for cell in line.strip("|").split("|")]
        cells += [(message, who, word) for message in messages.split(", ")
                  for who, word in zip(columns, words)]
    return cells


CELLS = readme_cells()


class House:
    """A locked broker, with the keys of everybody. tcp and ipc lead to the same sockets."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.keys = folder / "keys"
        for name in ("clients", "workers", "admins"):
            (self.keys / name).mkdir(parents=True, mode=0o755)
        for name in ("broker", "client", "other", "worker", "second", "admin", "stranger"):
            self.make(name)
        for name in ("client", "other"):
            self.admit(name, "clients")
        for name in ("worker", "second"):
            self.admit(name, "workers")
        self.admit("admin", "admins")
        self.broker: Broker

    def start(self, state: Path | None = None, **options) -> None:
        """With a store where `state` is a folder for one."""
        urls = [f"ipc://{self.stage.folder}/c", "tcp://127.0.0.1:*"]
        store = ["--state-dir", state] if state else []
        self.broker = self.stage.broker(*self.arguments(), *store, clients=urls,
                                        workers=[urls[0][:-1] + "w", urls[1]], **options)

    def arguments(self) -> tuple:
        return "--key", self.secret("broker"), "--keys", self.keys

    def make(self, name: str) -> None:
        """By the keygen of a tool that is not ours for one, by ours for another."""
        if name in ("client", "worker"):
            public, private = zmq.auth.create_certificates(self.folder, name)
            os.rename(public, self.public(name))
            os.rename(private, self.secret(name))
            self.secret(name).chmod(0o600)
            self.public(name).chmod(0o644)
        else:
            result = self.stage.client("keygen", name, "--out", self.folder)
            assert result.status == 0, result.err

    def public(self, name: str) -> Path:
        return self.folder / f"{name}.cert"

    def secret(self, name: str) -> Path:
        return self.folder / f"{name}.cert_secret"

    def admit(self, name: str, folder: str) -> None:
        shutil.copy(self.public(name), self.keys / folder)

    def revoke(self, name: str, folder: str) -> None:
        (self.keys / folder / f"{name}.cert").unlink()

    def wire_keys(self, name: str) -> wire.Keys:
        """Read as pyzmq reads them."""
        public, private = zmq.auth.load_certificate(self.secret(name))
        server, _ = zmq.auth.load_certificate(self.public("broker"))
        assert private
        return wire.Keys(public, private, server)

    @property
    def clients_url(self) -> str:
        return self.broker.clients[1]

    @property
    def workers_url(self) -> str:
        return self.broker.workers[1]

    def client(self, name: str) -> wire.Client:
        return wire.Client(self.clients_url, self.wire_keys(name))

    def worker(self, name: str) -> wire.Worker:
        return wire.Worker(self.workers_url, self.wire_keys(name))

    def options(self, name: str) -> list[object]:
        return ["--key", self.secret(name), "--server-key", self.public("broker")]

    def ask(self, name: str, *arguments: object) -> Result:
        return self.stage.client(*arguments, "--broker", self.clients_url, *self.options(name))

    def submit(self, name: str) -> int:
        """A job that stays: no worker is there to render it."""
        with self.client(name) as client:
            accepted = client.submit(light_request(), keep=True)
            assert accepted.name == "ACCEPTED", accepted.body
            return accepted.body["job"]

    def wait_admitted(self, name: str) -> None:
        """Until the broker has seen a new certificate: with a new connection each time, for one
        that was turned away is over."""
        def is_let_in() -> bool:
            with self.client(name) as client:
                return client.is_let_in() and client.ask("JOBS").name == "REPORT"
        wait_until(is_let_in, f"{name} is admitted")


@pytest.fixture(name="house")
def fixture_house(stage: Stage, tmp_path: Path) -> Iterator[House]:
    house = House(stage, tmp_path)
    house.start()
    yield house


def body_of(message: str, job: int) -> object:
    bodies: dict[str, object] = {
        "HELLO": wire.hello(), "MAPPED": "x", "FAIL": "x",
        "SUBMIT": {"key": secrets.token_hex(16), "request": light_request(), "keep": True},
        "WATCH": {"jobs": [job]}, "PRIORITY": {"job": job, "priority": 1},
        "FETCH": {"job": job, "plane": 0, "x": 0, "y": 0, "w": 1, "h": 1, "seen": 0},
        "DRAIN_WORKER": {"worker": "none of that name"}, "HISTORY": {"limit": 1},
        "JOBS": {}, "WORKERS": {}, "STATUS": {},
    }
    return bodies.get(message, {"job": job} if message not in WORKER_MESSAGES else None)


def fields_of(message: str) -> list[object]:
    layout = wire.MESSAGES[message][1].replace("16s", "s")
    return [bytes(16) if letter == "s" else 1 for letter in layout]


def say(peer: wire.Peer, message: str, job: int) -> None:
    peer.send(message, *fields_of(message), body=body_of(message, job))


def is_denied(answer: wire.Message, message: str) -> bool:
    if answer.name != "REFUSED" or answer.body["error"] != "denied":
        return False
    assert answer.body["message"] == message, answer.body
    return True


def hears(peer: wire.Peer, message: str, job: int) -> bool:
    """Whether the broker takes that message of that peer."""
    say(peer, message, job)
    if message not in WORKER_MESSAGES:
        return not is_denied(peer.receive(), message)
    # Not all that a worker says is answered, but a HELLO is.
    answers = []
    say(peer, "HELLO", job)
    hellos = 2 if message == "HELLO" else 1
    while sum(a.name == "WELCOME" or a.body.get("message") == "HELLO" for a in answers) < hellos:
        answers.append(peer.receive())
    return not any(is_denied(a, message) for a in answers if a.body.get("message") == message)
