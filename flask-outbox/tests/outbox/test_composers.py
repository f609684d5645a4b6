"""A composer's arguments are checked where a message is enqueued."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NewType, TypedDict

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import ComposeContext, Discard, Email, Outbox, OutboxError, parse_address, schema
from flask_outbox.dev.previews import preview
from flask_outbox.outbox.composers import RESERVED, TypedEmail, typed_email
from flask_outbox.outbox.models import OutboxMessage

OrderId = NewType("OrderId", int)


class Size(StrEnum):
    SMALL = "small"


class Item(TypedDict):
    name: str


def confirmation(  # type: ignore[no-untyped-def]
    session: Session,
    *,
    order_id: int,
    name: str | None = None,
    price: float = 0.0,
    gift: bool = False,
    lines: Sequence[str] = (),
    counts: Mapping[str, int] | None = None,
    size: Literal["small", "large", 3] = "small",
    shade: Size = Size.SMALL,
    number: OrderId = OrderId(1),
    pair: tuple[int, str] = (1, "a"),
    points: tuple[float, ...] = (),
    item: Item | None = None,
    anything: Any = None,
    thing: object = None,
    untyped=None,
    plain: list = [],  # type: ignore[type-arg]  # noqa: B006
    moment: datetime | None = None,
) -> Email | Discard:
    return Email(f"Order {order_id}", f"for {name or 'you'}")


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    engine = create_engine("sqlite://")
    schema.create_all(engine)
    yield Outbox(sessionmaker(engine), sender="shop@example.com")
    engine.dispose()


@pytest.fixture
def typed(outbox: Outbox) -> TypedEmail[...]:
    made = typed_email("shop.confirmation", confirmation)
    outbox.register(made)
    return made


def enqueue(outbox: Outbox, email: TypedEmail[...], **arguments: Any) -> Any:
    """Enqueue it, and return the arguments that are stored."""
    with outbox.sessions() as session:
        row_id = outbox.enqueue(session, email, "susan@example.com", arguments=arguments)
        return session.scalars(
            select(OutboxMessage.arguments).where(OutboxMessage.id == row_id)
        ).one()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": "Susan"},
        {"name": None},
        {"price": 1.5},
        {"price": 2},
        {"gift": True},
        {"lines": ["a", "b"]},
        {"lines": []},
        {"counts": {"a": 1}},
        {"size": "large"},
        {"size": 3},
        {"shade": Size.SMALL},
        {"number": 7},
        {"pair": [1, "a"]},
        {"points": [1, 2.5]},
        {"item": {"name": "kettle"}},
        {"anything": [{"a": None}]},
        {"thing": "any"},
        {"untyped": 1},
        {"plain": [1, "a"]},
    ],
    ids=str,
)
def test_what_the_hints_say_is_stored(
    outbox: Outbox, typed: TypedEmail[...], given: dict[str, Any]
) -> None:
    assert enqueue(outbox, typed, order_id=7, **given) == {"order_id": 7, **given}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs the argument 'order_id'"),
        ({"order_id": "7"}, "takes int as 'order_id', and was given str"),
        ({"order_id": 7.0}, "takes int as 'order_id', and was given float"),
        ({"order_id": True}, "takes int as 'order_id', and was given bool"),
        ({"order_id": None}, "takes int as 'order_id', and was given NoneType"),
        ({"order_id": 7, "order": 1}, "takes no argument 'order'; it takes: order_id, name"),
        ({"order_id": 7, "name": 1}, "takes str | None as 'name'"),
        ({"order_id": 7, "price": "1.5"}, "takes float as 'price'"),
        ({"order_id": 7, "price": True}, "takes float as 'price'"),
        ({"order_id": 7, "gift": 1}, "takes bool as 'gift'"),
        ({"order_id": 7, "lines": "abc"}, "as 'lines', and was given str"),
        ({"order_id": 7, "lines": ["a", 1]}, "as 'lines'"),
        ({"order_id": 7, "counts": {"a": "1"}}, "as 'counts'"),
        ({"order_id": 7, "counts": ["a"]}, "as 'counts'"),
        ({"order_id": 7, "size": "huge"}, "as 'size'"),
        ({"order_id": 7, "size": 3.0}, "as 'size'"),
        ({"order_id": 7, "shade": "grey"}, "takes Size as 'shade'"),
        ({"order_id": 7, "number": "1"}, "as 'number'"),
        ({"order_id": 7, "pair": "1a"}, "as 'pair'"),
        ({"order_id": 7, "points": ["a"]}, "as 'points'"),
        ({"order_id": 7, "item": "kettle"}, "as 'item'"),
        ({"order_id": 7, "plain": {"a": 1}}, "takes list as 'plain'"),
        ({"order_id": 7, "moment": "2026-01-01"}, "as 'moment', and was given str"),
        ({"order_id": 7, "moment": datetime(2026, 1, 1)}, "JSON"),  # noqa: DTZ001
        ({"order_id": 7, "anything": {1}}, "JSON"),
    ],
    ids=str,
)
def test_what_they_do_not_say_is_refused_where_it_is_enqueued(
    outbox: Outbox, typed: TypedEmail[...], given: dict[str, Any], words: str
) -> None:
    with outbox.sessions() as session:
        with pytest.raises(OutboxError) as refused:
            outbox.enqueue(session, typed, "susan@example.com", arguments=given)
        with pytest.raises(OutboxError, match="Message 1: "):
            outbox.enqueue_many(
                session,
                typed,
                [
                    {"to": "a@example.com", "arguments": {"order_id": 1}},
                    {"to": "b@example.com", "arguments": given},
                ],
            )
        assert session.scalars(select(OutboxMessage)).all() == []
    assert words in str(refused.value)


def test_a_positional_composer_is_enqueued_by_name(outbox: Outbox) -> None:
    def greeting(_session: Session, name: str, times: int = 2) -> Email:
        return Email("Hello", name * times)

    typed = typed_email("shop.greeting", greeting)
    outbox.register(typed)
    assert enqueue(outbox, typed, name="Susan") == {"name": "Susan"}
    assert typed.arguments("Susan", times=3) == {"name": "Susan", "times": 3}
    with Session() as session:
        assert typed(session, "ab").text == "abab"  # type: ignore[union-attr]
        composed = typed.compose(session, context(arguments={"name": "ab", "times": 1}))
    assert isinstance(composed, Email)
    assert composed.text == "ab"


def test_a_context_is_given_to_a_composer_that_asks_for_it(outbox: Outbox) -> None:
    def greeting(_session: Session, *, name: str, context: ComposeContext) -> Email:
        return Email("Hello", f"{name} in {context.locale}")

    typed = typed_email("shop.greeting", greeting)
    outbox.register(typed)
    assert enqueue(outbox, typed, name="Susan") == {"name": "Susan"}
    with pytest.raises(OutboxError, match="'context'"):
        enqueue(outbox, typed, name="Susan", context=1)
    assert typed.arguments(name="Susan") == {"name": "Susan"}  # type: ignore[call-arg]
    with Session() as session:
        composed = typed.compose(session, context(locale="de", arguments={"name": "Susan"}))
    assert isinstance(composed, Email)
    assert composed.text == "Susan in de"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "missing a required argument: 'order_id'"),
        ({"order_id": 7, "order": 1}, "unexpected keyword argument 'order'"),
        ({"order_id": "7"}, "takes int as 'order_id'"),
    ],
)
def test_arguments_are_checked_before_they_are_enqueued(
    typed: TypedEmail[...], given: dict[str, Any], words: str
) -> None:
    with pytest.raises(OutboxError, match=rf"shop\.confirmation.*{words}"):
        typed.arguments(**given)
    assert typed.arguments(order_id=7, name="a") == {"order_id": 7, "name": "a"}


# Composers that cannot compose


async def asynchronous(session: Session) -> Email:
    return Email("", "")


def generating(session: Session) -> Iterator[Email]:
    yield Email("", "")


async def both(session: Session) -> AsyncIterator[Email]:
    yield Email("", "")


def without_session() -> Email:
    return Email("", "")


def session_by_name(*, session: Session) -> Email:
    return Email("", "")


def any_names(**session: Any) -> Email:
    return Email("", "")


def any_arguments(session: Session, **arguments: Any) -> Email:
    return Email("", "")


def many_arguments(session: Session, *arguments: Any) -> Email:
    return Email("", "")


def by_place_alone(session: Session, order_id: int, /) -> Email:
    return Email("", "")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (asynchronous, "without async or yield"),
        (generating, "without async or yield"),
        (both, "without async or yield"),
        (without_session, "session as its first"),
        (session_by_name, "session as its first"),
        (any_names, "session as its first"),
        (any_arguments, r"parameter \*\*arguments"),
        (many_arguments, r"parameter \*arguments"),
        (by_place_alone, "parameter order_id"),
    ],
)
def test_what_cannot_compose_is_refused_where_it_is_declared(function: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"'shop.wrong'.*{words}"):
        typed_email("shop.wrong", function)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_parameter_that_enqueue_takes_itself_is_refused(name: str) -> None:
    made: dict[str, Any] = {}
    exec(f"def compose(first, *, {name}): ...", made)
    with pytest.raises(TypeError, match=f"'{name}'"):
        typed_email("shop.wrong", made["compose"])


def test_hints_that_only_a_type_checker_knows_are_not_checked(outbox: Outbox) -> None:
    def compose(_session: Session, *, order_id: Unknown) -> Email:  # type: ignore[name-defined]  # noqa: F821
        return Email("", "")

    typed = typed_email("shop.unknown", compose)
    outbox.register(typed)
    assert enqueue(outbox, typed, order_id="any") == {"order_id": "any"}


# Samples for previews


def test_a_sample_is_a_mapping_of_arguments(outbox: Outbox) -> None:
    outbox.register(typed_email("shop.sampled", confirmation, sample={"order_id": 7}))
    shown = preview(outbox, "shop.sampled", "de")
    assert shown is not None
    assert shown.email.subject == "Order 7"
    assert [one.mailbox for one in shown.email.to] == ["you@example.com"]


def test_a_sample_may_write_rows_that_are_not_kept(outbox: Outbox) -> None:
    def sample(session: Session) -> dict[str, Any]:
        row_id = outbox.enqueue(session, "shop.sampled", "a@example.com", arguments={"order_id": 1})
        return {"order_id": row_id}

    outbox.register(typed_email("shop.sampled", confirmation, sample=sample))
    shown = preview(outbox, "shop.sampled", "en")
    assert shown is not None
    assert shown.email.subject == "Order 1"
    with outbox.sessions() as session:
        assert session.scalars(select(OutboxMessage)).all() == []


def test_a_sample_with_wrong_arguments_is_refused_where_it_is_declared() -> None:
    with pytest.raises(OutboxError, match="'order_id'"):
        typed_email("shop.sampled", confirmation, sample={"order_id": "7"})


def context(**changes: Any) -> ComposeContext:
    values: dict[str, Any] = {"locale": "en", "arguments": {}, "now": 0.0, "attempt": 1} | changes
    return ComposeContext(parse_address("susan@example.com"), **values)
