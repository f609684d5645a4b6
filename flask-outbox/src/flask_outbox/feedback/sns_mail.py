"""What Amazon SES says by mail: SNS sends its JSON to addresses that subscribe to a topic.

Nobody signed the mail, so it is a report like any other: only a token of ours proves anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask_outbox.feedback.mime_parts import without_unstorable


@dataclass(frozen=True, slots=True)
class SesNotice:
    """A notice about one message: its type ("Bounce", "Complaint", "Delivery"), its recipients as
    (address, action, status, words), and its Message-ID, or empty."""

    kind: str
    recipients: tuple[tuple[str, str, str, str], ...]
    message_id: str


def read_ses_notice(text: str) -> SesNotice | None:
    """The notice with which a text begins, with or without what SNS writes around it; or None."""
    notice = _json(text)
    if isinstance(notice.get("Message"), str):
        notice = _json(notice["Message"])
    kind = _text(notice, "notificationType") or _text(notice, "eventType")
    if kind not in _RECIPIENTS:
        return None
    return SesNotice(kind, tuple(_RECIPIENTS[kind](notice)), _message_id(notice))


def _bounced(notice: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    bounce = _object(notice.get("bounce"))
    for one in map(_object, _list(bounce.get("bouncedRecipients"))):
        status = _text(one, "status")
        # One that SES would try again may have any code of the receiver.
        if _text(bounce, "bounceType") != "Permanent":
            status = f"4{status[1:]}" if status else "4.0.0"
        yield _text(one, "emailAddress"), "failed", status, _text(one, "diagnosticCode")


def _complained(notice: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for one in _list(_object(notice.get("complaint")).get("complainedRecipients")):
        yield _text(_object(one), "emailAddress"), "", "", ""


def _delivered(notice: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    delivery = _object(notice.get("delivery"))
    for address in _list(delivery.get("recipients")):
        yield without_unstorable(str(address)), "delivered", "", _text(delivery, "smtpResponse")


_RECIPIENTS = {"Bounce": _bounced, "Complaint": _complained, "Delivery": _delivered}


def _message_id(notice: dict[str, Any]) -> str:
    return _text(_object(_object(notice.get("mail")).get("commonHeaders")), "messageId")


def _json(text: str) -> dict[str, Any]:
    """The object with which a text begins; an empty one where it begins with none."""
    # Sendmail breaks long lines like that.
    text = text.lstrip().replace("!\n ", "")
    if not text.startswith("{"):
        return {}
    try:
        return _object(json.JSONDecoder(strict=False).raw_decode(text)[0])
    except (ValueError, RecursionError):
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    # JSON can spell what a mail cannot.
    return without_unstorable(found) if isinstance(found, str) else ""
