"""Texts for whoever runs a command: translated by Python's own gettext, as argparse's are.

An application that binds the domain "messages" to its catalogues has them in its language; where
none is bound they are English. What is stored or logged stays English.
"""

from __future__ import annotations


def gettext_noop(text: str) -> str:
    """Mark a text that is translated later, where it is told."""
    return text
