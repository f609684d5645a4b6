"""One account through anything that may happen to it, in any order, and an intruder beside it.

The owner has the mailbox, the devices and the recovery codes. The intruder knows every password,
reads all mail, and keeps everything that was ever good: what they lack is a second factor. The
model says by the rules of docs/accounts.md which factors there are; the account must agree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete
from sqlalchemy.orm import Session

from flask_outbox import current_outbox
from microblog.accounts.actions import not_me, second_factor_recovery, second_factors, sign_in
from microblog.accounts.actions.password_reset import reset_password, reset_token
from microblog.accounts.actions.registration import create_account
from microblog.accounts.actions.second_step import (
    begin_second_step,
    find_halfway,
    prove_with_code,
    prove_with_passkey,
)
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.passwords import hash_password
from microblog.accounts.second_factors.authenticator import begin_authenticator
from microblog.accounts.second_factors.passkeys import (
    SIGN_IN,
    passkeys_of,
    registration_options,
    sign_in_options,
)
from microblog.accounts.second_factors.relying_party import RelyingParty
from microblog.accounts.tokens import NOT_ME, make_token
from microblog.admin import accounts as admin
from microblog.admin.accounts import COMMAND_LINE, Actor
from microblog.database import transaction
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope
from tests.accounts.authenticator_app import AuthenticatorApp
from tests.accounts.passkey_device import PasskeyDevice

SITE = RelyingParty("localhost", "Microblog", "http://localhost")
BEGIN = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
SESSION = b"the owner's"
SETTLED = timedelta(hours=72)
HOURS = st.sampled_from([0.1, 1, 30, 71, 73, 100])


@dataclass
class Factor:
    """A factor of the account, and when it was added."""

    added_at: datetime
    app: AuthenticatorApp | None = None
    device: PasskeyDevice | None = None
    passkey_id: int = 0


@dataclass
class Kept:
    """What the intruder saw, and tries again and again."""

    codes: list[str] = field(default_factory=list)
    halfway: list[str] = field(default_factory=list)
    devices: list[PasskeyDevice] = field(default_factory=list)


class OneAccount(RuleBasedStateMachine):
    app: Flask
    names = iter(range(10**9))

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.password = "the first password"
        self.factors: list[Factor] = []
        self.codes: list[str] = []
        self.codes_at = BEGIN
        self.ends_at: datetime | None = None
        self.kept = Kept()
        self.changes = 0

    @contextmanager
    def writing(self) -> Iterator[tuple[Session, User]]:
        with self.app.app_context(), transaction() as writing:
            yield writing, writing.get_one(User, self.user_id)

    @property
    def scope(self) -> Scope:
        return Scope(RequestOrigin("Firefox on Linux", "203.0.113.0/24"), self.now, "en")

    # What the owner does.

    @initialize()
    def register(self) -> None:
        self.name = f"person{next(self.names)}"
        with self.app.app_context(), transaction() as writing:
            self.user_id = create_account(
                writing,
                username=self.name,
                email=f"{self.name}@example.com",
                password_hash=hash_password(self.password),
                verified_at=self.now,
            ).id

    @precondition(lambda self: not any(one.app for one in self.factors))
    @rule()
    def add_app(self) -> None:
        with self.writing() as (writing, user):
            secret = begin_authenticator(
                writing, token_keys(), user, begun_in=SESSION, now=self.now
            )
            assert secret
            app = AuthenticatorApp(secret)
        with self.writing() as (writing, user):
            codes = second_factors.add_authenticator(
                writing,
                current_outbox(),
                token_keys(),
                self.scope,
                user_id=user.id,
                code=app.code(now=self.now),
                begun_in=SESSION,
            )
        assert codes is not None
        self._added(Factor(self.now, app=app), codes)

    @precondition(lambda self: len(self.factors) < 3)
    @rule()
    def add_passkey(self) -> None:
        device = PasskeyDevice()
        with self.writing() as (writing, user):
            options = registration_options(writing, token_keys(), SITE, user, now=self.now)
        answer = device.create(json.loads(options))
        with self.writing() as (writing, user):
            codes = second_factors.add_passkey(
                writing,
                current_outbox(),
                token_keys(),
                self.scope,
                site=SITE,
                user_id=user.id,
                answer=answer,
                name="Phone",
            )
        with self.writing() as (writing, user):
            number = passkeys_of(writing, user.id)[-1].id
        self._added(Factor(self.now, device=device, passkey_id=number), codes)

    def _added(self, factor: Factor, codes: list[str]) -> None:
        assert bool(codes) == (not self.factors), "recovery codes come with the first factor"
        if codes:
            self.kept.codes += self.codes
            self.codes, self.codes_at = codes, self.now
        self.factors.append(factor)
        self.ends_at = None

    @precondition(lambda self: self.factors)
    @rule(which=st.integers(0, 9))
    def remove_one(self, which: int) -> None:
        factor = self.factors.pop(which % len(self.factors))
        with self.writing() as (writing, user):
            if factor.app:
                assert second_factors.remove_authenticator(
                    writing, current_outbox(), user.id, self.scope
                )
            else:
                assert second_factors.remove_passkey(
                    writing,
                    current_outbox(),
                    self.scope,
                    user_id=user.id,
                    passkey_id=factor.passkey_id,
                )
        self._gone(factor)

    def _gone(self, *factors: Factor) -> None:
        for one in factors:
            if one.device:
                self.kept.devices.append(one.device)
        if not self.factors:
            self.kept.codes += self.codes
            self.codes, self.ends_at = [], None

    @precondition(lambda self: self.factors)
    @rule()
    def renew_codes(self) -> None:
        with self.writing() as (writing, user):
            codes = second_factors.renew_codes(writing, current_outbox(), user.id, self.scope)
        assert codes
        self.kept.codes += self.codes
        self.codes, self.codes_at = codes, self.now

    @precondition(lambda self: self.codes)
    @rule()
    def owner_uses_a_recovery_code(self) -> None:
        code = self.codes.pop()
        assert self._second_step(code), "the owner with a recovery code was shut out"
        self.kept.codes.append(code)
        self.ends_at = None

    @precondition(lambda self: any(one.app for one in self.factors))
    @rule()
    def owner_uses_the_app(self) -> None:
        app = next(one.app for one in self.factors if one.app)
        self.now += timedelta(minutes=2)
        code = app.code(now=self.now)
        assert self._second_step(code)
        assert not self._second_step(code), "a code worked twice"
        self.kept.codes.append(code)
        self.ends_at = None

    @precondition(lambda self: any(one.device for one in self.factors))
    @rule()
    def owner_uses_a_passkey(self) -> None:
        device = next(one.device for one in self.factors if one.device)
        assert self._with_passkey(device)
        self.ends_at = None

    # What happens to the account.

    @precondition(lambda self: self.factors)
    @rule()
    def reset(self) -> None:
        self.changes += 1
        self.password = f"password number {self.changes}"
        with self.writing() as (writing, user):
            token = reset_token(token_keys(), user, now=self.now, lifetime=timedelta(minutes=10))
            hashed = hash_password(self.password)
            assert reset_password(
                writing,
                current_outbox(),
                token_keys(),
                token,
                self.scope,
                password_hash=hashed,
            )
        self.ends_at = None

    @precondition(lambda self: self.factors)
    @rule()
    def this_was_not_me(self) -> None:
        with self.writing() as (writing, user):
            token = make_token(
                token_keys(),
                NOT_ME,
                user,
                now=self.now + timedelta(seconds=self.changes),
                lifetime=timedelta(days=7),
                state=(user.email_key,),
            )
            self.changes += 1
            not_me.report(writing, current_outbox(), token_keys(), token, self.scope)
        young = [one for one in self.factors if self.now - one.added_at < SETTLED]
        self.factors = [one for one in self.factors if one not in young]
        if self.now - self.codes_at < SETTLED:
            self.kept.codes += self.codes
            self.codes = []
        self._gone(*young)
        self.ends_at = None
        self.reset()

    @precondition(lambda self: self.factors and not self.ends_at)
    @rule()
    def ask_for_the_removal(self) -> None:
        with self.writing() as (writing, user):
            token = second_factor_recovery.removal_token(token_keys(), user, now=self.now)
            self.ends_at = second_factor_recovery.begin_removal(
                writing, current_outbox(), token_keys(), token, self.scope
            )
        assert self.ends_at == self.now + SETTLED

    @precondition(lambda self: self.ends_at)
    @rule()
    def object(self) -> None:
        with self.writing() as (writing, user):
            assert second_factor_recovery.keep(writing, user.id, self.scope)
        self.ends_at = None

    @rule(hours=HOURS)
    def time_passes(self, hours: float) -> None:
        self.now += timedelta(hours=hours)
        with self.app.app_context(), transaction() as writing:
            while second_factor_recovery.finish_due_removals(writing, current_outbox(), self.now):
                pass
        if self.ends_at is not None and self.now >= self.ends_at:
            self._all_gone()

    def _all_gone(self) -> None:
        gone, self.factors, self.ends_at = self.factors, [], None
        self._gone(*gone)

    @precondition(lambda self: self.factors)
    @rule()
    def an_administrator_removes_it(self) -> None:
        with self.writing() as (writing, user):
            actor = Actor(COMMAND_LINE)
            assert admin.reset_second_factor(writing, current_outbox(), user, actor, self.scope)
        self._all_gone()

    @precondition(lambda self: self.factors)
    @rule()
    def disable_and_enable(self) -> None:
        with self.writing() as (writing, user):
            admin.disable(writing, user, Actor(COMMAND_LINE), self.scope)
        self.ends_at = None
        self._intruder_tries(disabled=True)
        with self.writing() as (writing, user):
            admin.enable(writing, user, Actor(COMMAND_LINE), self.scope)

    # What must hold.

    @invariant()
    def the_intruder_gets_in_without_a_factor_alone(self) -> None:
        if hasattr(self, "user_id"):
            self._intruder_tries()

    def _intruder_tries(self, *, disabled: bool = False) -> None:
        # One transaction for all that they try: each costs more than what it does.
        with self.writing() as (writing, user):
            assert user.second_factor_ends_at == self.ends_at
            opened = self._password_alone(writing)
            assert opened == (not self.factors and not disabled)
            for code in {*self.kept.codes[:1], *self.kept.codes[-3:]}:
                assert not self._proves(writing, user, code), "what had ended was good again"
            for device in self.kept.devices[-1:]:
                assert not self._opens(writing, device), "a removed passkey was good"

    def _password_alone(self, writing: Session) -> bool:
        attempt = sign_in.find_candidates(writing, token_keys(), self.name, [], now=self.now)
        found = sign_in.check(attempt, self.password)
        entry = found and sign_in.log_in(
            writing,
            current_outbox(),
            attempt,
            found,
            self.scope,
            better_hash=None,
            remembered=False,
        )
        return bool(entry and entry.visitor)

    def _second_step(self, typed: str) -> bool:
        with self.writing() as (writing, user):
            return self._proves(writing, user, typed)

    def _proves(self, writing: Session, user: User, typed: str) -> bool:
        token = begin_second_step(token_keys(), user, now=self.now)
        halfway = find_halfway(writing, token_keys(), token, now=self.now, locked=True)
        return halfway is not None and bool(
            prove_with_code(
                writing,
                current_outbox(),
                token_keys(),
                self.scope,
                user=halfway,
                typed=typed,
                counted_by="machine",
            )
        )

    def _with_passkey(self, device: PasskeyDevice) -> bool:
        with self.writing() as (writing, _user):
            return self._opens(writing, device)

    def _opens(self, writing: Session, device: PasskeyDevice) -> bool:
        options = json.loads(sign_in_options(token_keys(), SITE, now=self.now))
        return bool(
            prove_with_passkey(
                writing,
                current_outbox(),
                token_keys(),
                self.scope,
                site=SITE,
                answer=device.get(options),
                purpose=SIGN_IN,
            )
        )

    def teardown(self) -> None:
        if hasattr(self, "user_id"):
            with self.app.app_context(), transaction() as writing:
                writing.execute(delete(User).where(User.id == self.user_id))


@pytest.mark.slow
def test_nobody_gets_in_without_the_factor_and_the_owner_always_does(app: Flask) -> None:
    machine = type("OneAccountHere", (OneAccount,), {"app": app})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
