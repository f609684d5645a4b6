"""The message as bytes: readable if possible, complete for every parser, always the same."""

from __future__ import annotations

import email
import email.header
import email.policy
import email.utils
import re
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_outbox import (
    Address,
    AddressError,
    Attachment,
    BadHeaderError,
    Email,
    parse_address,
)
from flask_outbox.message.addresses import parse_addresses, without_bidi_controls
from flask_outbox.message.headers import LINE_MAXIMUM
from flask_outbox.message.mime import render

MESSAGE_ID = "<1.2.3@example.com>"
DATE = 1_800_000_000.75

PLAIN = "Dear susan,\n\nwelcome.\n"
HTML = "<p>Dear susan,</p>\n"


def test_a_text_alone_is_one_part() -> None:
    message = parsed(render_one(text=PLAIN))
    assert message.get_content_type() == "text/plain"
    assert message["MIME-Version"] == "1.0"
    assert content(message) == PLAIN


def test_text_and_html_are_alternatives_the_better_last() -> None:
    message = parsed(render_one(text=PLAIN, html=HTML))
    assert message.get_content_type() == "multipart/alternative"
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [content(part) for part in parts] == [PLAIN, HTML]


def test_other_alternatives_stand_between_text_and_html() -> None:
    message = parsed(render_one(text=PLAIN, html=HTML, alternatives={"calendar": "BEGIN:X\n"}))
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/calendar", "text/html"]


@pytest.mark.parametrize(("html", "first"), [(None, "text/plain"), (HTML, "multipart/alternative")])
def test_attachments_follow_the_text_in_a_mixed_message(html: str | None, first: str) -> None:
    files = (Attachment.of("a.txt", b"one\n"), Attachment.of("b.png", b"\x89PNG\r\n\x1a\n\0\xff"))
    message = parsed(render_one(text=PLAIN, html=html, attachments=files))
    assert message.get_content_type() == "multipart/mixed"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == [first, "text/plain", "image/png"]
    kept = list(message.iter_attachments())
    assert [part.get_filename() for part in kept] == ["a.txt", "b.png"]
    assert [part.get_payload(decode=True) for part in kept] == [one.data for one in files]
    body = message.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    assert content(body) == PLAIN


def test_an_attachment_keeps_its_headers_and_its_disposition() -> None:
    logo = Attachment("logo.png", "image/png", b"x", "inline", {"Content-ID": "<logo@example.com>"})
    (part,) = parsed(render_one(attachments=(logo,))).iter_attachments()
    assert part.get_content_disposition() == "inline"
    assert part["Content-ID"] == "<logo@example.com>"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (PLAIN, "7bit"),
        ("", "7bit"),
        ("x" * LINE_MAXIMUM, "7bit"),
        (".\n..\n.x\nFrom here\n", "7bit"),
        ("x" * (LINE_MAXIMUM + 1), "quoted-printable"),
        ("a\0b", "quoted-printable"),
        ("Mostly letters of English, and then a café.\n" * 3, "quoted-printable"),
        ("Ещё одно сообщение\n", "base64"),
        ("é" * 5000, "base64"),
    ],
)
def test_the_plainest_encoding_is_taken(text: str, encoding: str) -> None:
    message = parsed(render_one(text=text))
    assert message["Content-Transfer-Encoding"] == encoding
    assert message.get_content_charset() == ("us-ascii" if encoding == "7bit" else "utf-8")
    assert content(message) == with_end(text)


def test_english_can_be_read_in_the_source() -> None:
    source = render_one(subject="Reset Your Password", text=PLAIN, html=HTML)
    for line in ("Subject: Reset Your Password", *PLAIN.splitlines(), *HTML.splitlines()):
        assert f"\r\n{line}\r\n".encode() in source


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_ends_as_the_standard_wants(line_end: str) -> None:
    source = render_one(text=line_end.join(["one", "", "two", ""]), html=f"<p>{line_end}</p>")
    assert b"\r\n\r\none\r\n\r\ntwo\r\n" in source
    assert has_only_whole_line_ends(source)


