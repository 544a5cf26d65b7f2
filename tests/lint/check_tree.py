#!/usr/bin/env python3
"""Checks the rules of the tree that a compiler does not: where files lie, who includes whom, and
what pure files may not touch.

usage: check_tree.py ROOT

Prints one line for each breach; the exit status is 1 if there is one.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

TOP = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "NEWS.md", "CONTRIBUTING.md",
       "broker", "worker", "client", "proto", "include", "tests", "deploy"}
IGNORED = {"build", "out", "compile_commands.json", "__pycache__"}  # as .gitignore has them

# Which folders the files of a folder may include from, beside their own.
MAY_INCLUDE = {
    "include": set(),
    "proto": {"include"},
    "broker": {"include", "proto"},
    "worker": {"include", "proto"},
    "client": {"include", "proto"},
    "tests": {"include", "proto", "broker", "worker", "client"},
}

# The files that may talk to the system, beside proto/sys: by name, for a new one is a decision.
SHELL = {
    "broker": {"main", "server", "inbox", "inbox_client", "inbox_worker", "inbox_ended", "outbox",
               "images", "keeper", "journal", "reload", "restore", "saves", "store", "store_read",
               "store_sql", "store_write", "checkpoint", "checkpoint_file", "exporter",
               "service", "gate", "keyring", "denials"},
    "worker": {"main", "cmd_selftest", "link", "link_job", "pool", "supervise", "fault",
               "gang", "brot_kernel"},
}
# Nearly all of the client is input and output: there a header says so where a file is not.
SAYS_PURE = re.compile(r"^ \* Pure\b", re.MULTILINE)

IMPURE_HEADERS = {"zmq.h", "czmq.h", "time.h", "signal.h", "unistd.h", "fcntl.h", "poll.h",
                  "sys/mman.h", "sys/socket.h", "sys/time.h", "sys/stat.h", "sys/wait.h"}
IMPURE_CALLS = re.compile(r"\b(clock_gettime|gettimeofday|time|getenv|f?printf|puts|fputs|fopen|"
                          r"open|shm_open|mmap|log_line|exit)\s*\(")
# Waiting a fixed time is no way to wait for something.
SLEEPS = re.compile(r"\b(sleep|usleep|nanosleep|clock_nanosleep)\s*\(")
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# One file alone may use each of these, so that what is promised of it can be read in one place.
ONLY_IN = {
    re.compile(r"#include <zmq\.h>"): {"proto/sys/sock.c", "proto/sys/sock_door.c", "proto/sys/sock_guest.c", "proto/sys/sock_probe.c",
                                       "proto/sys/sock_zap.c", "proto/sys/keys.c",
                                       "tests/bench/bench_echo.c"},
    re.compile(r"\bclock_gettime\s*\("): {"proto/sys/clock.c"},
    re.compile(r"\bshm_(open|unlink)\s*\("): {"proto/sys/shm.c"},
    re.compile(r"\bgetrandom\s*\("): {"proto/sys/random.c"},
}
FILE_LINES_MAX = 600
TEST_FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 80  # outside tests

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', re.DOTALL)


def without_comments(text: str, keep_strings: bool) -> str:
    """The text with comments blanked, and strings too if asked; lines stay where they are."""

    def blank(match: re.Match[str]) -> str:
        token = match.group()
        if token[0] != "/" and keep_strings:
            return token
        return re.sub(r"[^\n]", " ", token)

    return TOKEN.sub(blank, text)


def has_line_comment(text: str) -> bool:
    return any(token.startswith("//") for token in TOKEN.findall(text))


def is_pure(root: Path, path: Path) -> bool:
    top, name = path.parts[0], path.stem
    if top == "proto":
        return path.parts[1] != "sys"
    if top == "client":
        header = (root / path).with_suffix(".h")
        return header.exists() and bool(SAYS_PURE.search(header.read_text()))
    return top in SHELL and name not in SHELL[top]


def long_functions(text: str) -> list[str]:
    """What is said of the functions that are too long. clang-format sees to it that the braces of
    a function, and of no other block, stand alone at the start of a line."""
    found = []
    begin = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line == "{":
            begin = number
        elif line == "}" and begin > 0:
            lines = number - begin + 1
            if lines > FUNCTION_LINES_MAX:
                found.append(f"the function at line {begin} has {lines} lines, which is more than "
                             f"{FUNCTION_LINES_MAX}")
            begin = 0
    return found


def check_source(root: Path, path: Path, text: str) -> list[str]:
    """What is wrong with one C file."""
    found = []
    code = without_comments(text, keep_strings=False)
    with_strings = without_comments(text, keep_strings=True)
    if has_line_comment(text):
        found.append("has a // comment")
    if SLEEPS.search(code):
        found.append("sleeps")
    for pattern, files in ONLY_IN.items():
        if pattern.search(code) and str(path) not in files and path.parts[0] != "tests":
            found.append(f"uses {pattern.pattern!r}, which is left to {', '.join(sorted(files))}")
    for quoted in re.findall(r'^#include "([^"]+)"', with_strings, re.MULTILINE):
        folder = quoted.split("/")[0]
        if folder not in MAY_INCLUDE:
            found.append(f'includes "{quoted}", which is not a path from the root')
        elif folder != path.parts[0] and folder not in MAY_INCLUDE[path.parts[0]]:
            found.append(f'includes "{quoted}": {path.parts[0]} must not depend on {folder}')
    if path.parts[0] != "tests":
        found += long_functions(text)
    if is_pure(root, path):
        for header in sorted(IMPURE_HEADERS & set(re.findall(r"#include <([^>]+)>", text))):
            found.append(f"is pure, and includes <{header}>")
        for call in sorted(set(IMPURE_CALLS.findall(code))):
            found.append(f"is pure, and calls {call}()")
    return found


def text_files(root: Path) -> list[Path]:
    """All files of the project that a person wrote, as paths from the root."""
    suffixes = {".c", ".h", ".py", ".txt", ".cmake", ".md", ".json", ".bash", ".sh", ""}
    found = []
    for top in sorted(root.iterdir()):
        if top.name in IGNORED or top.name in {".git", ".cache", ".pytest_cache"}:
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            name = path.relative_to(root)
            # These hold data, some of it broken on purpose.
            is_data = name.parts[:2] == ("tests", "cases") or name.parts[:3] == (
                "tests", "fuzz", "corpus")
            if (path.is_file() and path.suffix in suffixes and "__pycache__" not in name.parts
                    and not is_data):
                found.append(name)
    return found


def main() -> int:
    root = Path(sys.argv[1])
    breaches = []
    for entry in sorted(root.iterdir()):
        if entry.name not in TOP | IGNORED and not entry.name.startswith("."):
            breaches.append(f"{entry.name}: does not belong at the top of the tree")
    sources = 0
    for path in text_files(root):
        text = (root / path).read_text()
        # This file names the marks that it looks for.
        if path.name != Path(__file__).name and MARKS.search(text):
            breaches.append(f"{path}: has a mark of unfinished work")
        most = TEST_FILE_LINES_MAX if path.parts[0] == "tests" else FILE_LINES_MAX
        if path.suffix in {".c", ".h", ".py"} and text.count("\n") > most:
            breaches.append(f"{path}: is longer than {most} lines")
        if path.suffix in {".c", ".h"}:
            sources += 1
            breaches += [f"{path}: {sentence}" for sentence in check_source(root, path, text)]
    if sources == 0:
        breaches.append("found no C file to check")
    print("\n".join(breaches))
    print(f"{sources} C files, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
