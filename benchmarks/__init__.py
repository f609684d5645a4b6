"""Measurements of what the documentation claims: one file, one question."""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
# Where the servers and services of the tests are, which are asked here, too.
sys.path += [str(_ROOT / "flask-outbox"), str(_ROOT / "microblog")]

QUESTIONS = (
    "kill",
    "mail",
    "claims",
    "overtaking",
    "distributed",
    "pages",
    "uploads",
    "slow_clients",
    "memory",
    "enumeration",
    "timeline",
    "lighthouse",
)
"""In the order in which they are asked and told."""
