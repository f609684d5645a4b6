"""Write the lock files: exact versions and hashes for every supported Python.

They hold no registry's address, so that any mirror serves. With arguments, only the files with
these names are written.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"

LIBRARY, SITE = "flask-outbox/pyproject.toml", "microblog/pyproject.toml"
TOOLS = ["--group", "pyproject.toml:dev", "--group", "pyproject.toml:build"]

LOCKS = {
    "core.txt": [SITE],
    "distributed.txt": [SITE, "--extra", "distributed"],
    "dev.txt": [LIBRARY, SITE, "--all-extras", *TOOLS],
    "build.txt": ["--group", "pyproject.toml:build"],
    "library.txt": [LIBRARY, "--extra", "test"],
    "library-lowest.txt": [
        LIBRARY, "--extra", "test", "--resolution", "lowest-direct",
        "--constraint", "requirements/library-lowest.in",
    ],
}  # fmt: skip


def main() -> None:
    for name in sys.argv[1:] or LOCKS:
        subprocess.run(
            [
                sys.executable, "-m", "uv", "pip", "compile", "--quiet",
                "--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade",
                "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate",
                "--no-emit-package", "flask-outbox",
                *LOCKS[name], "--output-file", str(REQUIREMENTS / name),
            ],
            cwd=ROOT,
            check=True,
        )  # fmt: skip
        print(f"wrote requirements/{name}")


if __name__ == "__main__":
    main()
