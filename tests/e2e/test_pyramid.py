"""DeepZoom pyramids: every tile of every level, against a whole picture and its halves."""

from __future__ import annotations

import math
import xml.dom.minidom
import xml.etree.ElementTree
from pathlib import Path

import numpy
import pytest

from harness import Stage
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


def test_nothing_is_left_of_what_failed(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    result = stage.client("render", "--view", "seahorse", "--size", "64x48", "--out",
                          folder / "missing" / "a.dzi")
    assert result.status == 73, result.err
    assert list(folder.iterdir()) == []
