"""The tour that the package brings, run as a notebook without a browser."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from harness import BIN, Stage

for module in ("nbclient", "nbformat", "ipykernel", "ipywidgets", "matplotlib", "xarray"):
    pytest.importorskip(module)

import nbformat  # noqa: E402  pylint: disable=wrong-import-position
from matplotlib.image import imread  # noqa: E402  pylint: disable=wrong-import-position

TOUR = ROOT / "client" / "python" / "examples" / "tour.ipynb"

# What a browser would tell the explorer, in place of the tour's last cell.
WALK = """
before = explorer.camera.request.document["view"]
explorer.on_event({"type": "mousedown", "relativeX": 480, "relativeY": 100})
explorer.on_event({"type": "mouseup", "relativeX": 480, "relativeY": 101})
clicked = explorer.camera.request.document["view"]
explorer.on_event({"type": "mousedown", "relativeX": 100, "relativeY": 100})
explorer.on_event({"type": "mouseup", "relativeX": 164, "relativeY": 60})
dragged = explorer.camera.request.document["view"]
assert explorer._picture.value == explorer.image.png()
print(*(float(view[key]) for view in (before, clicked, dragged) for key in ("re", "im", "width")))
service.close()
"""


def pictures(cell: Any) -> list[bytes]:
    return [base64.b64decode(output["data"]["image/png"]) for output in cell["outputs"]
            if "image/png" in output.get("data", {})]


def test_the_tour(stage: Stage) -> None:
    """Its pictures are brot-client's, to the byte where the request is the same."""
    book = nbformat.read(TOUR, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None
               for cell in book.cells)
    assert book.cells[-1].source == "service.close()"
    book.cells[-1].source = WALK
    path, done = stage.logs / "tour.ipynb", stage.logs / "done.ipynb"
    path.write_text(nbformat.writes(book))
    result = stage.start(
        [sys.executable, str(Path(__file__).with_name("run_notebook.py")), str(path), str(done)],
        environment={"PYTHONPATH": str(ROOT / "client" / "python"), "PATH": f"{BIN}:/usr/bin:/bin",
                     "HOME": str(stage.logs)}).wait(240)
    assert result.status == 0, result.err
    cells = [cell for cell in json.loads(done.read_text())["cells"] if cell["cell_type"] == "code"]
    assert sum(len(pictures(cell)) for cell in cells) == 7

    seahorse = ("--view", "seahorse", "--size", "720x450")
    first = stage.render(None, "first.png", *seahorse, "--samples", 2)
    assert pictures(cells[0]) == [first.read_bytes()]
    numbers = stage.render(None, "numbers.npy", *seahorse, "--format", "smooth")
    recoloured = stage.folder / "recoloured.png"
    coloured = stage.client("colour", numbers, "--palette", "ice", "--mode", "histogram",
                            "--out", recoloured)
    assert coloured.status == 0, coloured.err
    (mine,) = pictures(cells[2])  # whose request says more than a .npy does
    assert np.array_equal(imread(io.BytesIO(mine)), imread(recoloured))

    (widget,) = [output["data"] for cell in cells for output in cell["outputs"]
                 if "application/vnd.jupyter.widget-view+json" in output.get("data", {})]
    assert widget["application/vnd.jupyter.widget-view+json"]["model_id"]
    (said,) = [output["text"] for output in cells[-1]["outputs"] if output["name"] == "stdout"]
    re0, im0, width0, re1, im1, width1, re2, im2, width2 = map(float, "".join(said).split())
    # The point below a click stays, at half the width; a drag takes the picture along.
    assert width1 == width0 / 2 == width2
    assert re1 == pytest.approx(re0 + (480 - 320) / 640 * width0 / 2, abs=width0 / 500)
    assert im1 == pytest.approx(im0 + (200 - 100) / 640 * width0 / 2, abs=width0 / 500)
    assert re2 == pytest.approx(re1 - 64 / 640 * width1, abs=width0 / 1e6)
    assert im2 == pytest.approx(im1 - 40 / 640 * width1, abs=width0 / 1e6)
