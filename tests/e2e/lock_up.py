#!/usr/bin/env python3
"""Runs a program with no other system calls and kinds of sockets than those that are named.

usage: lock_up.py CALL,... FAMILY,... PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import socket
import sys

ALLOW = 0x7FFF0000         # SCMP_ACT_ALLOW
ERRNO = 0x00050000         # SCMP_ACT_ERRNO(0)
EQUAL = 4                  # SCMP_CMP_EQ
UNKNOWN = -1               # the number of a system call that libseccomp does not know
PR_SET_NO_NEW_PRIVS = 38


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int),
                ("value", ctypes.c_uint64), ("other", ctypes.c_uint64)]


def lock_up(calls: list[str], families: list[int]) -> None:
    """For this process, for good."""
    seccomp = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ERRNO | errno.EPERM))
    for name in calls:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number != UNKNOWN and name != "socket":
            assert seccomp.seccomp_rule_add_array(context, ALLOW, number, 0, None) == 0, name
    number = seccomp.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        rule = Comparison(0, EQUAL, family, 0)
        assert seccomp.seccomp_rule_add_array(context, ALLOW, number, 1, ctypes.byref(rule)) == 0
    assert ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert seccomp.seccomp_load(context) == 0


if __name__ == "__main__":
    lock_up(sys.argv[1].split(","), [getattr(socket, name) for name in sys.argv[2].split(",")])
    os.execv(sys.argv[3], sys.argv[3:])
