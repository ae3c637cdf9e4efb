"""Measures `ledger verify` beside plain reading of the same rows, and four appending processes beside intake.

    python -m benchmarks.ledger [--entries 1000000] [--seconds 10] [--only verify|appends]

`verify` walks a chain of access records on SQLite, sealed each five thousand; the reference reads the same
rows with the bare driver and hashes the same bytes, each in a fresh process whose peak of memory is its own.
Then, on PostgreSQL, four processes append to one chain while another sends inquiries; the reference commits
the same bodies to a plain table of another database, at the same pace. Writes `results/ledger.json`. Exit
status 1 when a chain does not verify, memory grows with its length, or appends slow intake more than plain
commits do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, MetaData, Table, Text, create_engine, insert

from benchmarks import servers
from benchmarks.sweep import ITEMS, databases
from inquiries import clock, settings
from inquiries.sealing import chain as hashes
from inquiries.services import intake, records
from inquiries.services.house import House, open_house
from inquiries.services.intake import Submission
from inquiries.stores import ledger
from inquiries.stores.types import from_microseconds, to_microseconds

BATCH = 5_000
KEPT = timedelta(days=730)
FORMER = 100_000  # entries of the shorter chain that memory is compared with
MEMORY, SLOWER = 1.25, 1.25
PROCESSES, APPEND_PAUSE = 4, 0.1  # each ten times a second at most: more than any desk opens inquiries
PAUSE = 0.02  # between two inquiries
ROUNDS = 3

_plain = MetaData()
_records = Table("records", _plain, Column("id", Integer, primary_key=True), Column("body", Text))


def main() -> int:
    """Measure, print, write."""
    arguments = _arguments()
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="inquiries-bench-") as made:
        if arguments.only in (None, "verify"):
            found |= verified(Path(made), arguments.entries)
        if arguments.only in (None, "appends"):
            found |= appended(Path(made), arguments.seconds)
    for what, figure in found.items():
        print(f"  {what:<58}{figure:>12.2f}")
    servers.RESULTS.mkdir(exist_ok=True)
    (servers.RESULTS / "ledger.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    grows = found.get("verify: peak of memory, times that of a shorter chain", 0.0)
    slower = found.get("intake p95 beside appends, times beside plain commits", 0.0)
    return 0 if grows <= MEMORY and slower <= SLOWER else 1


# -- verify ----------------------------------------------------------------------------------------


def verified(made: Path, entries: int) -> dict[str, float]:
    """Seconds and peaks of memory of `verify` and of the plain reading, over a chain of so many entries."""
    directory = made / "verify"
    directory.mkdir()
    servers.initialise(servers.product_environment(directory))
    given = {"instance": directory / "instance"}
    found: dict[str, float] = {}
    with closing(open_house(settings.load(**given))) as house:
        key = records.start_sealing(house)
        if key is None:
            raise RuntimeError("a fresh ledger was sealed already")
        before = records.verify(house).entries
        _fill(house, min(FORMER, entries))
        shorter = _apart(_verify, given, key)
        started = time.monotonic()
        _fill(house, entries - FORMER)
        print(f"{entries} entries, sealed each {BATCH}, in {time.monotonic() - started:.0f} s", flush=True)
    whole = _apart(_verify, given, key)
    plain = _apart(_read, directory / "instance" / "ledger.db")
    if whole["entries"] < before + entries or not whole["ok"]:
        raise RuntimeError(f"{whole} of {before + entries} entries")
    found["verify, s"] = whole["seconds"]
    found["verify: entries a second"] = whole["entries"] / whole["seconds"]
    found["plain reading and hashing, s"] = plain["seconds"]
    found["verify, times plain reading and hashing"] = whole["seconds"] / plain["seconds"]
    found["verify: peak of memory, MiB"] = whole["peak"]
    found["verify: peak of memory, times that of a shorter chain"] = whole["peak"] / shorter["peak"]
    found["plain reading: peak of memory, MiB"] = plain["peak"]
    return found


def _fill(house: House, count: int) -> None:
    """Append so many access records as `records.append` does, but many in one transaction."""
    with house.ledger.read() as connection:
        head = ledger.head(connection, "access")
    n, previous = (0, hashes.GENESIS) if head is None else (head.n, head.hash)
    for start in range(0, count, BATCH):
        made = []
        for _ in range(min(BATCH, count - start)):
            n += 1
            entry = _entry(n, previous)
            made.append(entry)
            previous = entry.hash
        with house.ledger.write() as connection:
            connection.execute(insert(ledger.entries), [_columns(one, ledger.entries) for one in made])
            connection.execute(insert(ledger.bodies), [_columns(one, ledger.bodies) for one in made])
        records.seal(house)


def _entry(n: int, previous: bytes) -> ledger.Entry:
    body = _body(n)
    written, salt = records.canonical(body), os.urandom(hashes.SALT_SIZE)
    commitment = hashes.commitment(salt, written.encode())
    at = from_microseconds(to_microseconds(clock.now()))
    moments = to_microseconds(at), to_microseconds(at + KEPT)
    digest = hashes.entry_hash("access", n, *moments, previous, commitment)
    return ledger.Entry(
        "access", n, hashes.ENTRY_VERSION, at, at + KEPT, previous, commitment, digest,
        salt, written, at + KEPT, records.labels_of(body),
    )  # fmt: skip


def _body(n: int) -> dict[str, Any]:
    """An opening, as long as they are."""
    return {
        "act": "open", "outcome": "done", "staff": 1 << 60, "email": "minji@example.com",
        "from": "192.0.2.7", "inquiry": (1 << 60) + n, "detail": {"type": "support", "role": "consultation"},
    }  # fmt: skip


def _columns(entry: ledger.Entry, table: Table) -> dict[str, Any]:
    return {
        column.name: getattr(entry, column.name, getattr(entry.labels, column.name, None))
        for column in table.columns
    }


def _verify(given: Mapping[str, Any], key: str) -> dict[str, float]:
    with closing(open_house(settings.load(**given))) as house:
        started = time.perf_counter()
        verdict = records.verify(house, bytes.fromhex(key))
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "entries": verdict.entries, "ok": verdict.ok, "peak": _peak()}


def _read(path: Path) -> dict[str, float]:
    """The same rows by the bare driver, in the same order; whatever stands in them is hashed, in one."""
    query = """
        SELECT chain, n, version, at, until, previous, commitment, hash, salt, body, expires_at, act, outcome,
               staff, inquiry FROM entries LEFT JOIN bodies USING (chain, n) ORDER BY chain, n
    """
    digest, count = hashlib.sha256(), 0
    started = time.perf_counter()
    with closing(sqlite3.connect(path)) as connection:
        for row in connection.execute(query):
            for part in row:
                digest.update(part if isinstance(part, bytes) else str(part).encode())
            count += 1
    return {"seconds": time.perf_counter() - started, "entries": count, "peak": _peak()}


def _peak() -> float:
    """Of this process's memory, in MiB; what `getrusage` says is its parent's, where that had more."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


