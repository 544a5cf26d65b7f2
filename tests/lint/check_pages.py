#!/usr/bin/env python3
"""Checks the manual pages: that they name each option, command, variable and exit status that the
programs' own help has, and that the formatter finds nothing wrong with them.

usage: check_pages.py PAGES PROGRAMS   (two folders)
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

PAGES = {"brot-client.1": "brot-client", "brot-broker.8": "brot-broker", "brot-worker.8": "brot-worker",
         "brot-request.5": None, "brot-protocol.7": None}
# What every page has.
HEADINGS = ("NAME", "DESCRIPTION", "SEE ALSO")


def help_of(program: Path, *command: str) -> str:
    return subprocess.run([program, *command, "--help"], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, check=True).stdout


def words_of(program: Path) -> set[str]:
    """What the help of a program says that its page must have."""
    text = help_of(program)
    commands = set(re.findall(r"^  ([a-z]+) +[A-Z]", text, re.MULTILINE))
    words = commands | set(re.findall(r"^  (\d+) ", text, re.MULTILINE))
    for own in [text, *(help_of(program, command) for command in sorted(commands))]:
        words |= set(re.findall(r"^  (--[a-z-]+)", own, re.MULTILINE))
        words |= set(re.findall(r"\(or\s+(BROT_\w+)\)", own))
    return words


def plain(page: str) -> str:
    """The page without fonts and escapes."""
    return re.sub(r"\\f[BIRP]", "", page).replace("\\-", "-")


def faults_of(path: Path, program: Path | None) -> list[str]:
    page = path.read_text(encoding="utf-8")
    text = plain(page)
    found = [f"has no section {heading}" for heading in HEADINGS
             if not re.search(rf'^\.SH "?{heading}"?$', page, re.MULTILINE)]
    if program is not None:
        words = words_of(program)
        if len(words) < 10:
            found.append(f"has too little to be checked against: {sorted(words)}")
        # A page lists a status as a head of its own, or tells of it in a sentence.
        listed = set(re.findall(r"^\.TP\n(\d+)$", text, re.MULTILINE)) - words
        found += [f"has exit status {status}, which --help has not" for status in sorted(listed)]
        found += [f"does not name {word}" for word in sorted(words)
                  if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)]
    name = path.name.rsplit(".", 1)[0]
    if not re.search(rf"^{name} - \S", text, re.MULTILINE):
        found.append(f"does not begin with a line '{name} - what it is'")
    formatted = subprocess.run(["groff", "-t", "-man", "-Kutf8", "-Tutf8", "-ww", "-rLL=80n", str(path)],
                               stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return found + formatted.stderr.splitlines()


def main() -> int:
    folder, programs = Path(sys.argv[1]), Path(sys.argv[2])
    if shutil.which("groff") is None:
        print("no groff here: skipped")
        return 77
    faults = []
    for name, program in PAGES.items():
        faults += [f"{name}: {fault}" for fault in
                   faults_of(folder / name, programs / program if program else None)]
    print("\n".join(faults))
    print(f"{len(PAGES)} pages, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
