"""Each kind of file, read by programs that are not ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy
import pytest

import wire
from harness import Broker, Stage
from others import needs, run
from pictures import exr_attributes, png_chunks, read_exr, read_npy, read_ppm

WIDTH, HEIGHT = 93, 71
PLACE = ["--view", "-0.6,0.1,3", "--size", f"{WIDTH}x{HEIGHT}", "--iterations", "600"]
LONGEST = 1 << 20  # pixels a side


@pytest.fixture(name="broker")
def make_broker(stage: Stage) -> Broker:
    broker = stage.broker("--tile-rows", 9)
    stage.worker(broker)
    broker.wait_workers(1)
    return broker


def magick_pixels(path: Path, depth: int) -> numpy.ndarray:
    """As ImageMagick reads them, which writes them down without a header."""
    done = subprocess.run(["convert", str(path), "-depth", str(depth), "-endian", "LSB", "rgb:-"],
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return numpy.frombuffer(done.stdout, f"<u{depth // 8}").reshape(HEIGHT, WIDTH, 3)


@needs("identify")
@pytest.mark.parametrize("suffix", ["png", "ppm"])
@pytest.mark.parametrize("depth", [8, 16])
def test_imagemagick_reads_the_very_pixels(stage: Stage, broker: Broker, suffix: str, depth: int) -> None:
    words = ["--palette", "plasma", "--format", f"rgb{depth}"]
    path = stage.render(broker, f"a.{suffix}", *PLACE, *words)
    said = run("identify", "-format", "%m %w %h %z %[colorspace]", path)
    assert said == f"{suffix.upper()} {WIDTH} {HEIGHT} {depth} sRGB"
    document = {"brot": 1, "view": {"re": "-0.6", "im": "0.1", "width": "3"}, "size": [WIDTH, HEIGHT],
                "iterations": 600, "format": f"rgb{depth}", "colour": {"palette": "plasma"}}
    with wire.Client(broker.url) as client:
        job = client.submit(document).body["job"]
        assert client.wait(job).name == "FINISHED"
        sent = numpy.frombuffer(client.fetch(job, 0, 3 * depth // 8, WIDTH, HEIGHT), f"<u{depth // 8}")
        client.release(job)
    assert len(numpy.unique(sent)) > 100
    assert numpy.array_equal(magick_pixels(path, depth), sent.reshape(HEIGHT, WIDTH, 3))


@needs("pngcheck")
@pytest.mark.parametrize("words", [[], ["--format", "rgb16"], ["--compress", "0"], ["--compress", "9"],
                                   ["--dpi", "300"], ["--size", "1x1"], ["--size", "3x700"],
                                   ["--size", "2000x300"]])
def test_pngcheck(stage: Stage, broker: Broker, words: list[str]) -> None:
    """Every chunk, its order and checksum, the stream of the pixels and each row's filter."""
    path = stage.render(broker, "a.png", *PLACE, *words)
    said = run("pngcheck", "-v", path)
    assert f"No errors detected in {path}" in said
    width, height = words[1].split("x") if "--size" in words else (WIDTH, HEIGHT)
    depth = 48 if "rgb16" in words else 24
    assert f"{width} x {height} image, {depth}-bit RGB, non-interlaced" in said
    kinds = re.findall(r"chunk (\w{4}) at", said)
    known = [kind for kind in kinds if kind != "tEXt"]
    assert known[:2] == ["IHDR", "sRGB"] and known[-1] == "IEND"
    assert ("pHYs" in kinds) == ("--dpi" in words)
    assert set(known) <= {"IHDR", "sRGB", "pHYs", "IDAT", "IEND"} and kinds.count("tEXt") == 4
    if "--dpi" in words:
        # 300 pixels an inch are 11811.02 a metre.
        assert "chunk pHYs" in said and "11811x11811 pixels/meter (300 dpi)" in said


@needs("identify")
def test_imagemagick_reads_what_a_png_says_of_itself(stage: Stage, broker: Broker) -> None:
    path = stage.render(broker, "a.png", *PLACE, "--dpi", "600")
    said = run("identify", "-format", "%[png:sRGB]\n%[png:pHYs]\n%[Title]\n%[Software]\n%[Description]\n"
               "%[brot-request]\n%x %U", path).splitlines()
    assert "intent=0" in said[0] and "x_res=23622, y_res=23622" in said[1]
    assert said[2] == "Mandelbrot set" and re.fullmatch(r"brot \d+\.\d+\.\d+\S*", said[3])
    assert said[4].startswith("Centre -0.6 0.1 i, width 3; at most 600 iterations; 93x71 pixels")
    assert said[5].startswith('{"brot":1,') and '"size":[93,71]' in said[5]
    resolution, unit = said[6].split()
    assert float(resolution) == pytest.approx(236.22) and unit == "PixelsPerCentimeter"


def test_text_and_resolution_of_colour(stage: Stage, broker: Broker) -> None:
    """A picture of numbers that know their request says the same of itself as a render."""
    data = stage.render(broker, "a.exr", *PLACE)
    path = stage.folder / "c.png"
    result = stage.client("colour", data, "--out", path, "--dpi", "72")
    assert result.status == 0, result.err
    chunks = png_chunks(path.read_bytes())
    assert dict(chunks)[b"pHYs"] == (2835).to_bytes(4, "big") * 2 + b"\1"
    assert dict(chunks)[b"sRGB"] == b"\0"
    rendered = stage.render(broker, "r.png", *PLACE, "--dpi", "72")
    assert rendered.read_bytes() == path.read_bytes()


