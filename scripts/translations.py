"""Update the catalogues of translations to the texts of the code, and compile them.

New texts are added without a translation, texts that are gone are removed. With --check, only
report problems.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from flask_outbox.cli import commands
from flask_outbox.cli.lazy import texts_of_help
from microblog.cli import cli

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("zh_Hant", "ru")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Distribution:
    """A distribution with its own catalogues. `also` are other folders whose texts they contain."""

    name: str
    source: Path
    domain: str
    also: tuple[tuple[str, Path], ...] = ()
    help: Callable[[], Iterable[str]] = tuple

    def po_file(self, language: str) -> Path:
        return self.source / "translations" / language / "LC_MESSAGES" / f"{self.domain}.po"


LIBRARY = Distribution(
    "Flask-Outbox",
    ROOT / "flask-outbox" / "src" / "flask_outbox",
    "flask_outbox",
    help=lambda: texts_of_help(commands),
)
SITE = Distribution(
    "Microblog",
    ROOT / "microblog" / "src" / "microblog",
    "messages",
    also=(("click/", Path(click.__file__).parent),),
    help=lambda: texts_of_help(cli),
)
DISTRIBUTIONS = (LIBRARY, SITE)

METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "_l": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "gettext_noop": None,
}
# Headers whose changes nobody needs to review.
_NOISE = re.compile(
    r'^"(?:POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team|Report-Msgid-Bugs-To)[^\n]*\n',
    re.MULTILINE,
)


def main() -> None:
    every = [(one, language) for one in DISTRIBUTIONS for language in LANGUAGES]
    if "--check" in sys.argv[1:]:
        found = [line for one, language in every for line in problems(one, language)]
        print("\n".join(found) or "translations: nothing missing, nothing unused")
        sys.exit(bool(found))
    for one, language in every:
        catalogue = updated(one, language)
        path = one.po_file(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_po(catalogue), encoding="utf-8")
        path.with_suffix(".mo").write_bytes(as_mo(stored(one, language)))
        missing = sum(not translated(text.string) for text in catalogue if text.id)
        print(f"{one.name}, {language}: {len(catalogue)} texts, {missing} without a translation")


@cache
def template(distribution: Distribution) -> Catalog:
    """All texts of a distribution's code and commands, with the files that contain them."""
    made = Catalog(project=distribution.name, charset="utf-8")
    for prefix, folder in (("", distribution.source), *distribution.also):
        for file, _line, message, comments, context in extract_from_dir(
            folder, method_map=METHODS, keywords=KEYWORDS, strip_comment_tags=False
        ):
            place = [(prefix + file, 0)]
            made.add(message, None, place, auto_comments=comments, context=context)
    for words in distribution.help():
        made.add(words, None, [("help", 0)])
    return made


def updated(distribution: Distribution, language: str) -> Catalog:
    """The catalogue of a language with the texts of today's code, and no others."""
    catalogue = stored(distribution, language)
    catalogue.update(template(distribution), no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    return catalogue


def stored(distribution: Distribution, language: str) -> Catalog:
    path = distribution.po_file(language)
    if not path.exists():
        comment = (
            f"# Translations of {distribution.name};"
            " written by scripts/translations.py, filled in by people."
        )
        return Catalog(
            locale=language,
            project=distribution.name,
            version="0",
            header_comment=comment,
            charset="utf-8",
            fuzzy=False,
        )
    with path.open("rb") as file:
        return read_po(file, locale=language)


def as_po(catalogue: Catalog) -> str:
    written = BytesIO()
    write_po(written, catalogue, width=100, sort_output=True, include_lineno=False)
    return _NOISE.sub("", written.getvalue().decode())


def as_mo(catalogue: Catalog) -> bytes:
    """Compile a catalogue; the same texts always give the same bytes."""
    catalogue.creation_date = catalogue.revision_date = BEGINNING
    written = BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def translated(string: object) -> bool:
    """Whether a text has a translation, in all forms of its plural."""
    forms = string if isinstance(string, list | tuple) else [string]
    return all(forms)


def problems(distribution: Distribution, language: str) -> list[str]:
    """What is missing, unused or wrong in the catalogue of a language."""
    where = f"{distribution.name}, {language}"
    kept, wanted = stored(distribution, language), template(distribution)
    ids = {one.id for one in kept if one.id}
    found = [f"{where}: missing: {one.id}" for one in wanted if one.id and one.id not in ids]
    for one in kept:
        if not one.id:
            continue
        if wanted.get(one.id) is None:
            found.append(f"{where}: unused: {one.id}")
        if not translated(one.string) or one.fuzzy:
            found.append(f"{where}: untranslated: {one.id}")
        found += [f"{where}: {error}: {one.id}" for error in one.check(kept)]
    compiled = distribution.po_file(language).with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != as_mo(kept):
        found.append(f"{where}: not compiled: run python scripts/translations.py")
    return found


if __name__ == "__main__":
    main()
