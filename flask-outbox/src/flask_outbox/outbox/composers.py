"""Composers as functions with parameters of their own, whose arguments are checked when a message
is enqueued, and not hours later when it is composed."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import UnionType
from typing import (
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from sqlalchemy.orm import Session

from flask_outbox.message.addresses import Address, AddressLike
from flask_outbox.message.email import Email
from flask_outbox.outbox.email_types import (
    SLOW_RETRY,
    ComposeContext,
    Discard,
    EmailType,
    Priority,
)
from flask_outbox.outbox.validation import OutboxError

P = ParamSpec("P")

CONTEXT = "context"
"""The parameter in which a composer is given its ComposeContext, if it has one of that name."""

Sample = Mapping[str, Any] | Callable[[Session], Mapping[str, Any]]
"""A composer's arguments for a preview, or a function that returns them, which may write rows for
it into a session that is rolled back."""

SAMPLE_RECIPIENT = Address("", "you", "example.com")

_CANNOT_COMPOSE = (
    inspect.iscoroutinefunction,
    inspect.isasyncgenfunction,
    inspect.isgeneratorfunction,
)

RESERVED = frozenset({"to", "session", "locale", "key", "send_at"})
"""What `enqueue` takes itself: a composer's parameters have other names."""


@dataclass(frozen=True)
class TypedEmail(EmailType, Generic[P]):
    """An email type that was made from a function: what `outbox.email` turns a composer into.

    Calling it composes, as the function did: `confirmation(session, order_id=7)`.
    """

    function: Callable[..., Email | Discard] | None = None

    def __call__(self, session: Session, *args: P.args, **kwargs: P.kwargs) -> Email | Discard:
        """Compose now, with these arguments: for tests and previews."""
        assert self.function is not None  # noqa: S101 - `typed_email` always gives one
        return self.function(session, *args, **kwargs)

    def arguments(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        """The arguments, seen by type checkers: `enqueue(confirmation, to=…, **these)`.

        Raises OutboxError if they are not the composer's.
        """
        assert self.function is not None  # noqa: S101 - `typed_email` always gives one
        signature = inspect.signature(self.function)
        names = [name for name in signature.parameters if name != CONTEXT]
        without_context = signature.replace(parameters=[signature.parameters[one] for one in names])
        try:
            bound = without_context.bind(None, *args, **kwargs)
        except TypeError as error:
            raise OutboxError(f"{self.name}: {error}.") from None
        given = {name: value for name, value in bound.arguments.items() if name != names[0]}
        if self.check_arguments is not None:
            self.check_arguments(given)
        return given


class DeclaresEmails:
    """What an Outbox and a FlaskOutbox share: the decorator of composers."""

    def register(self, email_type: EmailType) -> None:
        raise NotImplementedError

    def email(
        self,
        name: str,
        *,
        priority: Priority = Priority.NORMAL,
        expires_after: timedelta | None = None,
        sender: AddressLike | None = None,
        delays: tuple[float, ...] = SLOW_RETRY,
        repeat_unknown: bool = True,
        guarded: bool = False,
        automatic: bool = True,
        kept: tuple[str, ...] = (),
        unsubscribe: Callable[[str, Mapping[str, Any]], str] | None = None,
        sample: Sample | None = None,
        label: object = None,
        list: str | None = None,  # noqa: A002 - as it is said of mail
    ) -> Callable[[Callable[Concatenate[Session, P], Email | Discard]], TypedEmail[P]]:
        """Declare a type of email by the function that composes it when it leaves:

            @outbox.email("shop.confirmation", priority=Priority.HIGH)
            def confirmation(session: Session, *, order_id: int) -> Email | Discard: ...

            outbox.enqueue(confirmation, to=order.address, order_id=order.id)

        The function gets a session of its own and the arguments of the message, and in a parameter
        named `context`, if it has one, a ComposeContext. An Email without recipients goes to whom
        the message was enqueued for. The options are those of EmailType; `sample` are arguments for
        a preview, or a function of a session that returns them, which may write rows for it that
        are rolled back. The name is stored with each message: it must stay while such messages
        wait.

        Arguments are checked on enqueuing: their names, and their types as far as JSON knows such.

        Raises ValueError if the name is taken or too long, and TypeError if the function cannot be
        called so.
        """

        def declare(
            function: Callable[Concatenate[Session, P], Email | Discard],
        ) -> TypedEmail[P]:
            made = typed_email(
                name, function, priority=priority, expires_after=expires_after, sender=sender,
                delays=delays, repeat_unknown=repeat_unknown, guarded=guarded, automatic=automatic,
                kept=kept, unsubscribe=unsubscribe, sample=sample, label=label, list=list,
            )  # fmt: skip
            self.register(made)
            return made

        return declare


def typed_email(
    name: str,
    function: Callable[Concatenate[Session, P], Email | Discard],
    *,
    sample: Sample | None = None,
    **options: Any,
) -> TypedEmail[P]:
    """The email type whose composer is this function of a session and keyword arguments.

    `sample` are arguments for a preview. The other `options` are those of EmailType. Raises
    TypeError if the function cannot be called so, and OutboxError if a mapping `sample` holds other
    arguments than it takes.
    """
    parameters, wants_context = _own_parameters(name, function)
    call: Callable[..., Email | Discard] = function

    def compose(session: Session, context: ComposeContext) -> Email | Discard:
        given = {CONTEXT: context} if wants_context else {}
        return call(session, **context.arguments, **given)

    known = _type_hints(function)
    hints = {one: known.get(one, Any) for one in parameters}
    required = [one.name for one in parameters.values() if one.default is one.empty]

    def check(arguments: Mapping[str, Any]) -> None:
        _check(name, hints, required, arguments)

    if isinstance(sample, Mapping):
        check(sample)
    return TypedEmail(
        name,
        compose,
        check_arguments=check,
        function=function,
        sample=None if sample is None else _context_maker(sample),
        **options,
    )


def _context_maker(sample: Sample) -> Callable[[Session, str], ComposeContext]:
    def make(session: Session, locale: str) -> ComposeContext:
        arguments = sample if isinstance(sample, Mapping) else sample(session)
        return ComposeContext(SAMPLE_RECIPIENT, locale, arguments, time.time(), attempt=1)

    return make


def _own_parameters(
    name: str, function: Callable[..., Any]
) -> tuple[dict[str, inspect.Parameter], bool]:
    """The parameters that the arguments of a message fill, and whether there is one for a context.

    Raises TypeError for a function that cannot compose.
    """
    for is_kind in _CANNOT_COMPOSE:
        if is_kind(function):
            raise TypeError(
                f"The composer of {name!r} must be an ordinary function that returns an Email or a"
                " Discard, without async or yield."
            )
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind not in {
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    }:
        raise TypeError(f"The composer of {name!r} must take a session as its first parameter.")
    others = {one.name: one for one in parameters[1:]}
    for one in others.values():
        if one.kind not in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}:
            raise TypeError(
                f"The composer of {name!r} has the parameter {one}: each needs a name of its own,"
                " with which it is enqueued."
            )
        if one.name in RESERVED:
            raise TypeError(
                f"The composer of {name!r} has a parameter named {one.name!r}, which enqueue takes"
                " itself: choose another name."
            )
    wants_context = others.pop(CONTEXT, None) is not None
    return others, wants_context


