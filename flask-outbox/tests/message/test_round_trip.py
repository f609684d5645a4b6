"""Generated messages, read back by two parsers that share no code: what goes in comes out.

One parser is the standard library's, the other mailparse (in Rust, as fast-mail-parser). Each reads
a hundred messages; with MESSAGES=full ten thousand.
"""

from __future__ import annotations

import base64
import email
import email.header
import email.policy
import email.utils
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from importlib.util import find_spec
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_outbox import Address, Attachment, Email
from flask_outbox.message.addresses import without_bidi_controls
from flask_outbox.message.dkim import DkimSigner
from flask_outbox.message.mime import render

pytestmark = pytest.mark.slow

KEY = ed25519.Ed25519PrivateKey.generate()
SIGN = DkimSigner(base64.b64encode(KEY.private_bytes_raw()), "s1", "example.com")
RECORD = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(KEY.public_key().public_bytes_raw())

messages = settings(
    deadline=None,
    max_examples=10_000 if os.environ.get("MESSAGES") == "full" else 100,
    suppress_health_check=[HealthCheck.too_slow],
)


@dataclass(frozen=True)
class File:
    """An attachment as a parser saw it."""

    name: str
    content_type: str
    data: bytes
    content_id: str | None


@dataclass(frozen=True)
class Found:
    """A message as a parser saw it."""

    headers: dict[str, str]
    groups: dict[str, list[tuple[str, str]]]
    texts: list[str]
    files: list[File]
    shape: list[str]


# What is generated

_controls = [chr(number) for number in (*range(32), *range(127, 160), 0x2028, 0x2029)]
_letters = st.characters(codec="utf-8", exclude_characters=_controls)
_words = ["Hello", "=?utf-8?q?x?=", "Größe", "語" * 9, "x" * 70, "y" * 200, "а"]
_repeated = ["a", "é", "語", "a ", "🙂 ", "=? "]
_line = st.one_of(
    st.text(_letters, max_size=40),
    st.text("abc .,=?_-<>@\"'\\()", max_size=120),
    st.lists(st.sampled_from(_words), max_size=25).map(" ".join),
    st.builds(lambda one, times: one * times, st.sampled_from(_repeated), st.integers(1, 900)),
)
_name = _line.map(lambda text: text.strip()[:900])
_local = st.sampled_from(["susan", '"a..b"', '".a b"', "o'hara+blog", "x" * 64, "süsan"])
_domain = st.sampled_from(
    ["example.com", "xn--bcher-kva.example", f"{'d' * 60}.{'d' * 60}.example"]
)
_address = st.builds(Address, _name, _local, _domain)
_group = st.lists(_address, max_size=4).map(tuple)
_header_name = st.from_regex(r"X-[A-Za-z0-9-]{1,45}", fullmatch=True)

_no_c1 = st.characters(codec="utf-8", exclude_characters=[chr(one) for one in range(127, 160)])
_lines = ["a", "é", "a b ", "xé. \n", "x" * 74 + " \né", "= ", "語", ".\n", "\r"]
_text = st.one_of(
    st.text(_no_c1, max_size=200),
    st.builds(lambda one, times: one * times, st.sampled_from(_lines), st.integers(1, 1200)),
)

_content_type = st.sampled_from([
    "application/pdf", "image/png", "text/plain", "text/calendar; method=REQUEST",
    'application/x-own; title="a; b"; ' + "; ".join(f"p{n}={'v' * 30}" for n in range(9)),
])  # fmt: skip
_nested = st.one_of(
    st.binary(max_size=80).map(lambda data: b"Subject: x\r\n\r\n" + data),
    st.sampled_from([
        b"Subject: x\n\nHello\n", "Subject: x\n\nGrüße\n".encode(),
        b"Subject: x\r\n\r\n" + b"y" * 1200, b"Subject: x\r\n\r\n\0",
    ]),
)  # fmt: skip


@st.composite
def _attachments(draw: Callable[..., Any]) -> Attachment:
    name = draw(st.none() | _name.filter(bool))
    what = draw(st.sampled_from(["file", "text", "picture", "message"]))
    if what == "text":
        return Attachment.of(name, draw(_text), draw(st.none() | st.just("text/csv")))
    if what == "picture":
        shown = {"Content-ID": f"<{draw(st.integers(0, 99))}@example.com>"}
        return Attachment(name, "image/png", draw(st.binary(max_size=200)), "inline", shown)
    if what == "message":
        return Attachment(name, "message/rfc822", draw(_nested))
    return Attachment(name, draw(_content_type), draw(st.binary(max_size=200)))


