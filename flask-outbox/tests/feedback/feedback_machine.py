"""A state machine in which mail is sent, comes back, and is unsubscribed from, in any order.

Mail goes to a real server, reports come from a provider or with a token, early, late, twice, or
forged; suppressions are lifted, people unsubscribe and subscribe again, old rows are pruned, and
days pass. The ledger knows only what people and servers were told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flask_outbox import ACCEPTED, MessageEvent, current_outbox
from flask_outbox.feedback.consequences import COMES_FROM
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.message.return_path import TOKEN_DAYS
from flask_outbox.operations import counts, messages
from flask_outbox.operations.feedback import prune_events
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import Model, OutboxMessage, Status
from flask_outbox.outbox.opt_outs import ALL_LISTS, opt_in, opt_out
from flask_outbox.outbox.suppressions import lift_suppression, suppression
from flask_outbox.signals import message_bounced, message_complained, message_delivered
from tests.application import db, transaction
from tests.feedback.coming_back import (
    DIGEST,
    NOW,
    RECEIPT,
    RETURN_PATH,
    ComingBack,
    delivery_status,
)

RETENTION = 10 * DAY
PEOPLE = ["susan@example.com", "bob@example.org"]
PERSON = st.sampled_from(PEOPLE)
ANY = st.integers(0, 10**6)

FROM: dict[Status, set[Status]] = {
    after: {before for before in ACCEPTED if before in COMES_FROM[after]} for after in COMES_FROM
}


def reachable(before: Status, after: Status) -> bool:
    """Whether the arrows lead from one status to another."""
    return before == after or any(reachable(before, one) for one in FROM.get(after, ()))


class FeedbackMachine(RuleBasedStateMachine):
    """See the module; `deliver` delivers what is due over SMTP."""

    def __init__(self, back: ComingBack, deliver: Callable[[], int]) -> None:
        super().__init__()
        self.back, self.deliver = back, deliver
        self.sent: list[tuple[int, str, float]] = []
        self.statuses: dict[int, Status] = {}
        self.events: list[dict[str, Any]] = []
        self.told: Counter[str] = Counter()
        self.gone: dict[str, bool] = dict.fromkeys(PEOPLE, False)
        self.signals = (message_delivered, message_bounced, message_complained)
        for signal in self.signals:
            signal.connect(self._hear)

    def teardown(self) -> None:
        for signal in self.signals:
            signal.disconnect(self._hear)

    def _hear(self, _sender: object, *, event: MessageEvent) -> None:
        self.told[f"{event.answer} {event.recipient}"] += 1

    @initialize()
    def begin(self) -> None:
        self.back.now = NOW
        with transaction() as writing:
            for table in reversed(Model.metadata.sorted_tables):
                writing.execute(table.delete())

    @rule(person=PERSON, kind=st.sampled_from([RECEIPT, DIGEST]))
    def send(self, person: str, kind: str) -> None:
        with transaction() as writing:
            number = current_outbox().enqueue(writing, kind, person)
        self.deliver()
        was_sent = self.back.status(number) == Status.SENT
        assert not (was_sent and kind == DIGEST and self.gone[person])
        if was_sent:
            self.sent.append((number, person, self.back.now))

    @rule(which=ANY, meaning=st.sampled_from(Meaning))
    def provider_tells(self, which: int, meaning: Meaning) -> None:
        if self.sent:
            number, person, _ = self.sent[which % len(self.sent)]
            name = f"event-{len(self.events)}"
            one: dict[str, Any] = {
                "number": number, "meaning": meaning, "to": person, "event_id": name,
            }  # fmt: skip
            self.events.append(one | {"at": self.back.now})
            self.back.told(**one, words=name)

    @rule(which=ANY)
    def provider_repeats(self, which: int) -> None:
        # Older ones no webhook lets in: it looks at their time.
        recent = [one for one in self.events if one["at"] > self.back.now - TOKEN_DAYS * DAY]
        if recent:
            one = {**recent[which % len(recent)]}
            del one["at"]
            self.back.told(**one, words=one["event_id"])

    @rule(which=ANY, status=st.sampled_from(["5.1.1", "5.2.2", "5.7.1"]), valid=st.booleans())
    def bounces(self, which: int, status: str, *, valid: bool) -> None:
        """A report with a token comes in, perhaps again, late, or forged, and is worked off."""
        if not self.sent:
            return
        number, person, at = self.sent[which % len(self.sent)]
        # Of the report that a server wrote once, the words are the same however often it comes.
        words = f"550 {status} {number}"
        signed_for = person if valid else "eve@example.net"
        sender = RETURN_PATH.sender_for(number, signed_for, at)
        self.back.work_off()
        before = self._everything()
        self.back.comes_in(delivery_status(to=person, status=status, words=words), sender)
        if not valid or self.back.now > at + (TOKEN_DAYS + 1) * DAY:
            assert self._everything() == before

    def _everything(self) -> object:
        suppressed = [suppression(db.session, one) is not None for one in PEOPLE]
        return (
            [self.back.status(number) for number, _, _ in self.sent],
            suppressed,
            [self.back.opt_outs(one) for one in PEOPLE],
            sum(self.told.values()),
        )

    @rule()
    def work_off(self) -> None:
        self.back.work_off()

    @rule(person=PERSON)
    def lift(self, person: str) -> None:
        with transaction() as writing:
            lift_suppression(writing, person)

    @rule(person=PERSON, everything=st.booleans())
    def unsubscribe(self, person: str, *, everything: bool) -> None:
        with transaction() as writing:
            name = ALL_LISTS if everything else "digest"
            opt_out(writing, person, name, now=self.back.now)
        self.gone[person] = True

    @rule(person=PERSON)
    def resubscribe(self, person: str) -> None:
        with transaction() as writing:
            opt_in(writing, person, "digest", lists=["digest"])
        self.gone[person] = False

    @rule()
    def prune(self) -> None:
        now = self.back.now
        with transaction() as writing:
            while counts.add_up(writing, now=now):
                pass
            messages.prune(writing, now=now, retention=RETENTION)
            prune_events(writing, now=now, retention=RETENTION)

    @rule(seconds=st.sampled_from([60.0, 3600.0, DAY, 5 * DAY, 20 * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.back.now += seconds

    @invariant()
    def an_event_counts_once(self) -> None:
        assert all(count == 1 for count in self.told.values()), self.told

    @invariant()
    def statuses_follow_the_arrows(self) -> None:
        found = db.session.query(OutboxMessage.id, OutboxMessage.status).all()
        for number, status in found:
            before = self.statuses.get(number, Status(status))
            assert reachable(before, Status(status)), f"{before} to {status}"
            self.statuses[number] = Status(status)
