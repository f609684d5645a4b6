"""Every command and every block of code in the documentation is run, or read by what it is for."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import click
import pytest
import yaml
from celery.bin.worker import worker as celery_worker
from flask.cli import run_command as flask_run
from gunicorn.config import Config as GunicornConfig

import flask_outbox
from flask_outbox.cli import commands as outbox_commands
from flask_outbox.configuration import KEYS
from microblog.cli import cli
from microblog.settings import Settings
from microblog.settings.env_file import read_env_file
from tests.test_documentation import PAGES, ROOT

HERE = "microblog/tests/test_documented_blocks.py"
LIBRARY_TESTS = "flask-outbox/tests"
CODE = f"{LIBRARY_TESTS}/test_documented_code.py"
DASHBOARD = f"{LIBRARY_TESTS}/dashboard/test_documentation.py"
FASTAPI = f"{LIBRARY_TESTS}/examples/test_fastapi_shop.py"
TESTING = f"{LIBRARY_TESTS}/testing/test_documentation.py"
UNSUBSCRIBING = f"{LIBRARY_TESTS}/public_pages/test_documentation.py"
RUNNING = f"{LIBRARY_TESTS}/commands/test_running_page.py"
SUBPATH = "microblog/tests/deploy/test_subpath.py"

RUN_BY = {
    ("STYLE.md", ""): HERE,
    ("docs/admin.md", "$ microblog status"): "microblog/tests/cli/test_status.py",
    ("docs/admin.md", "rule_files:"): "microblog/tests/web/test_prometheus_rules.py",
    ("docs/commands.md", "msg = Message("): "microblog/tests/cli/test_shell.py",
    ("docs/deploy.md", "location ~"): SUBPATH,
    ("docs/deploy.md", "microblog.example.com {"): SUBPATH,
    ("flask-outbox/README.md", '"""A view'): f"{LIBRARY_TESTS}/test_examples.py",
    ("flask-outbox/README.md", '"""A shop'): f"{LIBRARY_TESTS}/test_examples.py",
    ("flask-outbox/README.md", '@outbox.email("reset_password"'): CODE,
    ("flask-outbox/README.md", "from flask_outbox import dashboard"): CODE,
    ("flask-outbox/README.md", "-"): HERE,
    ("flask-outbox/docs/celery.md", "# shop.py"): CODE,
    ("flask-outbox/docs/celery.md", "celery.conf."): CODE,
    ("flask-outbox/docs/dashboard.md", "# app.py"): DASHBOARD,
    ("flask-outbox/docs/dashboard.md", "<!-- templates/base.html"): DASHBOARD,
    ("flask-outbox/docs/dashboard.md", "# staff.py"): DASHBOARD,
    ("flask-outbox/docs/dashboard.md", "# figures.py"): DASHBOARD,
    ("flask-outbox/docs/dashboard.md", ".flask-outbox {"): CODE,
    ("flask-outbox/docs/dashboard.md", "@outbox.email("): CODE,
    ("flask-outbox/docs/delivery.md", 'app.config["MAIL_SERVERS"]'): CODE,
    ("flask-outbox/docs/fastapi.md", '"""A shop'): f"{LIBRARY_TESTS}/test_examples.py",
    ("flask-outbox/docs/fastapi.md", "await session.run_sync("): FASTAPI,
    ("flask-outbox/docs/fastapi.md", "from contextlib"): FASTAPI,
    ("flask-outbox/docs/fastapi.md", "from quart"): FASTAPI,
    ("flask-outbox/docs/fastapi.md", "# test_fastapi_shop.py"): TESTING,
    ("flask-outbox/docs/flask-mail.md", "-"): HERE,
    ("flask-outbox/docs/flask-mail.md", " mail = "): HERE,
    ("flask-outbox/docs/flask-mail.md", " def send_email"): f"{LIBRARY_TESTS}/test_recipes.py",
    ("flask-outbox/docs/recipes.md", ""): f"{LIBRARY_TESTS}/test_recipes.py",
    ("flask-outbox/docs/running.md", "# /etc/systemd"): RUNNING,
    ("flask-outbox/docs/running.md", "# gunicorn.conf.py"): RUNNING,
    ("flask-outbox/docs/running.md", "# Dockerfile"): HERE,
    ("flask-outbox/docs/running.md", "# compose.yaml"): HERE,
    ("flask-outbox/docs/testing.md", "# conftest.py"): TESTING,
    ("flask-outbox/docs/webhooks.md", "from flask_outbox import public_pages"): CODE,
    ("flask-outbox/docs/testing.md", "# test_orders.py"): TESTING,
    ("flask-outbox/docs/testing.md", "# test_with_unittest.py"): TESTING,
    ("flask-outbox/docs/testing.md", "# test_confirmation.py"): TESTING,
    ("flask-outbox/docs/unsubscribing.md", ""): UNSUBSCRIBING,
}
"""The test of each block, by its page and how it begins."""

