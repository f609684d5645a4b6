"""An authenticator app for tests, and how an account gets one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape

import pyotp

from microblog.database import utc_now
from tests.visitor import PASSWORD, Visitor

STEP_SECONDS = 30
ADD, CONFIRM = "/settings/two_step/app", "/settings/confirm"


@dataclass
class AuthenticatorApp:
    """The app of one person, with the recovery codes that the site showed beside it."""

    secret: str
    recovery_codes: list[str] = field(default_factory=list)
    used: int = 0

    def code(self, *, steps: int = 0, now: datetime | None = None) -> str:
        """The code that it shows, or one some steps later."""
        moment = (now or utc_now()).timestamp()
        return pyotp.TOTP(self.secret).generate_otp(int(moment) // STEP_SECONDS + steps)

    def unused_code(self) -> str:
        """A code that is good and was not asked for before; there are only three at any moment."""
        self.used += 1
        return self.code(steps=self.used - 2)


def prove(visitor: Visitor, password: str = PASSWORD) -> None:
    """Give the password once more, so that the next five minutes need no more."""
    visitor.submit(CONFIRM, {"current_password": password})


def set_up_app(visitor: Visitor) -> AuthenticatorApp:
    """Set up an app for the visitor's account, whose first second factor it is."""
    prove(visitor)
    page = visitor.get(ADD).get_data(as_text=True)
    found = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page)
    assert found, "the page shows no key"
    app = AuthenticatorApp(found[1].replace(" ", ""))
    # The oldest code that is good, so that newer ones are left; it may just have ended.
    for _ in range(2):
        shown = visitor.submit(ADD, {"code": app.code(steps=-1)}).get_data(as_text=True)
        codes = re.findall(r"<li><code>(.*?)</code>", shown)
        if codes:
            app.used, app.recovery_codes = 1, [unescape(one) for one in codes]
            return app
    raise AssertionError("the app could not be set up")
