#!/usr/bin/env python3
"""Checks that pure libraries ask nothing of the system: by what their objects leave undefined.

usage: check_symbols.py NM ARCHIVE...
"""

from __future__ import annotations

import re
import subprocess
import sys

FORBIDDEN = re.compile(r"^(zmq_|zsock|shm_|clock_|getrandom|gettimeofday|time$|f?open(64)?$|mmap|"
                       r"socket$|fork$|pthread_create|nanosleep|f?printf$|puts$)")


def main() -> int:
    objects = 0
    breaches = []
    for archive in sys.argv[2:]:
        listing = subprocess.run([sys.argv[1], "--undefined-only", "--format=posix", archive],
                                 check=True, capture_output=True, text=True).stdout
        member = archive
        for line in listing.splitlines():
            if line.endswith(":"):
                member = line.rstrip(":")
                objects += 1
            elif line and FORBIDDEN.match(line.split()[0]):
                breaches.append(f"{member}: refers to {line.split()[0]}")
    if objects == 0:
        breaches.append("found no object to check")
    print("\n".join(breaches))
    print(f"{objects} objects, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
