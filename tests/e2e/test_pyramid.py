"""DeepZoom pyramids: every tile of every level, against a whole picture and its halves."""

from __future__ import annotations

import math
import os
import re
import signal
import xml.dom.minidom
import xml.etree.ElementTree
from pathlib import Path

import numpy
import pytest

from harness import Stage, wait_until
from isolation import in_own_shm
from pictures import png_texts, read_png

TILE, OVERLAP = 254, 1


def tile_boxes(width: int, height: int) -> dict[str, tuple[slice, slice]]:
    boxes = {}
    for row in range(math.ceil(height / TILE)):
        for column in range(math.ceil(width / TILE)):
            rows = slice(max(0, row * TILE - OVERLAP), min(height, (row + 1) * TILE + OVERLAP))
            columns = slice(max(0, column * TILE - OVERLAP), min(width, (column + 1) * TILE + OVERLAP))
            boxes[f"{column}_{row}.png"] = rows, columns
    return boxes


def light_of(srgb: numpy.ndarray) -> numpy.ndarray:
    c = srgb / 255
    return numpy.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def half_of(picture: numpy.ndarray) -> numpy.ndarray:
    """The mean of four pixels in linear light; edges count twice."""
    height, width, _ = picture.shape
    light = numpy.pad(light_of(picture.astype(float)), ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    mean = (light[::2, ::2] + light[1::2, ::2] + light[::2, 1::2] + light[1::2, 1::2]) / 4
    srgb = numpy.where(mean <= 0.0031308, 12.92 * mean, 1.055 * mean ** (1 / 2.4) - 0.055)
    return numpy.floor(srgb * 255 + 0.5)


def level_of(folder: Path, number: int, width: int, height: int) -> numpy.ndarray:
    """A level put together from its tiles, which must agree where they overlap, and be all."""
    boxes = tile_boxes(width, height)
    assert {path.name for path in (folder / str(number)).iterdir()} == set(boxes)
    whole = numpy.full((height, width, 3), -1)
    for name, (rows, columns) in boxes.items():
        tile = read_png(folder / str(number) / name).astype(int)
        assert tile.shape == whole[rows, columns].shape, name
        known = whole[rows, columns] >= 0
        assert (tile[known] == whole[rows, columns][known]).all(), name
        whole[rows, columns] = tile
    assert (whole >= 0).all()
    return whole


@pytest.mark.parametrize("size", [(700, 530), (1, 1), (255, 3), (254, 509)])
def test_every_tile(stage: Stage, tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    words = ["--view", "seahorse", "--size", f"{width}x{height}", "--samples", 2, "--palette", "ember"]
    for out in ("a.dzi", "a.png"):
        result = stage.client("render", *words, "--out", tmp_path / out)
        assert result.status == 0, result.err
    image = xml.etree.ElementTree.parse(tmp_path / "a.dzi").getroot()
    assert image.tag == "{http://schemas.microsoft.com/deepzoom/2008}Image"
    assert image.attrib == {"Format": "png", "Overlap": str(OVERLAP), "TileSize": str(TILE)}
    assert image[0].attrib == {"Width": str(width), "Height": str(height)}
    folder = tmp_path / "a_files"
    last = math.ceil(math.log2(max(size)))
    assert {int(path.name) for path in folder.iterdir()} == set(range(last + 1))
    picture = level_of(folder, last, width, height)
    assert (picture == read_png(tmp_path / "a.png")).all()
    for number in range(last - 1, -1, -1):
        half = half_of(picture)
        picture = level_of(folder, number, half.shape[1], half.shape[0])
        assert numpy.abs(picture - half).max() <= 1
    assert picture.shape == (1, 1, 3)


def instructions(path: Path) -> dict[str, str]:
    """The processing instructions before the description, which viewers do not heed."""
    document = xml.dom.minidom.parse(str(path))
    kind = xml.dom.Node.PROCESSING_INSTRUCTION_NODE
    return {node.target: node.data for node in document.childNodes if node.nodeType == kind}


def test_a_pyramid_says_how_it_was_made(stage: Stage, tmp_path: Path) -> None:
    """As a PNG does, and as little where that is not known."""
    numbers, npy, ramp = tmp_path / "n.exr", tmp_path / "n.npy", tmp_path / "r.json"
    ramp.write_text('["#000", "#fff"]')
    words = ["--view", "seahorse", "--size", "300x20"]
    commands = {
        "rendered": ["render", *words, "--no-shortcuts"],
        "coloured": ["colour", numbers],
        "anonymous": ["colour", npy],
        "swatch": ["palettes", "viridis", f"@{ramp}"],
    }
    for data in (numbers, npy):
        assert stage.client("render", *words, "--format", "smooth", "--out", data).status == 0
    for name, command in commands.items():
        said = {}
        for suffix in ("dzi", "png"):
            out = tmp_path / f"{name}.{suffix}"
            result = stage.client(*command, "--swatch" if name == "swatch" else "--out", out)
            assert result.status == 0, result.err
            said[suffix] = instructions(out) if suffix == "dzi" else png_texts(out)
        assert "brot " + said["dzi"].pop("brot") == said["png"]["Software"]
        assert said["dzi"].get("brot-request") == said["png"].get("brot-request"), name
        assert ("brot-request" in said["dzi"]) == (name in ("rendered", "coloured"))
    tile = next((tmp_path / "rendered_files" / "9").iterdir())
    assert png_texts(tile) == {}


def test_what_is_there_stays(stage: Stage, tmp_path: Path) -> None:
    words = ["render", "--view", "seahorse", "--size", "64x48", "--out", tmp_path / "a.dzi"]
    (tmp_path / "a_files").mkdir()
    (tmp_path / "a_files" / "mine").write_text("x")
    result = stage.client(*words)
    assert result.status == 73 and "a_files: is there already" in result.err
    assert not (tmp_path / "a.dzi").exists()
    assert [path.name for path in (tmp_path / "a_files").iterdir()] == ["mine"]
    wrong = stage.client(*words, "--format", "smooth")
    assert wrong.status == 64 and ".dzi" in wrong.err


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_left_of_what_failed(stage: Stage, tmp_path: Path) -> None:
    result = stage.client("render", "--view", "seahorse", "--size", "64x48", "--out",
                          tmp_path / "missing" / "a.dzi")
    assert result.status == 73, result.err
    assert names(tmp_path) == []


def test_nothing_is_left_of_a_full_disk(stage: Stage, tmp_path: Path) -> None:
    """Full after some tiles; the client sees the folder through a namespace of its own."""
    for size in ("64k", "400k"):
        command = in_own_shm(size, "brot-client", "render", "--view", "seahorse", "--size", "600x500", "--out",
                             "/dev/shm/a.dzi", "--quiet", "--broker", "BROKER")
        broker = stage.broker()
        stage.worker(broker)
        command[command.index("BROKER")] = broker.url
        # The namespace ends with its command: what is in there must be looked at before.
        script = '"$@"; status=$?; ls -A /dev/shm; exit $status'
        at = command.index("sh") + 2
        command[at] = command[at].replace('exec "$@"', script)
        result = stage.start(command).wait()
        assert result.status == 71 and "No space left" in result.err, result.err
        assert result.out == ""


def test_a_target_that_comes_meanwhile(stage: Stage, tmp_path: Path) -> None:
    """It stays, and nothing else does."""
    for taken in ("a_files", "a.dzi"):
        broker = stage.broker()
        client = stage.start("brot-client", "render", "--view", "seahorse", "--size", "600x500", "--out",
                             tmp_path / "a.dzi", "--quiet", "--broker", broker.url)
        wait_until(broker.jobs, "the job")
        (tmp_path / taken).mkdir()
        stage.worker(broker)
        result = client.wait()
        assert result.status == 73 and taken in result.err
        assert names(tmp_path) == [taken] and names(tmp_path / taken) == []
        (tmp_path / taken).rmdir()


def test_an_end_amid_the_tiles(stage: Stage, tmp_path: Path) -> None:
    """A job that is cancelled when most rows are there, and Ctrl-C: the next try begins as the first did."""
    broker = stage.broker("--tile-rows", 8)
    stage.worker(broker)
    words = ["--view", "-0.1,0.9,1", "--size", "1000x600", "--iterations", "1000000", "--no-shortcuts",
             "--out", tmp_path / "a.dzi", "--quiet", "--broker", broker.url]
    for is_cancelled in (True, False):
        client = stage.start("brot-client", "render", *words)
        wait_until(lambda: any(tmp_path.glob("a_files.*/*/*.png")), "the first tiles")
        if is_cancelled:
            stage.client("cancel", broker.jobs()[0]["job"], "--broker", broker.url)
        else:
            os.kill(client.pid, signal.SIGINT)
        assert client.wait().status != 0
        assert names(tmp_path) == []


def test_it_says_what_it_shows(stage: Stage, tmp_path: Path) -> None:
    """The request, as a PNG has it; no density, which tiles have none of."""
    words = ["render", "--view", "seahorse", "--size", "300x200", "--palette", "hot"]
    for out in ("a.dzi", "a.png"):
        assert stage.client(*words, "--out", tmp_path / out).status == 0
    (said,) = re.findall(r"<\?brot-request (.*)\?>\n", (tmp_path / "a.dzi").read_text())
    assert said == png_texts(tmp_path / "a.png")["brot-request"]
    for out in ("b.dzi", "b.ppm", "b.npy"):
        result = stage.client(*words[:-2], "--out", tmp_path / out, "--dpi", 300)
        assert result.status == 64 and "--dpi: " in result.err and ".png or .exr" in result.err
    assert names(tmp_path) == ["a.dzi", "a.png", "a_files"]
