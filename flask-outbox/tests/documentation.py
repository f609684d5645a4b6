"""Python code in pages of the documentation, to be compared and run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).resolve().parents[1]
EXAMPLES = LIBRARY / "examples"


def example(page: Path, beginning: str) -> str:
    """The example of Python code with this beginning."""
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```$", page.read_text())
    (found,) = [block for block in blocks if block.startswith(beginning)]
    return str(found)


def run(names: dict[str, Any], code: str) -> None:
    """Run an example, whose names are added to `names`."""
    exec(compile(code, "an example of the documentation", "exec", dont_inherit=True), names)
