"""What several commands take."""

from __future__ import annotations

import click

WORKERS = click.IntRange(1, 64)
"""How many web processes there may be."""
