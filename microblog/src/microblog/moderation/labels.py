"""What people read about invitations, reports and removals."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from microblog.moderation.decisions import Outcome
from microblog.moderation.invitations import State
from microblog.moderation.reports import Reason

STATES = {
    State.OPEN: _l("Works"),
    State.USED_UP: _l("Used up"),
    State.ENDED: _l("Ended"),
    State.REVOKED: _l("Revoked"),
}

WHY_USELESS = {
    State.USED_UP: _l("It has been used as often as it can be."),
    State.ENDED: _l("It has expired."),
    State.REVOKED: _l("The site's admins revoked it."),
}

REASONS = {
    Reason.SPAM: _l("Advertising or spam"),
    Reason.ABUSE: _l("Hateful, threatening or unkind"),
    Reason.ILLEGAL: _l("Against the law"),
    Reason.OTHER: _l("Something else"),
}

OUTCOMES = {
    Outcome.DISMISSED: _l("Dismissed"),
    Outcome.REMOVED: _l("Removed"),
}
