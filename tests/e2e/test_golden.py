"""Golden pictures: pixels that stay as they are, made by a render and, of the same numbers, by `colour`.

As a program it prints tests/cases/golden/pictures as brot makes it now, for when a definition has changed on
purpose:

    BROT_BIN=build/release/bin python3 tests/e2e/test_golden.py 2>/dev/null > new && mv new tests/cases/golden/pictures
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest

from harness import Broker, Stage, open_stage
from pictures import png_texts, read_png, read_ppm

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "tests" / "cases" / "golden" / "pictures"
GALLERY = ROOT / "deploy" / "gallery"
MODES = {"smooth", "banded", "histogram", "distance", "relief", "angle"}


def rows() -> list[tuple[str, str]]:
    """The hashes and the arguments."""
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def words_of(arguments: str) -> list[str]:
    """Files are those beside the table."""
    return [re.sub("^@", f"@{TABLE.parent}/", word) for word in shlex.split(arguments)]


def value(words: list[str], option: str, usual: str) -> str:
    return words[words.index(option) + 1] if option in words else usual


def digest(pixels: numpy.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


class Service:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.broker: Broker = stage.broker("--tile-rows", 16)
        stage.worker(self.broker, processes=2)
        self.broker.wait_workers(2)

    def render(self, out: str, *words: str) -> Path:
        return self.stage.render(self.broker, out, *words)

    def colour(self, data: Path, out: str, *words: str) -> Path:
        path = self.stage.folder / out
        result = self.stage.client("colour", data, "--out", path, *words)
        assert result.status == 0, result.err
        return path


@contextlib.contextmanager
def open_service() -> Iterator[Service]:
    with contextlib.contextmanager(open_stage)() as stage:
        yield Service(stage)


@pytest.fixture(name="service", scope="module")
def make_service() -> Iterator[Service]:
    with open_service() as service:
        yield service


def test_the_table_has_every_mode() -> None:
    arguments = [words_of(text) for _, text in rows()]
    assert len(arguments) >= 12
    assert {value(words, "--mode", "smooth") for words in arguments} == MODES
    assert {value(words, "--format", "rgb8") for words in arguments} == {"rgb8", "rgb16"}
    everything = " ".join(text for _, text in rows())
    for word in ("inside=period", "inside=distance", "dither=true", "period=", "density=", "offset=",
                 "rotation=", "blend=overlay", "blend=soft", "--adaptive", "julia", "burning-ship"):
        assert word in everything
    assert len({wanted for wanted, _ in rows()}) == len(rows())


@pytest.mark.parametrize("wanted, arguments", rows(), ids=[text for _, text in rows()])
def test_pictures(service: Service, wanted: str, arguments: str) -> None:
    assert digest(read_png(service.render("a.png", *words_of(arguments)))) == wanted


PLACE = ("--view", "--size", "--iterations", "--formula", "--precision")


@pytest.mark.parametrize("arguments", [text for _, text in rows() if "--samples" not in text])
def test_numbers_make_the_very_files(service: Service, arguments: str) -> None:
    """A PNG of an .exr, which knows its request, is the same file; of an .npy the pixels are."""
    words = words_of(arguments)
    pairs = list(zip(words[::2], words[1::2]))
    place = [word for pair in pairs if pair[0] in PLACE for word in pair]
    colours = [word for pair in pairs if pair[0] not in PLACE for word in pair]
    # Derivatives are f64's alone.
    kind = "smooth" if "f32" in words else "raw"
    npy = service.render("data.npy", *place, "--format", kind)
    rendered = service.render("r.ppm", *words)
    assert service.colour(npy, "c.ppm", *colours).read_bytes() == rendered.read_bytes()
    exr = service.render("data.exr", *place, "--format", kind)
    rendered = service.render("r.png", *words)
    assert service.colour(exr, "c.png", *colours).read_bytes() == rendered.read_bytes()


def commands() -> dict[str, str]:
    """The command of each picture of README, by the picture's name."""
    text = (ROOT / "README.md").read_text()
    found = re.findall(r"brot-client render (.*?) --out ([a-z-]+\.png)", text)
    return {name: arguments for arguments, name in found if (GALLERY / name).exists()}


def test_every_picture_of_the_gallery_has_its_command() -> None:
    shown = set(re.findall(r"\(deploy/gallery/([a-z-]+\.png)\)", (ROOT / "README.md").read_text()))
    assert shown == set(commands()) == {path.name for path in GALLERY.glob("*.png")}
    assert len(shown) >= 8


@pytest.mark.parametrize("name", sorted(commands()))
def test_the_gallery_is_what_its_commands_make(service: Service, name: str) -> None:
    kept = GALLERY / name
    made = read_ppm(service.render("a.ppm", *shlex.split(commands()[name])))
    assert numpy.array_equal(read_png(kept), made)
    # and it says so of itself
    again = read_ppm(service.render("b.ppm", "--view", f"@{kept}"))
    assert "brot-request" in png_texts(kept) and numpy.array_equal(again, made)


def main() -> None:
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("#")]
    # What the programs have said goes elsewhere.
    with contextlib.redirect_stdout(sys.stderr), open_service() as service:
        for _, arguments in rows():
            picture = read_png(service.render("a.png", *words_of(arguments)))
            lines.append(f"{digest(picture)} {arguments}")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
