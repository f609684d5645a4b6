"""The text that a newcomer may not post yet: it is kept until their address is verified. HTTP only.

It is shown in the form again, and never posted by itself.
"""

from __future__ import annotations

from microblog.accounts.pages.intents import forget_intent, keep_intent, kept_intent

DRAFT = "draft"

DRAFT_BYTES = 2_000
"""Of a cookie's 4,096: as many as a post has whose characters are all of the longest."""


def keep_draft(text: str) -> None:
    """Keep the text of a post, unless it is too long for a cookie."""
    if len(text.encode("utf-8", "replace")) <= DRAFT_BYTES:
        keep_intent(DRAFT, text)


def kept_draft() -> str:
    return kept_intent(DRAFT) or ""


def forget_draft() -> None:
    forget_intent(DRAFT)