@needs("exrinfo")
@pytest.mark.parametrize("kind", ["smooth", "raw"])
def test_openexr_reads_the_head(stage: Stage, broker: Broker, kind: str) -> None:
    path = stage.render(broker, "a.exr", *PLACE, "--format", kind)
    # Its exit status is any number in OpenEXR 3.1.
    said = subprocess.run(["exrinfo", "-v", "-s", path], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, check=False).stdout
    assert f"dataWindow: box2i [ 0, 0 - {WIDTH - 1} {HEIGHT - 1} ] {WIDTH} x {HEIGHT}" in said
    assert "type: string 'scanlineimage'" in said
    channels = re.findall(r"'(\w+)': (float|uint) samp 1 1", said)
    assert channels == ([("N", "uint"), ("NF", "float")] if kind == "smooth" else
                        [("DEX", "float"), ("DEY", "float"), ("INTERIOR", "float"), ("ITERATIONS", "uint"),
                         ("N", "uint"), ("NF", "float"), ("PERIOD", "uint"), ("T", "float")])


@needs("exrmultipart")
def test_openexr_copies_every_value(stage: Stage, broker: Broker) -> None:
    """By a program that decodes what it reads and packs it again."""
    path = stage.render(broker, "a.exr", *PLACE)
    copy = stage.folder / "copy.exr"
    run("exrmultipart", "-convert", "-i", path, "-o", copy)
    ours, theirs = read_exr(path), read_exr(copy)
    assert exr_attributes(path.read_bytes())[0]["channels"] == exr_attributes(copy.read_bytes())[0]["channels"]
    copy.unlink()
    assert sorted(ours) == sorted(theirs) and len(ours) == 8
    for name, plane in ours.items():
        assert numpy.array_equal(plane.view("u4"), theirs[name].view("u4")), name


def test_numpy_and_exr_hold_the_same(stage: Stage, broker: Broker) -> None:
    """Values, and not only shapes: NumPy's counts are the integers of the definition."""
    counts = read_npy(stage.render(broker, "i.npy", *PLACE))
    smooth = read_npy(stage.render(broker, "s.npy", *PLACE, "--format", "smooth"))
    planes = read_exr(stage.render(broker, "a.exr", *PLACE))
    step = 3 / WIDTH
    c = ((numpy.arange(WIDTH) - (WIDTH - 1) / 2) * step - 0.6
         + 1j * (0.1 - (numpy.arange(HEIGHT)[:, None] - (HEIGHT - 1) / 2) * step))
    z, wanted = numpy.zeros_like(c), numpy.zeros(c.shape, int)
    for n in range(1, 41):
        with numpy.errstate(over="ignore", invalid="ignore"):
            z = z * z + c
            wanted[(wanted == 0) & ~(abs(z) <= 2)] = n
    # Where few iterations lie between, rounding has not grown.
    assert (wanted > 0).sum() > 3000
    assert numpy.array_equal(counts[wanted > 0], wanted[wanted > 0])
    assert ((counts == 0) | (counts > 40))[wanted == 0].all()
    outside = counts > 0
    assert numpy.array_equal((planes["N"] - 1024.0 + planes["NF"])[outside], smooth[outside])
    assert (planes["N"][~outside] == (1 << 32) - 1).all() and numpy.isinf(smooth[~outside]).all()


@needs("xmllint")
@needs("identify")
def test_a_pyramid(stage: Stage, broker: Broker, tmp_path: Path) -> None:
    out = tmp_path / "a.dzi"
    stage.render(broker, str(out), "--view", "seahorse", "--size", "700x530")
    run("xmllint", "--noout", out)
    size = run("xmllint", "--xpath", "concat(//*[local-name()='Size']/@Width, ' ', //*[local-name()='Size']/@Height)",
               out)
    assert size.split() == ["700", "530"]
    tiles = sorted((tmp_path / "a_files" / "10").iterdir())
    said = run("identify", "-format", "%m %w %h %z\n", *tiles).splitlines()
    # Tiles of 254 pixels, and one more at each edge within the picture: 255, 256 and 193 of 700, 255, 256 and 23 of 530.
    assert said == [f"PNG {width} {height} 8" for width in (255, 256, 193) for height in (255, 256, 23)]


@pytest.mark.parametrize("size", [f"{LONGEST}x1", f"1x{LONGEST}"])
def test_the_longest_sides(stage: Stage, size: str) -> None:
    """No kind of file has less room than the longest side that a request may have."""
    width, height = (int(side) for side in size.split("x"))
    place = ["--view", "2.5:3.5,2.5:3.5", "--size", size, "--iterations", "1"]
    png = stage.render(None, "a.png", *place, "--format", "rgb16")
    if shutil.which("pngcheck"):
        assert f"OK: {png} ({width}x{height}, 48-bit RGB" in run("pngcheck", png)
    assert read_ppm(stage.render(None, "a.ppm", *place)).shape == (height, width, 3)
    assert read_npy(stage.render(None, "a.npy", *place, "--format", "raw")).shape == (height, width)
    if height > width:  # in as many blocks, which takes its time
        place[place.index(size)] = f"1x{LONGEST // 64}"
        height = LONGEST // 64
    planes = read_exr(stage.render(None, "a.exr", *place, "--compress", "1"))
    assert planes["N"].shape == (height, width) and (planes["N"] > 1024).all()
    if shutil.which("exrheader"):
        said = run("exrheader", stage.folder / "a.exr")
        assert f"dataWindow (type box2i): (0 0) - ({width - 1} {height - 1})" in said
