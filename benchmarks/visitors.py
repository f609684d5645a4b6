"""People who visit a site on several hosts: what they ask for, and what that causes."""

from __future__ import annotations

from benchmarks.hosts import BalancedConnection, Balancer
from benchmarks.running import Client
from microblog.accounts.actions.password_reset import RESET_KIND
from microblog.accounts.actions.verification import VERIFY_KIND
from microblog.cli.sample import PASSWORD

HOME, EXPLORE, SIGN_IN = "home page", "explore", "sign-in page"
POST, RESET, REGISTER = "post", "reset", "registration"

PATHS = {
    HOME: "/",
    EXPLORE: "/explore",
    SIGN_IN: "/login",
    POST: "/",
    RESET: "/reset_password_request",
    REGISTER: "/register",
}
KINDS = {RESET: RESET_KIND, REGISTER: VERIFY_KIND}
"""The kind of mail that each causes."""

FORMS = {POST, *KINDS}


class Visitor:
    """Somebody signed in as one of the sample people, who also has a browser that is not."""

    def __init__(self, balancer: Balancer, number: int) -> None:
        self._member = Client(BalancedConnection(balancer))
        self._member.log_in(f"user{number}", PASSWORD)
        self._stranger = Client(BalancedConnection(balancer))
        self._stranger.open_form("/register")

    def ask(self, what: str, number: int) -> tuple[str, int]:
        """Return the key by which the effect is found, and the status of the answer.

        The number makes it another one each time; that of a reset is the number of a sample person.
        """
        path = PATHS[what]
        if what == POST:
            key = f"Number {number} of many"
            return key, self._member.post(path, post=key)
        if what == RESET:
            key = f"user{number}@example.com"
            return key, self._stranger.post(path, email=key)
        if what == REGISTER:
            name = f"newcomer{number}"
            key = f"{name}@example.com"
            return key, self._stranger.post(
                path, username=name, email=key, password=PASSWORD, password2=PASSWORD
            )
        client = self._stranger if what == SIGN_IN else self._member
        return "", client.get(path)


def is_accepted(what: str, status: int) -> bool:
    """Whether this is the answer to what went well."""
    return status == (302 if what in FORMS else 200)
