"""Where libbrot lies beside the package it goes into the wheel, which then is of one platform."""

from pathlib import Path

from setuptools import setup
from wheel.bdist_wheel import bdist_wheel

HAS_LIBRARY = (Path(__file__).parent / "brot" / "libbrot.so.0").exists()


class Wheel(bdist_wheel):
    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = not HAS_LIBRARY

    def get_tag(self):
        python, abi, platform = super().get_tag()
        return ("py3", "none", platform) if HAS_LIBRARY else (python, abi, platform)


setup(cmdclass={"bdist_wheel": Wheel})
