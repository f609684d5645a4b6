"""Secrets that browsers hold, as the database knows them."""

from __future__ import annotations

import hashlib


def secret_digest(secret: str) -> bytes:
    """What is kept of a secret that a cookie holds."""
    return hashlib.sha256(secret.encode()).digest()
