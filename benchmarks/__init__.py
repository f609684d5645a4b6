"""Benchmarks that measure what the documentation claims: one file for each question."""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
# The benchmarks use the servers and services of the tests.
sys.path += [str(_ROOT / "flask-outbox"), str(_ROOT / "microblog")]

QUESTIONS = (
    "kill",
    "mail",
    "claims",
    "enqueueing",
    "overtaking",
    "digests",
    "distributed",
    "notify",
    "pages",
    "uploads",
    "slow_clients",
    "webhooks",
    "reload",
    "crash",
    "soak",
    "capacity",
    "memory",
    "upgrade",
    "enumeration",
    "bounces",
    "timeline",
    "conversations",
    "search",
    "lighthouse",
)
"""In the order in which they run and are reported."""
