"""An image that is its own mirror image is rendered by halves, and its bytes do not tell."""

from __future__ import annotations

import struct

import numpy
import pytest

import wire
from harness import SHM, Broker, Stage, light_request

WIDTH = 61
HEIGHTS = (48, 49, 1)
TILE_ROWS = 7

# The set and what lies around it. The last is not its own mirror image, so nothing is saved there.
REQUESTS: dict[str, dict] = {
    "mandelbrot": {"view": {"re": "-0.7", "im": "0", "width": "2.9"}},
    "turned": {"view": {"re": "-1.25", "im": "-0.0", "width": "1.1", "rotate": 180}},
    "f32": {"view": {"re": "-0.7", "im": "0", "width": "2.9"}, "precision": "f32"},
    "julia": {"view": {"re": "0.1", "im": "0", "width": "3.3"}, "formula": "julia",
              "parameters": {"re": "-0.8", "im": "0"}},
    "multibrot 3": {"view": {"re": "0", "im": "0", "width": "2.9"}, "formula": "multibrot",
                    "parameters": {"power": 3}},
    "multibrot 6": {"view": {"re": "0.1", "im": "0", "width": "2.9"}, "formula": "multibrot",
                    "parameters": {"power": 6}},
    "tricorn": {"view": {"re": "-0.2", "im": "0", "width": "4.1"}, "formula": "tricorn"},
    "burning ship": {"view": {"re": "-0.4", "im": "0", "width": "4"}, "formula": "burning-ship"},
}
# Bytes a pixel of each plane.
FORMATS: dict[str, tuple[dict, list[int]]] = {
    "rgb8": ({"format": "rgb8"}, [3]),
    "rgb8, 2 x 2": ({"format": "rgb8", "samples": 2}, [3]),
    "rgb8, 3 x 3, banded": ({"format": "rgb8", "samples": 3, "colour": {"mode": "banded"}}, [3]),
    "iterations": ({"format": "iterations"}, [4]),
    "smooth": ({"format": "smooth"}, [4, 4]),
}


def request_of(height: int, *changes: dict) -> dict:
    document = light_request(size=[WIDTH, height], iterations=300)
    for change in changes:
        document.update(change)
    return document


def rendered(client: wire.Client, request: dict, planes: list[int]) -> tuple[dict, list[bytes]]:
    """What FINISHED says, and the planes."""
    job = client.submit(request).body["job"]
    finished = client.wait(job)
    assert finished.name == "FINISHED", finished.body
    width, height = request["size"]
    pixels = [client.fetch(job, plane, size, width, height) for plane, size in enumerate(planes)]
    client.release(job)
    return finished.body, pixels


@pytest.fixture(name="broker")
def make_broker(stage: Stage) -> Broker:
    return stage.broker("--tile-rows", TILE_ROWS)