def _apart(function: Callable[..., dict[str, float]], *given: object) -> dict[str, float]:
    """What the function returns in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, given)


# -- appends from several processes --------------------------------------------------------------


def appended(made: Path, seconds: int) -> dict[str, float]:
    """Intake alone, beside plain commits and beside appends in turn; then appends as fast as they go."""
    directory = made / "appends"
    directory.mkdir()
    with databases("postgresql", directory) as urls:
        given = {f"{store}_url": url for store, url in urls.items() if store != "plain"}
        environment = {f"INQUIRIES_{name.upper()}": url for name, url in given.items()}
        servers.initialise(servers.product_environment(directory, **environment))
        given["instance"] = str(directory / "instance")
        engine = create_engine(urls["plain"])
        _plain.create_all(engine)
        engine.dispose()
        writers = {"alone": None, "plain": (_commits, urls["plain"]), "appends": (_appends, given)}
        taken: dict[str, list[float]] = {name: [] for name in writers}
        count, rates = 0, {}
        for _ in range(ROUNDS):
            for name, writer in writers.items():
                with _beside(writer, APPEND_PAUSE) as done:
                    taken[name] += _sending(given, seconds)
                count += sum(done) if name == "appends" else 0
        for name in ("plain", "appends"):
            with _beside(writers[name], 0.0) as done:
                time.sleep(seconds)
            rates[name] = sum(done) / seconds
            count += sum(done) if name == "appends" else 0
        with closing(open_house(settings.load(**given))) as house:
            verdict, head = records.verify(house), records.heads(house)["access"][0]
        if not verdict.ok or head != count:
            raise RuntimeError(f"{count} appended, head {head}, {verdict.problems[:3]}")
    p95 = {name: statistics.quantiles(times, n=20)[-1] for name, times in taken.items()}
    return {
        "intake alone: p50, ms": statistics.median(taken["alone"]),
        "intake alone: p95, ms": p95["alone"],
        "intake p95 beside plain commits of four processes, ms": p95["plain"],
        "intake p95 beside appends of four processes, ms": p95["appends"],
        "intake p95 beside appends, times beside plain commits": p95["appends"] / p95["plain"],
        "plain commits of four processes, a second": rates["plain"],
        "appends of four processes to one chain, a second": rates["appends"],
        "appended in all, without fork or gap": count,
    }


def _sending(given: Mapping[str, Any], seconds: int) -> list[float]:
    """Milliseconds of each inquiry that is sent within the time."""
    taken: list[float] = []
    with closing(open_house(settings.load(**given))) as house:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            started = time.perf_counter()
            intake.receive(house, Submission("support", ITEMS, {"inquiry": True}, "ko"))
            taken.append((time.perf_counter() - started) * 1e3)
            time.sleep(PAUSE)
    return taken


@contextmanager
def _beside(writer: tuple[Callable[..., None], Any] | None, pause: float) -> Any:  # noqa: ANN401 - a list
    """Four processes that write meanwhile; what they have written each is in the list afterwards."""
    done: list[int] = []
    if writer is None:
        yield done
        return
    context = multiprocessing.get_context("spawn")
    ready, stop, counts = context.Barrier(PROCESSES + 1), context.Event(), context.Queue()
    write, where = writer
    made = [context.Process(target=write, args=(where, pause, ready, stop, counts)) for _ in range(PROCESSES)]
    for one in made:
        one.start()
    ready.wait()
    yield done
    stop.set()
    done += [counts.get() for _ in made]
    for one in made:
        one.join()


def _appends(given: Mapping[str, Any], pause: float, ready: Any, stop: Any, counts: Any) -> None:  # noqa: ANN401
    with closing(open_house(settings.load(**given))) as house:
        _repeat(lambda n: records.append(house, "access", _body(n)), pause, ready, stop, counts)


def _commits(url: str, pause: float, ready: Any, stop: Any, counts: Any) -> None:  # noqa: ANN401
    engine = create_engine(url)

    def commit(n: int) -> None:
        with engine.begin() as connection:
            connection.execute(insert(_records).values(body=records.canonical(_body(n))))

    _repeat(commit, pause, ready, stop, counts)


def _repeat(write: Callable[[int], object], pause: float, ready: Any, stop: Any, counts: Any) -> None:  # noqa: ANN401
    count = 0
    ready.wait()
    while not stop.is_set():
        write(count)
        count += 1
        if pause:
            time.sleep(pause)
    counts.put(count)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Verify beside plain reading; appends beside intake.")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--only", choices=("verify", "appends"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
