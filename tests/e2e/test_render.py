"""What `brot-client render` makes without a broker: the embedded service, and the files."""

from __future__ import annotations

import json
import math

import numpy
import pytest

import pictures
from harness import Stage, light_request

SIZE = ["--size", "96x64", "--workers", "2"]


def test_png_through_an_embedded_service(stage: Stage) -> None:
    out = stage.folder / "seahorse.png"
    result = stage.client("render", "--view", "seahorse", "--out", out, *SIZE)
    assert result.status == 0, result.err
    assert result.out == ""
    assert "embedded" in result.err
    pixels = pictures.read_png(out)
    assert pixels.shape == (64, 96, 3)
    assert len(numpy.unique(pixels.reshape(-1, 3), axis=0)) > 20
    stage.wait_nothing_left()


def test_texts_of_a_png(stage: Stage) -> None:
    texts = pictures.png_texts(stage.render(None, "a.png", "--view", "elephant", *SIZE,
                                            "--iterations", "300"))
    request = json.loads(texts["brot-request"])
    assert request["iterations"] == 300
    assert request["size"] == [96, 64]
    assert request["view"]["re"] == "0.276"
    version = stage.client("version").out.split()
    assert texts["Software"].split()[-1] in version


def test_a_picture_renders_again_from_itself(stage: Stage) -> None:
    first = stage.render(None, "first.png", "--view", "-0.1011,0.9563,0.02", *SIZE,
                         "--iterations", "700")
    again = stage.render(None, "again.png", "--view", f"@{first}", "--workers", "1")
    assert again.read_bytes() == first.read_bytes()


def test_numbers_of_a_picture(stage: Stage) -> None:
    """Its samples are not those of numbers, unless they are asked for."""
    png = stage.render(None, "a.png", "--view", "seahorse", "--samples", "4", *SIZE)
    counts = stage.render(None, "a.npy", "--view", f"@{png}", "--workers", "1")
    plain = stage.render(None, "b.npy", "--view", "seahorse", *SIZE)
    assert counts.read_bytes() == plain.read_bytes()
    result = stage.client("render", "--view", f"@{png}", "--out", "c.npy", "--samples", "4")
    assert result.status == 65 and "samples" in result.err


def test_ppm_has_the_pixels_of_the_png(stage: Stage) -> None:
    png = stage.render(None, "a.png", "--view", "seahorse", *SIZE)
    ppm = stage.render(None, "a.ppm", "--view", "seahorse", *SIZE)
    assert numpy.array_equal(pictures.read_ppm(ppm), pictures.read_png(png))


def test_iterations_as_npy(stage: Stage) -> None:
    """Against the definition, in exact integers: z scaled by 2^200."""
    size = 16
    counts = pictures.read_npy(stage.render(
        None, "a.npy", "--view", "-0.75,0,3", "--size", f"{size}x{size}", "--iterations", "60",
        "--workers", "1"))
    assert counts.dtype == numpy.uint32 and counts.shape == (size, size)
    one = 1 << 200
    for row in range(size):
        for column in range(size):
            # The centre of pixel i lies (2 i + 1 - W) half steps from the centre of the view.
            re = -3 * one // 4 + (2 * column + 1 - size) * 3 * one // (2 * size)
            im = -(2 * row + 1 - size) * 3 * one // (2 * size)
            assert counts[row, column] == exact_count(re, im, one, 60), (row, column)


def exact_count(re: int, im: int, one: int, limit: int) -> int:
    x = y = 0
    for count in range(1, limit + 1):
        x, y = (x * x - y * y) // one + re, 2 * x * y // one + im
        if x * x + y * y > 4 * one * one:
            return count
    return 0


def test_smooth_as_npy(stage: Stage) -> None:
    where = ["--view", "-0.75,0,3", *SIZE, "--iterations", "200"]
    smooth = pictures.read_npy(stage.render(None, "s.npy", "--format", "smooth", *where))
    counts = pictures.read_npy(stage.render(None, "i.npy", *where))
    assert smooth.dtype == numpy.float64
    assert numpy.array_equal(numpy.isinf(smooth), counts == 0)
    # Where few iterations lie between, rounding has not grown: the formula itself must hold.
    step = 3 / 96
    for row, column in zip(*numpy.nonzero((counts > 0) & (counts < 20))):
        c = complex(-0.75 + (column - 47.5) * step, (31.5 - row) * step)
        assert smooth[row, column] == pytest.approx(smooth_count(c), abs=1e-6)


def smooth_count(c: complex) -> float:
    z, n = c, 1
    while abs(z) <= 65536:
        z, n = z * z + c, n + 1
    return n + 1 - math.log2(math.log(abs(z)) / math.log(65536))


def test_a_request_from_a_file(stage: Stage) -> None:
    document = stage.folder / "request.json"
    document.write_text(json.dumps(light_request()))
    counts = pictures.read_npy(stage.render(None, "a.npy", "--view", f"@{document}",
                                            "--workers", "1"))
    assert counts.shape == (48, 64)


@pytest.mark.parametrize("same_view", ["-1.25:0.25,-0.5:0.5", "-0.5,0.0000,15e-1"])
def test_forms_of_a_view(stage: Stage, same_view: str) -> None:
    size = ["--size", "60x40", "--iterations", "100", "--workers", "1"]
    usual = stage.render(None, "usual.npy", "--view", "-0.5,0,1.5", *size)
    other = stage.render(None, "other.npy", "--view", same_view, *size)
    assert other.read_bytes() == usual.read_bytes()


def test_unstated_iterations_grow_with_the_zoom(stage: Stage) -> None:
    stated = []
    for width in ("3", "1e-5", "1e-10"):
        png = stage.render(None, f"{width}.png", "--view", f"-0.75,0.5,{width}", "--size", "8x8",
                           "--workers", "1")
        stated.append(json.loads(pictures.png_texts(png)["brot-request"])["iterations"])
    assert stated == sorted(set(stated))


def test_a_file_that_is_replaced_keeps_its_mode(stage: Stage) -> None:
    out = stage.folder / "a.png"
    out.write_bytes(b"old")
    out.chmod(0o640)
    stage.render(None, "a.png", "--view", "home", *SIZE)
    assert out.stat().st_mode & 0o777 == 0o640
    assert pictures.read_png(out).shape == (64, 96, 3)


def test_a_link_to_a_file_that_is_not_there(stage: Stage) -> None:
    link = stage.folder / "link.png"
    link.symlink_to("real.png")
    stage.render(None, "link.png", "--view", "home", *SIZE)
    assert link.is_symlink()
    real = stage.folder / "real.png"
    assert pictures.read_png(real).shape == (64, 96, 3)
    real.unlink()


def test_only_the_file_appears(stage: Stage) -> None:
    folder = stage.folder / "pictures"
    folder.mkdir()
    stage.render(None, "pictures/a.png", "--view", "home", *SIZE)
    assert [path.name for path in folder.iterdir()] == ["a.png"]
