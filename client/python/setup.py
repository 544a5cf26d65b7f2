"""What pyproject.toml cannot say: which programs of this checkout go into the wheel.

Where its release build is there, that is libbrot, brot-broker and brot-worker. LIBBROT names
another libbrot, which then goes alone; LIBBROT="" means that nothing goes.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70
    from wheel.bdist_wheel import bdist_wheel

NAME = "libbrot.so.0"
BUILT = Path(__file__).resolve().parent.parent.parent / "build" / "release"


def find_library() -> Path | None:
    """The libbrot that goes into the wheel."""
    named = os.environ.get("LIBBROT")
    if named is None:
        return BUILT / "lib" / NAME if (BUILT / "lib" / NAME).exists() else None
    if named and not Path(named).is_file():
        sys.exit(f"LIBBROT: must be the file of libbrot, or empty, got {named}")
    return Path(named) if named else None


def find_programs() -> list[str]:
    """What brot.cluster() starts, which looks for it where the wheel puts it."""
    if "LIBBROT" in os.environ:
        return []
    here = Path(__file__).resolve().parent
    return [os.path.relpath(path, here) for name in ("brot-broker", "brot-worker")
            if (path := BUILT / "bin" / name).exists()]


LIBRARY, PROGRAMS = find_library(), find_programs()


class BuildPy(build_py):
    def run(self) -> None:
        super().run()
        if LIBRARY is not None and not self.editable_mode:
            self.copy_file(str(LIBRARY), str(Path(self.build_lib) / "brot" / NAME))


class OfPlatform(Distribution):
    def has_ext_modules(self) -> bool:
        return LIBRARY is not None or bool(PROGRAMS)


class Wheel(bdist_wheel):
    def run(self) -> None:
        # Not of the distribution: a source archive would take them as well.
        if PROGRAMS:
            self.distribution.data_files = [("bin", PROGRAMS)]
        super().run()

    def get_tag(self) -> tuple[str, str, str]:
        python, abi, platform = super().get_tag()
        return (python, abi, platform) if self.root_is_pure else ("py3", "none", platform)


# Nothing is made in the checkout, and nothing of an earlier build gets into this one.
scratch = tempfile.mkdtemp(prefix="brot-build-")
atexit.register(shutil.rmtree, scratch, ignore_errors=True)

setup(
    license="MIT",
    distclass=OfPlatform,
    cmdclass={"build_py": BuildPy, "bdist_wheel": Wheel},
    options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}},
)