@pytest.mark.parametrize(
    ("name", "ascii_only", "kept"),
    [
        ("report.pdf", False, "report.pdf"),
        ('a "quoted" \\ name.txt', False, 'a "quoted" \\ name.txt'),
        ("semi;colon, comma=equals.txt", False, "semi;colon, comma=equals.txt"),
        ("Übergrößenträger.pdf", False, "Übergrößenträger.pdf"),
        ("отчёт 2.pdf", False, "отчёт 2.pdf"),
        ("🙂.png", False, "🙂.png"),
        ('it\'s 100% "fine" é.txt', False, 'it\'s 100% "fine" é.txt'),
        ("Übergrößenträger.pdf", True, "Ubergroentrager.pdf"),
        ("a \u2003 b\u00a0c.pdf", True, "a b c.pdf"),
        (None, False, None),
    ],
)
def test_the_name_of_a_file(name: str | None, ascii_only: bool, kept: str | None) -> None:
    source = render_one(attachments=(Attachment.of(name, b"x"),), ascii_attachments=ascii_only)
    (part,) = parsed(source).iter_attachments()
    assert part.get_filename() == kept
    if ascii_only:
        assert source.isascii()
        assert b"filename*" not in source


@pytest.mark.parametrize(
    ("name", "data", "content_type"),
    [
        ("notes.txt", b"x", "text/plain"),
        ("photo.jpg", b"x", "image/jpeg"),
        ("unheard.of-kind", b"x", "application/octet-stream"),
        (None, b"x", "application/octet-stream"),
        (None, "x", 'text/plain; charset="utf-8"'),
    ],
)
def test_the_type_of_a_file_is_guessed(
    name: str | None, data: bytes | str, content_type: str
) -> None:
    assert Attachment.of(name, data).content_type == content_type
    assert Attachment.of(name, data, "image/x-own").content_type == "image/x-own"


@pytest.mark.parametrize("order", [("susan", "john", "alice", "bob"), ("bob", "alice", "john")])
def test_recipients_keep_their_order(order: tuple[str, ...]) -> None:
    group = parse_addresses([f"{name}@example.com" for name in order])
    for _ in range(5):
        message = parsed(render_one(to=group, cc=group[::-1]))
        assert [one.username for one in message["To"].addresses] == list(order)
        assert [one.username for one in message["Cc"].addresses] == list(order[::-1])


def test_bcc_stays_between_us_and_the_server() -> None:
    hidden = parse_addresses(["bob@example.com"])
    written = email_of(cc=parse_addresses(["alice@example.com"]), bcc=hidden)
    source = render(written, message_id=MESSAGE_ID, date=DATE)
    assert [one.mailbox for one in written.recipients][-1] == "bob@example.com"
    assert b"bcc" not in source.lower()
    assert b"bob@" not in source


def test_a_recipient_named_twice_gets_one_copy() -> None:
    both = parse_addresses(["Susan <susan@example.com>", "susan@example.com", "john@example.com"])
    written = email_of(to=both, cc=both[:1], bcc=both[1:])
    assert [one.mailbox for one in written.recipients] == ["susan@example.com", "john@example.com"]


def test_the_same_message_gives_the_same_bytes() -> None:
    files = (Attachment.of("a.bin", bytes(range(256))),)
    first, second = (
        render_one(text=PLAIN, html=HTML, attachments=files, headers={"X-Tag": "one"})
        for _ in range(2)
    )
    assert first == second
    other = render(email_of(text=PLAIN, html=HTML), message_id="<4@example.com>", date=DATE)
    assert boundaries(other).isdisjoint(boundaries(first))


def test_date_and_message_id_are_the_given_ones() -> None:
    source = render_one()
    assert b"\r\nMessage-ID: <1.2.3@example.com>\r\n" in source
    assert b"\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\n" in source
    for name in (b"Message-ID", b"Date", b"From", b"To", b"Subject", b"MIME-Version"):
        assert source.count(b"\r\n" + name + b": ") + source.startswith(name) == 1