NO_CODE = {
    "text": "drawings and lists",
    "sh": "commands and settings, which the tests below parse",
    "eval-rst": "what `make docs` fills in; it fails on what is not there",
    "{highlight}": "as above",
}

SYSTEM = {
    "apt-get", "base64", "cd", "chown", "cp", "createdb", "curl", "date", "exit", "export", "git",
    "install", "ln", "mkdir", "mv", "openssl", "printf", "systemctl", "umask", "unzip", "useradd",
}  # fmt: skip
"""Programs that are not ours, which are not parsed: most need root, a network or a service. The
commands of docs/deploy.md, the drill of docs/backup.md and the commands of the library's README are
run as well: those of deploy.md by `make test-deployment`, the others by their tests."""


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in re.finditer(r"(?ms)^ *```(\S*)[^\n]*\n(.*?)^ *```$", text):
        line = text.count("\n", 0, found.start()) + 1
        language = found[1].strip("{}") if "eval" in found[1] else found[1]
        yield Block(str(page.relative_to(ROOT)), line, language, dedent(found[2]))


BLOCKS = [block for page in PAGES for block in blocks(page)]


def each(*languages: str) -> pytest.MarkDecorator:
    found = [block for block in BLOCKS if block.language in languages]
    assert found
    return pytest.mark.parametrize("block", found, ids=str)


def is_held(block: Block, page: str, beginning: str) -> bool:
    return block.page == page and block.code.startswith(beginning)


def test_every_block_is_held_by_a_test() -> None:
    loose = [
        str(block)
        for block in BLOCKS
        if block.language not in NO_CODE and not any(is_held(block, *key) for key in RUN_BY)
    ]
    assert loose == []


@pytest.mark.parametrize(("page", "beginning"), RUN_BY)
def test_that_test_reads_the_page(page: str, beginning: str) -> None:
    assert any(is_held(block, page, beginning) for block in BLOCKS), "there is no such block"
    assert page.rpartition("/")[2] in (ROOT / RUN_BY[page, beginning]).read_text()


# Python


@each("python", "diff")
def test_what_is_imported_from_the_library_is_there(block: Block) -> None:
    code = re.sub(r"(?m)^-.*|^[+ ]", "", block.code) if block.language == "diff" else block.code
    for module, names in re.findall(r"(?m)^ *from (flask_outbox[\w.]*) import (\w.*)$", code):
        for name in re.findall(r"\w+", names.partition("#")[0]):
            exec(f"from {module} import {name}", {})


@each("diff")
def test_what_a_change_leaves_is_python(block: Block) -> None:
    left = re.sub(r"(?m)^-.*\n|^[+ ]", "", block.code)
    for piece in left.split("\n\n"):
        ast.parse(dedent(piece))


def test_the_rules_of_style_quote_our_code() -> None:
    sources = " ".join(
        path.read_text() for path in ROOT.glob("*/src/**/*.py") if "translations" not in str(path)
    )
    spaceless = re.sub(r"\s", "", sources)
    for block in BLOCKS:
        if block.page == "STYLE.md" and block.language == "python":
            for line in block.code.splitlines():
                quoted = re.sub(r"\s", "", line.partition("...")[0]).removesuffix(",")
                assert line.startswith("# ") or quoted in spaceless, f"{block}: {line}"


# What other programs read


