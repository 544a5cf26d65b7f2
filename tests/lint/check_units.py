#!/usr/bin/env python3
"""Checks the systemd units: that systemd finds nothing wrong with them, that they are locked up well,
and that the programs exist.

usage: check_units.py UNITS PROGRAMS   (two folders)
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

THRESHOLD = 20  # tenths of what systemd calls exposure: under 2.0


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def main() -> int:
    units, programs = Path(sys.argv[1]), Path(sys.argv[2])
    if shutil.which("systemd-analyze") is None:
        print("no systemd-analyze here: skipped")
        return 77
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for unit in [*sorted(units.glob("*.service")), *sorted(units.glob("*.target"))]:
            copy = Path(folder) / unit.name
            copy.write_text(re.sub(r"^(ExecStart=)\S*/(brot-\w+)", rf"\1{programs}/\2",
                                   unit.read_text(), flags=re.MULTILINE))
            copies.append(str(copy))
        if len(copies) < 3:
            print(f"{units}: has too few units")
            return 1
        verified = analyze("verify", "--man=no", *copies)
        # An unknown key is only told of. Other units of the system are not ours to mend.
        said = [line for line in verified.stdout.splitlines() if "brot" in line]
        print("\n".join(said))
        failures += len(said)
        for copy in copies:
            if not copy.endswith(".service"):
                continue
            scored = analyze("security", "--offline=true", f"--threshold={THRESHOLD}", copy)
            print(scored.stdout.splitlines()[-1] if scored.stdout else "no score")
            failures += scored.returncode != 0
    print(f"{len(copies)} units, {failures} faults")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
