"""What administrators read about accounts."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from microblog.admin.accounts import Refusal, RefusedError, State

STATE_LABELS = {
    State.ADMIN: _l("administrators"),
    State.DISABLED: _l("disabled accounts"),
    State.UNVERIFIED: _l("accounts without a confirmed address"),
    State.DELETING: _l("accounts about to be deleted"),
}


STATE_NAMES = {
    State.ADMIN: _l("administrator"),
    State.DISABLED: _l("disabled"),
    State.UNVERIFIED: _l("address not confirmed"),
    State.DELETING: _l("about to be deleted"),
}


def why_refused(error: RefusedError) -> str:
    """Why something is not done to an account, in the reader's language."""
    words = {
        Refusal.ONESELF: _("You cannot disable your own account."),
        Refusal.LAST_ADMIN: _("This is the last administrator: make somebody else one first."),
        Refusal.DISABLED: _("This account is disabled: enable it first."),
        Refusal.DELETING: _("This account is about to be deleted. Its owner can undo that."),
    }
    return words[error.refusal]
