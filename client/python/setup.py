"""What pyproject.toml cannot say: that libbrot goes into the wheel, where there is one.

It is the file that LIBBROT names, or the one that the release build of this checkout has made, or
none: then the package looks for the system's each time it is used. LIBBROT="" means none, too.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70
    from wheel.bdist_wheel import bdist_wheel

NAME = "libbrot.so.0"
BUILT = Path(__file__).resolve().parent.parent.parent / "build" / "release" / "lib" / NAME


def library() -> Path | None:
    """The libbrot that goes into the wheel."""
    named = os.environ.get("LIBBROT")
    if named is None:
        return BUILT if BUILT.exists() else None
    if named and not Path(named).is_file():
        sys.exit(f"LIBBROT: must be the file of libbrot, or empty, got {named}")
    return Path(named) if named else None


class BuildPy(build_py):
    def run(self) -> None:
        super().run()
        found = library()
        if found is not None and not self.editable_mode:
            self.copy_file(str(found), str(Path(self.build_lib) / "brot" / NAME))
            self.announce(f"brot: {found} goes into the wheel", 2)


class Wheel(bdist_wheel):
    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = library() is None

    def get_tag(self) -> tuple[str, str, str]:
        python, abi, platform = super().get_tag()
        return (python, abi, platform) if self.root_is_pure else ("py3", "none", platform)


# Nothing is made in the checkout, and nothing of an earlier build gets into this one.
scratch = tempfile.mkdtemp(prefix="brot-build-")
atexit.register(shutil.rmtree, scratch, ignore_errors=True)

setup(
    license="MIT",
    cmdclass={"build_py": BuildPy, "bdist_wheel": Wheel},
    options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}},
)
