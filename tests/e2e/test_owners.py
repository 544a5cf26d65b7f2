"""Whose jobs are whose, what is told of that, and what becomes of those whose keys go away."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from pathlib import Path

import wire
from harness import Broker, Stage, light_request, wait_until
from house import DENIED, House, fixture_house, hears, say

__all__ = ["fixture_house"]  # a fixture is used by its other name


def test_the_key_of_a_submit_is_its_owners(house: House) -> None:
    key = secrets.token_hex(16)
    with house.client("client") as client, house.client("other") as other, \
            house.client("admin") as admin:
        job = client.submit(light_request(), key, keep=True).body["job"]
        assert other.submit(light_request(), key, keep=True).body["error"] == "denied"
        assert client.submit(light_request(), key, keep=True).body["job"] == job
        assert admin.submit(light_request(), key, keep=True).body["job"] == job


def test_an_owner_has_so_many_jobs_by_whatever_names(house: House) -> None:
    """64, as section 8 has it; an admin as many as there may be."""
    tiny = light_request(size=[8, 8])
    with house.client("client") as client, house.client("other") as other, \
            house.client("admin") as admin:
        for i in range(64):
            assert client.submit(tiny, keep=True, client=f"name {i % 4}").name == "ACCEPTED"
        refused = client.submit(tiny, keep=True, client="another name")
        assert refused.body["error"] == "busy" and "at most 64" in refused.body["text"]
        assert other.submit(tiny, keep=True, client="name 0").name == "ACCEPTED"
        for i in range(70):
            assert admin.submit(tiny, keep=True, client=f"name {i % 4}").name == "ACCEPTED"
        client.send("CANCEL_JOB", body={"job": house.broker.jobs()[0]["job"]})
        client.expect("REPORT")
        assert client.submit(tiny, keep=True, client="another name").name == "ACCEPTED"


def test_whose_a_job_is_admins_are_told(house: House) -> None:
    """By JOBS, HISTORY and the log, who may do something about it; a client is told nothing of
    others."""
    job = house.submit("client")
    names = {name: f"key:{house.wire_keys(name).public.decode()}" for name in ("client", "admin")}
    with house.client("admin") as admin, house.client("client") as client:
        (row,) = admin.report("JOBS")["jobs"]
        assert row["owner"] == names["client"]
        (row,) = client.report("JOBS")["jobs"]
        assert "owner" not in row
        admin.send("CANCEL_JOB", body={"job": job})
        admin.expect("REPORT")
        say(client, "DRAIN_WORKER", job)
        assert client.receive().body["error"] == "denied"
    lines = house.broker.process.err().splitlines()
    (accepted,) = [line for line in lines if "job accepted" in line]
    (ended,) = [line for line in lines if "job ended" in line]
    (denied,) = [line for line in lines if " denied " in line]
    assert accepted.endswith(f" by={names['client']}") and ended.endswith(f" by={names['admin']}")
    assert f"who={names['client']} count=1" in denied


def test_denials_do_not_fill_the_log(house: House) -> None:
    with house.client("client") as client:
        for _ in range(500):
            assert not hears(client, "DRAIN_WORKER", 1)
    denied = [line for line in house.broker.process.err().splitlines() if " denied " in line]
    assert 1 <= len(denied) < 100
    assert "DRAIN_WORKER: is for an admin" in denied[0]


def test_an_owner_outlives_the_broker(stage: Stage, tmp_path: Path) -> None:
    house = House(stage, tmp_path)
    urls = ["tcp://127.0.0.1:*"]

    def start() -> Broker:
        return stage.broker(*house.arguments(), "--state-dir", tmp_path / "state",
                            clients=[f"ipc://{stage.folder}/c", *urls],
                            workers=[f"ipc://{stage.folder}/w", *urls])
    house.broker = start()
    job = house.submit("client")
    house.broker.process.kill()
    house.broker = start()
    with house.client("other") as other:
        assert not hears(other, "CANCEL_JOB", job)
    with house.client("client") as client:
        assert hears(client, "CANCEL_JOB", job)
        assert "owner" not in client.report("HISTORY", limit=1)["history"][0]
    assert house.broker.history()[0]["owner"].startswith("key:")
    with house.client("other") as other:  # what has ended is not everybody's either
        assert not hears(other, "RETRY", job)
        assert not hears(other, "ATTACH", job)


def test_what_has_ended_is_its_owners_too(stage: Stage, tmp_path: Path) -> None:
    """Its end is told by WATCH and FETCH to nobody else, though only the store knows whose it was."""
    house = House(stage, tmp_path)
    house.start(state=tmp_path / "state")
    job = house.submit("client")
    with house.client("client") as client, house.client("other") as other:
        client.send("CANCEL_JOB", body={"job": job})
        client.expect("REPORT")
        for message in ("WATCH", "FETCH", "ATTACH", "RETRY"):
            assert not hears(other, message, job), message
        assert client.progress(job).body["error"] == "cancelled"
        assert hears(client, "FETCH", job)
        # Of one that there never was everybody is told the same.
        assert other.progress(12345).body["error"] == "not_found"


def test_a_store_that_makes_no_sense_opens_nothing(stage: Stage, tmp_path: Path) -> None:
    """Of a job that nobody can tell whose it is nobody is told anything."""
    house = House(stage, tmp_path)
    house.start(state=tmp_path / "state")
    job = house.submit("client")
    with house.client("client") as client:
        client.send("CANCEL_JOB", body={"job": job})
        client.expect("REPORT")
    assert house.broker.process.stop().status == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "brot.db")) as store, store:
        assert store.execute("UPDATE job SET priority = 1000").rowcount == 1
    house.start(state=tmp_path / "state")
    for name in ("client", "other", "admin"):
        with house.client(name) as peer:
            for message in ("WATCH", "FETCH", "CANCEL_JOB", "RETRY"):
                say(peer, message, job)
                refused = peer.receive()
                assert refused.name == "REFUSED" and refused.body["error"] == "system", refused


def test_who_fetches_its_own_job_gets_rows(house: House) -> None:
    with house.client("client") as client, house.client("other") as other, \
            house.client("admin") as admin:
        job = client.submit(light_request(size=[8, 8]), keep=True).body["job"]
        house.stage.start("brot-worker", "--broker", house.workers_url, "--processes", 1,
                          *house.options("worker"))
        assert client.wait(job).name == "FINISHED"
        pixels = client.fetch(job, 0, 4, 8, 8)
        assert pixels == admin.fetch(job, 0, 4, 8, 8) and any(pixels)
        assert not hears(other, "FETCH", job)


# Roles that are taken away


def test_who_is_no_admin_any_more_hears_no_more_of_others_jobs(house: House) -> None:
    """Whoever watched a job as an admin is not told of it as a client."""
    with house.client("client") as client, house.client("admin") as admin, \
            house.worker("worker") as worker:
        worker.register(1)
        job = client.submit(light_request(), keep=True).body["job"]
        own = admin.submit(light_request(), keep=True).body["job"]
        admin.send("WATCH", body={"jobs": [job]})
        admin.expect("PROGRESS")
        house.admit("admin", "clients")
        house.revoke("admin", "admins")
        wait_until(lambda: is_refused_as_client(admin), "the admin is a client")
        admin.send("WATCH", body={"jobs": [job, own]})
        assert admin.expect("REFUSED").body["error"] == "denied"
        assert admin.expect("PROGRESS").body["job"] == own
        _, tile = worker.take()
        while True:
            worker.done(tile, bytes(4 * tile.fields[7] * tile.fields[8]))
            given = worker.expect("TILE", "JOB")
            if given.name == "JOB":
                worker.send("MAPPED", worker.session, given.fields[1], 1, bytes(16), body="no")
                given = worker.expect("TILE")
            tile = given
            if tile.fields[1] != job:
                break
        assert client.wait(job).name == "FINISHED"
        # Whatever was told to watchers of the job is ahead of this answer.
        admin.send("STATUS", body={})
        while (heard := admin.receive()).name != "REPORT":
            assert heard.body.get("job") != job, heard


def is_refused_as_client(peer: wire.Peer) -> bool:
    """Whether DRAIN_WORKER is denied; what else comes meanwhile is dropped."""
    peer.send("DRAIN_WORKER", body={"worker": "x"})
    return peer.expect("REFUSED").body["error"] == "denied"


# Programs that wait for their keys


def test_a_revoked_worker_process_waits_for_its_key(house: House) -> None:
    """It says once that it is denied, and is there again when it may be."""
    process = house.stage.start("brot-worker", "--broker", house.workers_url, "--processes", 2,
                                *house.options("worker"))
    house.broker.wait_workers(2)
    house.revoke("worker", "workers")
    house.broker.wait_workers(0)
    wait_until(lambda: process.err().count("denied") >= 2, "both are told")
    house.admit("worker", "workers")
    house.broker.wait_workers(2)
    assert process.err().count("registered again") == 2 and process.is_running()
    # The refusal of its BEAT over the old connection, or that of the new one's key.
    assert process.err().count("denied") <= 2, process.err()


def test_a_worker_outlasts_who_takes_its_brokers_place(stage: Stage, tmp_path: Path) -> None:
    """A server without keys at the broker's port: whoever comes first has it."""
    house = House(stage, tmp_path)
    house.start()
    tcp = house.workers_url
    process = stage.start("brot-worker", "--broker", tcp, "--processes", 1,
                          *house.options("worker"))
    house.broker.wait_workers(1)
    house.broker.process.kill()
    with wire.impostor(tcp):
        wait_until(lambda: "nobody there proves" in process.err(), "the worker is denied")
        result = stage.client("status", "--broker", tcp, *house.options("client"))
        assert result.status == DENIED and "nobody there proves" in result.err, result.err
    broker = stage.broker(*house.arguments(), clients=[f"ipc://{stage.folder}/c2"], workers=[tcp])
    broker.wait_workers(1)
    assert process.err().count("denied") == 1 and process.is_running()


def test_a_client_that_waits_waits_for_its_key_too(house: House) -> None:
    job = house.submit("client")
    house.revoke("client", "clients")

    def is_turned_away() -> bool:
        with house.client("client") as client:
            return not client.is_let_in()
    wait_until(is_turned_away, "the key is gone")
    assert house.ask("client", "status").status == DENIED
    waiting = house.stage.start("brot-client", "wait", job, "--timeout", 1, "--broker",
                                house.clients_url, *house.options("client")).wait()
    assert waiting.status == DENIED and "does not take the key" in waiting.err
    waiting = house.stage.start("brot-client", "wait", job, "--timeout", 20, "--broker",
                                house.clients_url, *house.options("client"))
    wait_until(lambda: house.broker.process.err().count("turned away") > 0, "it was turned away")
    house.admit("client", "clients")
    with wire.Client(house.broker.clients[0]) as admin:
        wait_until(lambda: admin.progress(job).name == "PROGRESS", "the job is there")
        house.stage.start("brot-worker", "--broker", house.workers_url, "--processes", 1,
                          *house.options("worker"))
        assert waiting.wait().status == 0
