"""The package as others read it: examples that run, what is public, the explorer."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from typing import Any

import brot
import brot.aio
import brot.explorer
import brot.local
import pytest
from conftest import ROOT

SOURCE = ROOT / "client" / "python"
MODULES = ["brot"] + [f"brot.{module.name}" for module in pkgutil.iter_modules(brot.__path__)]


def test_examples() -> None:
    failed = attempted = 0
    for name in MODULES:
        if name == "brot.__main__":
            continue
        result = doctest.testmod(importlib.import_module(name))
        failed, attempted = failed + result.failed, attempted + result.attempted
    assert failed == 0 and attempted >= 15


def test_every_public_thing_says_what_it_is() -> None:
    for owner in [brot.Service, brot.Job, brot.Image, brot.Request, brot.Cluster,
                  brot.aio.AsyncService, brot.aio.AsyncJob]:
        assert owner.__doc__
        for name, value in vars(owner).items():
            if not name.startswith("_"):
                assert value.__doc__, f"{owner.__name__}.{name}"
    assert all(getattr(brot, name) is not None for name in brot.__all__)


def test_the_version_is_that_of_the_programs() -> None:
    text = (ROOT / "CMakeLists.txt").read_text()
    found = re.search(r"project\(brot VERSION ([\d.]+)", text)
    assert found is not None and brot.__version__ == found[1]


def test_nothing_else_is_imported() -> None:
    code = ("import sys, brot, brot.aio, brot.explorer; "
            "print(*{name.partition('.')[0] for name in sys.modules})")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True,
                         cwd=SOURCE).stdout.split()
    assert not {"xarray", "dask", "ipywidgets", "IPython", "numba", "PIL"} & set(out)


# The explorer, without a browser


class Recorder:
    """Renders at once, and remembers what."""

    def __init__(self) -> None:
        self.requests: list[brot.Request] = []

    def image(self, view: Any = None, size: Any = None, **words: Any) -> brot.Image:
        self.requests.append(view)
        return brot.local.image(view, size, **words)


def test_the_camera_is_exact() -> None:
    camera = brot.explorer.Camera(brot.Request("-0.5,0,4", (400, 300)))
    for _ in range(100):
        camera.zoom(300, 150, 2)
    view = camera.request.document["view"]
    assert abs(float(view["re"]) - 0.5) < 1e-9 and len(view["re"]) > 20
    assert float(view["width"]) == 4 / 2**100
    for _ in range(100):
        camera.zoom(300, 150, 0.5)
    view = camera.request.document["view"]
    assert abs(float(view["re"]) + 0.5) < 1e-6 and float(view["width"]) == 4
    camera.pan(40, -30)
    view = camera.request.document["view"]
    assert abs(float(view["re"]) + 0.9) < 1e-6 and abs(float(view["im"]) + 0.3) < 1e-6


def test_clicks_and_drags(monkeypatch: pytest.MonkeyPatch) -> None:
    class Widget:
        value: Any = None
    monkeypatch.setattr(brot.explorer.Explorer, "_make_widget",
                        lambda self: (Widget(), Widget(), None))
    recorder = Recorder()
    explorer = brot.explorer.Explorer(recorder, "-0.5,0,4", (80, 60))
    assert explorer._picture.value.startswith(b"\x89PNG")
    explorer.on_event({"type": "mousedown", "relativeX": 60, "relativeY": 30})
    explorer.on_event({"type": "mouseup", "relativeX": 61, "relativeY": 30})
    assert recorder.requests[-1].document["view"]["width"] == "2"
    explorer.on_event({"type": "mousedown", "relativeX": 60, "relativeY": 30})
    explorer.on_event({"type": "mouseup", "relativeX": 61, "relativeY": 30, "shiftKey": True})
    assert recorder.requests[-1].document["view"]["width"] == "4"
    explorer.on_event({"type": "mousedown", "relativeX": 10, "relativeY": 10})
    explorer.on_event({"type": "mouseup", "relativeX": 30, "relativeY": 10})
    assert abs(float(recorder.requests[-1].document["view"]["re"]) + 1.5) < 0.11
    explorer.camera = brot.explorer.Camera(brot.Request("-0.75,0,1e-300", (80, 60)))
    explorer.show()
    assert "too deep" in explorer._text.value


def test_the_widget_of_ipywidgets() -> None:
    pytest.importorskip("ipywidgets")
    explorer = brot.explorer.Explorer(brot.local, "ship", (80, 60))
    buttons = explorer.widget.children[1].children
    assert len(buttons) == 6
    buttons[0]._click_handlers(buttons[0])
    assert explorer._text.value.endswith("0.08") and explorer._picture.value[:4] == b"\x89PNG"
