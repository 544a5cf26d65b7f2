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


def test_modules_that_are_imported_when_they_are_used() -> None:
    code = """
import sys, types, brot
lazy = ("aio", "explorer", "local")
assert not {f"brot.{name}" for name in lazy} & set(sys.modules)
assert {*lazy, *brot.__all__} <= set(dir(brot)) and not hasattr(brot, "nothing")
assert brot.local.render.__module__ == "brot.local" and callable(brot.aio.connect)
assert isinstance(brot.explorer, types.ModuleType) and isinstance(brot.cluster, types.FunctionType)
from brot import *
assert local is brot.local and callable(cluster)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SOURCE)


def test_numbers_of_errors_are_those_of_libbrot() -> None:
    text = (ROOT / "include" / "brot" / "error.h").read_text()
    names = re.findall(r"^\tBROT_E_(\w+),", text, re.MULTILINE)
    assert len(names) >= 15
    for number, name in enumerate(names, 1):
        assert brot.errors.from_number(number, "text").code == name.lower()
    for number in (-1, 0, 99):
        assert brot.errors.from_number(number, "text").code == "internal"


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
    monkeypatch.setattr(brot.explorer.Explorer, "_make_widget", make_widget)
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
    assert not explorer.show() and "too deep" in explorer._text.value


class Widget:
    value: Any = None


def make_widget(_: Any) -> tuple[Widget, Widget, None]:
    return Widget(), Widget(), None


def test_where_the_explorer_cannot_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why, and stays at the picture that it shows."""
    monkeypatch.setattr(brot.explorer.Explorer, "_make_widget", make_widget)
    explorer = brot.explorer.Explorer(Recorder(), "-0.5,0,700", (80, 60))
    picture, image, before = explorer._picture.value, explorer.image, explorer.camera.request
    out = {"type": "wheel", "relativeX": 40, "relativeY": 30, "deltaY": 1}
    for _ in range(3):
        explorer.on_event(out)
        assert "width" in explorer._text.value and explorer.camera.request == before
        assert explorer._picture.value is picture and explorer.image is image
    explorer._on_button(lambda: explorer.camera.zoom(40, 30, 2), None)
    assert explorer.camera.request.document["view"]["width"] == "350"
    explorer.camera = brot.explorer.Camera(brot.Request(f"-0.5,0,1e-{10**6}", (80, 60)))
    explorer.on_event(out)
    assert "view.width: must be larger" in explorer._text.value


def test_the_explorer_shows_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says is of a broker, and goes into a page."""
    class Evil(Recorder):
        def image(self, view: Any = None, size: Any = None, **words: Any) -> brot.Image:
            raise brot.FailedError("<img src=x onerror=alert(1)>")
    monkeypatch.setattr(brot.explorer.Explorer, "_make_widget", make_widget)
    explorer = brot.explorer.Explorer(Evil(), "home", (80, 60))
    assert explorer._text.value == "&lt;img src=x onerror=alert(1)&gt;"


@pytest.mark.parametrize("format_", ["iterations", "distance"])
def test_the_explorer_of_numbers(monkeypatch: pytest.MonkeyPatch, format_: str) -> None:
    monkeypatch.setattr(brot.explorer.Explorer, "_make_widget", make_widget)
    explorer = brot.explorer.Explorer(Recorder(), "home", (80, 60), format=format_)
    if format_ == "iterations":
        assert explorer._picture.value.startswith(b"\x89PNG")
    else:
        assert explorer._picture.value is None
        assert "format: must be one that can be coloured" in explorer._text.value


def test_the_widget_of_ipywidgets() -> None:
    pytest.importorskip("ipywidgets")
    explorer = brot.explorer.Explorer(brot.local, "ship", (80, 60))
    buttons = explorer.widget.children[1].children
    assert len(buttons) == 6
    buttons[0]._click_handlers(buttons[0])
    assert explorer._text.value.endswith("0.08") and explorer._picture.value[:4] == b"\x89PNG"