@pytest.mark.parametrize("where", ["mapped", "sent", "both"])
@pytest.mark.parametrize("name", REQUESTS)
def test_bytes_are_those_of_brute_force(stage: Stage, broker: Broker, name: str,
                                        where: str) -> None:
    if where != "sent":
        stage.worker(broker)
    if where != "mapped":
        stage.worker(broker, "--no-shm")
    broker.wait_workers(2 if where == "both" else 1)
    with wire.Client(broker.url) as client:
        for height in HEIGHTS:
            for changes, planes in FORMATS.values():
                request = request_of(height, REQUESTS[name], changes)
                done, pixels = rendered(client, request, planes)
                brute, expected = rendered(client, {**request, "shortcuts": False}, planes)
                assert pixels == expected, (height, changes)
                assert done["pixels"] == brute["pixels"] == WIDTH * height
                assert brute["tiles"] == -(-height // TILE_ROWS)
                rows = height if name == "burning ship" else (height + 1) // 2
                assert done["tiles"] == -(-rows // TILE_ROWS)
    assert {entry["is_local"] for entry in broker.worker_list()} == {
        "mapped": {True}, "sent": {False}, "both": {True, False}}[where]


@pytest.mark.parametrize("height", HEIGHTS)
def test_only_half_of_the_work_is_done(stage: Stage, broker: Broker, height: int) -> None:
    """By the iterations of the workers, where all points escape and no other shortcut helps."""
    stage.worker(broker)
    request = request_of(height, {"view": {"re": "1.3", "im": "0", "width": "1.5"}})
    with wire.Client(broker.url) as client:
        done, (pixels,) = rendered(client, request, [4])
        brute, _ = rendered(client, {**request, "shortcuts": False}, [4])
    counts = numpy.frombuffer(pixels, "<u4").reshape(height, WIDTH)
    assert counts.min() > 0
    assert brute["iterations"] == counts.sum()
    assert done["iterations"] == counts[:(height + 1) // 2].sum()


def stripes(tile: wire.Message) -> bytes:
    """Pixels of a tile that tell their row, as no kernel would make them."""
    _, y, width, height = tile.fields[5:]
    return b"".join(struct.pack("<I", 100 + row) * width for row in range(y, y + height))


def rows_marked(image_name: str, height: int) -> list[int]:
    """The rows whose bits are set in an image with one segment a row."""
    memory = (SHM / image_name.removeprefix("/")).read_bytes()
    (offset,) = struct.unpack_from("<Q", memory, 72)
    return [row for row in range(height) if memory[offset + row // 8] >> row % 8 & 1]


def test_a_worker_in_python(broker: Broker) -> None:
    """It is told of the phase, gets the upper rows, and sends no others."""
    height = 21
    with wire.Client(broker.url) as client, wire.Worker(broker.workers[0]) as worker:
        worker.register(credit=1)
        accepted = client.submit(request_of(height, REQUESTS["mandelbrot"])).body
        job, image_name = accepted["job"], accepted["image"]["name"]
        announced, tile = worker.take()
        assert announced.body["phases"] == ["mirror"]
        assert tile.fields[5:] == (0, 0, WIDTH, 7)
        worker.done(tile, stripes(tile)[:-4])  # too short: given to somebody, once more
        tile = worker.expect("TILE")
        assert tile.fields[3:5] == (0, 2)
        assert rows_marked(image_name, height) == []
        worker.done(tile, stripes(tile))
        other = worker.expect("TILE")
        assert other.fields[5:] == (0, 7, WIDTH, 4)
        told = client.progress(job).body
        assert (told["pixels_done"], told["pixels"]) == (2 * 7 * WIDTH, height * WIDTH)
        assert rows_marked(image_name, height) == [*range(7), *range(14, 21)]
        client.send("FETCH", body={"job": job, "plane": 0, "x": 0, "y": 20, "w": 1, "h": 1,
                                   "seen": 0})
        assert client.expect("ROWS", "REFUSED").name == "REFUSED"  # as for any job that runs
        worker.done(tile, b"\xff" * (4 * 7 * WIDTH))  # late: it counts no more
        worker.done(other, stripes(other))
        assert client.wait(job).body["pixels"] == height * WIDTH
        assert rows_marked(image_name, height) == [*range(height)]
        counts = numpy.frombuffer(client.fetch(job, 0, 4, WIDTH, height), "<u4")
        rows = [min(row, height - 1 - row) for row in range(height)]
        assert (counts.reshape(height, WIDTH) == 100 + numpy.array(rows)[:, None]).all()


def test_the_client_sees_a_whole_image(stage: Stage, broker: Broker) -> None:
    """In shared memory, whose bits it waits for, and over the socket."""
    stage.worker(broker)
    where = ["--view", "-0.7,0,2.9", "--size", "133x71"]
    expected = stage.render(broker, "brute.ppm", *where, "--no-shortcuts").read_bytes()
    for options in ([], ["--no-shm"]):
        assert stage.render(broker, "a.ppm", *where, *options).read_bytes() == expected
