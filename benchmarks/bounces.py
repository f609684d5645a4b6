"""How many living addresses does the classifier of bounces condemn, and how many dead ones find?

Each of the published samples (sisimai's set of emails, and the labels of its own tests; both BSD)
is read and judged. An address is dead where the label says that it does not exist, has moved, or is
at a domain that takes no mail; all others live, also those of complaints and automatic replies. The
rules were written with the samples of most providers in sight. Those of some were left out: nobody
has read them, though they were counted after each change. Two simple rules are judged beside ours:
a permanent failure condemns, and so does one of six codes. Intervals are exact (Clopper and
Pearson) for 95%; samples show the variety of reports, and not how often each comes.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reporting import Report, milliseconds, parse
from flask_outbox.feedback.classification import classify
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.reports import RecipientReport, ReportKind, read_report

SAMPLES = Path(__file__).resolve().parent.parent.parent / "shared" / "bounces"
"""The folder of the samples, beside the project: `mails` and `labels.json`."""

CONDEMNED_MAXIMUM = 0.01
"""Of the living: they get no mail any more."""

FOUND_MINIMUM = 2 / 3
"""Of the dead."""

MILLISECONDS_MAXIMUM = 50
"""For the slowest sample: a task works them off in batches, and few come in a minute."""

LEFT_OUT = frozenset(
    {
        "lhost-biglobe",
        "lhost-ezweb",
        "lhost-mailru",
        "lhost-sendgrid",
        "lhost-surfcontrol",
        "rfc3464",
        "rhost-aol",
        "rhost-franceptt",
        "rhost-kddi",
        "rhost-microsoft",
        "rhost-nttdocomo",
        "rhost-spectrum",
    }
)
"""Providers whose samples nobody read for the rules: of a quarter by a digest of the name, those
that are receivers or passed on by many servers."""

SIX_CODES = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.4.4"})

Rule = Callable[[RecipientReport, str], bool]
"""Whether a report says that an address is dead."""


@dataclass(frozen=True)
class Judged:
    """One address of a sample: what is true, and what each rule says."""

    provider: str
    is_dead: bool
    verdicts: dict[str, bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="the folder of the samples")
    parser.add_argument("--show", action="store_true", help="name what was judged wrongly")
    options, full = parse(parser)
    if not (options.samples / "labels.json").is_file():
        print(f"No samples in {options.samples}: nothing is measured.")
        sys.exit(0)
    report = Report("bounces", __doc__, full=full)
    judged, seconds = _judge_all(options.samples, show=options.show)
    table = report.table("Rule; providers", "living", "condemned", "at most", "dead", "found")
    groups = {
        "all providers": judged,
        "those in sight": [one for one in judged if one.provider not in LEFT_OUT],
        "those left out": [one for one in judged if one.provider in LEFT_OUT],
    }
    for name in RULES:
        for group, members in groups.items():
            table.row(f"{name}; {group}", *_cells(members, name))
    for group in ("all providers", "those left out"):
        condemned, living = _count(groups[group], OURS, is_dead=False)
        report.promise(
            f"Reports take at most {CONDEMNED_MAXIMUM:.0%} of living addresses for dead; {group}",
            measured=f"{condemned} of {living}",
            kept=condemned <= CONDEMNED_MAXIMUM * living,
        )
    found, dead = _count(judged, OURS, is_dead=True)
    report.promise(
        "Reports tell at least two thirds of the addresses that are dead",
        measured=f"{found} of {dead} ({found / dead:.0%})",
        kept=found >= FOUND_MINIMUM * dead,
    )
    usual = milliseconds(statistics.median(seconds))
    report.promise(
        f"The slowest report is read and judged within {MILLISECONDS_MAXIMUM} ms",
        measured=f"{milliseconds(max(seconds))}, the median {usual}",
        kept=max(seconds) * 1000 <= MILLISECONDS_MAXIMUM,
    )
    report.finish()


def _judge_all(samples: Path, *, show: bool) -> tuple[list[Judged], list[float]]:
    """Judge each address of each sample; also return the CPU seconds for each sample."""
    judged, seconds = [], []
    for name, labels in json.loads((samples / "labels.json").read_text()).items():
        content = (samples / "mails" / name).read_bytes()
        started = time.process_time()
        report = read_report(content)
        told = report.recipients if report.kind is ReportKind.DELIVERY else ()
        for one in told:
            classify(one, report.text)
        seconds.append(time.process_time() - started)
        for label, about in _paired(labels, told):
            verdicts = {
                rule: any(says(one, report.text) for one in about) for rule, says in RULES.items()
            }
            judged.append(Judged(re.sub(r"-\d+\.eml$", "", name), label["hard"], verdicts))
            if show and verdicts[OURS] != label["hard"]:
                print(f"{name}: {label['reason']} taken for {'dead' * verdicts[OURS] or 'living'}")
    return judged, seconds


def _paired(
    labels: Sequence[dict[str, Any]], told: Sequence[RecipientReport]
) -> Iterable[tuple[dict[str, Any], Sequence[RecipientReport]]]:
    """Each label with the recipient that it is about; where they do not match, with all."""
    if len(labels) == len(told):
        return [(label, [one]) for label, one in zip(labels, told, strict=True)]
    return [(label, told) for label in labels]


def _ours(recipient: RecipientReport, text: str) -> bool:
    return classify(recipient, text).meaning is Meaning.DEAD


def _permanent(recipient: RecipientReport, _text: str) -> bool:
    status = recipient.status or recipient.diagnostic[:1]
    return recipient.action in {"failed", ""} and not status.startswith("4")


def _six_codes(recipient: RecipientReport, text: str) -> bool:
    return recipient.action in {"failed", ""} and classify(recipient, text).code in SIX_CODES


OURS = "ours"
RULES: dict[str, Rule] = {
    OURS: _ours,
    "permanent failure": _permanent,
    "six codes": _six_codes,
}


def _count(judged: Iterable[Judged], rule: str, *, is_dead: bool) -> tuple[int, int]:
    """How many of the dead, or of the living, are condemned by this rule, and of how many."""
    among = [one for one in judged if one.is_dead is is_dead]
    return sum(one.verdicts[rule] for one in among), len(among)


def _cells(judged: Sequence[Judged], rule: str) -> tuple[str, ...]:
    condemned, living = _count(judged, rule, is_dead=False)
    found, dead = _count(judged, rule, is_dead=True)
    low, high = interval(found, dead)
    return (
        str(living),
        f"{condemned} ({condemned / living:.1%})",
        f"{interval(condemned, living)[1]:.1%}",
        str(dead),
        f"{found} ({found / dead:.0%}; {low:.0%} to {high:.0%})",
    )


def interval(count: int, total: int) -> tuple[float, float]:
    """The exact 95% interval of a share (Clopper and Pearson, 1934)."""
    low = _share(lambda share: 1 - _at_most(count - 1, total, share) < 0.025) if count else 0.0
    high = _share(lambda share: _at_most(count, total, share) >= 0.025) if count < total else 1.0
    return low, high


def _share(is_too_low: Callable[[float], bool]) -> float:
    """The share at which this ceases to be true, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if is_too_low(middle) else (low, middle)
    return low


def _at_most(count: int, total: int, share: float) -> float:
    """The probability of at most `count` of `total`."""
    return sum(
        math.comb(total, one) * share**one * (1 - share) ** (total - one)
        for one in range(count + 1)
    )


if __name__ == "__main__":
    main()
