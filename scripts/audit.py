"""Ask PyPI which locked packages have a known vulnerability, and count on nothing but an answer.

Exits with 1 for a vulnerability, and if any package could not be asked about: no answer, or none
for a package of that name and version, is not a good one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"

LOCKS = ("core.txt", "distributed.txt", "dev.txt", "library.txt")
"""What is installed by somebody; library-lowest.txt is old on purpose."""

CANARY = ("flask", "0.12")
"""A release known to be vulnerable (CVE-2018-1000656): who does not know it knows nothing."""

PINNED = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)

Package = tuple[str, str]


def packages() -> set[Package]:
    """The name and version of everything that is locked, for whatever Python and system."""
    return {
        (name, version)
        for lock in LOCKS
        for name, version in PINNED.findall((REQUIREMENTS / lock).read_text())
    }


def ask(wanted: Iterable[Package]) -> dict[Package, Mapping[str, Any]]:
    """What is answered about each package; raises ValueError if the service gives no answer."""
    answers: dict[Package, Mapping[str, Any]] = {}
    # In each file a name may stand once, and some are locked in two versions.
    remaining = sorted(wanted)
    while remaining:
        chosen = dict(reversed(remaining))
        answers |= _ask_once(chosen)
        remaining = [one for one in remaining if one not in chosen.items()]
    return answers


def _ask_once(versions: Mapping[str, str]) -> dict[Package, Mapping[str, Any]]:
    with TemporaryDirectory() as folder:
        asked = Path(folder, "asked.txt")
        asked.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()))
        done = subprocess.run(
            [
                sys.executable, "-m", "pip_audit", "--requirement", str(asked), "--no-deps",
                "--disable-pip", "--progress-spinner", "off", "--format", "json",
                "--cache-dir", str(Path(folder, "cache")),  # an old answer is none
            ],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    try:
        answered = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise ValueError(f"pip-audit has no answer: {said[-1]}") from None
    by_name = {one["name"]: one for one in answered}
    return {(name, version): by_name.get(name, {}) for name, version in versions.items()}


def problems(answers: Mapping[Package, Mapping[str, Any]]) -> list[str]:
    """A sentence for each package that is vulnerable, or that nothing is known about."""
    if not answers[CANARY].get("vulns"):
        why = answers[CANARY].get("skip_reason", "no vulnerability of it is known there")
        return [f"Could not be asked. {'=='.join(CANARY)}, which is vulnerable: {why}"]
    found = []
    for (name, version), answer in sorted(answers.items()):
        if (name, version) == CANARY:
            continue
        if answer.get("version") != version or "vulns" not in answer:
            why = answer.get("skip_reason", "no answer")
            found.append(f"{name}=={version} could not be asked about: {why}")
        for vulnerability in answer.get("vulns", ()):
            fixed = " or ".join(vulnerability["fix_versions"]) or "no version"
            found.append(f"{name}=={version} has {vulnerability['id']}, fixed in {fixed}")
    return found


def main() -> None:
    wanted = packages()
    try:
        found = problems(ask({*wanted, CANARY}))
    except ValueError as error:
        found = [f"Could not be asked. {error}"]
    print("\n".join(found) or f"{len(wanted)} packages: no vulnerability is known")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
