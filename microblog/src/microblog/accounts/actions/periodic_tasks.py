"""What is deleted from the tables of accounts, once an hour and in batches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.actions.deletion import delete_due_accounts
from microblog.accounts.actions.password_reset_code import prune_requests
from microblog.accounts.actions.second_factor_recovery import finish_due_removals
from microblog.accounts.actions.verification import remove_unverified
from microblog.accounts.audit.security_log import prune_events
from microblog.accounts.pending_changes import prune_changes
from microblog.accounts.second_factors.challenges import prune_challenges
from microblog.accounts.sessions.known_browsers import prune_browsers
from microblog.accounts.sessions.login_throttle import prune_throttles
from microblog.accounts.sessions.sessions import prune_sessions

Removal = Callable[[Session, datetime], bool]
"""Deletes one batch of what is over by then, and returns whether there may be more."""

REMOVALS: dict[str, Removal] = {
    "accounts.delete": delete_due_accounts,
    "accounts.email_changes": prune_changes,
    "accounts.sessions": prune_sessions,
    "accounts.security_events": prune_events,
    "accounts.unverified": remove_unverified,
    "accounts.throttles": prune_throttles,
    "accounts.browsers": prune_browsers,
    "accounts.password_reset_requests": prune_requests,
    "accounts.used_challenges": prune_challenges,
}


def register_periodic_tasks(outbox: Outbox) -> None:
    """Register these tasks with the outbox, whose dispatcher runs them."""
    for name, removal in REMOVALS.items():
        outbox.register_periodic_task(name, _periodic_task(removal))
    finish = partial(_finish_due_removals, outbox)
    outbox.register_periodic_task("accounts.second_factor_removals", finish)


def _finish_due_removals(outbox: Outbox, session: Session, now: float) -> bool:
    return finish_due_removals(session, outbox, datetime.fromtimestamp(now, UTC))


def _periodic_task(removal: Removal) -> Callable[[Session, float], bool]:
    return lambda session, now: removal(session, datetime.fromtimestamp(now, UTC))
