"""Corrupt palettes, places and files of numbers: file, line and reason, and what stands there stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import pytest

from harness import BIN, Result, Stage
from isolation import in_own_shm

USAGE, DATAERR, NOINPUT, NOSPACE = 64, 65, 66, 71
CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
SEEDS = {0: "map", 1: "ggr", 2: "ugr", 3: "json", 4: "kfr", 5: "toml", 6: "par", 7: "xpf"}

MAP = "0 0 0 black\n255 128 0\n255 255 255\n"
GGR = ("GIMP Gradient\nName: x\n2\n0.0 0.25 0.5 0 0 0 1 1 0 0 1 0 0\n"
       "0.5 0.75 1.0 1 0 0 1 1 1 1 1 0 0\n")
UGR = "a {\ngradient:\n  smooth=yes\n  index=0 color=255\n  index=200 color=65280\n}\n"
CSS = '{"cyclic": false,\n "stops": ["#000",\n  "orange 30%",\n  "#fff"]}\n'
KFR = "Re: -0.75\nIm: 0.1\nZoom: 1.5E3\nIterations: 500\n"
TOML = ('location.real = "-1.75"\nlocation.imag = "0"\nlocation.zoom = 1e9\n'
        "bailout.iterations = 900\n[[formula]]\npower = 2\n")
PAR = "a { ; a comment\n  type=mandel\n  center-mag=-0.5/0/0.66\n  maxiter=900\n}\n"
XPF = "; a comment\n(initstate)\n(formula 'mandel)\n(view -0.7 0.1 2e-3 1e-3)\n(maxiter 900)\n"
REQUEST = '{"brot": 1,\n "view": {"re": "0",\n  "im": "0",\n  "width": "3"},\n "size": [16, 16]}\n'

# The suffix, the text, what is put in whose place, the line that is named (None: the whole file is at fault), and
# words of the reason.
PALETTES = {
    "map: letters": ("map", MAP, "128", "x", 2, "three numbers 0..255"),
    "map: above a byte": ("map", MAP, "255 255 255", "255 256 255", 3, "three numbers 0..255"),
    "map: one colour": ("map", MAP, "255 128 0\n255 255 255\n", "", 1, "at least 2 colours"),
    "map: empty": ("map", MAP, MAP, "", None, "at least 2 colours"),
    "map: bytes": ("map", MAP, "0 0 0", "\0\1\2", 1, "three numbers 0..255"),
    "ggr: another file": ("ggr", GGR, "GIMP Gradient", "GIMP Palette", 1, '"GIMP Gradient"'),
    "ggr: no count": ("ggr", GGR, "2\n", "two\n", 3, "number of segments"),
    "ggr: cut short": ("ggr", GGR, "0.5 0.75 1.0 1 0 0 1 1 1 1 1 0 0\n", "", 4, "before its last segment"),
    "ggr: a gap": ("ggr", GGR, "0.5 0.75", "0.6 0.75", 5, "where the one before it ended"),
    "ggr: no number": ("ggr", GGR, "1 1 1 1 1 0 0", "1 1 nan 1 1 0 0", 5, "11 numbers"),
    "ggr: not to the end": ("ggr", GGR, "1.0 1", "0.9 1", 5, "must end at 1"),
    "ugr: a large colour": ("ugr", UGR, "65280", "99999999", 5, "color must be 0..16777215"),
    "ugr: a place": ("ugr", UGR, "index=200", "index=9999", 5, "index must be"),
    "ugr: no place": ("ugr", UGR, "index=0 ", "", 4, "must follow an index"),
    "ugr: no gradient": ("ugr", UGR, "gradient", "gardient", 6, "two colours"),
    "ugr: no block": ("ugr", UGR, "a {", "a", 6, "block NAME { gradient"),
    "ugr: one colour": ("ugr", UGR, "  index=200 color=65280\n", "", 5, "two colours"),
    "json: cut short": ("json", CSS, '  "#fff"]}', '  "#fff"', 5, "expected near end of file"),
    "json: no colour": ("json", CSS, "orange", "oranje", 3, "stop 2: must be"),
    "json: backwards": ("json", CSS, '"#fff"', '"#fff 20%"', 4, "stop 3: must be at a higher place"),
    "json: not to the end": ("json", CSS, '"#fff"', '"#fff 90%"', 4, "stop 3: must be at 100%"),
    "json: something else": ("json", CSS, CSS, '{"a": [7]}', 1, "a list of stops"),
}
PLACES = {
    "kfr: no number": ("kfr", KFR, "-0.75", "-0,75", 1, "the centre"),
    "kfr: no zoom": ("kfr", KFR, "1.5E3", "-1", 3, "the zoom must be"),
    "kfr: no limit": ("kfr", KFR, "500", "many", 4, "the limit must be"),
    "kfr: no centre": ("kfr", KFR, "Im: 0.1\n", "", None, "no centre"),
    "toml: no number": ("toml", TOML, "-1.75", "-1.7.5", 1, "the centre"),
    "toml: no zoom": ("toml", TOML, "1e9", "1e9999999", 3, "the zoom must be"),
    "toml: no limit": ("toml", TOML, "900", "0", 4, "the limit must be"),
    "toml: another formula": ("toml", TOML, "power = 2", "power = 99", None, "formula"),
    "par: no magnification": ("par", PAR, "/0/0.66", "/0", 3, "center-mag must have"),
    "par: another type": ("par", PAR, "mandel", "lambdasine", 2, "lambdasine"),
    "par: no limit": ("par", PAR, "900", "x", 4, "the limit must be"),
    "par: cut short": ("par", PAR, "}\n", "", 1, "does not end"),
    "par: no block": ("par", PAR, PAR, "type=mandel\n", 1, "no block NAME"),
    "xpf: no number": ("xpf", XPF, "-0.7 ", "x ", 4, "the centre"),
    "xpf: no extent": ("xpf", XPF, "2e-3", "-2e-3", 4, "extents must be"),
    "xpf: too large": ("xpf", XPF, "1e-3", "1e29", None, "must be at most 1024"),
    "xpf: cut short": ("xpf", XPF, " 2e-3 1e-3)", ")", 4, "a centre and two extents"),
    "xpf: no view": ("xpf", XPF, "view", "wiev", None, "no centre"),
    "json: no number": ("json", REQUEST, '"im": "0"', '"im": "O"', 3, "view.im: must be a decimal number"),
    "json: unknown": ("json", REQUEST, '"size"', '"zise"', 5, "zise: unknown key"),
    "json: too large": ("json", REQUEST, "16]", "9999999]", 5, "size"),
    "json: a version": ("json", REQUEST, '"brot": 1', '"brot": 9', 1, "brot: "),
    "json: missing": ("json", REQUEST, ',\n  "width": "3"', "", 2, "view"),
    "json: cut short": ("json", REQUEST, "16]}", "16", None, "at line 6"),
}


@pytest.fixture(name="old")
def make_old(stage: Stage) -> Iterator[Path]:
    """A picture that stands where another should go."""
    path = stage.folder / "out" / "old.png"
    path.parent.mkdir()
    path.write_bytes(b"old")
    yield path
    path.unlink()


def check(result: Result, status: int, old: Path, *words: str) -> None:
    """One sentence, and no trace."""
    assert result.status == status, result.err
    assert result.err.count("\n") == 1 and result.err.startswith("brot-client: ") and result.out == ""
    for word in words:
        assert word in result.err
    assert old.read_bytes() == b"old" and [path.name for path in old.parent.iterdir()] == [old.name]


def spoil(stage: Stage, case: tuple) -> tuple[Path, str]:
    """The corrupt file, and how its sentence goes on behind the option."""
    suffix, text, good, bad, line, _ = case
    assert good in text and good != bad
    path = stage.folder / f"bad.{suffix}"
    path.write_text(text.replace(good, bad, 1))
    return path, f"{path}:{line}: " if line else str(path)


@pytest.mark.parametrize("name", PALETTES)
def test_palettes(stage: Stage, old: Path, name: str) -> None:
    path, where = spoil(stage, PALETTES[name])
    words = ["--palette", f"@{path}", "--out", old]
    check(stage.client("render", "--view", "home", *words), DATAERR, old, f"--palette: {where}", PALETTES[name][-1])
    data = stage.folder / "a.npy"
    numpy.save(data, numpy.full((4, 4), 7.5))
    check(stage.client("colour", data, *words), DATAERR, old, f"--palette: {where}", PALETTES[name][-1])


@pytest.mark.parametrize("name", PLACES)
def test_places(stage: Stage, old: Path, name: str) -> None:
    path, where = spoil(stage, PLACES[name])
    case = PLACES[name]
    for words in (["render", "--out", old, "--view"], ["view"]):
        result = stage.client(*words, f"@{path}")
        check(result, DATAERR, old, where, case[-1])
        assert case[4] is None or f"--view: {where}" in result.err


@pytest.mark.parametrize("case", [MAP, GGR, UGR, CSS, KFR, TOML, PAR, XPF, REQUEST],
                         ids=["map", "ggr", "ugr", "css", "kfr", "toml", "par", "xpf", "request"])
def test_what_is_spoilt_was_good(stage: Stage, case: str, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.id
    path = stage.folder / f"good.{ {'css': 'json', 'request': 'json'}.get(kind, kind) }"
    path.write_text(case)
    if kind in ("map", "ggr", "ugr", "css"):
        result = stage.client("palettes", "--swatch", stage.folder / "a.png", f"@{path}")
    else:
        result = stage.client("view", f"@{path}")
    assert result.status == 0, result.err


@pytest.mark.parametrize("number", SEEDS)
def test_fuzzing_begins_behind_the_doors(stage: Stage, number: int) -> None:
    """The seeds of each parser are files that it takes: what is wrong with all of them is found at once."""
    seed = (CORPUS / "file" / f"seed-kind-{number}").read_bytes()
    assert seed[0] == number
    path = stage.folder / f"seed.{SEEDS[number]}"
    path.write_bytes(seed[1:])
    if number < 4:
        result = stage.client("palettes", "--swatch", stage.folder / "a.png", f"@{path}")
    else:
        result = stage.client("view", f"@{path}")
    assert result.status == 0, result.err


@pytest.mark.parametrize("path", sorted((CORPUS / "numbers").glob("seed-*")), ids=lambda path: path.name)
def test_fuzzing_of_numbers_too(stage: Stage, path: Path) -> None:
    seed = path.read_bytes()
    data = stage.folder / f"seed.{['npy', 'exr'][seed[0]]}"
    data.write_bytes(seed[1:])
    mode = ["--mode", "banded"] if path.name == "seed-npy-0" else []
    result = stage.client("colour", data, "--out", stage.folder / "a.png", *mode)
    assert result.status == 0, result.err


def cut(part: float) -> Callable[[bytes], bytes]:
    return lambda data: data[:int(len(data) * part)]


def flip(where: Callable[[bytes], int]) -> Callable[[bytes], bytes]:
    def spoilt(data: bytes) -> bytes:
        at = where(data)
        return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1:]
    return spoilt


# What is done to a good file, and words of the reason.
NUMBERS = {
    ("npy", "empty"): (cut(0), "does not begin as one"),
    ("npy", "a cut head"): (cut(0.02), "ends within its header"),
    ("npy", "a cut body"): (cut(0.5), "bytes, as its header says"),
    ("npy", "a long head"): (lambda data: data[:8] + b"\xff\x7f" + data[10:] * 40, "header is too long"),
    ("npy", "another magic"): (flip(lambda data: 1), "does not begin as one"),
    ("npy", "another version"): (flip(lambda data: 6), "version 1, 2 or 3"),
    ("npy", "a broken dictionary"): (lambda data: data.replace(b"'descr'", b"'decsr'"), "its header must be"),
    ("npy", "another type"): (lambda data: data.replace(b"<f8", b"<c8"), "c8"),
    ("npy", "another order"): (lambda data: data.replace(b"False", b"True "), "order"),
    ("npy", "a bad count"): (lambda data: data[:-8] + b"\0\0\0\0\0\0\xf0\xff", "at column 15 of row 15"),
    ("exr", "empty"): (cut(0), "no whole OpenEXR file"),
    ("exr", "a cut head"): (cut(0.1), "no whole OpenEXR file"),
    ("exr", "a cut body"): (cut(0.9), "no whole OpenEXR file"),
    ("exr", "another magic"): (flip(lambda data: 1), "no whole OpenEXR file"),
    ("exr", "a block that does not unpack"): (flip(lambda data: len(data) - 40), "no whole OpenEXR file"),
    ("exr", "a missing channel"): (lambda data: data.replace(b"NF\0", b"NX\0"), "channels N and NF"),
}


@pytest.mark.parametrize("kind, name", NUMBERS, ids=[" ".join(key) for key in NUMBERS])
def test_numbers(stage: Stage, old: Path, kind: str, name: str) -> None:
    data = stage.render(None, f"a.{kind}", "--view", "seahorse", "--size", "16x16", "--format", "smooth",
                        "--workers", "1")
    act, word = NUMBERS[(kind, name)]
    good = data.read_bytes()
    bad = act(good)
    assert bad != good
    data.write_bytes(bad)
    check(stage.client("colour", data, "--out", old), DATAERR, old, f'"{data}"', word)


def test_files_that_cannot_be_read(stage: Stage, old: Path) -> None:
    for words in (["render", "--palette", "@missing.map"], ["render", "--view", "@missing.kfr"],
                  ["colour", "missing.exr"], ["colour", "missing.npy"]):
        check(stage.client(*words, "--out", old), NOINPUT, old, "missing.", "No such file")
    huge = stage.folder / "huge.map"
    huge.write_text("0 0 0\n" * 200_000)
    check(stage.client("render", "--palette", f"@{huge}", "--out", old), DATAERR, old, "huge.map", "1048576 bytes")


def test_pictures_that_do_not_fit(stage: Stage, old: Path) -> None:
    """What a kind of file cannot hold: the sentence says which can."""
    for words, status, parts in (
            (["--size", f"{(1 << 20) + 1}x1"], USAGE, ["--size", "1048576"]),
            (["--format", "raw"], USAGE, [".png file holds rgb8 or rgb16", "which goes into .npy or .exr"]),
            (["--format", "distance"], USAGE, ["which goes into .npy"])):
        check(stage.client("render", "--view", "home", "--out", old, *words), status, old, *parts)
    for suffix, kind, parts in (("npy", "rgb8", [".png, .ppm or .dzi"]), ("exr", "phase", [".npy"]),
                                ("exr", "rgb16", [".png or .ppm"]), ("dzi", "rgb16", [".png or .ppm"]),
                                ("ppm", "smooth", [".npy or .exr"])):
        out = old.with_suffix(f".{suffix}")
        result = stage.client("render", "--view", "home", "--out", out, "--format", kind)
        check(result, USAGE, old, f"a .{suffix} file holds", f"not {kind}, which goes into", *parts)


def test_a_full_disk_leaves_nothing(stage: Stage) -> None:
    """Each kind of file on a file system that has not enough room for it."""
    data = stage.render(None, "a.exr", "--view", "seahorse", "--size", "700x700", "--workers", "1")
    for suffix in ("png", "ppm", "dzi"):
        script = ('"$1" colour "$2" --quiet --compress 0 --out "/dev/shm/a.$3"; '
                  'status=$?; ls -A /dev/shm >&2; exit $status')
        result = stage.start(in_own_shm("600k", "/bin/sh", "-c", script, "sh", str(BIN / "brot-client"),
                                        str(data), suffix)).wait()
        lines = result.err.splitlines()
        assert result.status == NOSPACE, (suffix, result.err)
        assert len(lines) == 1 and re.search(r"a\.|a_files", lines[0]), result.err
