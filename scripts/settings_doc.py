"""Write the table in docs/settings.md from the code of the settings; with --check, only compare."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic.fields import FieldInfo

from microblog.settings import ServingSettings, Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
BEGIN = "<!-- settings: written by scripts/settings_doc.py -->"
END = "<!-- end of settings -->"


def main() -> None:
    old = PAGE.read_text()
    new = with_table(old)
    if "--check" in sys.argv[1:]:
        if new != old:
            sys.exit("docs/settings.md is stale: run python scripts/settings_doc.py")
        return
    PAGE.write_text(new)


def with_table(page: str) -> str:
    """Return the page with a new table between its markers. Raises ValueError without markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}{END}{after}"


def table() -> str:
    rows = ["| Setting | Default | Meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        meaning = (field.description or "").replace("|", r"\|")
        rows.append(f"| `{name}` | {_default(name, field)} | {meaning} |")
    return "\n".join(rows) + "\n"


def _default(name: str, field: FieldInfo) -> str:
    """The default as a person would write it into `.env`."""
    if ServingSettings.model_fields[name].is_required():
        return "none; `microblog run` needs it"
    value = field.default
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    main()
