"""Calls that end their process: for the process lane only."""

import ctypes
import os
import resource

from tocsin import RunContext


def segfault(ctx: RunContext) -> None:
    ctypes.string_at(0)


def exhaust(ctx: RunContext) -> None:
    """Take memory until there is none, of a gigabyte."""
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    held = []
    while True:
        held.append(bytearray(1 << 26))


def leave(ctx: RunContext) -> None:
    os._exit(9)