_emails = st.builds(
    Email,
    subject=_line,
    text=_text,
    to=st.lists(_address, min_size=1, max_size=4).map(tuple),
    html=st.none() | _text,
    sender=_address,
    cc=_group,
    reply_to=_group,
    attachments=st.lists(_attachments(), max_size=3).map(tuple),
    headers=st.dictionaries(_header_name, _line, max_size=3),
    alternatives=st.dictionaries(
        st.sampled_from(["calendar; method=REQUEST", "markdown", "calendar; charset=x"]), _text,
        max_size=2,
    ),
    charset=st.sampled_from([None, None, "utf-8", "us-ascii", "iso-8859-1"]),
)  # fmt: skip


# How it is read


def read_by_the_standard_library(source: bytes) -> Found:
    message = email.message_from_bytes(source, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    raw = {name: _as_text(value) for name, value in message.raw_items()}
    texts, files = [], []
    for part in _leaves(message):
        assert not part.defects
        if part.get_content_type() == "message/rfc822":
            data = _between(source, part)
        else:
            data = part.get_payload(decode=True) or b""
        if "Content-Disposition" in part:
            # The parser's own get_filename() takes quotes off once too often.
            name = part["Content-Disposition"].params.get("filename", "")
            identity = part["Content-ID"]
            identity = identity and str(identity).strip("<>")
            files.append(File(name, part.get_content_type(), data, identity))
        else:
            texts.append(data.decode(part.get_content_charset() or "ascii"))
    named = ["From", "To", "Cc", "Reply-To"]
    groups = {name: _names(raw[name]) for name in named if name in raw}
    shape = [part.get_content_type() for part in _parts(message)]
    headers = {name: _decoded(value) for name, value in raw.items() if name not in groups}
    return Found(headers, groups, texts, files, shape)


def read_by_mailparse(source: bytes) -> Found:
    from fast_mail_parser import PyAddress, parse_email, parse_email_tree  # noqa: PLC0415

    found = parse_email(source, strict=True)
    texts: list[str] = []
    files: list[File] = []
    shape: list[str] = []

    def look(part: Any) -> None:
        shape.append(part.content_type)
        if part.disposition is not None:
            data = part.content
            files.append(File(part.filename, part.content_type, data, part.content_id))
        elif part.children:
            for one in part.children:
                look(one)
        else:
            said = part.headers["Content-Type"][0]
            charset = re.search(r'charset="([^"]+)"', said)
            assert charset is not None
            texts.append(part.content.decode(charset[1]))

    look(parse_email_tree(source))

    def pairs(group: list[PyAddress]) -> list[tuple[str, str]]:
        return [(squeezed(one.display_name or ""), one.address) for one in group]

    groups: dict[str, list[PyAddress]] = {
        "From": [found.from_] if found.from_ else [],
        "To": found.to,
        "Cc": found.cc,
        "Reply-To": found.reply_to,
    }
    return Found(
        {name: values[0] for name, values in found.headers.items() if name not in groups},
        {name: pairs(group) for name, group in groups.items() if group},
        texts,
        files,
        shape,
    )


READERS = [
    pytest.param(read_by_the_standard_library, id="standard library"),
    pytest.param(
        read_by_mailparse,
        id="mailparse",
        marks=pytest.mark.skipif(
            find_spec("fast_mail_parser") is None, reason="fast-mail-parser is not installed"
        ),
    ),
]


# The tests


@pytest.mark.parametrize("read", READERS)
@messages
@given(written=_emails)
def test_what_goes_in_comes_out(read: Callable[[bytes], Found], written: Email) -> None:
    found = read(rendered(written))
    assert squeezed(found.headers.get("Subject", "")) == squeezed(written.subject)
    for name, value in written.headers.items():
        assert squeezed(found.headers[name]) == squeezed(value)
    groups = {"From": [written.sender], "To": written.to, "Cc": written.cc,
              "Reply-To": written.reply_to}  # fmt: skip
    assert found.groups == {
        name: [(squeezed(without_bidi_controls(one.name)), one.mailbox) for one in group if one]
        for name, group in groups.items()
        if group
    }
    forms = (written.text, *written.alternatives.values(), written.html)
    texts = [with_line_feeds(one) for one in forms if one is not None]
    if len(texts) == 1 and not written.attachments:
        texts = [with_end(texts[0])]
    assert [with_line_feeds(one) for one in found.texts] == texts
    assert sorted(map(repr, found.files)) == sorted(
        repr(as_file(one)) for one in written.attachments
    )
    assert found.shape == shape_of(written)


@messages
@given(written=_emails)
def test_no_line_is_longer_than_it_must_be(written: Email) -> None:
    source = rendered(written)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", source)
    lines = source.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    for block in header_blocks(source):
        for header in re.split(r"\r\n(?![ \t])", block.decode()):
            name, _, value = header.partition(":")
            first, *others = value.split("\r\n")
            assert first.strip() or not value.strip(), header
            for line in (f"{name}:{first}", *others):
                limit = 76 if "=?" in line else 78
                words = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line.removeprefix(f"{name}:")).split()
                assert len(line) <= limit or len(words) == 1, line
    for encoding, body in encoded_bodies(source):
        assert max(map(len, body.split(b"\r\n"))) <= 76, encoding


