"""How the database stores the secrets that browsers hold."""

from __future__ import annotations

import hashlib


def secret_digest(secret: str) -> bytes:
    """Return what is stored of a cookie's secret."""
    return hashlib.sha256(secret.encode()).digest()
