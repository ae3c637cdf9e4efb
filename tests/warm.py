"""What a process that lives long does once, and one of tests would do again for each house that it opens.

Nothing of the product is left out or replaced by this: it computes less to the same end.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import argon2
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import create_engine
from sqlalchemy.engine.default import DefaultDialect

from inquiries.services import passwords
from inquiries.stores import database

MEMORY = Path("/dev/shm")
NEEDED = 2 << 30  # bytes; a test's directory is removed when it has passed

#: The cost that is the product's, also where there is no account; P28 asks for it.
FULL_COST = {"_HASHER": passwords._HASHER, "_NOBODY": passwords._NOBODY}


def warm_up() -> None:
    """In this process and those forked from it."""
    share_compiled_statements()
    share_compiled_templates()
    use_least_cost()
    gc.set_threshold(50_000, 20, 50)  # most of what is allocated here lives as long as the process


def share_compiled_statements() -> None:
    """The engines of one kind of database share what SQLAlchemy compiled; it keeps that by engine and dialect.

    Else every house that is opened compiles all statements anew, which takes longer than most tests.
    """
    compiled: dict[Any, Any] = {}

    def alike(one: DefaultDialect, other: object) -> bool:
        return type(one) is type(other)

    def digest(one: DefaultDialect) -> int:
        return hash(type(one))

    for owner, name, shared in (
        (DefaultDialect, "__eq__", alike),
        (DefaultDialect, "__hash__", digest),
        (database, "create_engine", partial(create_engine, execution_options={"compiled_cache": compiled})),
    ):
        setattr(owner, name, shared)


def share_compiled_templates() -> None:
    """The applications of this process share what Jinja compiled of the same text."""
    Flask.jinja_options = {"bytecode_cache": _CompiledTemplates()}


class _CompiledTemplates(BytecodeCache):
    """Kind of environment, name and text of a template → its code."""

    def __init__(self) -> None:
        self._kept: dict[tuple[type, str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get(self._place(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[self._place(bucket)] = bucket.code

    @staticmethod
    def _place(bucket: Bucket) -> tuple[type, str, str]:
        return type(bucket.environment), bucket.key, bucket.checksum


def use_least_cost() -> None:
    """Argon2id at its least cost, where what it costs to guess a password is not the question."""
    passwords._HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords._NOBODY = passwords._HASHER.hash(b"a password that nobody has")


def work_in_memory() -> None:
    """Put temporary files where commits need not wait for a disk, unless TMPDIR says where; synced they are all the same."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > NEEDED:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # as it may have been asked for already
