"""What administrators read about accounts."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from microblog.admin.accounts import Refusal, RefusedError, State

STATE_NAMES = {
    State.ADMIN: _l("Administrator"),
    State.DISABLED: _l("Disabled"),
    State.UNVERIFIED: _l("Email not confirmed"),
    State.DELETING: _l("To be deleted"),
}


def why_refused(error: RefusedError) -> str:
    """Why something is not done to an account, in the reader's language."""
    words = {
        Refusal.ONESELF: _("You can't disable your own account."),
        Refusal.LAST_ADMIN: _("This is the last administrator. Make someone else one first."),
        Refusal.DISABLED: _("This account is disabled. Enable it first."),
        Refusal.DELETING: _("This account will be deleted. Only its owner can undo that."),
    }
    return words[error.refusal]