@messages
@given(written=_emails)
def test_a_signature_holds_whether_headers_are_folded_or_not(written: Email) -> None:
    signed = SIGN(rendered(written))
    head, end, body = signed.partition(b"\r\n\r\n")
    for content in (signed, re.sub(rb"\r\n(?=[ \t])", b"", head) + end + body):
        assert dkim.verify(content, dnsfunc=lambda *_name, **_timeout: RECORD)


def rendered(written: Email) -> bytes:
    return render(written, message_id="<1.2@example.com>", date=1_800_000_000)


def as_file(one: Attachment) -> File:
    """What a parser must find of an attachment."""
    kind, data = one.content_type, one.data
    if kind == "message/rfc822":
        whole = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
        if b"\0" in data or max(map(len, whole.split(b"\r\n"))) > 998:
            kind = "application/octet-stream"
        else:
            data = whole
    name = without_bidi_controls(one.filename or "")
    identity = one.headers.get("Content-ID")
    return File(name, kind.partition(";")[0], data, identity and identity.strip("<>"))


def shape_of(written: Email) -> list[str]:
    """The types of the parts in order, each before those it contains."""
    kinds = {id(one): as_file(one).content_type for one in written.attachments}
    shown = [one for one in written.attachments if written.html is not None and one.has_content_id]
    kept = [kinds[id(one)] for one in written.attachments if one not in shown]
    html = [] if written.html is None else ["text/html"]
    if shown:
        html = ["multipart/related", *html, *(kinds[id(one)] for one in shown)]
    others = [f"text/{kind.partition(';')[0]}" for kind in written.alternatives]
    texts = ["text/plain", *others, *html]
    if len(texts) > 1:
        texts = ["multipart/alternative", *texts]
    return ["multipart/mixed", *texts, *kept] if kept else texts


def header_blocks(source: bytes) -> Iterator[bytes]:
    yield source.partition(b"\r\n\r\n")[0]
    for part in re.split(rb"\r\n--=_[0-9a-f]{36}\r\n", source)[1:]:
        yield part.partition(b"\r\n\r\n")[0]


def encoded_bodies(source: bytes) -> Iterator[tuple[str, bytes]]:
    message = email.message_from_bytes(source)
    for part in _leaves(message):
        encoding = part["Content-Transfer-Encoding"]
        if encoding in {"base64", "quoted-printable"}:
            yield (
                encoding,
                str(part.get_payload()).replace("\r\n", "\n").replace("\n", "\r\n").encode(),
            )


def _parts(message: Any) -> Iterator[Any]:
    """Each part before those it contains; an attached message is one part."""
    yield message
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for part in (
            message.iter_parts() if hasattr(message, "iter_parts") else message.get_payload()
        ):
            yield from _parts(part)


def _leaves(message: Any) -> Iterator[Any]:
    return (one for one in _parts(message) if one.get_content_maintype() != "multipart")


def _between(source: bytes, part: Any) -> bytes:
    """The attached message as in the source: the parser would write it anew."""
    (inner,) = part.get_payload()
    return bytes(inner.as_bytes(policy=email.policy.SMTP))


def _as_text(value: str) -> str:
    return re.sub(r"\r?\n", "", value.encode("ascii", "surrogateescape").decode())


def _decoded(value: str) -> str:
    return str(email.header.make_header(email.header.decode_header(value)))


def _names(value: str) -> list[tuple[str, str]]:
    """The names, read by the older parser: the newer one leaves a space between encoded words."""
    return [(squeezed(_decoded(name)), one) for name, one in email.utils.getaddresses([value])]


def with_line_feeds(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\n", text)


def with_end(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def squeezed(text: str) -> str:
    """Without the white space that folding and reading a header may change."""
    return " ".join(text.split())
