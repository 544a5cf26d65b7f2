"""What Python words become as a request, against what brot-client makes of the same words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brot import VIEWS, NotFoundError, Request, RequestError
from conftest import ROOT
from harness import BIN


def test_views_are_those_of_the_client() -> None:
    listed = json.loads(subprocess.run([BIN / "brot-client", "views", "--json"], check=True,
                                       capture_output=True).stdout)
    rows = listed["views"] if isinstance(listed, dict) else listed
    assert [row["name"] for row in rows] == list(VIEWS)
    for row in rows:
        view = VIEWS[row["name"]]
        assert (view.title, view.iterations) == (row["title"], row["iterations"])


@pytest.mark.parametrize("view, expected", [
    ("-0.75, 0.1 ,3e-5", ("-0.75", "0.1", "3e-5", None)),
    ((-0.75, Decimal("0.10"), 3), ("-0.75", "0.10", "3", None)),
    ((np.float64(0.5), np.float32(0.5), np.int8(1)), ("0.5", "0.5", "1", None)),
    ("-2:1,-1.5:1.5", ("-0.5", "0", "3", "3.0")),
    ("0.2500001:0.250000100001,-4e-13:6e-13", ("0.2500001000005", "1E-13", "1E-12", "1.0E-12")),
    ({"re": 1, "im": "2", "width": 0.5, "height": 1}, ("1", "2", "0.5", "1")),
])
def test_views(view: Any, expected: tuple[str | None, ...]) -> None:
    found = Request(view, (10, 10)).document["view"]
    for key, value in zip(("re", "im", "width", "height"), expected):
        assert (found.get(key) if value is None else Decimal(found[key])) == (
            None if value is None else Decimal(value))


def test_all_digits_are_kept() -> None:
    digits = "-0." + "743643887037158704752191506114774" * 9
    assert Request((digits, "0", "1e-9")).document["view"]["re"] == digits
    view = Request(f"{digits}:0,0:1").document["view"]
    assert Decimal(view["width"]) == Decimal(digits).copy_abs() and len(view["width"]) > 250


def test_edges_make_the_proportions() -> None:
    assert Request("-2:2,-1:1").size == (1920, 960)
    assert Request("-2:2,-1:1", (50, 40)).size == (50, 40)
    assert Request().size == (1920, 1080)


def test_what_is_given_goes_before_what_the_view_brings() -> None:
    base = Request("julia-rabbit", (30, 20), colour={"palette": "hot", "density": 2})
    assert base.document["formula"] == "julia" and base.document["iterations"] == 500
    request = Request(base, iterations=9, palette="grey", formula="tricorn")
    document = request.document
    assert document["size"] == [30, 20] and document["iterations"] == 9
    assert document["colour"] == {"palette": "grey", "density": 2}
    assert document["formula"] == "tricorn" and "parameters" not in document
    assert base.document["formula"] == "julia"


def test_a_document_and_a_file(tmp_path: Path) -> None:
    document = {"brot": 1, "view": {"re": "0", "im": "0", "width": "4"}, "size": [8, 6]}
    assert Request(document).document == {**document}
    path = tmp_path / "request.json"
    path.write_text(json.dumps(document))
    assert Request(f"@{path}").document == document
    with pytest.raises(OSError, match="cannot be read"):
        Request(f"@{path}.not")


@pytest.mark.parametrize("text, word", [
    ("{", "and is not JSON"), ("[" * 30_000, "and is not JSON"), ("[]", "no object"),
    ('{"brot": 1, "size": [8, 6], "size": [6, 8]}', "a key is there twice"),
    ('{"brot": 1, "size": [8, NaN]}', "NaN is no number"), ("\xff", "and is not JSON"),
    ('{"iterations": ' + 5000 * "9" + "}", "and is not JSON|iterations"),
    (" " * 65_537, "at most 65536 bytes"),
], ids=range(8))
def test_files_that_are_no_request(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "request.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RequestError, match=f"view: .*request.json .*({word})"):
        Request(path)


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    code = """
import resource, brot
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
for view in ("@/dev/zero", "@/dev/urandom"):
    try:
        brot.Request(view)
    except brot.RequestError as error:
        assert "at most 65536 bytes" in str(error), error
    else:
        raise SystemExit("it was read")
"""
    # A sanitizer's runtime takes more than that for itself.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "client" / "python",
                   env=environment)


@pytest.mark.parametrize("words, field", [
    ({"view": "nan,0,1"}, "view: RE"), ({"view": "1,2"}, "view"), ({"view": 5}, "view"),
    ({"view": "1:0,0:1"}, "view: XMAX"), ({"view": (0, 0)}, "view"),
    ({"view": {"re": "x", "im": 0, "width": 1}}, "view.re"),
    ({"size": (0, 5)}, "size"), ({"size": (5,)}, "size"), ({"size": "5x5"}, "size"),
    ({"size": (5, 1 << 21)}, "size"), ({"size": (5.5, 5)}, "size"), ({"size": (True, 5)}, "size"),
    ({"iterations": "many"}, "iterations"), ({"samples": 1.5}, "samples"),
    ({"format": "rgb"}, "format"), ({"format": ["rgb8"]}, "format"),
    ({"formula": "julia:1"}, "formula"), ({"formula": "multibrot:x"}, "formula"),
    ({"formula": "newton"}, "formula"),
    ({"view": "0:1e-4090," + "0:1"}, "view"),
])
def test_what_is_wrong(words: dict[str, Any], field: str) -> None:
    if field == "view" and "e-4090" in str(words["view"]):
        assert Request(**words, size=(4, 4)).size == (4, 4)
        return
    with pytest.raises(ValueError) as caught:
        Request(**words)
    assert isinstance(caught.value, RequestError)
    assert str(caught.value).startswith(field), caught.value
    assert caught.value.field and caught.value.rule


def test_what_is_not_known() -> None:
    with pytest.raises(NotFoundError, match='did you mean "seahorse"'):
        Request("seahorze")
    with pytest.raises(TypeError):
        Request("home", colours={})  # type: ignore[call-arg]


def test_numbers_of_pictures() -> None:
    assert Request("home").numbers() is None
    assert Request("home", format="smooth").numbers() is None
    numbers = Request("home", (30, 20), samples=3, mode="histogram").numbers()
    assert numbers is not None
    assert (numbers.size, numbers.format, numbers.document["samples"]) == ((90, 60), "smooth", 1)
    numbers = Request("home", (30, 20), colour={"mode": "relief", "inside": "period"}).numbers()
    assert numbers is not None and numbers.format == "raw"
    numbers = Request(kind="buddhabrot", points=1e6, bands=[(1, 2), (1, 3), (1, 4)]).numbers()
    assert numbers is not None and numbers.format == "nebula"


def test_extent() -> None:
    assert Request("-2:1,-1.5:1.5", (30, 20)).extent == (-2.0, 1.0, -1.5, 1.5)
    assert Request("0,0,4", (40, 20)).extent == (-2.0, 2.0, -1.0, 1.0)
