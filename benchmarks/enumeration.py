"""Does the time of an answer reveal who has an account?

A whole site on SQLite, with its dispatcher, gets pairs of requests that must look alike, in random
order, while its mail server is healthy, slow, silent or dead: for a reset, with an address that has
an account and one that has none; to try a wrong code after either; to log in, with a wrong password
and a name that exists or does not; to register, with an address that an account has or a free one;
to mail the link again, for a newcomer who gave somebody else's address or a free one; to log in
with a wrong password to an account that has a second factor or has none. Every other account has
one, so the other log-ins compare both with names that do not exist. Resets are asked for again with
addresses that are known and suppressed, whose last mail bounced, or whose owner complained of it.
The AUC is the probability that a request of the first kind takes longer than one of the second: at
0.5 they cannot be told apart.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sqlite3
import statistics
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.running import Client, running_site
from benchmarks.sink import running_sink
from flask_outbox import Priority
from flask_outbox.feedback.consequences import TrustedEvent, draw
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.outbox.models import MailEvent, OutboxMessage, Status
from flask_outbox.outbox.suppressions import SuppressionSource, suppress
from microblog.cli.ports import choose_free
from microblog.notifications.bundles import DIGEST_KIND

LOWEST, HIGHEST = 0.47, 0.53
STATES = ("healthy", "300 ms", "silent", "dead")
WARM_UP = 50
PASSWORD = "an uncommon password of a benchmark"

MEANINGS = {"bounced": Meaning.DEAD, "complained": Meaning.COMPLAINT}
CAME_BACK = ("suppressed", *MEANINGS)
"""What happened to the mail of accounts, a range of them for each, after those of other forms."""

Send = Callable[[int, bool], int]
"""Sends the request with this number, of the first kind or of the second; returns the status."""


@dataclass(frozen=True)
class Form:
    """A form to measure. `prepare` sends what has to come before all requests of both kinds."""

    send: Send
    prepare: Send | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=1500, help="requests of each kind and state")
    parser.add_argument("--state", choices=STATES, action="append", help="measure only this state")
    parser.add_argument("--form", choices=FORMS, action="append", help="measure only this form")
    options, full = parse(parser)
    report = Report("enumeration", __doc__, full=full)
    report.note(f"{options.each:,} requests of each kind at each form in each state.")
    table = report.table(
        "Form; the mail server is", "known: median", "p99", "unknown: median", "p99", "AUC"
    )
    areas = []
    for state in options.state or STATES:
        with _site(state, options.each) as port:
            for form in options.form or FORMS:
                known, unknown = _measure(FORMS[form](port, options.each), options.each)
                areas.append(auc(known, unknown))
                figures = (*_figures(known), *_figures(unknown))
                table.row(f"{form}; {state}", *figures, f"{areas[-1]:.3f}")
    report.promise(
        f"Known against unknown: an AUC within {LOWEST} and {HIGHEST} at each form in each state",
        measured=f"{min(areas):.3f} to {max(areas):.3f}",
        kept=all(LOWEST <= area <= HIGHEST for area in areas),
    )
    report.finish()


def _reset(port: int, each: int, *, first: int = 0) -> Form:
    """Ask with the addresses from the `first` range of accounts on."""
    client = _opened(port, "/reset_password_request")
    begin = first * (each + WARM_UP)

    def send(number: int, known: bool) -> int:
        return client.post("/reset_password_request", email=_address(begin + number, known))

    return Form(send)


def _code(port: int, _each: int) -> Form:
    """Try one wrong code in each of many browsers that asked for a reset."""
    client = _opened(port, "/reset_password_request")
    new, asked = client.cookies, {}

    def ask(number: int, known: bool) -> int:
        client.cookies = new
        email = _address(number, known)
        status = client.post("/reset_password_request", keep_cookies=True, email=email)
        asked[number, known] = client.cookies
        return status

    def send(number: int, known: bool) -> int:
        client.cookies = asked[number, known]
        return client.post("/reset_password_code", code="ZZZZ ZZZZ")

    return Form(send, prepare=ask)


def _log_in(port: int, _each: int) -> Form:
    """Use each name once: repeated attempts at the same one would be throttled."""
    client = _opened(port, "/login")
    return Form(
        lambda number, known: client.post(
            "/login", username=_address(number, known).partition("@")[0], password="a wrong one"
        )
    )


def _second_factor(port: int, _each: int) -> Form:
    """With a wrong password, nobody learns whether the account has a second factor."""
    client = _opened(port, "/login")

    def send(number: int, known: bool) -> int:
        name = f"user{2 * number + (not known)}"
        return client.post("/login", username=name, password="a wrong one")

    return Form(send)


def _register(port: int, _each: int) -> Form:
    client = _opened(port, "/register")

    def send(number: int, known: bool) -> int:
        return client.post(
            "/register",
            username=f"new-{secrets.token_hex(6)}",
            email=_address(number, known),
            password=PASSWORD,
            password2=PASSWORD,
        )

    return Form(send)


def _resend(port: int, _each: int) -> Form:
    clients = {}
    for known in (True, False):
        name = f"newcomer-{secrets.token_hex(4)}"
        client = _opened(port, "/register")
        client.post(
            "/register",
            username=name,
            email=_address(0, known),
            password=PASSWORD,
            password2=PASSWORD,
        )
        client.log_in(name, PASSWORD)
        clients[known] = client
    return Form(lambda _number, known: clients[known].post("/verify_email"))


FORMS: dict[str, Callable[[int, int], Form]] = {
    "reset": _reset,
    "code": _code,
    "log in": _log_in,
    "second factor": _second_factor,
    "register": _register,
    "resend": _resend,
    **{f"reset, {what}": partial(_reset, first=2 + n) for n, what in enumerate(CAME_BACK)},
}


@contextmanager
def _site(state: str, people: int) -> Iterator[int]:
    """Run a site whose mail server is in this state; give its port."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="microblog-benchmark-"))
        mail_port = choose_free("127.0.0.1")
        if state != "dead":
            sink = running_sink(delay=0.3 if state == "300 ms" else 0, silent=state == "silent")
            mail_port = stack.enter_context(sink)
        each = people + WARM_UP
        port = stack.enter_context(
            running_site(Path(folder), mail_port=mail_port, people=(2 + len(CAME_BACK)) * each)
        )
        _add_factors(Path(folder) / "microblog.db")
        _bring_mail_back(Path(folder) / "microblog.db", each)
        yield port