def test_the_sender_is_the_messages_own_or_the_given_one() -> None:
    given = parse_address("admin@example.com")
    source = render(email_of(sender=None), message_id=MESSAGE_ID, date=DATE, sender=given)
    assert parsed(source)["From"] == "admin@example.com"
    source = render(email_of(), message_id=MESSAGE_ID, date=DATE, sender=given)
    assert parsed(source)["From"] == "noreply@example.com"
    with pytest.raises(ValueError, match="no sender"):
        render(email_of(sender=None), message_id=MESSAGE_ID, date=DATE)


def test_other_headers_are_kept() -> None:
    extra = {"X-Tag": "Größe", "List-Unsubscribe": f"<https://example.com/{'u' * 80}>"}
    reply_to = parse_address("Susan, of the blog <susan@example.com>")
    source = render_one(headers=extra, reply_to=reply_to)
    assert extra["List-Unsubscribe"].encode() in source, "an encoded address is none"
    message = parsed(source)
    assert message["X-Tag"] == "Größe"
    assert message["Reply-To"] == '"Susan, of the blog" <susan@example.com>'


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\r\n b", "a\r\nBcc: b", "\0", "a\x85b"])
@pytest.mark.parametrize(
    "change",
    [
        lambda value: {"subject": value},
        lambda value: {"headers": {"X-Tag": value}},
        lambda value: {"headers": {f"X-Tag{value}": "x"}},
        lambda value: {"alternatives": {f"calendar{value}": "x"}},
    ],
    ids=["subject", "header", "name of a header", "kind of an alternative"],
)
def test_a_line_break_in_a_header_is_refused(change: Any, value: str) -> None:
    with pytest.raises(BadHeaderError):
        email_of(**change(value))


@pytest.mark.parametrize(
    "parts",
    [
        ("a\r\nb.txt", "text/plain", "attachment", {}),
        ("a.txt", "text/plain\r\nX-Tag: b", "attachment", {}),
        ("a.txt", "not a type", "attachment", {}),
        ("a.txt", "text/plain", "attachment\r\nX-Tag: b", {}),
        ("a.txt", "text/plain", "attachment", {"X-Tag": "a\r\nb"}),
        ("a.txt", "text/plain", "attachment", {"X-Tag:\r\nX-Other": "b"}),
        ("a.txt", "text/plain", "attachment", {"": "b"}),
    ],
)
def test_a_line_break_in_an_attachment_is_refused(
    parts: tuple[str, str, str, dict[str, str]],
) -> None:
    filename, content_type, disposition, headers = parts
    with pytest.raises(BadHeaderError):
        Attachment(filename, content_type, b"x", disposition, headers)


@pytest.mark.parametrize("name", ["From", "to", "BCC", "Subject", "Message-ID", "Content-Type"])
def test_a_header_that_is_written_from_the_fields_cannot_be_given_again(name: str) -> None:
    with pytest.raises(BadHeaderError):
        email_of(headers={name: "x"})


def test_names_are_raw_if_the_server_must_support_utf8_anyway() -> None:
    group = parse_addresses(["Süßan <süsan@example.com>", "Süßan, again <susan@example.com>"])
    source = render_one(to=group)
    assert "To: Süßan <süsan@example.com>,".encode() in source.replace(b'"', b"")
    message = email.message_from_string(source.decode(), policy=email.policy.default)
    assert [one.display_name for one in message["To"].addresses] == ["Süßan", "Süßan, again"]


@pytest.mark.parametrize("value", ["=?utf-8?q?Hello?=", "a =?utf-8?b?SGVsbG8=?= b"])
def test_what_looks_encoded_arrives_letter_by_letter(value: str) -> None:
    recipient = Address(value, "susan", "example.com")
    message = parsed(render_one(subject=value, to=(recipient,), headers={"X-Tag": value}))
    assert message["Subject"] == value
    assert message["X-Tag"] == value
    assert name_in_to(render_one(to=(recipient,))) == value


LONG = {
    "words": "Hello " * 500,
    "one word": "x" * 3000,
    "letters beyond ASCII": "語" * 400,
}


