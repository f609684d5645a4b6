"""What several commands take: JSON instead of tables, and moments as people write them."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unicodedata import category, east_asian_width

import click

from flask_outbox.translation import gettext as _

if TYPE_CHECKING:
    from flask_outbox.message.addresses import AddressError

    Type = click.ParamType[float]
else:
    # Click 8.1 knows no parameters of types.
    Type = click.ParamType

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Moment(Type):
    """A moment as Unix time: "2h" ago (s, m, h, d, w), a date, or a date with a time; UTC.

    With `end_of_day`, a date means the end of that day and not its beginning.
    """

    name = "moment"

    def __init__(self, *, end_of_day: bool = False) -> None:
        self._end_of_day = end_of_day

    def get_metavar(
        self,
        param: click.Parameter,  # noqa: ARG002
        ctx: click.Context | None = None,  # noqa: ARG002 - Click 8.1 gives none
    ) -> str:
        return "2h|2026-01-31|2026-01-31T12:00"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        ago = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)([smhdw])", str(value))
        try:
            if ago:
                return time.time() - float(ago[1]) * _SECONDS[ago[2]]
            return self._written(str(value)).timestamp()
        except (ValueError, OverflowError):
            self.fail(
                _(
                    "{value!r} isn't a time: write how long ago (30m, 2h, 7d), a date"
                    " (2026-01-31), or a date and time in UTC (2026-01-31T12:00)."
                ).format(value=value),
                param,
                ctx,
            )

    def _written(self, value: str) -> datetime:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            day = date.fromisoformat(value) + timedelta(days=int(self._end_of_day))
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def echo_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


def without_controls(written: str) -> str:
    """A stranger's text without what a terminal obeys; its lines stay."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if category(letter)[0] == "C" and letter not in "\n\t"
        else letter
        for letter in written.replace("\r\n", "\n")
    )


def right(text: str, columns: int) -> str:
    """The text at the right end of so many columns of a terminal; a Chinese letter takes two."""
    return " " * (columns - sum(2 if east_asian_width(one) in "WF" else 1 for one in text)) + text


def no_address(written: str, error: AddressError) -> click.ClickException:
    """What to say of something that should be an e-mail address and is none."""
    words = _("{address!r} isn't an email address: {reason}")
    return click.ClickException(words.format(address=written, reason=error))


def in_utc(moment: float) -> str:
    """A moment in Unix time as ISO 8601 writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
