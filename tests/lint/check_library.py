#!/usr/bin/env python3
"""Checks what libbrot shows and what it asks for: it exports just what its headers declare, under
the soname that it should have; it refers to nothing that ends, or prints in, a program that is not
its own, or changes how that takes signals; and each header compiles alone, as C and as C++.

usage: check_library.py NM READELF CC CXX LIBRARY SONAME INCLUDE...

The first INCLUDE has the headers that are looked at. CXX may be empty: C++ is left out then.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DECLARED = re.compile(r"^BROT_API\b[^;]*?\b(brot_\w+)\s*\(", re.MULTILINE)
FORBIDDEN = re.compile(r"^(_?_?exit|_Exit|quick_exit|atexit|v?f?printf|__v?f?printf_chk|puts|fputs|"
                       r"putchar|perror|std(in|out|err)|signal|sigaction|sigprocmask|system|fork|"
                       r"setlocale|setenv|putenv|chdir|setjmp|abort|__assert_fail|umask|setrlimit|"
                       r"alarm|fesetround|feenableexcept|mp_set_memory_functions|"
                       r"json_set_alloc_funcs|__gmp\w+)(@|$)")
# What stays, and why.
REASONED = {
    "__assert_fail": "our own mistakes end the program: what follows would be wrong pixels",
    "abort": "random_bytes() has no random numbers: keys and names would not be safe",
    "umask": "sock_bind() alone, which a service calls and this library does not",
}
FLAGS = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def run(*command: str, text: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, input=text, check=False)


def symbols(nm: str, library: str, which: str) -> set[str]:
    listing = subprocess.run([nm, "-D", which, "--format=posix", library], check=True,
                             capture_output=True, text=True).stdout
    return {line.split()[0] for line in listing.splitlines()}


def check_headers(compilers: list[list[str]], folders: list[str]) -> list[str]:
    found = []
    includes = [f"-I{folder}" for folder in folders]
    for header in sorted(Path(folders[0], "brot").glob("*.h")):
        for compiler in compilers:
            result = run(*compiler, *FLAGS, *includes, "-",
                         text=f"#include <brot/{header.name}>\nint main(void);\n")
            if result.returncode != 0:
                found.append(f"{header.name}: {compiler[0]}: {result.stderr}")
    return found


def main() -> int:
    nm, readelf, cc, cxx, library, soname, *folders = sys.argv[1:]
    declared = {name for header in Path(folders[0], "brot").glob("*.h")
                for name in DECLARED.findall(header.read_text())}
    exported = symbols(nm, library, "--defined-only")
    breaches = [f"{name}: is exported, and no header declares it"
                for name in sorted(exported - declared)]
    breaches += [f"{name}: is declared, and not exported" for name in sorted(declared - exported)]
    breaches += [f"refers to {name}" for name in sorted(symbols(nm, library, "--undefined-only"))
                 if FORBIDDEN.match(name) and name.partition("@")[0] not in REASONED]
    dynamic = run(readelf, "-d", library).stdout
    if f"[{soname}]" not in dynamic:
        breaches.append(f"has not the soname {soname}")
    if "RPATH" in dynamic or "RUNPATH" in dynamic:
        breaches.append("says where its libraries are looked for")
    compilers = [[cc, "-std=c17", "-xc"]] + ([[cxx, "-std=c++17", "-xc++"]] if cxx else [])
    breaches += check_headers(compilers, folders)
    if len(declared) < 20:
        breaches.append("found too few declarations to check")
    print("\n".join(breaches))
    print(f"{len(declared)} functions, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
