"""The version, that of the programs: tests/python holds it to the one of CMakeLists.txt."""

VERSION = "0.1.0"
