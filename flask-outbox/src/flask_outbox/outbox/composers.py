"""Composers as functions with parameters of their own, whose arguments are checked when a message
is enqueued, and not hours later when it is composed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
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
)

from sqlalchemy.orm import Session

from flask_outbox.message.email import Email
from flask_outbox.outbox.email_types import ComposeContext, Discard, EmailType
from flask_outbox.outbox.validation import OutboxError

P = ParamSpec("P")

CONTEXT = "context"
"""The parameter in which a composer is given its ComposeContext, if it has one of that name."""

RESERVED = frozenset({"to", "session", "locale", "key", "send_at", "sender"})
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
        try:
            bound = inspect.signature(self.function).bind(None, *args, **kwargs)
        except TypeError as error:
            raise OutboxError(f"{self.name}: {error}.") from None
        given = dict(list(bound.arguments.items())[1:])
        if self.check_arguments is not None:
            self.check_arguments(given)
        return given


def typed_email(
    name: str, function: Callable[Concatenate[Session, P], Email | Discard], **options: Any
) -> TypedEmail[P]:
    """The email type whose composer is this function of a session and keyword arguments.

    `options` are those of EmailType. Raises TypeError if the function cannot be called so.
    """
    parameters = _own_parameters(name, function)
    wants_context = CONTEXT in inspect.signature(function).parameters
    call: Callable[..., Email | Discard] = function

    def compose(session: Session, context: ComposeContext) -> Email | Discard:
        given = {CONTEXT: context} if wants_context else {}
        return call(session, **context.arguments, **given)

    hints = _type_hints(function)

    def check(arguments: Mapping[str, Any]) -> None:
        _check(name, parameters, hints, arguments)

    return TypedEmail(name, compose, check_arguments=check, function=function, **options)


def _own_parameters(name: str, function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters behind the session, which the arguments of a message fill."""
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise TypeError(f"The composer of {name!r} must take a session as its first parameter.")
    others = parameters[1:]
    for one in others:
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
    return {one.name: one for one in others if one.name != CONTEXT}


def _type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except Exception:  # noqa: BLE001 - names that exist only for a type checker: no checks then
        return {}


def _check(
    name: str,
    parameters: Mapping[str, inspect.Parameter],
    hints: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> None:
    for given, value in arguments.items():
        if given not in parameters:
            known = ", ".join(parameters) or "none"
            raise OutboxError(f"{name} takes no argument {given!r}; it takes: {known}.")
        if not _fits(value, hints.get(given, Any)):
            wanted = hints[given]
            words = wanted.__name__ if isinstance(wanted, type) else str(wanted)
            raise OutboxError(
                f"{name} takes {words} as {given!r}, and was given {type(value).__name__}."
            )
    for one in parameters.values():
        if one.default is one.empty and one.name not in arguments:
            raise OutboxError(f"{name} needs the argument {one.name!r}.")


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is what a type hint says, as far as JSON knows such types."""
    if type(value) is hint:
        return True
    origin, among = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in among)
    if origin is Literal:
        return value in among
    kind = origin or hint
    if kind in (int, float):
        numbers = (int, float) if kind is float else int
        return isinstance(value, numbers) and not isinstance(value, bool)
    if kind is None or kind is NoneType:
        return value is None
    return kind not in (bool, str, dict) or isinstance(value, kind)
