"""Addresses: which texts are valid, which are not, and which spellings are the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flask_outbox import AddressError, address_key, parse_address
from flask_outbox.message import addresses
from flask_outbox.message.addresses import ADDRESS_MAXIMUM, Address, AddressLike
from tests.bounded import TOWER, comes_to_an_end, nothing_long_is_composed

LONG_DOMAIN = ".".join(["d" * 60] * 3) + ".example"
LONGEST_LOCAL = "s" * (ADDRESS_MAXIMUM - len(LONG_DOMAIN) - 1)

ADDRESSES: list[tuple[AddressLike, str, str]] = [
    ("susan@example.com", "", "susan@example.com"),
    ("  susan@example.com ", "", "susan@example.com"),
    ("Susan@EXAMPLE.com", "", "Susan@example.com"),
    ("susan+blog@mail.example.com", "", "susan+blog@mail.example.com"),
    ("<susan@example.com>", "", "susan@example.com"),
    ("Susan <susan@example.com>", "Susan", "susan@example.com"),
    ("Susan<susan@example.com>", "Susan", "susan@example.com"),
    ("Süßan <susan@example.com>", "Süßan", "susan@example.com"),
    ("Susan, of the blog <susan@example.com>", "Susan, of the blog", "susan@example.com"),
    ('"Susan, of the blog" <susan@example.com>', "Susan, of the blog", "susan@example.com"),
    (r'"The \"only\" Susan \\" <susan@example.com>', 'The "only" Susan \\', "susan@example.com"),
    ('"susan@work" <susan@example.com>', "susan@work", "susan@example.com"),
    ('"a < b" <susan@example.com>', "a < b", "susan@example.com"),
    ('"" <susan@example.com>', "", "susan@example.com"),
    (("Susan, of the blog", "susan@example.com"), "Susan, of the blog", "susan@example.com"),
    (("susan@work", "susan@example.com"), "susan@work", "susan@example.com"),
    (("", "susan@example.com"), "", "susan@example.com"),
    ((" Susan ", " susan@example.com "), "Susan", "susan@example.com"),
    ("susan@bücher.example", "", "susan@xn--bcher-kva.example"),
    ("susan@BÜCHER.example", "", "susan@xn--bcher-kva.example"),
    ("susan@xn--bcher-kva.example", "", "susan@xn--bcher-kva.example"),
    ("süsan@example.com", "", "süsan@example.com"),
    ("su\u0308san@example.com", "", "süsan@example.com"),
    ("susan@localhost", "", "susan@localhost"),
    ("susan@LocalHost", "", "susan@localhost"),
    ("susan@mail.local", "", "susan@mail.local"),
    ("susan@microblog.test", "", "susan@microblog.test"),
    ("susan@nowhere.invalid", "", "susan@nowhere.invalid"),
    ("susan@server", "", "susan@server"),
    ("susan@[127.0.0.1]", "", "susan@[127.0.0.1]"),
    ("susan@[IPv6:::1]", "", "susan@[ipv6:::1]"),
    ('"susan"@example.com', "", "susan@example.com"),
    ('"of the blog"@example.com', "", '"of the blog"@example.com'),
    (f"{LONGEST_LOCAL}@{LONG_DOMAIN}", "", f"{LONGEST_LOCAL}@{LONG_DOMAIN}"),
]

NO_ADDRESSES: list[AddressLike] = [
    "",
    " ",
    "susan",
    "@example.com",
    "susan@",
    "susan@@example.com",
    "susan@work@example.com",
    "su san@example.com",
    "susan@exam ple.com",
    "susan@example..com",
    "susan@.example.com",
    "susan@example.com.",
    "susan@-example.com",
    "susan@exam_ple.com",
    ".susan@example.com",
    "susan.@example.com",
    "su..san@example.com",
    "susan@[300.0.0.1]",
    "susan@[127.0.0.1",
    "Susan",
    "Susan <>",
    "Susan <susan@example.com",
    "Susan susan@example.com>",
    "<<susan@example.com>>",
    "Susan <susan@example.com> of the blog",
    "susan@work <susan@example.com>",
    "susan@example.com (Susan)",
    "mailto:susan@example.com",
    "susan@example.com, john@example.com",
    "susan@example.com; john@example.com",
    "susan@example.com john@example.com",
    "<susan@example.com>, <john@example.com>",
    "Susan <susan@example.com>, John <john@example.com>",
    "susan@example.com,",
    ("", ""),
    ("Susan", ""),
    ("Susan", "Susan <susan@example.com>"),
    ("Susan", "susan@example.com, john@example.com"),
    "su\u200bsan@example.com",
    "su\u202esan@example.com",
    "susan@exam\u200bple.com\u2044",
    f"s{LONGEST_LOCAL}@{LONG_DOMAIN}",
    f"s{LONGEST_LOCAL[1:-1]}ü@{LONG_DOMAIN}",
    "susan@" + "d" * 64 + ".example",
]

LOOK_ALIKES = [
    "\N{KELVIN SIGN}ate@example.com",
    "susan.\N{KELVIN SIGN}@bücher.example",
    "susan\N{GREEK VARIA}@example.com",
]

BREAKS = ["\r", "\n", "\r\n", "\0", "\x0b", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]

INJECTIONS: list[str] = [
    "susan@example.com{}Bcc: john@example.com",
    "susan{}@example.com",
    "susan@example{}.com",
    "susan@example.com{}",
    "{}susan@example.com",
    "Su{}san <susan@example.com>",
    '"Su{}san" <susan@example.com>',
    '"Su\\{}san" <susan@example.com>',
    '"su{}san"@example.com',
    "Susan <susan@example.com{}>",
    "Susan <susan@example.com>{}",
]


@pytest.mark.parametrize(("value", "name", "mailbox"), ADDRESSES)
def test_an_address_is_read(value: AddressLike, name: str, mailbox: str) -> None:
    address = parse_address(value)
    assert (address.name, address.mailbox) == (name, mailbox)


@pytest.mark.parametrize("value", NO_ADDRESSES)
def test_an_invalid_address_is_refused(value: AddressLike) -> None:
    with pytest.raises(AddressError, match=r"\w"):
        parse_address(value)


@pytest.mark.parametrize(
    "value",
    [
        TOWER,
        f"{TOWER}@example.com",
        f"susan@{TOWER}.example",
        f"Susan <{TOWER}@example.com>",
        "<" * 100_000,
        "<a" * 50_000,
    ],
    ids=range(6),
)
def test_a_much_too_long_address_is_refused_in_little_time(value: str) -> None:
    with nothing_long_is_composed(), pytest.raises(AddressError, match=r"\w"):
        parse_address(value)
    assert comes_to_an_end(lambda: is_refused(value))
    with pytest.raises(AddressError, match=r"^The address is too long\.$"):
        parse_address("x" * 600 + "@example.com")


def is_refused(value: str) -> bool:
    try:
        parse_address(value)
    except AddressError:
        return True
    return False


@pytest.mark.parametrize("value", LOOK_ALIKES)
def test_a_letter_that_turns_into_another_is_refused(value: str) -> None:
    with pytest.raises(AddressError, match="looks like"):
        parse_address(value)


@pytest.mark.parametrize("line_break", BREAKS)
@pytest.mark.parametrize("injection", INJECTIONS)
def test_line_breaks_and_control_characters_are_refused(injection: str, line_break: str) -> None:
    with pytest.raises(AddressError):
        parse_address(injection.format(line_break))


@pytest.mark.parametrize("line_break", BREAKS)
@pytest.mark.parametrize(
    "pair", [("Su{}san", "susan@example.com"), ("Susan", "su{}san@example.com")]
)
def test_a_pair_is_as_safe_as_a_text(pair: tuple[str, str], line_break: str) -> None:
    name, bare = pair
    with pytest.raises(AddressError):
        parse_address((name.format(line_break), bare.format(line_break)))


@pytest.mark.parametrize(
    "value",
    [
        "susan@server",
        "susan@localhost",
        "susan@test",
        "susan@[127.0.0.1]",
        '"of the blog"@example.com',
    ],
)
def test_some_addresses_are_valid_on_this_machine_only(value: str) -> None:
    assert parse_address(value).mailbox == value
    with pytest.raises(AddressError):
        parse_address(value, public=True)


@pytest.mark.parametrize(
    "value", ["susan@example.com", "susan@bücher.example", "süsan@example.org"]
)
def test_an_address_on_the_internet_is_public(value: str) -> None:
    assert parse_address(value, public=True) == parse_address(value)


def test_an_address_stays_as_it_is() -> None:
    address = Address("Susan", "susan", "example.com")
    assert parse_address(address) is address


@pytest.mark.parametrize(
    "written",
    [
        "Susan@Example.com",
        "susan@exämple.com",
        "süsan@example.com",
        '"a@b"@example.com',
        "a@[127.0.0.1]",
    ],
)
def test_a_mailbox_that_was_parsed_gives_its_address_again(written: str) -> None:
    address = parse_address(written)
    assert Address.from_mailbox(address.mailbox) == address


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("susan@example.com", "SUSAN@Example.COM"),
        ("susan@example.com", "Susan, of the blog <Susan@example.com>"),
        ("susan@bücher.example", "susan@XN--BCHER-KVA.example"),
        ("susan@example.com", '"susan"@example.com'),
        ("su\u0308san@example.com", "süsan@example.com"),
    ],
)
def test_two_spellings_of_a_mailbox_have_one_key(one: str, other: str) -> None:
    assert address_key(one) == address_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("susan@example.com", "susan@example.org"),
        ("susan@example.com", "su.san@example.com"),
        ("susan@example.com", "susan+blog@example.com"),
        ("susan@example.com", "su\N{LATIN SMALL LETTER LONG S}an@example.com"),
        ("admin@example.com", "adm\N{LATIN SMALL LETTER DOTLESS I}n@example.com"),
        ("strasse@example.com", "straße@example.com"),
        ("susan@example.com", "sus\N{CYRILLIC SMALL LETTER A}n@example.com"),
        ("ö@example.com", "Ö@example.com"),
    ],
)
def test_different_mailboxes_never_share_a_key(one: str, other: str) -> None:
    assert address_key(one) != address_key(other)


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert parse_address("süsan@example.com").needs_smtputf8
    assert not parse_address("Süsan <susan@bücher.example>").needs_smtputf8


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Zl", "Zp"}


_bare = st.one_of(
    st.from_regex(r"\A[a-zA-Z0-9.+_-]{1,12}@[a-z0-9.-]{1,16}\Z"),
    st.builds("{}@{}".format, st.text(min_size=1, max_size=8), st.just("example.com")),
    st.builds('"{}"@example.com'.format, st.text(min_size=1, max_size=8)),
    st.builds("susan@{}.example".format, st.text(min_size=1, max_size=8)),
    st.emails(),
)
_named = st.one_of(
    st.tuples(st.text(max_size=20), _bare),
    st.builds("{} <{}>".format, st.text(max_size=20), _bare),
    st.builds('"{}" <{}>'.format, st.text(max_size=20), _bare),
)


@settings(deadline=None)
@example(("\xa0", "susan@example.com"))
@given(st.one_of(_bare, _named, st.text(max_size=40)))
def test_a_parsed_address_is_safe_and_parses_the_same_again(value: AddressLike) -> None:
    try:
        address = parse_address(value)
    except AddressError:
        return
    assert not any(map(_is_control, address.mailbox))
    # A tab is white space between two words of a name (RFC 5322, section 3.2.2).
    assert not any(map(_is_control, address.name.replace("\t", " ")))
    assert parse_address(str(address)) == address
    assert address_key(address.mailbox) == address.key


# Nearly all are plain, and are recognised without email-validator

_labels = st.one_of(
    st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True),
    st.sampled_from(["xn--bcher-kva", "ab--c", "local", "test", "arpa", "com", "1", "d" * 64]),
)
_near_plain = st.builds(
    lambda local, domain: f"{local}@{'.'.join(domain)}",
    st.one_of(
        st.from_regex(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,12}", fullmatch=True),
        st.sampled_from(["postmaster", "Postmaster", "s" * 64, "s" * 65, "süsan", '"susan"']),
    ),
    st.lists(_labels, min_size=1, max_size=4),
)


@settings(deadline=None)
@pytest.mark.parametrize("public", [True, False])
@given(st.one_of(_near_plain, _bare, st.text(max_size=40)))
@example("susan@example.com")
@example(f"{LONGEST_LOCAL[:20]}@{LONG_DOMAIN}")
@example("s" * 64 + "@" + ".".join(["d" * 63] * 3))
def test_a_plain_address_is_what_email_validator_makes_of_it(public: bool, bare: str) -> None:
    plain = addresses._PLAIN.fullmatch(bare)
    if plain:
        assert plain.groups() == addresses._local_and_domain(bare, public=public)


@pytest.mark.parametrize("bare", ["susan@example.com", "o'hara+x@mail.co.uk", "1@2.example"])
def test_usual_addresses_are_plain(bare: str) -> None:
    assert addresses._PLAIN.fullmatch(bare)