@each("yaml")
def test_yaml_is_yaml(block: Block) -> None:
    read = yaml.safe_load(block.code)
    if block.page != "docs/admin.md":  # Prometheus reads that one
        assert parse_words(read["services"]["mail"]["command"])


@each("dockerfile")
def test_the_dockerfile_ends_in_a_command(block: Block) -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "CMD"}
    lines = [line for line in block.code.splitlines() if not line.startswith("#")]
    assert {line.partition(" ")[0] for line in lines} == known
    assert parse_words(json.loads(lines[-1].removeprefix("CMD ")))


# Commands


@each("sh")
def test_every_command_is_understood(block: Block, in_a_folder: None) -> None:
    for line in commands(block.code):
        if not is_setting(line):
            parse_line(line)


def test_the_command_of_the_crontab_is_understood() -> None:
    (line,) = re.findall(
        r"(?m)^\* \* \* \* \* (.+)$", (ROOT / "flask-outbox/docs/running.md").read_text()
    )
    parse_line(line)


def examples() -> list[str]:
    """What the last column of the tables in docs/commands.md shows."""
    page = (ROOT / "docs" / "commands.md").read_text()
    return re.findall(r"(?m)^\| `microblog .*\| `(microblog .+?)` \|$", page)


@pytest.mark.parametrize("example", examples())
def test_every_example_of_a_command_is_understood(example: str, in_a_folder: None) -> None:
    parse_line(example)


MENTIONED = sorted(
    {
        " ".join(words.split())
        for page in PAGES
        if page.name != "CHANGELOG.md" and page.parent.name != "decisions"
        for words in re.findall(r"`((?:microblog|flask outbox) [^`]+)`", page.read_text())
    }
)


@pytest.mark.parametrize("mentioned", MENTIONED)
def test_every_command_in_a_sentence_exists_with_its_options(mentioned: str) -> None:
    program, *words = mentioned.removeprefix("flask ").split()
    command: click.Command = {"microblog": cli, "outbox": outbox_commands}[program]
    while isinstance(command, click.Group) and words and words[0][0].islower():
        _, found, words = command.resolve_command(click.Context(command), words)
        assert found is not None
        command = found
    options = {"--help"} | {name for one in command.params for name in one.opts}
    assert {word for word in words if re.match(r"--?[a-z]", word)} <= options


