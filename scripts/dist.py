"""Build both distributions from the commit that is checked out, as they are published, in dist/.

They are built twice, in different folders and circumstances, and must be the same to the byte.
Beside them are written what each brings along (CycloneDX), and checksums. Fails as well if a
dependency has a licence that nobody has allowed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

from packaging.metadata import Metadata

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"

EXTRAS = {
    "flask-outbox": "html,dev,oauth,dkim,celery,postgresql,prometheus",
    "microblog": "distributed,oauth,dkim",
}
"""All but what tests need: whoever installs one of these installs what the list of parts names."""

KINDS = {"flask-outbox": "library", "microblog": "application"}

ALLOWED = {
    # Do as you like, but keep the notice.
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU",
    "PSF-2.0", "Unlicense",
    "License :: OSI Approved :: Apache Software License",
    "License :: OSI Approved :: BSD License",
    "License :: OSI Approved :: Zope Public License",
    # Changes of the package itself must be published; we change none, and ship none.
    "LGPL-3.0-only", "MPL-2.0",
}  # fmt: skip

READ_BY_US = {"dkimpy": "License :: DFSG approved"}
"""Packages whose metadata is vague, with what it says: dkimpy's LICENSE is the one of zlib."""


@dataclass(frozen=True)
class Circumstances:
    """What must not show in what is built."""

    folder: str
    umask: int
    touch: bool
    options: tuple[str, ...]
    environment: Mapping[str, str]


USUAL = Circumstances(
    folder="a",
    umask=0o022,
    touch=False,
    options=(),  # the wheel from the sdist
    environment={"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"},
)
OTHER = Circumstances(
    folder="another folder/with a longer path",
    umask=0o077,
    touch=True,
    options=("--sdist", "--wheel"),  # both from the tree
    environment={
        "TZ": "Pacific/Chatham",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "PYTHONHASHSEED": "2",
    },
)


def build(root: Path, scratch: Path, circumstances: Circumstances) -> Path:
    """Build the distributions of a repository's commit; return the folder that has one for each."""
    folder = scratch / circumstances.folder
    source, built = folder / "source", folder / "built"
    source.mkdir(parents=True)
    tree = run("git", "archive", "HEAD", cwd=root)
    extract = ["tar", "--extract", "--no-same-permissions", "--directory", str(source)]
    if circumstances.touch:
        extract.append("--touch")
    run(*extract, given=tree, umask=circumstances.umask)
    for project in EXTRAS:
        run(
            *uv("build", "--quiet", "--offline", "--no-build-isolation"),
            *("--python", sys.executable, "--out-dir", str(built / project)),
            *circumstances.options,
            str(source / project),
            umask=circumstances.umask,
            environment={**circumstances.environment, "SOURCE_DATE_EPOCH": commit_time(root)},
        )
        (built / project / ".gitignore").unlink(missing_ok=True)
    return built


def differences(one: Path, other: Path) -> list[str]:
    """What is not the same in two folders of built distributions."""
    first, second = (
        {file.relative_to(folder): file for file in files(folder)} for folder in (one, other)
    )
    found = [f"{name} was built only once" for name in sorted(first.keys() ^ second.keys())]
    return found + [
        f"{name} differs: it depends on more than its commit"
        for name in sorted(first.keys() & second.keys())
        if first[name].read_bytes() != second[name].read_bytes()
    ]


def wrong_metadata(built: Path) -> list[str]:
    """What an index would refuse, or not show."""
    found = []
    for wheel in built.glob("*/*.whl"):
        source = next(wheel.parent.glob("*.tar.gz"))
        with ZipFile(wheel) as archive:
            (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
            described = archive.read(name)
        with tarfile.open(source) as archive:
            file = archive.extractfile(f"{source.name.removesuffix('.tar.gz')}/PKG-INFO")
            if file is None or file.read() != described:
                found.append(f"{source.name} and {wheel.name} describe themselves differently")
        try:
            metadata = Metadata.from_email(described, validate=True)
        except ExceptionGroup as errors:
            found += [f"{wheel.name}: {error}" for error in errors.exceptions]
        else:
            if not metadata.description or metadata.description_content_type != "text/markdown":
                found.append(f"{wheel.name} has no README in Markdown")
    return found


def list_parts(project: str, built: Path, scratch: Path, output: Path) -> None:
    """Write the CycloneDX list of what comes along with a distribution and all its extras."""
    environment = scratch / f"with {project}"
    python = environment / "bin" / "python"
    run(*uv("venv", "--quiet", "--python", sys.executable, str(environment)))
    install = uv("pip", "install", "--quiet", "--python", str(python))
    folders = [f"--find-links={built / name}" for name in EXTRAS]
    needed = ["flask-outbox"] if project == "flask-outbox" else ["flask-outbox", project]
    # Ours first and from here, so that nothing of that name is fetched.
    run(*install, "--no-deps", "--no-index", *folders, *needed)
    locked = ["--verify-hashes", "--constraint", str(ROOT / "requirements" / "dev.txt")]
    run(*install, *locked, f"{project}[{EXTRAS[project]}]")
    run(
        *(sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"),
        *("--pyproject", str(ROOT / project / "pyproject.toml"), "--mc-type", KINDS[project]),
        *("--output-file", str(output), str(python)),
        environment={"SOURCE_DATE_EPOCH": commit_time(ROOT)},
    )


def unsuitable(parts: Path) -> list[str]:
    """The packages in a list of parts whose licence nobody has allowed."""
    found = []
    for component in json.loads(parts.read_text())["components"]:
        licences = licences_of(component)
        known = licences and all(one in ALLOWED for one in licences)
        if not known and licences != [READ_BY_US.get(component["name"])]:
            words = ", ".join(licences) or "none that its metadata tells"
            found.append(f"{component['name']} {component['version']} has the licence {words}")
    return found


def licences_of(component: Mapping[str, Any]) -> list[str]:
    """The licences of a package: SPDX's names, or what its classifiers say if there are none."""
    identified, classified = [], []
    for entry in component.get("licenses", ()):
        licence = entry.get("license", {})
        expression = licence.get("id") or entry.get("expression", "")
        identified += [one for one in re.split(r" AND | OR |[() ]+", expression) if one]
        classified += [licence["name"]] if "name" in licence else []
    return identified or classified


def files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file())


def checksums(folder: Path) -> str:
    """The lines of a file for `sha256sum --check`."""
    return "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n"
        for file in files(folder)
    )


def commit_time(root: Path) -> str:
    return run("git", "log", "-1", "--format=%ct", cwd=root).decode().strip()


def uv(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "uv", *arguments]


def run(
    *command: str,
    cwd: Path = ROOT,
    given: bytes | None = None,
    umask: int = -1,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Run a command and return what it printed; if it fails, show that."""
    done = subprocess.run(
        command,
        cwd=cwd,
        input=given,
        umask=umask,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{(done.stdout + done.stderr).decode(errors='replace')}")
    return done.stdout


def main() -> None:
    if run("git", "status", "--porcelain"):
        print("what is not committed is not built")
    shutil.rmtree(DIST, ignore_errors=True)
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        built = build(ROOT, scratch, USUAL)
        found = differences(built, build(ROOT, scratch, OTHER)) + wrong_metadata(built)
        shutil.copytree(built, DIST)
        for project in EXTRAS:
            parts = DIST / f"{project}.cdx.json"
            list_parts(project, built, scratch, parts)
            found += unsuitable(parts)
    (DIST / "SHA256SUMS").write_text(checksums(DIST))
    print((DIST / "SHA256SUMS").read_text() + "\n".join(dict.fromkeys(found)))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
