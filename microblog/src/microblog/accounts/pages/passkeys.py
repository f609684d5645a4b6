"""What pages that use passkeys share: the site as browsers know it, and what to ask of them."""

from __future__ import annotations

from flask import current_app, request
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import current_outbox
from microblog.accounts.actions.second_step import Proof, prove_with_passkey
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.second_factors.passkeys import options_for
from microblog.accounts.second_factors.relying_party import RelyingParty, relying_party
from microblog.database import db
from microblog.web.scope import current_scope

SITE_NAME = "Microblog"
"""What devices show beside a passkey."""

NOT_ACCEPTED = _l("That passkey wasn't accepted. Try again, or use another way.")


def this_site() -> RelyingParty | None:
    """The site by its PUBLIC_URL; None where browsers allow no passkeys."""
    return relying_party(current_app.config["PUBLIC_URL"], name=SITE_NAME)


def options_of(user_id: int, purpose: str) -> str | None:
    """What the browser needs to use a passkey of this account, as JSON; None without passkeys."""
    site = this_site()
    if site is None:
        return None
    now = current_scope().now
    return options_for(db.session, token_keys(), site, user_id, purpose, now=now)


def proof_sent(writing: Session, purpose: str, *, user: User | None = None) -> Proof | None:
    """Return whose passkey the form holds an answer of, and use it up; None if it proves nobody.

    With `user` it must be that account's.
    """
    site = this_site()
    if site is None:
        return None
    return prove_with_passkey(
        writing,
        current_outbox(),
        token_keys(),
        current_scope(),
        site=site,
        answer=request.form.get("passkey", ""),
        purpose=purpose,
        user=user,
    )