@pytest.mark.parametrize(
    "wrong",
    [
        "microblog runs",
        "microblog run --ports 5000",
        "microblog user create",
        ".venv/bin/microblog mail list --count many",
        "flask outbox delivers",
        "make everything",
        "pip install flask-outbox[everything]",
        "gunicorn --many 2 shop:app",
        "celery -A shop:celery worker --pools threads",
        "launch the-site",
        "docker compose up --wait web",
        "docker compose run --rm worker checks",
    ],
)
def test_a_wrong_command_is_noticed(wrong: str, in_a_folder: None) -> None:
    with pytest.raises((click.ClickException, AssertionError, SystemExit)):
        parse_line(wrong)


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the files that the examples name."""
    for name in ("drill.backup", "microblog.backup", "site.backup"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)


def commands(code: str) -> list[str]:
    """The lines of a block, without comments and with continued ones joined."""
    lines = re.sub(r"\\\n", " ", code).splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def is_setting(line: str) -> bool:
    """Whether a line belongs into a file of settings, and is no command with a variable."""
    found = re.match(r"[A-Z_]+=\S* *(\S*)", line)
    return found is not None and found[1] not in PARSERS


def parse_line(line: str) -> None:
    """Parse each command of a line, those inside $(…) and (…) by themselves."""
    line = re.sub(r"'[^']*'", "quoted", line)
    while found := re.search(r"(\$?)\(([^()]*)\)", line):
        for inner in found[2].split(";"):
            parse_line(inner)
        line = line.replace(found[0], "1" if found[1] else "")
    for command in re.split(r"&&|\||;", line):
        words = shlex.split(re.sub(r"\d?(>>?|<) ?\S+", "", command), comments=True)
        # What a script is called with.
        words = [one for one in words if one != "$@"]
        while words and re.match(r"[A-Z_]+=", words[0]):
            del words[0]
        if words:
            parse_words(words)


def parse_words(words: Sequence[str]) -> bool:
    program = Path(words[0]).name
    if program in SYSTEM:
        return True
    assert program in PARSERS, f"nothing is known of {program}"
    PARSERS[program](list(words[1:]))
    return True


def parse_click(
    command: click.Command, words: list[str], parent: click.Context | None = None
) -> None:
    """Parse a command line as Click does, down to the command that would run, and run nothing."""
    with command.make_context(command.name, words, parent) as context:
        if isinstance(command, click.Group):
            _, chosen, rest = command.resolve_command(
                context, [*context._protected_args, *context.args]
            )
            assert chosen is not None
            parse_click(chosen, rest, context)


def parse_flask(words: list[str]) -> None:
    flask = click.Group(
        "flask",
        {"run": flask_run, "outbox": outbox_commands},
        params=[click.Option(["--app"]), click.Option(["--debug"], is_flag=True)],
    )
    parse_click(flask, words)


def parse_make(words: list[str]) -> None:
    targets = re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text())
    assert all(word in targets or re.match(r"[A-Z_]+=", word) for word in words), words


def parse_pip(words: list[str]) -> None:
    assert words[0] == "install"
    for word in words[1:]:
        project, _, extras = word.rstrip("]").partition("[")
        if extras:
            read = tomllib.loads((ROOT / project / "pyproject.toml").read_text())
            assert set(extras.split(",")) <= set(read["project"]["optional-dependencies"])
        elif "/" in word:
            assert (ROOT / word.removeprefix("code/")).exists(), word


def parse_python(words: list[str]) -> None:
    assert words[:2] == ["-m", "venv"] or (ROOT / words[0]).exists() or words[0] == "-c"


def parse_gunicorn(words: list[str]) -> None:
    GunicornConfig().parser().parse_args(words)


def parse_celery(words: list[str]) -> None:
    """The options of a worker. Those with a value of Celery's own type need a running Celery."""
    assert words[:3] == ["-A", "shop:celery", "worker"]
    known = {name for option in celery_worker.params for name in option.opts}
    assert {word for word in words[3:] if word.startswith("-")} <= known


def parse_docker(words: list[str]) -> None:
    """The services of deploy/compose.yaml, and what is run in their containers."""
    assert words[0] == "compose"
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    verb, *rest = words[1:]
    while rest and rest[0].startswith("--"):
        del rest[0]
    named = rest[:1] if verb in {"exec", "run"} else rest
    assert set(named) <= set(services), words
    if verb == "run" and rest[1:]:
        parse_click(cli, rest[1:])
    elif verb == "exec":
        assert parse_words(rest[1:])


PARSERS: dict[str, Callable[[list[str]], None]] = {
    "microblog": lambda words: parse_click(cli, words),
    "flask": parse_flask,
    "make": parse_make,
    "pip": parse_pip,
    "python": parse_python,
    "python3": parse_python,
    "gunicorn": parse_gunicorn,
    "celery": parse_celery,
    "docker": parse_docker,
}


# Settings


@each("sh")
def test_every_setting_exists_and_can_be_read(block: Block, tmp_path: Path) -> None:
    lines = [line for line in commands(block.code) if is_setting(line)]
    known = {name.upper() for name in Settings.model_fields} | set(KEYS)
    (tmp_path / ".env").write_text("\n".join(lines))
    read = read_env_file(tmp_path / ".env")
    assert set(read) <= known
    flask_outbox.smtp_server({name: value for name, value in read.items() if name in KEYS})
    if "MAIL_RATE_LIMIT" in read:
        flask_outbox.parse_rate_limits(read["MAIL_RATE_LIMIT"], read["MAIL_RATE_LIMIT_BY_DOMAIN"])


def test_the_file_of_settings_is_read_as_its_page_says(tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if block.page == "docs/settings.md")
    (tmp_path / ".env").write_text(block.code)
    assert read_env_file(tmp_path / ".env") == {
        "MAIL_SERVER": "smtp.example.com",
        "MAIL_PASSWORD": "ab#cd$HOME${USER}x",
        "MAIL_USERNAME": r"ab #cd\x",
        "METRICS_TOKEN": 'ab "cd" \\ef',
    }
