"""Measurements of what the documentation claims: one file, one question."""

QUESTIONS = ("kill", "mail", "claims", "enumeration")
"""In the order in which they are asked and told."""
