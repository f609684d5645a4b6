"""A browser, which some tests of the site need."""

from __future__ import annotations

import os
import shutil
from functools import cache


@cache
def chromium() -> str | None:
    """Debian's Chromium, or whatever CHROMIUM names."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
