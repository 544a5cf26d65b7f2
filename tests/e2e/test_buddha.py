"""A Buddhabrot has the same counts whatever counts its samples, and whatever dies meanwhile."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import struct

import pytest

import wire
from harness import Broker, Stage, wait_until

WIDTH, HEIGHT = 96, 71
PIXELS = WIDTH * HEIGHT
PROCESSES = 3  # that see the broker's memory, where one is killed

# Enough to be in the middle of for a while, on any machine.
MANY = 40_000_000
FEW = 3_000_000

# Rows of its counts come in five parts from a remote worker, and are summed in ten and more.
LARGE = 1500

# Hits of an orbit that does not escape, and samples of which a tenth have one.
LONG, INSIDE = 1_000_000, 200_000


def request(points: int, im: str = "0.013", **more: object) -> dict:
    """One channel, odd in size and off the axis unless it says otherwise."""
    document = {"brot": 1, "kind": "buddhabrot", "format": "density", "iterations": 500,
                "view": {"re": "-0.4", "im": im, "width": "3.1"}, "size": [WIDTH, HEIGHT],
                "buddha": {"points": points, "first": 0, "seed": 7, "sampling": "random",
                           "orbits": "escaping", "bands": [[1, 500]]}}
    document.update(more)
    return document


def nebula(points: int) -> dict:
    document = request(points, format="nebula32")
    document["buddha"]["bands"] = [[1, 20], [10, 100], [50, 500]]
    return document


def large() -> dict:
    return request(MANY, size=[LARGE, LARGE])


def picture(client: wire.Client, accepted: wire.Message, planes: int = 1, pixel_bytes: int = 8,
            size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """Waits for a job, fetches and releases it."""
    assert accepted.name == "ACCEPTED", accepted.body
    job = accepted.body["job"]
    finished = client.wait(job, "REFUSED")
    assert finished.name == "FINISHED", finished.body
    pixels = b"".join(client.fetch(job, p, pixel_bytes, *size) for p in range(planes))
    client.release(job)
    return pixels


def count(broker: Broker, document: dict, *more: int) -> bytes:
    with wire.Client(broker.url) as client:
        return picture(client, client.submit(document), *more)


# The same on every machine.
EXPECTED = {
    "density": "f03ddc98dfa526761d81372fa692f59e4bb2a47c2a510b9eff352aa104e0859d",
    "mirrored": "eba88fab1bde027e7ca83fac79500d430743f2a7be8e80a69ee72d6497803c75",
    "nebula": "97ecc0212cee6f6a5ff876ef44da3553f2acb9462bebb547362201fec65f52d3",
    "many": "059a44e50c721f3b32254e6fb64ff1096f4e162a0395a7e8a435aabd4644de55",
    "large": "8b920170c6227da497bec683c6e0535a7bf3cec18ed3d7c2166bfa1d42d7a800",
}


def check(name: str, pixels: bytes) -> None:
    assert hashlib.sha256(pixels).hexdigest() == EXPECTED[name], name


def check_few(broker: Broker) -> None:
    check("density", count(broker, request(FEW)))
    check("mirrored", count(broker, request(FEW, im="0")))
    check("nebula", count(broker, nebula(FEW), 3, 4))


@pytest.mark.parametrize("processes", [1, 3, 7])
def test_number_of_workers(stage: Stage, processes: int) -> None:
    broker = stage.broker()
    stage.worker(broker, processes=processes)
    broker.wait_workers(processes)
    check_few(broker)
    assert broker.status()["image_bytes"] == 0


@pytest.mark.parametrize("rows", [1, 5])
def test_size_of_tiles(stage: Stage, rows: int) -> None:
    broker = stage.broker("--tile-rows", rows)
    stage.worker(broker, processes=2)
    check_few(broker)


def test_worker_over_the_socket(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker, "--no-shm")
    check_few(broker)
    assert not any(worker["is_local"] for worker in broker.worker_list())


def test_grids_and_sent_rows_in_one_image(stage: Stage) -> None:
    broker = stage.broker("--tile-rows", 2)
    stage.worker(broker, processes=2)
    stage.worker(broker, "--no-shm", processes=2)
    broker.wait_workers(4)
    check_few(broker)
    assert {worker["is_local"] for worker in broker.worker_list()} == {True, False}


def inside(points: int, im: str, most: int, **more: object) -> dict:
    """All that orbits within the set do falls into the middle one of 3 x 3 pixels."""
    document = request(points, im, iterations=LONG, size=[3, 3], **more)
    document["view"]["width"] = "12"
    document["buddha"].update(orbits="inside", bands=[[1, most]])
    return document


@pytest.mark.parametrize("im", ["0", "0.013"])
@pytest.mark.parametrize("options", [["--processes", "2"], ["--no-shm"]])
def test_counts_over_u32(stage: Stage, options: list[str], im: str) -> None:
    """LONG times as many hits as there are orbits: cells pass 2^32, in each worker's grid and in
    their sum."""
    broker = stage.broker("--tile-rows", 1)
    stage.start("brot-worker", "--broker", broker.workers[0], *options)
    with wire.Client(broker.url) as client:
        once, often = (picture(client, client.submit(inside(INSIDE, im, most)), size=(3, 3))
                       for most in (1, LONG))
        accepted = client.submit(inside(INSIDE, im, LONG, format="density32"))
        failed = client.wait(accepted.body["job"], "REFUSED")
    orbits = struct.unpack("<9Q", once)[4] // 2  # each of which has its conjugate
    assert struct.unpack("<9Q", once) == (0, 0, 0, 0, 2 * orbits, 0, 0, 0, 0)
    assert struct.unpack("<9Q", often) == (0, 0, 0, 0, 2 * orbits * LONG, 0, 0, 0, 0)
    # The area of the set is 1.5066, in a square of 16; half of it is sampled.
    assert abs(orbits / INSIDE - 1.5066 / 16) < 0.003 and orbits * LONG > 1 << 33
    assert failed.name == "FAILED" and "density and nebula hold them all" in failed.body["text"]
    assert f"{2 * orbits * LONG} hits" in failed.body["text"]
    assert broker.status()["image_bytes"] == 0


def test_counts_are_there(stage: Stage) -> None:
    """An image that is its own mirror image; and some hits at all."""
    broker = stage.broker()
    stage.worker(broker)
    pixels = count(broker, request(FEW, im="0"))
    counts = struct.unpack(f"<{PIXELS}Q", pixels)
    assert sum(counts) > FEW
    for y in range(HEIGHT):
        mirrored = HEIGHT - 1 - y
        assert (counts[y * WIDTH:(y + 1) * WIDTH] ==
                counts[mirrored * WIDTH:(mirrored + 1) * WIDTH])


def held(broker: Broker, job: int) -> dict:
    (row,) = [row for row in broker.jobs() if row["job"] == job]
    return row


def kill(broker: Broker, pids: set[int]) -> None:
    """One of these workers, once it has counted something. It must be missed."""
    (victim, *_) = pids
    lost = broker.process.err().count("grid discarded")
    broker.wait_tiles(4, {victim})
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in {w["pid"] for w in broker.worker_list()}, "its end")
    wait_until(lambda: broker.process.err().count("grid discarded") > lost, "the loss of its grid")


def test_a_worker_is_killed(stage: Stage) -> None:
    broker = stage.broker()
    near = stage.worker(broker, processes=PROCESSES)
    broker.wait_workers(PROCESSES)
    far = stage.worker(broker, "--no-shm")
    broker.wait_workers(PROCESSES + 1)
    with wire.Client(broker.url) as client:
        accepted = client.submit(request(MANY))
        for process in (near, far):
            kill(broker, stage.children(process.pid))
        check("many", picture(client, accepted))


def collected(broker: Broker, job: int, before: set[str]) -> str:
    """The grid whose rows are asked for now; none of those before."""
    asked = re.compile(rf"action tile .*tile={job}\.g(\d+)/1/")
    return wait_until(lambda: next((g for g in asked.findall(broker.process.err())
                                    if g not in before), None), "rows to be asked for")


def test_many_rows_and_a_worker_killed_amid_them(stage: Stage) -> None:
    broker = stage.broker("--log-level", "debug")
    near = stage.worker(broker)
    broker.wait_workers(1)
    far = stage.worker(broker, "--no-shm")
    broker.wait_workers(2)
    seen: set[str] = set()
    with wire.Client(broker.url) as client:
        accepted = client.submit(large(), keep=True)
        job = accepted.body["job"]
        kill(broker, stage.children(near.pid))

        def lose_rows() -> bool:
            """Whether the remote worker died before it had sent all of them."""
            (pid,) = stage.children(far.pid)
            broker.wait_tiles(2, {pid})
            client.report("PAUSE", job=job)
            grid = collected(broker, job, seen)
            os.kill(pid, signal.SIGKILL)
            seen.add(grid)
            end = re.compile(rf"grid (committed|discarded) job={job} grid={grid} ")
            how = wait_until(lambda: end.search(broker.process.err()), "the grid's end").group(1)
            client.report("RESUME", job=job)
            broker.wait_workers(2)
            return how == "discarded"
        assert any(lose_rows() for _ in range(5))
        check("large", picture(client, accepted, size=(LARGE, LARGE)))


def test_a_worker_is_told_to_end_amid_its_rows(stage: Stage) -> None:
    broker = stage.broker("--log-level", "debug")
    far = stage.worker(broker, "--no-shm")
    broker.wait_workers(1)
    with wire.Client(broker.url) as client:
        accepted = client.submit(large(), keep=True)
        job = accepted.body["job"]
        broker.wait_tiles(2)
        client.report("PAUSE", job=job)
        collected(broker, job, set())
        assert far.stop().status == 0
        client.report("RESUME", job=job)
        stage.worker(broker)
        check("large", picture(client, accepted, size=(LARGE, LARGE)))
    assert "grid discarded" not in broker.process.err()


def test_a_quiet_run_of_many(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker, processes=2)
    check("many", count(broker, request(MANY)))


def test_workers_are_drained(stage: Stage) -> None:
    broker = stage.broker()
    near = stage.worker(broker)
    far = stage.worker(broker, "--no-shm")
    broker.wait_workers(2)
    with wire.Client(broker.url) as client:
        accepted = client.submit(request(MANY))
        broker.wait_tiles(6)
        far.stop()
        (worker,) = broker.wait_workers(1)
        stage.worker(broker)
        broker.wait_workers(2)
        client.report("DRAIN_WORKER", worker=worker["worker"])
        assert near.wait().status == 0
        check("many", picture(client, accepted))
    # What they had counted was not counted again.
    assert "grid discarded" not in broker.process.err()


def test_pause_brings_in_what_is_counted(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker)
    stage.worker(broker, "--no-shm")
    broker.wait_workers(2)
    with wire.Client(broker.url) as client:
        accepted = client.submit(request(MANY), keep=True)
        job = accepted.body["job"]
        broker.wait_tiles(6)
        client.report("PAUSE", job=job)
        wait_until(lambda: held(broker, job)["tiles_running"] == 0, "the leases' end")
        wait_until(lambda: held(broker, job)["preview"] > 0, "samples in a preview")
        row = held(broker, job)
        assert row["state"] == "paused"
        wait_until(lambda: held(broker, job)["preview"] == row["pixels_done"], "one total")
        client.send("FETCH", body={"job": job, "plane": 0, "x": 0, "y": 0, "w": WIDTH,
                                   "h": HEIGHT, "seen": client.rows_seen, "preview": True})
        rows = client.expect("ROWS", "REFUSED")
        assert rows.name == "ROWS" and sum(struct.unpack(f"<{PIXELS}Q", rows.data)) > 0
        client.report("RESUME", job=job)
        check("many", picture(client, accepted))


def test_cancel_leaves_nothing(stage: Stage) -> None:
    broker = stage.broker()
    stage.worker(broker, processes=2)
    broker.wait_workers(2)
    with wire.Client(broker.url) as client:
        accepted = client.submit(request(MANY))
        broker.wait_tiles(4)
        client.ask("CANCEL_JOB", job=accepted.body["job"])
        wait_until(lambda: broker.status()["image_bytes"] == 0, "the end of the job's memory")
        check("density", picture(client, client.submit(request(FEW))))


def test_a_broker_is_killed(stage: Stage) -> None:
    """What was committed stays; the rest is counted again."""
    clients, workers = f"ipc://{stage.folder}/c", f"ipc://{stage.folder}/w"
    store = ["--state-dir", stage.folder / "state"]
    broker = stage.broker(*store, clients=[clients], workers=[workers])
    stage.worker(broker, processes=2)
    broker.wait_workers(2)
    with wire.Client(clients) as client:
        accepted = client.submit(request(MANY), keep=True)
        job = accepted.body["job"]
        broker.wait_tiles(6)
        client.report("PAUSE", job=job)
        wait_until(lambda: held(broker, job)["preview"] > 0, "samples in a preview")
        wait_until(lambda: held(broker, job)["tiles_running"] == 0, "the leases' end")
        done = held(broker, job)["pixels_done"]
    for _ in range(2):
        broker.process.kill()
        broker = stage.broker(*store, clients=[clients], workers=[workers])
        broker.wait_workers(2)
        assert held(broker, job)["pixels_done"] >= done > 0
        with wire.Client(clients) as client:
            client.report("RESUME", job=job)
            before = broker.status()["tiles_done"]
            wait_until(lambda: held(broker, job)["tiles_running"] > 0 or
                       broker.status()["tiles_done"] > before, "leases")
    with wire.Client(clients) as client:
        answer = client.attach(job)
        check("many", picture(client, answer))
    assert broker.status()["image_bytes"] == 0


def test_no_room_for_grids(stage: Stage) -> None:
    broker = stage.broker("--memory", "4M")
    document = request(FEW, size=[700, 700])
    with wire.Client(broker.url) as client:
        answer = client.submit(document)
    assert answer.name == "REFUSED" and answer.body["error"] == "no_space"
    assert "grids of its counts need" in answer.body["text"]


def test_a_preview_is_of_a_buddhabrot(stage: Stage) -> None:
    broker = stage.broker()
    document = {"brot": 1, "view": {"re": "-0.5", "im": "0", "width": "3"}, "size": [8, 8]}
    with wire.Client(broker.url) as client:
        job = client.submit(document).body["job"]
        client.send("FETCH", body={"job": job, "plane": 0, "x": 0, "y": 0, "w": 8, "h": 8,
                                   "seen": 0, "preview": True})
        answer = client.expect("ROWS", "REFUSED")
        assert answer.name == "REFUSED" and "preview" in answer.body["text"]
        # Before the first sum there is nothing.
        job = client.submit(request(FEW)).body["job"]
        client.send("FETCH", body={"job": job, "plane": 0, "x": 3, "y": 5, "w": 7, "h": 2,
                                   "seen": 0, "preview": True})
        assert client.expect("ROWS").data == bytes(7 * 2 * 8)


# ---- workers that lie ----

class Liar(wire.Worker):
    """Counts nothing, into memory of its own, and says that it has."""

    def begin(self, job: int) -> wire.Message:
        announced = self.expect("JOB")
        assert announced.body["phases"] == ["sample", "sum"]
        self.send("MAPPED", self.session, job, 1, bytes(16), body="far away")
        grid = self.expect("JOB")
        assert grid.body["phases"] == ["sample", "collect"] and "grid" not in grid.body
        return grid

    def rows(self) -> wire.Message:
        """Says DONE of all samples until it is asked for rows."""
        while True:
            tile = self.expect("TILE")
            if tile.fields[2] == 1:
                return tile
            self.send("DONE", self.session, *tile.fields[1:5], 0, 1, 1, 0)


@pytest.mark.parametrize("lie", ["digest", "short", "bare", "silent", "phase", "other"])
def test_rows_that_lie(stage: Stage, lie: str) -> None:
    """What a liar held is counted by others, and nothing of it stays."""
    broker = stage.broker()
    with wire.Client(broker.url) as client, Liar(broker.workers[0]) as liar:
        liar.register(2)
        accepted = client.submit(request(FEW), keep=True)
        job = accepted.body["job"]
        liar.begin(job)
        tile = liar.rows()
        _, grid, phase, number, attempt, x, y, w, h = tile.fields
        assert (x, y, w) == (0, 0, WIDTH)
        counts = bytes(w * h * 8)
        say = {"digest": (grid, phase, number, attempt, 1, 1, 1, 0),
               "short": (grid, phase, number, attempt, wire.xxh3(counts[8:]), 1, 1, 0),
               "phase": (grid, 0, number, attempt, wire.xxh3(counts), 1, 1, 0),
               "other": (grid + (1 << 40), phase, number, attempt, wire.xxh3(counts), 1, 1, 0)}
        if lie in say:
            liar.send("DONE", liar.session, *say[lie],
                      data=counts[8:] if lie == "short" else counts)
        elif lie == "bare":
            liar.send("DONE", liar.session, grid, phase, number, attempt, 0, 1, 1, 0)
        if lie in ("digest", "short"):
            assert liar.expect("CANCEL").fields[1] == grid
        elif lie == "bare":
            assert "must carry pixels" in liar.expect("REFUSED").body["text"]
        else:
            # As if nothing had been said: the lease stands.
            assert held(broker, job)["tiles_running"] > 0
        liar.send("BYE", liar.session)
        wait_until(lambda: broker.process.err().count("grid discarded") == 1, "the grid's end")
        assert held(broker, job)["pixels_done"] == 0
        stage.worker(broker)
        check("density", picture(client, accepted))


def test_samples_have_no_pixels(stage: Stage) -> None:
    """Who sends some with them has understood nothing of it."""
    broker = stage.broker()
    with wire.Client(broker.url) as client, Liar(broker.workers[0]) as liar:
        liar.register(2)
        accepted = client.submit(request(FEW), keep=True)
        grid = liar.begin(accepted.body["job"]).fields[1]
        tile = liar.expect("TILE")
        liar.send("DONE", liar.session, *tile.fields[1:5], wire.xxh3(bytes(8)), 1, 1, 0,
                  data=bytes(8))
        assert liar.expect("CANCEL").fields[1] == grid
        assert "samples yield no pixels" in broker.process.err()
        liar.send("BYE", liar.session)
        stage.worker(broker)
        check("density", picture(client, accepted))


def test_a_lie_about_a_grids_nonce(stage: Stage) -> None:
    """Who says that it sees the image, and cannot name its grid, counts apart."""
    broker = stage.broker()
    with wire.Client(broker.url) as client, Liar(broker.workers[0]) as liar:
        liar.register(2)
        accepted = client.submit(request(FEW), keep=True)
        job = accepted.body["job"]
        liar.expect("JOB")
        nonce = bytes.fromhex(accepted.body["image"]["nonce"])
        liar.send("MAPPED", liar.session, job, 0, nonce, body="")
        grid = liar.expect("JOB")
        assert grid.body["phases"] == ["sample"]
        assert set(grid.body["grid"]) == {"name", "bytes", "segments", "wrap"}
        liar.send("MAPPED", liar.session, grid.fields[1], 0, nonce, body="")
        assert liar.expect("CANCEL").fields[1] == grid.fields[1]
        apart = liar.expect("JOB")
        assert apart.body["phases"] == ["sample", "collect"]
        assert liar.expect("TILE").fields[1] == apart.fields[1]
        liar.send("BYE", liar.session)
        stage.worker(broker)
        check("density", picture(client, accepted))
