"""The texts that people write: how they are stored, and how they become HTML.

No markup is understood: addresses, `@name` and `#tag` become links, everything else is text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, lru_cache

import regex
from linkify_it import LinkifyIt
from linkify_it.main import Match
from markupsafe import Markup, escape

from microblog.accounts.usernames import username_key
from microblog.people.link_text import link_text
from microblog.web.characters import MARKS_MAXIMUM, count_characters, is_overloaded

TAG_MAXIMUM = 64
"""Code points in a tag, without its hash."""

TEXTS_MAXIMUM = 1024
"""How many are kept as HTML, each with its source."""

_LINE_ENDS = regex.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_MANY_EMPTY_LINES = regex.compile(r"\n{3,}")

# Characters that reorder or hide others (UAX 9, "Trojan Source"), and code points that are none.
_NOT_SHOWN = regex.compile(r"[\p{Cc}\p{Cs}\p{Cn}\p{Co}\u202a-\u202e\u2066-\u2069--\n\t]", regex.V1)
_INVISIBLE = regex.compile(r"[\p{Cf}\p{Z}\p{M}\p{Cc}\u115f\u1160\u3164\uffa0\u2800]*")

_REFERENCE = regex.compile(
    r"(?<![\w@#&/])(?:@(?P<name>[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]*)|#(?P<tag>[\w]+))"
)


@dataclass(frozen=True, slots=True)
class TextSegment:
    """A part of a text; `target` is the address, the key of a name, or the tag that it links to."""

    kind: str
    text: str
    target: str = ""


class TextProblem(Enum):
    """Why a text is not accepted."""

    BLANK = auto()
    LENGTH = auto()
    MARKS = auto()
    """One of its characters carries too many."""
    HIDDEN = auto()


class TextError(Exception):
    """A text is not accepted; `length` is the number of its characters where it is too long."""

    def __init__(self, problem: TextProblem, length: int = 0) -> None:
        super().__init__(problem.name)
        self.problem = problem
        self.length = length


def readable(text: str, maximum: int, *, may_be_blank: bool = False) -> str:
    """The form in which a text is stored, if everybody can read it as it is.

    Raises TextError for one that they cannot, or of more than `maximum` characters.
    """
    typed = text.strip()
    if not may_be_blank and is_blank(typed):
        raise TextError(TextProblem.BLANK)
    # Too long however one counts; first, so that megabytes do not cost the time of other checks.
    if len(typed) > maximum * MARKS_MAXIMUM:
        raise TextError(TextProblem.LENGTH, len(typed))
    if is_overloaded(typed):
        raise TextError(TextProblem.MARKS)
    written = cleaned(typed)
    if has_hidden(written):
        raise TextError(TextProblem.HIDDEN)
    length = count_characters(written)
    if length > maximum:
        raise TextError(TextProblem.LENGTH, length)
    if is_overloaded(written):
        raise TextError(TextProblem.MARKS)
    return written


def cleaned(text: str) -> str:
    """The form in which a text is stored: composed (NFC), with plain line ends, blanks trimmed.

    The time grows with the square of the number of marks in a row: limit the length first.
    """
    text = _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text))
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return _MANY_EMPTY_LINES.sub("\n\n", text).strip()


def is_blank(text: str) -> bool:
    """Whether nothing of the text is visible."""
    return _INVISIBLE.fullmatch(text) is not None


def has_hidden(text: str) -> bool:
    """Whether the text holds characters that cannot be shown, or that reorder others."""
    return _NOT_SHOWN.search(text) is not None


def tag_key(tag: str) -> str:
    """The normalised spelling under which the posts with a tag are found."""
    return unicodedata.normalize("NFKC", tag).casefold()


def segments(text: str) -> Iterator[TextSegment]:
    """Split a text into its parts: "text", "link", "name" and "tag"."""
    end = 0
    for found in _links().match(text) or ():
        yield from _references(text[end : found.index])
        yield TextSegment("link", found.raw, found.url)
        end = found.last_index
    yield from _references(text[end:])


def names_in(text: str) -> set[str]:
    """The keys of the names that a text mentions, whether or not accounts have them."""
    return {segment.target for segment in _segments(text) if segment.kind == "name"}


def tags_in(text: str) -> set[str]:
    """The tags of a text, normalised."""
    return {segment.target for segment in _segments(text) if segment.kind == "tag"}


def as_html(
    text: str, names: Mapping[str, str], tags: str, show: Callable[[str], Markup] | None = None
) -> Markup:
    """Return a text as HTML.

    `names` has the address of the page of each name that an account has, by key; `tags` is the
    address of a tag's page, with `TAG` in place of the tag. `show` makes HTML of the words of each
    part, if they are not to be shown as they are.
    """
    if show is not None:
        return Markup().join(_html(segment, names, tags, show) for segment in _segments(text))
    known = tuple((key, names[key]) for key in _names_in(text) if key in names)
    return _as_html(text, known, tags)


@lru_cache(TEXTS_MAXIMUM)
def _segments(text: str) -> tuple[TextSegment, ...]:
    return tuple(segments(text))


@lru_cache(TEXTS_MAXIMUM)
def _names_in(text: str) -> tuple[str, ...]:
    return tuple(sorted(names_in(text)))


@lru_cache(TEXTS_MAXIMUM)
def _as_html(text: str, known: tuple[tuple[str, str], ...], tags: str) -> Markup:
    names = dict(known)
    return Markup("").join(_html(segment, names, tags, escape) for segment in _segments(text))


def _html(
    segment: TextSegment, names: Mapping[str, str], tags: str, show: Callable[[str], Markup]
) -> Markup:
    if segment.kind == "link":
        return _link(segment.target, show)
    words = show(segment.text)
    if segment.kind == "name" and segment.target in names:
        return Markup('<a href="{}">{}</a>').format(names[segment.target], words)
    if segment.kind == "tag":
        return Markup('<a href="{}" rel="tag">{}</a>').format(
            tags.replace("TAG", segment.target), words
        )
    return words


def _link(address: str, show: Callable[[str], Markup]) -> Markup:
    shown = link_text(address)
    title = "" if address.endswith(shown) else Markup(' title="{}"').format(address)
    return Markup('<a href="{}"{} rel="nofollow noopener ugc" dir="ltr">{}</a>').format(
        address, title, show(shown)
    )


def _references(text: str) -> Iterator[TextSegment]:
    end = 0
    for found in _REFERENCE.finditer(text):
        segment = _reference(found)
        if segment is None:
            continue
        if found.start() > end:
            yield TextSegment("text", text[end : found.start()])
        yield segment
        end = found.start() + len(segment.text)
    if end < len(text):
        yield TextSegment("text", text[end:])


def _reference(found: regex.Match[str]) -> TextSegment | None:
    if found["name"]:
        # A dot that ends a sentence is not part of the name.
        name = found["name"].rstrip(".-")
        return TextSegment("name", f"@{name}", username_key(name))
    tag = found["tag"]
    if len(tag) > TAG_MAXIMUM or tag.isnumeric():
        return None
    return TextSegment("tag", f"#{tag}", tag_key(tag))


@cache
def _links() -> LinkifyIt:
    finder = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    for scheme in ("ftp:", "mailto:", "//"):
        finder.add(scheme, None)
    finder.add("www.", {"validate": _length_of_host, "normalize": _add_scheme})
    return finder


def _length_of_host(finder: LinkifyIt, text: str, start: int) -> int:
    """How many characters after "www." belong to an address; 0 if it is none."""
    if text[start - 5 : start - 4] in {"@", "/", "."}:
        return 0
    if "www" not in finder.re:
        known = finder.re
        known["www"] = re.compile(
            rf"(?:(?:{known['src_domain']})\.)+(?:{known['src_domain_root']})"
            rf"{known['src_port']}{known['src_host_terminator']}{known['src_path']}",
            re.IGNORECASE,
        )
    found = finder.re["www"].match(text, start)
    return len(found[0]) if found else 0


def _add_scheme(_finder: LinkifyIt, found: Match) -> None:
    found.url = f"https://{found.url}"
