"""Run all benchmarks, or those that are named, one after the other: `make bench`.

Each is a program of its own, python -m benchmarks.NAME, with options for smaller numbers. A broken
promise does not stop the others; the exit code is 1 if any promise is broken.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import QUESTIONS

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(QUESTIONS)}")
    names = parser.parse_args().names or QUESTIONS
    if unknown := set(names) - set(QUESTIONS):
        parser.error(f"there is no benchmark named {', '.join(sorted(unknown))}")
    outcomes = {name: _run(name) for name in names}
    print()
    for name, good in outcomes.items():
        print(f"{name:14} {'as promised' if good else 'NOT AS PROMISED'}")
    sys.exit(not all(outcomes.values()))


def _run(name: str) -> bool:
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=False)
    print(f"({time.monotonic() - started:.0f} seconds)", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