def _type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except Exception:  # noqa: BLE001 - names that exist only for a type checker: no checks then
        return {}


def _check(
    name: str, hints: Mapping[str, Any], required: Sequence[str], arguments: Mapping[str, Any]
) -> None:
    for given, value in arguments.items():
        if given not in hints:
            known = ", ".join(hints) or "none"
            raise OutboxError(f"{name} takes no argument {given!r}; it takes: {known}.")
        if not _fits(value, hints[given]):
            wanted = hints[given]
            is_plain = isinstance(wanted, type) and not get_args(wanted)
            words = wanted.__name__ if is_plain else str(wanted)
            raise OutboxError(
                f"{name} takes {words} as {given!r}, and was given {type(value).__name__}."
            )
    for one in required:
        if one not in arguments:
            raise OutboxError(f"{name} needs the argument {one!r}.")


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is what a type hint says, as far as JSON knows such types."""
    if type(value) is hint or hint is Any:
        return True
    # A NewType, or an alias made with `type`.
    named = getattr(hint, "__supertype__", None) or getattr(hint, "__value__", None)
    if named is not None:
        return _fits(value, named)
    origin, among = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in among)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in among)
    if hint is None or is_typeddict(hint):
        return value is None if hint is None else isinstance(value, dict)
    kind = origin or hint
    return _is_a(value, kind, among) if isinstance(kind, type) else True


def _is_a(value: object, kind: type, of: tuple[Any, ...]) -> bool:
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping) and _all_fit(value.values(), of[1:])
    if issubclass(kind, Iterable) and not issubclass(kind, str):
        # JSON makes a list of a tuple. One like tuple[int, str] has a hint for each place.
        alike = of[:1] if kind is not tuple or of[1:] == (...,) else ()
        return isinstance(value, list | tuple) and _all_fit(value, alike)
    return isinstance(value, kind)


def _all_fit(values: Iterable[object], hints: tuple[Any, ...]) -> bool:
    return not hints or all(_fits(one, hints[0]) for one in values)