@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
@pytest.mark.parametrize("place", ["subject", "name", "header", "file"])
def test_no_line_is_longer_than_a_server_must_take(place: str, value: str) -> None:
    make: dict[str, Callable[[], dict[str, Any]]] = {
        "subject": lambda: {"subject": value},
        "name": lambda: {"to": parse_addresses([(value, "susan@example.com")])},
        "header": lambda: {"headers": {"X-Tag": value}},
        "file": lambda: {"attachments": (Attachment.of(value, b"x"),)},
    }
    try:
        source = render_one(**make[place]())
    except (AddressError, BadHeaderError):
        return  # Refusing it is as good: nothing leaves that a server could break.
    assert longest_line(source) <= LINE_MAXIMUM
    message = parsed(source)
    read: dict[str, Callable[[], object]] = {
        "subject": lambda: message["Subject"],
        "name": lambda: name_in_to(source),
        "header": lambda: message["X-Tag"],
        "file": lambda: next(iter(message.iter_attachments())).get_filename(),
    }
    assert squeezed(str(read[place]())) == squeezed(value)


@pytest.mark.parametrize(
    ("content_type", "data", "encoding"),
    [
        ("message/rfc822", b"Subject: x\n\nHello\n", "7bit"),
        ("message/rfc822", "Subject: x\n\nGrüße\n".encode(), "8bit"),
        ("Message/RFC822; a=b", b"Subject: x\r\n\r\nHello\r\n", "7bit"),
        ("message/delivery-status", b"Reporting-MTA: dns; x\n", "7bit"),
        ("multipart/mixed; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n", "7bit"),
        ("message/global", "Subject: Grüße\n\nx\n".encode(), "base64"),
        ("application/pdf", b"x", "base64"),
    ],
)
def test_an_attached_message_is_never_encoded_as_a_whole(
    content_type: str, data: bytes, encoding: str
) -> None:
    source = render_one(attachments=(Attachment("a", content_type, data),))
    kinds = {one["Content-Type"]: one for one in parts_of(source)}
    assert kinds[content_type]["Content-Transfer-Encoding"] == encoding
    if encoding != "base64":
        assert re.sub(rb"\r?\n", b"\r\n", data) in source
    eight_bit = b'"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--' in source
    assert eight_bit == (encoding == "8bit")


@pytest.mark.parametrize("data", [b"Subject: x\n\n" + b"y" * 999, b"Subject: x\n\n\0"])
def test_an_attached_message_that_cannot_leave_as_it_is_becomes_a_file(data: bytes) -> None:
    source = render_one(attachments=(Attachment("a.eml", "message/rfc822", data),))
    (part,) = parsed(source).iter_attachments()
    assert (part.get_content_type(), part.get_filename()) == ("application/octet-stream", "a.eml")
    assert part.get_payload(decode=True) == data


def test_a_copy_of_the_message_itself_can_be_attached() -> None:
    first = render_one(html=HTML, attachments=(Attachment.of("a.txt", b"x"),))
    copy = (Attachment("copy.eml", "message/rfc822", first),)
    message = parsed(render_one(html=HTML, attachments=copy))
    body, part = message.iter_parts()
    assert part.get_content().as_bytes(policy=email.policy.SMTP) == first
    assert [one.get_content_type() for one in body.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("name", "given", "written", "data"),
    [
        ("a.txt", None, 'text/plain; charset="utf-8"', "é".encode()),
        ("a.csv", None, 'text/csv; charset="utf-8"', "é".encode()),
        ("a.html", None, 'text/html; charset="utf-8"', "é".encode()),
        ("a.ics", "text/calendar; method=REQUEST",
         'text/calendar; method=REQUEST; charset="utf-8"', "é".encode()),
        ("a.csv", "text/csv; charset=iso-8859-1", "text/csv; charset=iso-8859-1", b"\xe9"),
        ("a.csv", 'text/csv; CharSet="latin-1"', 'text/csv; CharSet="latin-1"', b"\xe9"),
        ("a.json", None, "application/json", "é".encode()),
    ],
)  # fmt: skip
def test_text_that_is_attached_says_its_charset(
    name: str, given: str | None, written: str, data: bytes
) -> None:
    made = Attachment.of(name, "é", given)
    assert (made.content_type, made.data) == (written, data)
    (part,) = parsed(render_one(attachments=(made,))).iter_attachments()
    if part.get_content_maintype() == "text":
        assert part.get_content() == "é"


