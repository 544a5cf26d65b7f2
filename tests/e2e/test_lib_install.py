"""libbrot as it is installed: README's example by pkg-config, and a project that finds the package."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from harness import Stage

BUILD = Path(os.environ["BROT_BUILD"])
CMAKE, CC = os.environ["BROT_CMAKE"], os.environ["BROT_CC"]
README = (Path(__file__).parents[2] / "README.md").read_text()
SANITIZE = [f"-fsanitize={os.environ['BROT_SANITIZE']}"] if os.environ.get("BROT_SANITIZE") else []

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(brot {version} REQUIRED)
add_executable(user user.c)
target_link_libraries(user PRIVATE brot::brot)
"""


def run(*command: object, cwd: Path, **environment: str) -> str:
    result = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True,
                            check=False, env={**os.environ, **environment})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def readme_example() -> str:
    (code,) = re.findall(r"^```c\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return code


@pytest.fixture(name="prefix", scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Elsewhere than it was configured for."""
    prefix = tmp_path_factory.mktemp("prefix")
    for component in ("lib", "dev"):
        run(CMAKE, "--install", BUILD, "--prefix", prefix, "--component", component, cwd=prefix)
    return prefix


def library_folder(prefix: Path) -> Path:
    (path,) = prefix.rglob("libbrot.so.0")
    return path.parent


def test_what_is_installed(prefix: Path) -> None:
    files = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}
    files -= {name for name in files if name.startswith("share/doc/")}
    assert {Path(name).name for name in files if not name.startswith("include")} == {
        "libbrot.so", "libbrot.so.0", f"libbrot.so.{version()}", "brot.pc", "brot-config.cmake",
        "brot-config-version.cmake", "brot-targets.cmake",
        *{Path(name).name for name in files if re.search(r"brot-targets-\w+\.cmake$", name)}}
    headers = {path.name for path in (Path(__file__).parents[2] / "include/brot").glob("*.h")}
    assert {name for name in files if name.startswith("include")} == {
        f"include/brot/{name}" for name in headers | {"version.h"}}


def version() -> str:
    (text,) = re.findall(r'BROT_VERSION +"(.*)"', (BUILD / "include/brot/version.h").read_text())
    return text


def test_the_example_of_readme(stage: Stage, prefix: Path, tmp_path: Path) -> None:
    """Its picture is what brot-client makes of the same words."""
    code = readme_example()
    assert len(code.splitlines()) <= 24
    (tmp_path / "seahorse.c").write_text(code)
    (command,) = re.findall(r"^    (cc seahorse\.c .*)$", README, re.MULTILINE)
    folder = library_folder(prefix)
    run("sh", "-ec", command.replace("cc", " ".join([CC, "-std=c17", "-Wall", "-Wextra", "-Wpedantic",
                                                     "-Werror", *SANITIZE]), 1), cwd=tmp_path,
        PKG_CONFIG_PATH=str(folder / "pkgconfig"))
    said = run("./seahorse", cwd=tmp_path, LD_LIBRARY_PATH=str(folder))
    assert said == ""
    path = stage.render(None, "a.png", "--view", "seahorse", "--size", "960x540", "--samples", 2)
    assert (tmp_path / "seahorse.png").read_bytes() == path.read_bytes()


def test_a_project_that_finds_it(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "user.c").write_text(readme_example())
    (tmp_path / "CMakeLists.txt").write_text(PROJECT.format(version=version()))
    run(CMAKE, "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_COMPILER={CC}",
        f"-DCMAKE_C_FLAGS={' '.join(SANITIZE)}", cwd=tmp_path)
    run(CMAKE, "--build", "build", cwd=tmp_path)
    run("build/user", cwd=tmp_path)
    assert (tmp_path / "seahorse.png").stat().st_size > 100000
