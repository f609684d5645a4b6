"""Reading the mailbox in which bounces and complaints arrive: each message is stored once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from flask_outbox.feedback.imap import ImapMailbox, MailboxError, OpenFolder, opened
from flask_outbox.feedback.intake import store, store_message
from flask_outbox.outbox.models import MailboxPosition
from flask_outbox.outbox.outbox import PeriodicTask

logger = logging.getLogger(__name__)

SOURCE = "imap"

POLL_MAILBOX = "mail.poll_mailbox"

POLL_SECONDS = 30.0
"""A bounce that comes at once is home, and worked off, within two minutes."""

TROUBLE_SECONDS = 300.0
"""After trouble: providers lock accounts that keep trying to log in."""

BATCH = 20
"""Messages in one transaction, and so in memory."""

MOST_AT_ONCE = 1_000
"""Messages that are read before other periodic tasks have their turn."""

_NOTHING_RETURNED = "The folder {} cannot be read: the server returns none of its messages."

# Of several processes that poll, one wins. A time that is ahead is of a clock that was set back.
_CLAIM = text(
    "INSERT INTO mail_mailboxes (name, uid_validity, uid, polled_at) VALUES (:name, 0, 0, :now)"
    " ON CONFLICT (name) DO UPDATE SET polled_at = excluded.polled_at"
    " WHERE mail_mailboxes.polled_at > excluded.polled_at"
    " OR mail_mailboxes.polled_at <= :before_trouble"
    " OR (mail_mailboxes.polled_at <= :before AND mail_mailboxes.trouble IS NULL)"
    " RETURNING uid_validity, uid, trouble"
)


def polling(mailbox: ImapMailbox) -> PeriodicTask:
    """A periodic task that polls the mailbox."""

    def poll_mailbox(session: Session, now: float) -> bool:
        poll(session, mailbox, now=now)
        return False

    return poll_mailbox


class _Position(NamedTuple):
    uid_validity: int
    uid: int
    trouble: str | None


def poll(session: Session, mailbox: ImapMailbox, *, now: float, forced: bool = False) -> int:
    """Store what is new in the mailbox, if nobody did so just now; return how many messages.

    It commits: no transaction is open while the server is asked, and messages are moved only after
    they are stored. What the session had begun is committed with the first statement. `now` is Unix
    time. With `forced` it is read even if it was read just now, or if there was trouble.
    """
    position = _claim(session, mailbox.name, now=now, forced=forced)
    session.commit()
    if position is None:
        return 0
    trouble: str | None = None
    count = 0
    try:
        with opened(mailbox) as folder:
            mover = _Mover(folder)
            for stored in _read(session, mailbox, folder, mover, position, now=now):
                count += stored
            trouble = mover.trouble
    except MailboxError as error:
        trouble = str(error)
    _note(session, mailbox.name, before=position.trouble, now=trouble)
    return count


class _Mover:
    """Moves what is stored. What cannot be moved must not keep the rest from being stored."""

    def __init__(self, folder: OpenFolder) -> None:
        self._folder = folder
        self.trouble: str | None = None

    def move(self, uids: Sequence[int]) -> None:
        if self.trouble is None:
            try:
                self._folder.move(uids)
            except MailboxError as error:
                self.trouble = str(error)


def _claim(session: Session, name: str, *, now: float, forced: bool) -> _Position | None:
    values = {
        "name": name,
        "now": now,
        "before": now - POLL_SECONDS / 2,
        "before_trouble": now if forced else now - TROUBLE_SECONDS,
    }
    found = session.execute(_CLAIM, values, bind_arguments={"mapper": MailboxPosition}).first()
    return None if found is None else _Position(*found)


def _read(
    session: Session,
    mailbox: ImapMailbox,
    folder: OpenFolder,
    mover: _Mover,
    position: _Position,
    *,
    now: float,
) -> Iterator[int]:
    """Store batch after batch; yield how many of each were new."""
    # A folder that was restored from a backup may give its numbers again, to other messages.
    is_same = position.uid_validity == folder.uid_validity and position.uid < folder.uid_next
    last = position.uid if is_same else 0
    uids = folder.uids(now=now)
    # Stored before something came between that and moving them.
    mover.move([uid for uid in uids if uid <= last])
    waiting = [uid for uid in uids if uid > last][:MOST_AT_ONCE]
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]
        contents = [(uid, folder.content(uid)) for uid in batch]
        if all(content is None for _uid, content in contents):
            # More likely a trouble of the server than of each message: nothing is passed over.
            raise MailboxError(_NOTHING_RETURNED.format(mailbox.folder))
        # What only reads before it writes must tell SQLite so beforehand.
        session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        stored = [
            _store(session, f"{mailbox.name};{folder.uid_validity};{uid}", content, now=now)
            for uid, content in contents
        ]
        _advance(session, mailbox.name, folder, batch[-1])
        session.commit()
        mover.move(batch)
        yield sum(stored)


def _store(session: Session, place: str, content: bytes | None, *, now: float) -> bool:
    if content:
        return store_message(session, source=SOURCE, content=content, now=now)
    # Shown to operators as something that nobody understands, who find it in the mailbox.
    logger.warning("The mail server did not return the message %s.", place)
    return store(session, source=SOURCE, event_id=place, content=b"", now=now)


def _advance(session: Session, name: str, folder: OpenFolder, uid: int) -> None:
    behind = (
        (MailboxPosition.uid_validity != folder.uid_validity)
        | (MailboxPosition.uid < uid)
        | (MailboxPosition.uid >= folder.uid_next)
    )
    session.execute(
        update(MailboxPosition)
        .where(MailboxPosition.name == name, behind)
        .values(uid_validity=folder.uid_validity, uid=uid)
        .execution_options(synchronize_session=False)
    )


def _note(session: Session, name: str, *, before: str | None, now: str | None) -> None:
    """Keep what is wrong in the row; log when it begins, changes and ends."""
    if before == now:
        return
    session.execute(
        update(MailboxPosition)
        .where(MailboxPosition.name == name)
        .values(trouble=now)
        .execution_options(synchronize_session=False)
    )
    session.commit()
    if now is None:
        logger.info("The mailbox %s can be read again.", name)
    else:
        logger.error("The mailbox %s: %s", name, now)
