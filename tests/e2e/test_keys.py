"""What a key opens, folders of keys that are not good, and where secrets lie."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
import zmq.auth

import wire
from harness import NotStarted, Process, Stage, wait_until
from house import CELLS, ROLES, House, fixture_house, hears, say

__all__ = ["fixture_house"]  # a fixture is used by its other name


@pytest.mark.parametrize("who", ROLES)
def test_a_key_opens_the_socket_of_its_role_alone(house: House, who: str) -> None:
    here, other = house.clients_url, house.workers_url
    if who == "worker":
        here, other = other, here
    with wire.Peer(here, house.wire_keys(who)) as peer:
        assert peer.is_let_in()
    with wire.Peer(other, house.wire_keys(who)) as peer:
        assert not peer.is_let_in()
    assert "the key is for another door" in house.broker.process.err()


@pytest.mark.parametrize("who", ROLES)
def test_a_role_that_is_taken_is_nobody_at_the_other_socket(house: House, who: str) -> None:
    """Whatever it says there, messages of that socket or the other one or none at all."""
    url = house.clients_url if who == "worker" else house.workers_url
    folder = "clients" if who == "worker" else "workers"
    house.admit(who, folder)

    def is_let_in() -> bool:
        with wire.Peer(url, house.wire_keys(who)) as peer:
            return peer.is_let_in()
    wait_until(is_let_in, "it has both roles")
    with wire.Peer(url, house.wire_keys(who)) as peer:
        message = "HELLO" if folder == "workers" else "JOBS"
        assert hears(peer, message, 1)
        house.revoke(who, folder)
        wait_until(lambda: not hears(peer, message, 1), "it has one of them")
        for message, column, _ in CELLS:
            if column != who:
                continue
            say(peer, message, 1)
            answer = peer.receive()
            assert answer.name == "REFUSED" and answer.body["error"] == "denied", (who, message)
        peer.send_raw(b"nothing of ours")
        assert peer.receive().body["error"] == "denied"
    assert house.broker.jobs() == [] and house.broker.worker_list() == []


def test_a_folder_that_cannot_be_read_stops_no_revocation(house: House) -> None:
    with house.client("client") as client, house.worker("worker") as worker:
        assert hears(client, "JOBS", 1) and hears(worker, "HELLO", 1)
        shutil.rmtree(house.keys / "workers")
        os.symlink("workers", house.keys / "workers")
        wait_until(lambda: not hears(worker, "HELLO", 1), "its folder opens nothing")
        assert hears(client, "JOBS", 1)
        house.revoke("client", "clients")
        wait_until(lambda: not hears(client, "JOBS", 1), "the client's key is gone")

    def told() -> int:
        return house.broker.process.err().count("not all keys can be read")

    before = told()
    house.broker.process.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: told() > before, "SIGHUP is heard")
    assert house.broker.process.err().count("keys read") == 1, "at the start"


def test_a_broker_does_not_start_with_a_folder_that_cannot_be_read(stage: Stage,
                                                                   tmp_path: Path) -> None:
    house = House(stage, tmp_path)
    shutil.rmtree(house.keys / "clients")
    os.symlink("clients", house.keys / "clients")
    with pytest.raises(NotStarted) as failure:
        house.start()
    result = failure.value.process.wait()
    assert result.status == 66 and "clients must be a folder that can be read" in result.err


def copies_in_memory(process: Process, secret: bytes) -> int:
    count = 0
    maps = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
    with open(f"/proc/{process.pid}/mem", "rb", 0) as memory:
        for line in maps:
            first, last = (int(word, 16) for word in line.split()[0].split("-"))
            try:
                memory.seek(first)
                count += memory.read(last - first).count(secret)
            except (OSError, ValueError, OverflowError):
                continue  # not memory that can be read
    return count


def test_secrets_do_not_lie_about(house: House) -> None:
    """One copy for as long as it is used, and what reads it keeps none."""
    if os.geteuid() != 0:
        pytest.skip("only root may look into who holds a secret")
    worker = house.stage.start("brot-worker", "--broker", house.workers_url, "--processes", 1,
                               *house.options("worker"))
    house.broker.wait_workers(1)
    for process, name in ((house.broker.process, "broker"), (worker, "worker")):
        _, secret = zmq.auth.load_certificate(house.secret(name))
        assert secret and copies_in_memory(process, secret) <= 1, name
