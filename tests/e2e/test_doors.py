"""Who may say what: each cell of README's table, keys that come and go, and locks that do not hold."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq.auth

import wire
from harness import (NOBODY_UID, NotStarted, Stage, as_user, can_be_others, light_request,
                     wait_until)
from house import (BUSY, CELLS, CONFIG, DENIED, ROLES, UNAVAILABLE, USAGE, WORKER_MESSAGES, House, fixture_house,
                   hears, is_denied, say)

__all__ = ["fixture_house"]  # a fixture is used by its other name


def test_the_table_is_whole() -> None:
    from_peers = {name for name, (code, _) in wire.MESSAGES.items() if name not in
                  {"WELCOME", "JOB", "TILE", "CANCEL", "DRAIN", "REREGISTER", "REVOKE"}
                  and code < 0x60}
    assert {message for message, _, _ in CELLS} == from_peers
    assert {who for _, who, _ in CELLS} == {"stranger", *ROLES}
    assert len(CELLS) == 4 * len(from_peers)


@pytest.mark.parametrize("who", ROLES)
def test_each_cell_of_a_role(house: House, who: str) -> None:
    """On the socket that the message is for: what is open is heard, the rest denied, or does not get
    through the handshake."""
    another = "other" if who == "client" else "client"
    for message, column, word in CELLS:
        if column != who:
            continue
        job, others = house.submit("client"), house.submit(another)
        at_workers = message in WORKER_MESSAGES
        url = house.workers_url if at_workers else house.clients_url
        with wire.Peer(url, house.wire_keys(who)) as peer:
            if at_workers != (who == "worker"):
                say(peer, message, others)
                assert word == "no" and not peer.is_let_in(), (message, who)
                continue
            if who != "client" or word != "own":
                assert hears(peer, message, others) == (word == "yes"), (message, who)
                continue
            before = [row for row in house.broker.jobs() if row["job"] == others]
            assert not hears(peer, message, others), (message, "another's job")
            after = [row for row in house.broker.jobs() if row["job"] == others]
            assert [{**row, "elapsed_ms": 0} for row in before] == [
                {**row, "elapsed_ms": 0} for row in after], message
            assert hears(peer, message, job), (message, "own job")


@pytest.mark.parametrize("at_workers", [False, True], ids=["clients", "workers"])
def test_each_cell_of_a_stranger(house: House, at_workers: bool) -> None:
    """Nothing that a stranger says gets in: the handshake is as far as it comes."""
    url = house.workers_url if at_workers else house.clients_url
    heard = "worker_bytes_received" if at_workers else "client_bytes_received"
    messages = [message for message, who, word in CELLS
                if who == "stranger" and word == "no" and (message in WORKER_MESSAGES) == at_workers]
    assert len(messages) == (8 if at_workers else 15)
    before = house.broker.status()[heard]
    with wire.Peer(url, house.wire_keys("stranger")) as peer:
        for message in messages:
            say(peer, message, 1)
        assert not peer.is_let_in()
        assert peer.is_silent(0)
    with wire.Peer(url) as plain:  # without any key
        for message in messages:
            say(plain, message, 1)
        assert plain.is_silent(1.0)
    # The questions of this test are heard as well, at the clients' socket.
    asked = 0 if at_workers else len(wire.header("STATUS")) + len(b"{}")
    assert house.broker.status()[heard] - before == asked


def test_roles_of_several_folders_add_up(house: House) -> None:
    house.admit("client", "workers")

    def is_worker() -> bool:
        with wire.Worker(house.workers_url, house.wire_keys("client")) as worker:
            return worker.is_let_in() and hears(worker, "BEAT", 1)
    wait_until(is_worker, "the client is a worker too")
    house.submit("client")


# Keys that come and go


def test_a_key_that_is_added_opens_the_door(house: House) -> None:
    with wire.Client(house.clients_url, house.wire_keys("stranger")) as stranger:
        assert not stranger.is_let_in()
    house.admit("stranger", "clients")
    house.wait_admitted("stranger")


def test_a_revoked_client_is_refused_over_its_open_connection(house: House) -> None:
    with house.client("client") as client:
        job = client.submit(light_request(), keep=True).body["job"]
        house.revoke("client", "clients")
        wait_until(lambda: client.ask("JOBS").name == "REFUSED", "the key is gone")
        for message, who, word in CELLS:
            if who == "client" and word != "no":
                assert not hears(client, message, job), message
    with house.client("client") as again:
        assert not again.is_let_in()
    assert [row["job"] for row in house.broker.jobs()] == [job], "its job stays"
    house.admit("client", "clients")
    house.wait_admitted("client")


def test_the_tiles_of_a_revoked_worker_go_elsewhere_at_once(house: House) -> None:
    with house.worker("worker") as revoked, house.worker("second") as second:
        revoked.register(1, name="revoked")
        job = house.submit("client")
        _, tile = revoked.take()
        house.revoke("worker", "workers")
        wait_until(lambda: house.broker.worker_list() == [], "its session is over")
        second.register(1, name="second")
        while True:
            given = second.expect("JOB", "TILE")
            if given.name == "JOB":
                second.send("MAPPED", second.session, given.fields[1], 1, bytes(16), body="no")
            elif given.fields[3] == tile.fields[3]:
                break
            else:
                width, height = given.fields[7:9]
                second.done(given, bytes(4 * width * height))
        assert given.fields[1] == job and given.fields[4] == tile.fields[4] + 1
        # What it brings late is not taken.
        revoked.done(tile, bytes(4 * tile.fields[7] * tile.fields[8]))
        while True:
            answer = revoked.receive()
            if answer.name == "REFUSED":
                break
        assert is_denied(answer, "DONE")
        for message in WORKER_MESSAGES:
            say(revoked, message, job)
            assert is_denied(revoked.receive(), message)


def test_a_role_that_is_taken_leaves_the_others(house: House) -> None:
    house.admit("client", "admins")
    with house.client("client") as client:
        wait_until(lambda: hears(client, "DRAIN_WORKER", 1), "the client is an admin")
        house.revoke("client", "admins")
        wait_until(lambda: not hears(client, "DRAIN_WORKER", 1), "and is none again")
        assert hears(client, "JOBS", 1)


def test_a_file_changed_in_its_place_counts_after_sighup(house: House) -> None:
    certificate = house.keys / "clients" / "client.cert"
    with house.client("client") as client, certificate.open("r+b") as file:
        assert hears(client, "JOBS", 1)
        file.write(house.public("stranger").read_bytes())
        file.truncate()
        file.flush()
        house.broker.process.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: not hears(client, "JOBS", 1), "the old key is gone")
    with house.client("stranger") as stranger:
        assert hears(stranger, "JOBS", 1)


def test_a_folder_that_others_can_write_opens_nothing(house: House) -> None:
    with house.client("client") as client:
        assert hears(client, "JOBS", 1)
        (house.keys / "clients").chmod(0o777)
        wait_until(lambda: not hears(client, "JOBS", 1), "the folder is not trusted")
    assert "be closed to writing by others" in house.broker.process.err()


# The lock itself


def spoil(stage: Stage, mode: str) -> dict[str, str]:
    options = stage.environment.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": os.environ["BROT_OPEN_DOOR_LIBRARY"], "BROT_OPEN_DOOR": mode,
            "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0"}


@pytest.mark.parametrize("mode, status, sentence", [
    ("no-lock", DENIED, "nobody asked for its key"),
    ("no-handler", BUSY, "must be turned away, and was not"),
    ("no-enforcement", DENIED, "a stranger with a key of its own was let in"),
    ("yes-man", DENIED, "a stranger with a key of its own was let in")])
def test_a_broker_whose_lock_does_not_hold_does_not_start(stage: Stage, tmp_path: Path, mode: str,
                                                          status: int, sentence: str) -> None:
    house = House(stage, tmp_path)
    with pytest.raises(NotStarted) as failure:
        house.start(environment=spoil(stage, mode))
    result = failure.value.process.wait()
    assert result.status == status and sentence in result.err, result.err


def test_a_lock_that_holds_passes_the_same_test(stage: Stage, tmp_path: Path) -> None:
    house = House(stage, tmp_path)
    house.start(environment=spoil(stage, "no such mode"))
    assert house.broker.jobs() == []


def test_a_doorkeeper_that_is_stopped_lets_nobody_in(house: House) -> None:
    process = house.broker.process.popen
    process.send_signal(signal.SIGSTOP)
    try:
        with house.client("client") as known, house.client("stranger") as stranger:
            assert not known.monitor.poll(500) and not stranger.monitor.poll(500)
            process.send_signal(signal.SIGCONT)
            assert known.is_let_in() and not stranger.is_let_in()
            assert hears(known, "JOBS", 1)
    finally:
        process.send_signal(signal.SIGCONT)


# Programs


def test_the_programs_with_keys(house: House) -> None:
    house.stage.start("brot-worker", "--broker", house.workers_url, "--processes", 1,
                      *house.options("worker"))
    out = house.stage.folder / "out.npy"
    result = house.ask("client", "render", "--view", "home", "--size", "64x48", "--out", out)
    assert result.status == 0, result.err
    variables = {"BROT_KEY": str(house.secret("client")), "BROT_BROKER": house.clients_url,
                 "BROT_SERVER_KEY": str(house.public("broker"))}
    for command in (["status"], ["jobs"], ["workers"], ["jobs", "--history"]):
        result = house.stage.client(*command, environment=variables)
        assert result.status == 0, result.err
    assert house.ask("admin", "drain", "nobody").status == 66
    # An embedded service has no door that keys could open.
    variables |= {"BROT_KEYS": str(house.keys), "BROT_BROKER": ""}
    again = house.stage.folder / "again.npy"
    result = house.stage.client("render", "--workers", 1, "--view", "home", "--size", "64x48",
                                "--out", again, environment=variables)
    assert result.status == 0, result.err
    assert again.read_bytes() == out.read_bytes()


def test_who_is_denied_learns_it(house: House) -> None:
    job = house.submit("other")
    for arguments, sentence in [(["drain", "x"], "is for an admin"),
                                (["cancel", job], f"job {job} is another's"),
                                (["wait", job, "--out", house.stage.folder / "w.png"],
                                 f"job {job} is another's"),
                                (["fetch", job, "--out", house.stage.folder / "f.png"],
                                 f"job {job} is another's"),
                                (["priority", job, "3"], f"job {job} is another's")]:
        for more in ([], ["--json"]):
            result = house.ask("client", *arguments, *more)
            sentence_of = f"{arguments[0]}: {sentence}"
            assert result.status == DENIED, result.err
            assert result.err.startswith(f"brot-client: {sentence_of}"), result.err
            assert all(event["text"].startswith(sentence_of) for event in result.events())
    both = house.ask("client", "pause", job, house.submit("other"))
    assert both.err.count("brot-client: pause: job ") == 2, both.err
    for name in ("worker", "stranger"):
        result = house.ask(name, "status")
        assert result.status == DENIED and "does not take the key" in result.err, result.err
    plain = house.stage.client("status", "--broker", house.clients_url)
    assert plain.status == DENIED and "--key and --server-key must be given" in plain.err
    for name in ("client", "stranger"):
        process = house.stage.start("brot-worker", "--broker", house.workers_url, "--processes", 1,
                                    *house.options(name))
        wait_until(lambda: "denied" in process.err(), "the worker is told")
        assert process.stop().status == 0


def test_keys_that_cannot_be_used(house: House) -> None:
    where = ["status", "--timeout", "2", "--broker", house.clients_url]

    def refused(status: int, sentence: str, *options: object) -> None:
        result = house.stage.client(*where, *options)
        assert result.status == status and sentence in result.err, result.err
    secret, server = house.secret("client"), house.public("broker")
    refused(USAGE, "--key: needs --server-key", "--key", secret)
    refused(USAGE, "--server-key: needs --key", "--server-key", server)
    refused(CONFIG, "brot-client: --key: ", "--key", house.public("client"), "--server-key", server)
    refused(CONFIG, "has none", "--key", house.public("client"), "--server-key", server)
    refused(CONFIG, "brot-client: --server-key: ", "--key", secret, "--server-key",
            house.secret("broker"))
    refused(CONFIG, "is for its owner alone", "--key", secret, "--server-key",
            house.secret("broker"))
    refused(66, "cannot be read", "--key", house.folder / "none", "--server-key", server)
    refused(UNAVAILABLE, f"no broker answers at {house.clients_url} within 2 s, or its key is not "
            f"that of {house.public('stranger')}\n", "--key", secret, "--server-key",
            house.public("stranger"))
    for mode in (0o640, 0o604, 0o620):
        secret.chmod(mode)
        refused(DENIED, "must be closed to others", "--key", secret, "--server-key", server)
    worker = house.stage.start("brot-worker", "--broker", house.workers_url, "--key", secret,
                               "--server-key", server).wait()
    assert worker.status == DENIED and "must be closed to others" in worker.err


def test_a_broker_without_what_it_needs(stage: Stage, tmp_path: Path) -> None:
    house = House(stage, tmp_path)

    def refused(status: int, sentence: str, *options: object, host: str = "127.0.0.1") -> None:
        with pytest.raises(NotStarted) as failure:
            stage.broker(*options, clients=[f"tcp://{host}:*"], workers=[f"tcp://{host}:*"])
        result = failure.value.process.wait()
        assert result.status == status and sentence in result.err, result.err
    refused(USAGE, "needs --key and --keys, or --insecure", host="0.0.0.0")
    refused(USAGE, "--keys: needs --key", "--keys", house.keys)
    refused(USAGE, "--key: needs --keys", "--key", house.secret("broker"))
    refused(USAGE, "--insecure: must not be given", "--insecure", *house.arguments())
    refused(66, "must be a folder", "--key", house.secret("broker"), "--keys", tmp_path / "none")
    house.secret("broker").chmod(0o644)
    refused(DENIED, "must be closed to others", *house.arguments())
    house.secret("broker").chmod(0o600)
    refused(CONFIG, "--key: ", "--key", house.public("broker"), "--keys", house.keys)
    refused(66, "--key: ", "--key", tmp_path / "none", "--keys", house.keys)
    house.keys.chmod(0o777)
    refused(DENIED, "closed to writing by others", *house.arguments())


def test_beyond_this_host(stage: Stage, tmp_path: Path) -> None:
    """With keys the door may be anywhere; without them it is open, and the log says so."""
    house = House(stage, tmp_path)
    anywhere = ["tcp://0.0.0.0:*"]
    house.broker = stage.broker(*house.arguments(), clients=[f"ipc://{stage.folder}/c", *anywhere],
                                workers=anywhere)
    assert house.ask("client", "status").status == 0
    for level in ("error", "info"):
        open_broker = stage.broker("--insecure", "--log-level", level, clients=anywhere,
                                   workers=anywhere)
        assert open_broker.process.err().count("open to anybody who reaches it") == 2


def test_without_keys_anybody_may_do_all(stage: Stage) -> None:
    broker = stage.broker(tcp=True)
    with wire.Client(broker.url) as client, wire.Client(broker.url) as another, \
            wire.Worker(broker.workers[0]) as worker:
        job = client.submit(light_request(), keep=True).body["job"]
        for message, who, word in CELLS:
            if who == "admin" and word == "yes":
                assert hears(another, message, job), message
            elif who == "worker" and word == "yes":
                assert hears(worker, message, job), message


def test_certificates_of_others_and_for_others(stage: Stage, tmp_path: Path) -> None:
    """Ours are what pyzmq reads, and keep their modes; what it writes is what we read."""
    result = stage.client("keygen", "ours", "--out", tmp_path, "--json")
    assert result.status == 0, result.err
    (event,) = result.events()
    public, private = zmq.auth.load_certificate(tmp_path / "ours.cert_secret")
    assert zmq.curve_public(private) == public == event["public_key"].encode()
    assert zmq.auth.load_certificate(tmp_path / "ours.cert") == (public, None)
    assert (tmp_path / "ours.cert").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "ours.cert_secret").stat().st_mode & 0o777 == 0o600
    assert private.decode() not in (tmp_path / "ours.cert").read_text()
    folder = tmp_path / "theirs"
    folder.mkdir()
    shutil.copy(tmp_path / "ours.cert", folder / "ours.key")
    assert zmq.auth.load_certificates(folder) == {public: True}
    assert stage.client("keygen", "ours", "--out", tmp_path).status == 73
    for name in ("../ours", "", ".ours", "a b", "x" * 64):
        assert stage.client("keygen", "--out", tmp_path, "--", name).status == USAGE
    assert re.search("keygen", stage.client("--help").out)


# The kernel's word


def test_another_user_over_ipc_is_a_client(house: House) -> None:
    """Whatever id it claims: README says what a client may."""
    if not can_be_others():
        pytest.skip("this system does not let us be another user")
    job = house.submit("client")
    house.stage.folder.chmod(0o755)
    for name in ("c", "w"):
        (house.stage.folder / name).chmod(0o666)

    def as_client() -> dict[str, bool]:
        with wire.Client(house.broker.clients[0]) as client:
            own = client.submit(light_request(), keep=True).body["job"]
            heard = {message: hears(client, message, job) for message, who, word in CELLS
                     if who == "client" and message not in WORKER_MESSAGES}
            heard["own"] = hears(client, "PAUSE", own)
            return heard

    def as_worker() -> list[bool]:
        with wire.Worker(house.broker.workers[0]) as worker:
            return [hears(worker, message, 1) for message in WORKER_MESSAGES]
    expected = {message: word == "yes" for message, who, word in CELLS
                if who == "client" and message not in WORKER_MESSAGES}
    assert as_user(NOBODY_UID, as_client) == {**expected, "own": True}
    assert as_user(NOBODY_UID, as_worker) == [False] * len(WORKER_MESSAGES)


def zmtp_frame(flags: int, data: bytes) -> bytes:
    return bytes([flags, len(data)]) + data


def property_of(name: str, value: bytes) -> bytes:
    return bytes([len(name)]) + name.encode() + len(value).to_bytes(4, "big") + value


def test_an_id_that_an_ipc_peer_claims_is_not_believed(house: House) -> None:
    """libzmq passes on what a peer says of itself, where nobody was asked about it."""
    if not can_be_others():
        pytest.skip("this system does not let us be another user")
    house.stage.folder.chmod(0o755)
    (house.stage.folder / "c").chmod(0o666)
    admin = house.wire_keys("admin").public

    def drain_as_admin() -> bytes:
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(wire.ANSWER_S)
            plain.connect(str(house.stage.folder / "c"))

            def receive(end: Callable[[bytes], bool]) -> bytes:
                heard = b""
                while not end(heard):
                    piece = plain.recv(4096)
                    assert piece, f"the broker has left after {heard!r}"
                    heard += piece
                return heard
            plain.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0"
                          + bytes(31))
            receive(lambda heard: len(heard) >= 64)
            ready = (b"\x05READY" + property_of("Socket-Type", b"DEALER")
                     + property_of("User-Id", admin)
                     + property_of("Peer-Address", b"localhost:0:0:1"))
            plain.sendall(zmtp_frame(0x04, ready))
            head, body = wire.frames_of("DRAIN_WORKER", body={"worker": "x"})
            plain.sendall(zmtp_frame(0x01, head) + zmtp_frame(0x00, body))
            return receive(lambda heard: heard.endswith(b"}"))
    answer = as_user(NOBODY_UID, drain_as_admin)
    assert isinstance(answer, bytes) and b'"denied"' in answer and b"uid:65534" in answer, answer


def test_our_own_user_over_ipc_is_admin_and_worker(house: House) -> None:
    job = house.submit("client")
    with wire.Client(house.broker.clients[0]) as client, \
            wire.Worker(house.broker.workers[0]) as worker:
        for message, who, word in CELLS:
            if who == "admin" and word == "yes":
                assert hears(client, message, job), message
            elif who == "worker" and word == "yes":
                assert hears(worker, message, job), message
