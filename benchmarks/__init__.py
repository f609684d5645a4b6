"""Measurements of what the documentation claims: one file, one question."""

QUESTIONS = (
    "kill",
    "mail",
    "claims",
    "overtaking",
    "pages",
    "memory",
    "enumeration",
    "timeline",
)
"""In the order in which they are asked and told."""