def _add_factors(database: Path) -> None:
    """Give every other account a passkey: those of user0, user2 and so on."""
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        added = connection.execute(
            "INSERT INTO passkeys (user_id, credential_id, public_key, sign_count, name,"
            " transports, is_synced, created_at) SELECT id, randomblob(16), x'00', 0, 'Key',"
            " '[]', 0, '2026-01-01 00:00:00.000000' FROM users"
            " WHERE substr(username, 5) % 2 = 0"
        )
        assert added.rowcount, "nobody got a passkey"


def _bring_mail_back(database: Path, each: int) -> None:
    """Write what feedback writes about the accounts of the last ranges."""
    engine = create_engine(f"sqlite:///{database}")
    now = time.time()
    with Session(engine) as session, session.begin():
        for first, what in enumerate(CAME_BACK, start=2):
            for number in range(first * each, (first + 1) * each):
                address = _address(number, known=True)
                if what == "suppressed":
                    suppress(session, [(address, "550 5.1.1 No such user")], now=now)
                else:
                    _report(session, address, MEANINGS[what], now)
    engine.dispose()


def _report(session: Session, address: str, meaning: Meaning, now: float) -> None:
    message = OutboxMessage(
        kind=DIGEST_KIND,
        lane=Priority.LOW,
        recipient=address,
        recipient_key=address,
        locale="en",
        arguments={},
        message_id=f"<{secrets.token_hex(16)}@example.com>",
        created_at=now - 60,
        due_at=now - 60,
        settled_at=now - 50,
        status=Status.SENT,
    )
    session.add(message)
    session.flush()
    session.add(
        MailEvent(
            source="imap",
            event_id=message.message_id,
            recipient_key=address,
            at=now,
            outbox_id=message.id,
            domain="example.com",
            meaning=meaning.value,
            trusted=True,
        )
    )
    event = TrustedEvent(message, address, meaning, "550 5.1.1", SuppressionSource.REPORT)
    assert draw(session, event, now=now), f"{address} is not {meaning}"


def _opened(port: int, path: str) -> Client:
    client = Client(port)
    client.open_form(path)
    return client


def _address(number: int, known: bool) -> str:
    return f"{'user' if known else 'uzer'}{number}@example.com"


def _measure(form: Form, each: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each answer, for known and for unknown; all have the same status."""
    warming_up = [(each + number, bool(number % 2)) for number in range(WARM_UP)]
    requests = [(number, known) for number in range(each) for known in (True, False)]
    random.shuffle(requests)
    if form.prepare is not None:
        for number, known in warming_up + requests:
            form.prepare(number, known)
    for number, known in warming_up:
        form.send(number, known)
    times: dict[bool, list[float]] = {True: [], False: []}
    statuses = set()
    for number, known in requests:
        started = time.perf_counter()
        statuses.add(form.send(number, known))
        times[known].append(time.perf_counter() - started)
    assert len(statuses) == 1, f"several answers: {statuses}"
    assert statuses <= {200, 302}, f"status {statuses}"
    return times[True], times[False]


def auc(slower: Sequence[float], faster: Sequence[float]) -> float:
    """The probability that one of the first is larger than one of the second; ties count half."""
    ordered = sorted(faster)
    wins = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in slower) / 2
    return wins / (len(slower) * len(faster))


def _figures(times: Sequence[float]) -> tuple[str, str]:
    p99 = statistics.quantiles(times, n=100)[98]
    return milliseconds(statistics.median(times)), milliseconds(p99)


if __name__ == "__main__":
    main()
