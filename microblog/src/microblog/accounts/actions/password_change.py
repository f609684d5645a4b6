"""Replacing a known password with a new one.

It ends every other session, and makes worthless what was mailed for the old password: reset links
and a pending change of address. Only the browser that asks stays a known one (see the page); its
session goes on under a new secret.

Sources: OWASP ASVS 5.0, 6.2.2 and 6.2.3 (the present password is asked for), 7.4.3 (other sessions
end); NIST SP 800-63B-4 (the owner is told).
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.actions.password_reset import CHANGED_KIND
from microblog.accounts.audit.notices import enqueue_notice
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.pending_changes import cancel_pending
from microblog.accounts.second_factors.factors import stop_removal
from microblog.accounts.sessions.known_browsers import forget_browsers
from microblog.accounts.sessions.reauthentication import PasswordProof
from microblog.accounts.sessions.sessions import Visitor, end_other_sessions, renew_session
from microblog.web.scope import Scope


def change_password(
    session: Session,
    outbox: Outbox,
    proof: PasswordProof,
    visitor: Visitor,
    scope: Scope,
    *,
    password_hash: str,
) -> Visitor | None:
    """Set the new password; return the visitor under the new secret, None if the session ended.

    Raises StaleProofError.
    """
    user = proof.account(session)
    user.password_hash = password_hash
    cancel_pending(session, user.id, now=scope.now)
    stop_removal(session, user.id)
    forget_browsers(session, user.id)
    end_other_sessions(session, visitor)
    renewed = renew_session(session, visitor)
    record(session, user.id, SecurityEventType.PASSWORD_CHANGED, scope)
    enqueue_notice(session, outbox, CHANGED_KIND, user, scope)
    return renewed
