"""The package as others install it: README's commands, in a checkout of their own."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import brot
import pytest
from conftest import ROOT
from harness import BIN, Broker, Stage

SOURCE = ROOT / "client" / "python"
README = (SOURCE / "README.md").read_text()
PIP = [sys.executable, "-m", "pip"]
# Neither a network nor this user's settings.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_CONFIG_FILE": os.devnull,
           "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1"}
WHEEL = re.compile(r"brot-[\d.]+-py3-none-(any|linux_\w+)\.whl")

# Three ways to the same bytes; the library is the one that came with the package.
USE = """
import sys
from importlib.metadata import version
import brot, brot.local
here = brot.local.render("seahorse", (160, 120), threads=2)
with brot.cluster(workers=1) as own:
    assert own.render("seahorse", (160, 120)).tobytes() == here.tobytes()
with brot.connect(sys.argv[1]) as service:
    image = service.image("seahorse", (160, 120))
image.save("service.png")
assert image.array.tobytes() == here.tobytes()
print(version("brot"), brot.__file__, brot._native.library()._name, own._landlord._broker)
"""


def run(*command: object, cwd: Path, environment: dict[str, str] | None = None,
        status: int = 0) -> str:
    """Its output, both streams. It finds no program of brot by PATH, and no library by LIBBROT."""
    inherited = {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_PRELOAD")
                 if name in os.environ}
    result = subprocess.run([str(word) for word in command], cwd=cwd, text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={
                                **inherited, **OFFLINE, "PATH": "/usr/bin:/bin",
                                "HOME": str(cwd.parent / "home"), "LC_ALL": "C.UTF-8",
                                **(environment or {})})
    assert (result.returncode != 0) == (status != 0), result.stdout
    return result.stdout


@pytest.fixture(name="checkout")
def a_checkout(tmp_path: Path) -> Path:
    """What pip needs of one."""
    needed = {"pip", "ensurepip", "setuptools", "wheel", "ipykernel"}
    missing = sorted(name for name in needed if importlib.util.find_spec(name) is None)
    if missing:
        pytest.skip(f"not here: {', '.join(missing)}")
    shutil.copytree(SOURCE, tmp_path / "checkout" / "client" / "python",
                    ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    return tmp_path / "checkout"


def put_build(checkout: Path, library: Path) -> None:
    """As the release build makes it."""
    build = checkout / "build" / "release"
    (build / "lib").mkdir(parents=True)
    (build / "bin").mkdir()
    shutil.copyfile(library, build / "lib" / library.name)
    (build / "lib" / "libbrot.so.0").symlink_to(library.name)
    for name in ("brot-broker", "brot-worker"):
        shutil.copy(BIN / name, build / "bin" / name)
    # For pip to have less to pack.
    subprocess.run(["strip", "--strip-debug", build / "lib" / library.name,
                    *(build / "bin").iterdir()], check=True)


def wheel_of(checkout: Path, **environment: str) -> Path:
    wheels = checkout.parent / f"wheels{len(list(checkout.parent.iterdir()))}"
    run(*PIP, "wheel", "--no-deps", "-w", wheels, "./client/python", cwd=checkout,
        environment=environment)
    (wheel,) = wheels.iterdir()
    assert WHEEL.fullmatch(wheel.name), wheel.name
    return wheel


def binaries_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "brot/py.typed" in names
    return {name.rpartition("/")[2] for name in names if "libbrot" in name or "/bin/" in name}


def test_the_commands_of_readme(stage: Stage, broker: Broker, library: Path,
                                checkout: Path) -> None:
    """A built checkout, an environment with Debian's NumPy and pyzmq, three ways to use it."""
    put_build(checkout, library)
    before = sorted(checkout.rglob("*"))
    commands = re.findall(r"^    ((?:python3 -m venv|brot-env/bin/).*)$", README, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        if "-m notebook" not in command:  # which would wait for a browser
            run("sh", "-ec", command, cwd=checkout)
    place = checkout / "brot-env"
    made = set(checkout.rglob("*")) - set(before)
    assert all(place in path.parents or path == place for path in made), made
    out = run(place / "bin" / "python", "-c", USE, broker.url, cwd=checkout)
    version, package, loaded, program = out.split()
    assert version == brot.__version__
    assert Path(package).parent == Path(loaded).parent and place in Path(loaded).parents
    assert Path(program) == place / "bin" / "brot-broker"
    kernel = json.loads((place / "share/jupyter/kernels/python3/kernel.json").read_text())
    assert kernel["argv"][0] == str(place / "bin" / "python")
    picture = stage.render(broker, "client.png", "--view", "seahorse", "--size", "160x120")
    assert (checkout / "service.png").read_bytes() == picture.read_bytes()
    run(place / "bin" / "python", "-m", "brot", "render", "--local", "--view", "seahorse", "--size",
        "160x120", "--out", "shell.png", cwd=checkout)
    assert (checkout / "shell.png").read_bytes() == picture.read_bytes()


def test_where_libbrot_of_a_wheel_comes_from(library: Path, checkout: Path) -> None:
    plain = wheel_of(checkout)
    assert plain.name.endswith("-any.whl") and binaries_in(plain) == set()
    place = checkout / "place"
    run(*PIP, "install", "--no-deps", "--target", place, plain, cwd=checkout)
    code = "import brot.local; print(brot.__file__, brot.local.render('home', (8, 6)).shape)"
    out = run(sys.executable, "-c", code, cwd=checkout,
              environment={"PYTHONPATH": str(place), "LIBBROT": str(library)})
    assert out.split()[0].startswith(str(place)) and out.endswith("(6, 8, 3)\n")
    named = wheel_of(checkout, LIBBROT=str(library))
    assert "linux" in named.name and binaries_in(named) == {"libbrot.so.0"}
    put_build(checkout, library)
    built = wheel_of(checkout)
    assert "linux" in built.name
    assert binaries_in(built) == {"libbrot.so.0", "brot-broker", "brot-worker"}
    none = wheel_of(checkout, LIBBROT="")
    assert none.name.endswith("-any.whl") and binaries_in(none) == set()
    said = run(*PIP, "wheel", "--no-deps", "./client/python", cwd=checkout, status=1,
               environment={"LIBBROT": "nowhere.so"})
    assert "LIBBROT: must be the file of libbrot, or empty, got nowhere.so" in said


def test_metadata_of_the_debian_package(tmp_path: Path) -> None:
    """Those of pip's, and of no other version than the programs'."""
    make = ROOT / "deploy" / "debian" / "make_metadata.py"
    text = subprocess.run([sys.executable, make, SOURCE, brot.__version__], check=True, text=True,
                          capture_output=True, cwd=tmp_path).stdout
    assert f"\nVersion: {brot.__version__}\n" in text and "\nName: brot\n" in text
    assert "\nRequires-Dist: numpy" in text and "License-File" not in text
    assert "must be 99.0" in run(sys.executable, make, SOURCE, "99.0", cwd=tmp_path, status=1)
