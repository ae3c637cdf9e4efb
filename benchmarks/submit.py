"""Measures sealed submissions a second beside the plain reference, in the same run and on the same disk.

    python -m benchmarks.submit [--rounds 3] [--seconds 10]

Both servers run at once and are driven in turn, so that a slow minute of the machine hits both. Prints the
rates, their ratio and the latencies, and the microseconds of each step of a submission in one process; writes
`results/submit.json`. Exit status 1 when the ratio misses the target or an answer was no success.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import servers, steps
from benchmarks.servers import Round, Server

TARGET = 1.5
WARM_UP_SECONDS = 2


def main() -> int:
    """Run, print, write."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="inquiries-bench-") as made, ExitStack() as running:
        directory = Path(made)
        disk = servers.fsync_microseconds(directory)
        print(f"Python {platform.python_version()}; one durable write of 4 KiB takes {disk:.0f} µs here")
        sides = [running.enter_context(side(directory)) for side in (servers.reference, servers.product)]
        rounds = measure(sides, arguments.rounds, arguments.seconds, directory)
        running.close()
        taken = steps.microseconds(directory)
    result: dict[str, Any] = {"fsync_us": disk, "steps_us": taken} | summarise(rounds)
    show(result)
    servers.RESULTS.mkdir(exist_ok=True)
    (servers.RESULTS / "submit.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    clean = all(one.refused == 0 and one.failed == 0 for of_side in rounds.values() for one in of_side)
    return 0 if clean and result["ratio"] >= TARGET else 1


def measure(sides: list[Server], rounds: int, seconds: int, directory: Path) -> dict[str, list[Round]]:
    """Rounds of each server in turn, after one of each that is thrown away."""
    for side in sides:
        servers.drive(side, "w", WARM_UP_SECONDS, directory)
    found: dict[str, list[Round]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            before, used = side.stored(), side.cpu_seconds()
            one = servers.drive(side, f"r{number}-", seconds, directory)
            stored, after = side.stored() - before, side.cpu_seconds()
            accepted = one.requests - one.refused
            # wrk hangs up on requests under way: those may be stored without having been counted
            if not accepted <= stored <= accepted + servers.CONNECTIONS:
                raise RuntimeError(f"{side.name} answered {accepted} times and stored {stored} inquiries")
            found[side.name].append(one)
            cpu = ", ".join(f"{part} {(after[part] - used[part]) / stored * 1e6:.0f}" for part in used)
            print(
                f"  {side.name:<10}{one.rate:8.0f}/s   p95 {one.p95:6.1f} ms   processor µs each: {cpu}",
                flush=True,
            )
    return found


def summarise(rounds: dict[str, list[Round]]) -> dict[str, Any]:
    """The middle of each side's rounds, and the ratio of the product's rate to the reference's."""
    middle = {
        name: {
            "rate": statistics.median(one.rate for one in of_side),
            **{key: statistics.median(asdict(one)[key] for one in of_side) for key in ("p50", "p95", "p99")},
            "rounds": [asdict(one) for one in of_side],
        }
        for name, of_side in rounds.items()
    }
    return {**middle, "ratio": middle["product"]["rate"] / middle["reference"]["rate"], "target": TARGET}


def show(result: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"\n{'':<12}{'submissions/s':>14}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for name in ("reference", "product"):
        side = result[name]
        print(f"{name:<12}{side['rate']:>14.0f}{side['p50']:>9.1f}{side['p95']:>9.1f}{side['p99']:>9.1f}")
    print(f"\nratio {result['ratio']:.2f} (target {TARGET})\n")
    print("one submission in one process, microseconds (median):")
    for name, taken in result["steps_us"].items():
        print(f"  {name:<40}{taken:8.0f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Sealed submissions a second beside a plain reference.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
