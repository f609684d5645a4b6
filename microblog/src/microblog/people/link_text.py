"""What readers see of an address: whose it is and where it leads, short, and nothing misleading.

A host may be written in letters that look like others. Its labels are shown as browsers show them:
in their own letters, or in Punycode where these could be mistaken for others (UTS 39).
"""

from __future__ import annotations

import unicodedata

import regex

from microblog.accounts.confusables import mixes_scripts, skeleton
from microblog.web.characters import has_ignorable

LINK_MAXIMUM = 40
"""Characters of an address that are shown."""

# As browsers read it: a backslash is a slash, and what comes before the last @ is no host.
_ADDRESS = regex.compile(
    r"(?:https?:)?[/\\]*(?:[^/\\?#]*@)?(?:www\.(?=[^/\\?#:]*\.))?"
    r"(?P<host>[^/\\?#:]*)(?P<port>[^/\\?#]*)(?P<path>[^?#]*)(?P<rest>.*)",
    regex.IGNORECASE | regex.DOTALL,
)
_DOTS = regex.compile("[.。．｡]")
_ORDINARY = regex.compile(r"[\p{L}\p{M}\p{N}-]*")
_CHARACTER = regex.compile(r"\X")


def link_text(address: str) -> str:
    """Return the host and path of an address, cut to LINK_MAXIMUM characters.

    The query goes first, then the end of the path. Of a longer host the end stays, which says whose
    it is.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return address
    host = _end(".".join(map(_label, _DOTS.split(found["host"]))) + found["port"])
    path = "" if found["path"] == "/" and not found["rest"] else found["path"]
    whole = host + path + found["rest"]
    if _length(whole) <= LINK_MAXIMUM:
        return whole
    return _beginning(f"{host}{path}…" if found["rest"] else host + path)


def _label(label: str) -> str:
    """A label of a host as typed, or in Punycode if it could be mistaken for another."""
    if label.isascii():
        return label
    name = unicodedata.normalize("NFKC", label).lower()
    if not _ORDINARY.fullmatch(name):
        # What it stands for may be a slash or a dot, behind which another host would seem to end.
        name = label
    elif name.isascii() or not _is_misleading(name):
        return name
    return "xn--" + name.encode("punycode").decode("ascii")


def _is_misleading(name: str) -> bool:
    return has_ignorable(name) or mixes_scripts(name) or skeleton(name).isascii()


def _end(host: str) -> str:
    # One character is left for the sign that something follows.
    shown = _CHARACTER.findall(host)
    return host if len(shown) < LINK_MAXIMUM else "…" + "".join(shown[2 - LINK_MAXIMUM :])


def _beginning(text: str) -> str:
    shown = _CHARACTER.findall(text)
    return text if len(shown) <= LINK_MAXIMUM else "".join(shown[: LINK_MAXIMUM - 1]) + "…"


def _length(text: str) -> int:
    return len(_CHARACTER.findall(text))