@pytest.mark.parametrize("charset", ["us-ascii", "nonsense"])
def test_text_that_its_charset_lacks_is_refused(charset: str) -> None:
    with pytest.raises(BadHeaderError, match=charset):
        Attachment.of("a.txt", "é", f"text/plain; charset={charset}")


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("calendar; method=REQUEST", 'text/calendar; method=REQUEST; charset="us-ascii"'),
        (
            "calendar; charset=x; method=REQUEST",
            'text/calendar; method=REQUEST; charset="us-ascii"',
        ),
        ('x; a=";"', 'text/x; a=";"; charset="us-ascii"'),
    ],
)
def test_an_alternative_has_parameters(kind: str, written: str) -> None:
    source = render_one(alternatives={kind: "BEGIN:VCALENDAR\n"})
    assert [one["Content-Type"] for one in parts_of(source)] == [
        'text/plain; charset="us-ascii"',
        written,
    ]


PICTURE = Attachment("logo.png", "image/png", b"x", "inline", {"Content-ID": "<logo@example.com>"})


@pytest.mark.parametrize(
    ("html", "picture", "shape"),
    [
        (HTML, PICTURE, "alternative[plain related[html png]]"),
        (None, PICTURE, "mixed[plain png]"),
        (HTML, Attachment.of("logo.png", b"x"), "mixed[alternative[plain html] png]"),
        (HTML, Attachment("a.png", "image/png", b"x", "inline"),
         "mixed[alternative[plain html] png]"),
    ],
    ids=["shown", "without HTML", "attached", "without an identity"],
)  # fmt: skip
def test_a_picture_that_the_html_shows_belongs_to_it(
    html: str | None, picture: Attachment, shape: str
) -> None:
    source = render_one(html=html, attachments=(picture,))
    assert shape_of(email.message_from_bytes(source)) == shape
    assert (b'multipart/related; type="text/html"' in source) == ("related" in shape)


def parts_of(source: bytes) -> list[Any]:
    message: Any = email.message_from_bytes(source)
    return list(message.get_payload())


def shape_of(part: Any) -> str:
    kind = str(part.get_content_subtype())
    if not part.is_multipart():
        return kind
    return f"{kind}[{' '.join(shape_of(one) for one in part.get_payload())}]"


@pytest.mark.parametrize("subject", ["", "  "])
def test_an_empty_subject_is_left_out(subject: str) -> None:
    assert b"Subject" not in render_one(subject=subject)


def test_answers_may_go_to_several() -> None:
    group = parse_addresses(["Susan <susan@example.com>", "john@example.com"])
    message = parsed(render_one(reply_to=group))
    assert message["Reply-To"] == "Susan <susan@example.com>, john@example.com"


@pytest.mark.parametrize(
    ("text", "charset", "label", "kept"),
    [
        ("x", None, "us-ascii", "x"),
        ("x", "utf-8", "utf-8", "x"),
        ("é", None, "utf-8", "é"),
        ("é", "iso-8859-1", "iso-8859-1", "é"),
        ("語", "iso-8859-1", "utf-8", "語"),
        ("内容", "shift_jis", "iso-2022-jp", "内容"),
        ("é", "us-ascii", "utf-8", "é"),
        ("é", "utf-16", "utf-8", "é"),
        ("é", "cp037", "utf-8", "é"),
    ],
)
def test_a_message_goes_in_the_charset_that_was_asked_for(
    text: str, charset: str | None, label: str, kept: str
) -> None:
    source = render_one(text=text, subject=text, charset=charset)
    message = parsed(source)
    assert message.get_content_charset() == label
    assert content(message) == f"{kept}\n"
    assert message["Subject"] == kept
    if not text.isascii():
        assert f"Subject: =?{label}?".encode() in source


@pytest.mark.parametrize("charset", ["nonsense", "rot13", "utf-8\r\nX-Tag: b", "utf-8\n", "a b"])
def test_an_unknown_charset_is_refused(charset: str) -> None:
    with pytest.raises(BadHeaderError, match="charset"):
        email_of(charset=charset)


