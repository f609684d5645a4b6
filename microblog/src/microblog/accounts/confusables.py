"""User names that people would mistake for each other (UTS 39, Unicode Security Mechanisms)."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import regex

SKELETON_MAXIMUM = 255
"""Code points of a skeleton that are kept. A name of 64 letters has fewer, but for rare ones."""

_WRITTEN_TOGETHER = ("Latn Hani Hira Kana", "Latn Hani Bopo", "Latn Hani Hang")

_SCRIPTS = """
Adlm Aghb Ahom Arab Armi Armn Avst Bali Bamu Bass Batk Beng Bhks Bopo Brah Brai Bugi Buhd Cakm Cans
Cari Cham Cher Chrs Copt Cpmn Cprt Cyrl Deva Diak Dogr Dsrt Dupl Egyp Elba Elym Ethi Geor Glag Gong
Gonm Goth Gran Grek Gujr Guru Hang Hani Hano Hatr Hebr Hira Hluw Hmng Hmnp Hung Ital Java Kali Kana
Kawi Khar Khmr Khoj Kits Knda Kthi Lana Laoo Latn Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand
Mani Marc Medf Mend Merc Mero Mlym Modi Mong Mroo Mtei Mult Mymr Nagm Nand Narb Nbat Newa Nkoo Nshu
Ogam Olck Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr
Sarb Saur Sgnw Shaw Shrd Sidd Sind Sinh Sogd Sogo Sora Soyo Sund Sylo Syrc Tagb Takr Tale Talu Taml
Tang Tavt Telu Tfng Tglg Thaa Thai Tibt Tirh Tnsa Toto Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii
Zanb
"""


def mixes_scripts(name: str) -> bool:
    """Whether a name is less than "highly restrictive" (UTS 39, 5.2).

    It must keep to one script, or to those in which Japanese, Chinese or Korean is written, Latin
    included. Digits, and characters that every script uses, do not count.
    """
    return not _highly_restrictive().fullmatch(unicodedata.normalize("NFKC", name))


def skeleton(name: str) -> str:
    """Return what a name looks like: names with the same skeleton are confusable (UTS 39, 4).

    Case is ignored, since capitals of one script can look like small letters of another.
    """
    look = _prototypes(unicodedata.normalize("NFKC", name)).casefold()
    return _prototypes(look)[:SKELETON_MAXIMUM]


def _prototypes(text: str) -> str:
    letters = unicodedata.normalize("NFD", text).translate(_confusables())
    return unicodedata.normalize("NFD", letters)


@cache
def _confusables() -> dict[int, str]:
    """Map each confusable character to its prototype."""
    file = Path(__file__).with_name("confusables.txt")
    found: dict[int, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            prototype, *characters = line.split()
            looks = "".join(chr(int(one, 16)) for one in prototype.split("+"))
            found.update((int(one, 16), looks) for one in characters)
    return found


@cache
def _highly_restrictive() -> regex.Pattern[str]:
    together = [_any_of(scripts) for scripts in (*_WRITTEN_TOGETHER, *_SCRIPTS.split())]
    return regex.compile("|".join(together))


def _any_of(scripts: str) -> str:
    wanted = "".join(rf"\p{{scx={script}}}" for script in (*scripts.split(), "Zyyy", "Zinh"))
    return f"[{wanted}]*+"
