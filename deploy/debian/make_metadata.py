#!/usr/bin/env python3
"""Prints the METADATA of the Python package, as pip would install it.

usage: make_metadata.py FOLDER VERSION

FOLDER: that of pyproject.toml. The package's own version must be VERSION.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from email.parser import HeaderParser
from pathlib import Path

from setuptools import build_meta


def main() -> int:
    folder, version = sys.argv[1:]
    os.chdir(folder)
    with tempfile.TemporaryDirectory() as made:
        with contextlib.redirect_stdout(sys.stderr):
            name = build_meta.prepare_metadata_for_build_wheel(made)
        text = (Path(made) / name / "METADATA").read_text()
    found = HeaderParser().parsestr(text)["Version"]
    if found != version:
        print(f"brot/_version.py: must be {version}, as in CMakeLists.txt, got {found}",
              file=sys.stderr)
        return 1
    # A file of the wheel's, which Debian has as its own.
    print(text.replace("License-File: LICENSE\n", ""), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
