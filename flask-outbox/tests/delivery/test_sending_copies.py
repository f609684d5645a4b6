"""Whatever a server answers, nobody gets a second copy, and nobody is forgotten."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flask_outbox.delivery.copies import COPIES_AT_ONCE, send_copies
from flask_outbox.smtp.errors import Meaning, SmtpError, Step
from flask_outbox.smtp.recipients import remaining
from flask_outbox.smtp.submission import Accepted, Envelope, RecipientsRefusedError

ANSWERS = st.sampled_from(
    [
        *["250"] * 6,
        (Step.RCPT, 550, "5.1.1 Unknown"),
        (Step.RCPT, 450, "4.2.0 Later"),
        (Step.RCPT, 452, "4.5.3 Too many recipients"),
        (Step.RCPT, 421, "4.3.2 Shutting down"),
        (Step.RCPT, None, "no answer"),
        (Step.MAIL, 451, "4.3.0 Later"),
        (Step.MAIL, None, "the server closed the connection"),
        (Step.MAIL, 550, "5.7.60 Not your address"),
        (Step.ACCEPTANCE, 554, "5.7.1 Spam"),
        (Step.ACCEPTANCE, 452, "4.3.1 Full disk"),
        (Step.ACCEPTANCE, None, "no answer"),
        "bug",
    ]
)


_ANY = SmtpError(Step.MAIL, None, "any")


class Server:
    """Gives each copy the next answer, and notes who has one."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.taken: list[str] = []
        self.offered: list[str] = []

    def send(self, envelope: Envelope) -> Accepted:
        (recipient,) = envelope.recipients
        self.offered.append(recipient)
        answer = self.answers.pop(0) if self.answers else "250"
        if answer == "250":
            self.taken.append(recipient)
            return Accepted(f"250 {recipient}")
        if answer == "bug":
            raise ValueError("a bug")
        error = SmtpError(*answer)
        if error.step is Step.RCPT and error.code not in {None, 421}:
            raise RecipientsRefusedError([(recipient, error)])
        raise error

    def open(self) -> None: ...

    def offers(self, _keyword: str, /) -> bool:
        return False

    def close_if_idle(self) -> None: ...

    def close(self) -> None: ...


def copy(recipient: str) -> Envelope:
    return Envelope("bounces@example.com", [recipient], b"")


@settings(deadline=None)
@given(st.lists(ANSWERS, max_size=60), st.integers(1, 50))
def test_who_has_a_copy_gets_no_other_and_the_others_are_refused(
    answers: list[Any], count: int
) -> None:
    recipients = [f"user{number}@example.com" for number in range(count)]
    server = Server(answers)
    accepted = None
    try:
        accepted = send_copies(server, copy, recipients)
        refusals = accepted.refused
    except RecipientsRefusedError as error:
        refusals = error.refused
    except (SmtpError, ValueError):
        refusals = tuple((who, _ANY) for who in recipients)
    refused = [who for who, _ in refusals]
    assert sorted([*server.taken, *refused]) == sorted(recipients)
    assert len(server.taken) <= COPIES_AT_ONCE
    assert len(server.offered) == len(set(server.offered))
    assert bool(server.taken) is (accepted is not None)
    if accepted is not None:
        assert accepted.answer.startswith(f"250 {server.taken[0]}")


@settings(deadline=None, max_examples=50)
@given(st.lists(ANSWERS, max_size=80), st.integers(2, 50))
def test_turn_after_turn_everybody_has_one_or_is_refused_for_good(
    answers: list[Any], count: int
) -> None:
    recipients = [f"user{number}@example.com" for number in range(count)]
    server = Server(answers)
    left, rejected = recipients, set[str]()
    for _turn in range(200):
        try:
            refusals = send_copies(server, copy, left).refused
        except RecipientsRefusedError as error:
            refusals = error.refused
        except SmtpError as error:
            if error.meaning is Meaning.REJECT:
                rejected |= {*left}
                break
            continue
        except ValueError:
            continue
        rejected |= {who for who, error in refusals if error.meaning is Meaning.REJECT}
        left = remaining(refusals)
        if not left:
            break
    assert sorted([*server.taken, *rejected]) == sorted(recipients)
