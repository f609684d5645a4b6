"""Header lines: where they are folded, how they are encoded, and how files are named."""

from __future__ import annotations

import re

import pytest

from flask_outbox import (
    Address,
    Attachment,
    BadHeaderError,
    Email,
    parse_address,
    parse_addresses,
)
from flask_outbox.message.headers import (
    ascii_filename,
    content_disposition,
    mailboxes,
    parameter_of,
    unstructured,
    with_parameters,
    without_parameter,
)

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("short", "X-Tag: short"),
        ("", "X-Tag: "),
        ("a" * 80, f"X-Tag: {'a' * 80}"),
        (f"{'a' * 60} {'b' * 60}", f"X-Tag: {'a' * 60}\n {'b' * 60}"),
        (f"{'a' * 60}\t  {'b' * 60}", f"X-Tag: {'a' * 60}\n\t  {'b' * 60}"),
        ("=?x", "X-Tag: =?utf-8?b?PT94?="),
        ("\u00e9", "X-Tag: =?utf-8?b?w6k=?="),
    ],
)
def test_a_header_is_folded_before_blanks_and_never_at_its_start(value: str, written: str) -> None:
    assert unstructured("X-Tag", value) == written


@pytest.mark.parametrize(
    "value", ["\u8a9e" * 400, "Gr\u00f6\u00dfe " * 90, "\U0001f642" * 90, "=?" * 300]
)
@pytest.mark.parametrize("name", ["Subject", "X-" + "n" * 38])
@pytest.mark.parametrize("charset", [None, "utf-8", "shift_jis"])
def test_encoded_words_fill_lines_of_76_at_most(name: str, value: str, charset: str | None) -> None:
    lines = unstructured(name, value, charset).split("\n")
    assert max(map(len, lines)) <= 76
    assert all(re.fullmatch(r"(?:[\w-]+:)? =\?\S+\?[qb]\?\S+\?=", line) for line in lines)


@pytest.mark.parametrize(
    ("group", "written"),
    [
        (["susan@example.com", "john@example.com"], "To: susan@example.com, john@example.com"),
        (
            ["Susan <susan@example.com>"] * 3,
            "To: Susan <susan@example.com>, Susan <susan@example.com>,\n Susan <susan@example.com>",
        ),
        (['"a..b"@example.com'], 'To: <"a..b"@example.com>'),
        ([f"S <{'s' * 64}@example.com>"], f"To: S\n <{'s' * 64}@example.com>"),
        ([("Su  san", "susan@example.com")], "To: =?utf-8?q?Su__san?= <susan@example.com>"),
    ],
)
def test_addresses_are_on_one_line_while_they_fit(group: list[str], written: str) -> None:
    assert mailboxes("To", parse_addresses(group)) == written


@pytest.mark.parametrize("control", BIDI)
def test_no_name_changes_the_direction_of_writing(control: str) -> None:
    """With such a name a file could look like a picture, and a sender like another one."""
    name = f"{control}gnp.exe"
    assert "gnp.exe" in (written := content_disposition("attachment", name))
    assert control not in written
    assert "%" not in written
    assert parse_address(f"Su{control}san <susan@example.com>").name == "Susan"
    address = Address(f"Su{control}san", "susan", "example.com")
    assert mailboxes("To", [address]) == "To: Susan <susan@example.com>"
    assert mailboxes("To", [address], raw=True) == "To: Susan <susan@example.com>"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a b.txt", 'attachment; filename="a b.txt"'),
        ("\u00e9.txt", "attachment;\n filename*=utf-8''%C3%A9.txt"),
        ('a"b.txt', "attachment;\n filename*=utf-8''a%22b.txt"),
        ("", "attachment"),
        (None, "attachment"),
    ],
)
def test_a_file_is_named_as_every_program_reads_it(name: str | None, written: str) -> None:
    assert content_disposition("attachment", name) == f"Content-Disposition: {written}"


def test_no_piece_of_a_long_name_ends_within_a_letter() -> None:
    pieces = re.findall(
        r"filename\*\d+\*=(?:utf-8'')?(\S+?)(?:;|$)", content_disposition("a", "\u8a9e" * 50)
    )
    assert len(pieces) > 5
    assert all(re.fullmatch("(?:%E8%AA%9E)+", one) for one in pieces)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("\u043a\u0438\u0440\u0438\u043b\u043b\u0438\u0446\u0430.pdf", "attachment-2.pdf"),
        ("\u043a\u0438\u0440\u0438\u043b\u043b\u0438\u0446\u0430", "attachment-2"),
        ("\u8a9e.\u8a9e", "attachment-2"),
        ("\u043e\u0442\u0447\u0451\u0442 2.pdf", "2.pdf"),
        ("\u00dcbersicht.pdf", "Ubersicht.pdf"),
        ('a"b.pdf', "a_b.pdf"),
        (".profile", "attachment-2.profile"),
    ],
)
def test_a_name_in_ascii_is_never_empty(name: str, written: str) -> None:
    assert ascii_filename(name, 2) == written


def test_parameters_are_read_with_what_is_quoted() -> None:
    value = 'text/x; a=";"; Charset="utf-8"; b=c;'
    assert parameter_of(value, "charset") == "utf-8"
    assert parameter_of(value, "a") == ";"
    assert parameter_of(value, "missing") is None
    assert without_parameter(value, "charset") == 'text/x; a=";"; b=c'
    assert with_parameters("Content-Type", f"{value} d={'d' * 60}") == (
        f'Content-Type: text/x;\n a=";";\n Charset="utf-8";\n b=c;\n d={"d" * 60}'
    )


@pytest.mark.parametrize(
    ("content_type", "disposition"),
    [
        (f"text/plain; a={'x' * 2000}", "attachment"),
        ("text/plain\n; a=b", "attachment"),
        ("text/pl\u00e4in", "attachment"),
        ('text/plain; a="b', "attachment"),
        ("text", "attachment"),
        ("text/plain", f"inline; a={'x' * 2000}"),
        ("text/plain", "\u00e9"),
        ("text/plain", ""),
    ],
)
def test_a_type_that_cannot_be_written_is_refused(content_type: str, disposition: str) -> None:
    with pytest.raises(BadHeaderError):
        Attachment("a.txt", content_type, b"x", disposition)


@pytest.mark.parametrize(
    "name", ["Content-Type", "content-disposition", "Content-Transfer-Encoding"]
)
def test_a_file_has_each_header_once(name: str) -> None:
    with pytest.raises(BadHeaderError, match="own fields"):
        Attachment("a.txt", "text/plain", b"x", headers={name: "x"})


def test_a_header_has_a_name_that_leaves_room_for_its_value() -> None:
    with pytest.raises(BadHeaderError):
        Email("Hello", "x", parse_addresses("susan@example.com"), headers={"X" * 77: "x"})
