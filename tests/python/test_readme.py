"""What the pages have as Python runs, and ends with a picture."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import Any

import pytest
from conftest import ROOT
from harness import BIN

SEAHORSE = ["--view", "seahorse", "--size", "1920x1080"]


@pytest.mark.parametrize("page, options", [
    ("README.md", ["--samples", "2"]), ("client/python/README.md", [])])
def test_its_example(page: str, options: list[str], tmp_path: Any,
                     monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line is what a notebook shows: the bytes of brot-client's file."""
    monkeypatch.setenv("PATH", str(BIN), prepend=":")
    (code,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)
    tree = ast.parse(code)
    shown = tree.body.pop()
    assert isinstance(shown, ast.Expr)
    names: dict[str, Any] = {}
    exec(compile(tree, page, "exec"), names)  # pylint: disable=exec-used
    image = eval(compile(ast.Expression(shown.value), page, "eval"), names)
    subprocess.run([BIN / "brot-client", "render", *SEAHORSE, *options, "--out", "a.png"],
                   cwd=tmp_path, check=True, capture_output=True)
    assert image._repr_png_() == (tmp_path / "a.png").read_bytes()
    if "counts" in names:
        assert names["counts"].shape == (1080, 1920) and names["counts"].dtype == "f8"
