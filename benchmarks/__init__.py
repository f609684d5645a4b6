"""Measurements of what the documentation claims: one file, one question."""

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