def test_each_of_a_thousand_hidden_recipients_is_named_once() -> None:
    mailboxes = [f"user{number}@example.com" for number in range(1000)]
    written = email_of(bcc=parse_addresses([*mailboxes, *mailboxes[::-1]]))
    assert [one.mailbox for one in written.recipients] == ["susan@example.com", *mailboxes]


def test_two_spellings_of_one_recipient_get_one_copy() -> None:
    both = parse_addresses(["su\u0308san@b\u00fccher.example", "s\u00fcsan@bu\u0308cher.example"])
    assert len(email_of(to=both[:1], cc=both[1:]).recipients) == 1


_control = [chr(number) for number in (*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029)]
_line = st.text(st.characters(codec="utf-8", exclude_characters=_control), max_size=120)
_text = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=400)
_long_lines = st.builds(
    lambda word, times: word * times, st.sampled_from(["a", "é", "a b ", "x.\n", "= ", "語"]),
    st.integers(1, 1200),
)  # fmt: skip
_names = st.one_of(_line, st.sampled_from(['"', "\\", "a, b", "a@b", "<a>", "(a)", "Süßan; John"]))


@settings(deadline=None)
@given(subject=_line, name=_names, text=st.one_of(_text, _long_lines), html=st.none() | _text)
def test_a_message_survives_the_round_trip(
    subject: str, name: str, text: str, html: str | None
) -> None:
    recipient = Address(name.strip(), "susan", "example.com")
    source = render_one(subject=subject, to=(recipient,), text=text, html=html)
    message = parsed(source)
    assert not message.defects
    assert squeezed(str(message["Subject"] or "")) == squeezed(subject)
    (found,) = message["To"].addresses
    assert squeezed(name_in_to(source)) == squeezed(without_bidi_controls(name))
    assert found.addr_spec == "susan@example.com"
    if html is None:
        assert body(message, "plain") == with_end(text)
    else:
        # The last line end of a part belongs to the boundary after it.
        assert body(message, "plain") == text
        assert body(message, "html") == html
    assert source.isascii()
    assert has_only_whole_line_ends(source)
    assert longest_line(source) <= LINE_MAXIMUM


@settings(deadline=None)
@given(name=_line.filter(bool), data=st.binary(max_size=300))
def test_a_file_survives_the_round_trip(name: str, data: bytes) -> None:
    source = render_one(attachments=(Attachment.of(name, data, "application/octet-stream"),))
    (part,) = parsed(source).iter_attachments()
    assert part.get_payload(decode=True) == data
    # The parser's own get_filename() takes quotes and angle brackets off once too often.
    found = part["Content-Disposition"].params.get("filename", "")
    assert squeezed(found) == squeezed(without_bidi_controls(name))
    assert has_only_whole_line_ends(source)
    assert longest_line(source) <= LINE_MAXIMUM


def email_of(**changes: Any) -> Email:
    values: dict[str, Any] = {
        "subject": "Welcome",
        "text": "Welcome.\n",
        "to": parse_addresses("susan@example.com"),
        "sender": parse_address("noreply@example.com"),
    }
    return Email(**values | changes)


def render_one(**changes: Any) -> bytes:
    return render(email_of(**changes), message_id=MESSAGE_ID, date=DATE)


def parsed(source: bytes) -> EmailMessage:
    message = email.message_from_bytes(source, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def name_in_to(source: bytes) -> str:
    """The name, read by the older parser: the newer one leaves a space between encoded words."""
    header = email.message_from_bytes(source, policy=email.policy.compat32)["To"]
    name = email.utils.parseaddr(re.sub(r"\r?\n", "", str(header)))[0]
    return str(email.header.make_header(email.header.decode_header(name)))


def content(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return content(part)


def with_end(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def squeezed(text: str) -> str:
    """Without the white space that folding and reading a header may change."""
    return " ".join(text.split())


def boundaries(source: bytes) -> set[bytes]:
    return set(re.findall(rb'boundary="([^"]+)"', source))


def longest_line(source: bytes) -> int:
    return max(map(len, source.split(b"\r\n")))


def has_only_whole_line_ends(source: bytes) -> bool:
    return not re.search(rb"\r(?!\n)|(?<!\r)\n", source)
