"""No mistake in the settings, and nothing that is away, ends a command with a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from microblog.cli import main
from microblog.settings import Settings, SettingsError, load_settings
from tests.visitor import ON_SQLITE

pytestmark = [ON_SQLITE, pytest.mark.slow]

COMMANDS = [("check",), ("process", "prepare"), ("mail", "list"), ("user", "list")]

NONSENSE = {
    "blank": "   ",
    "word": "nonsense",
    "number": "-1",
    "large number": "9" * 400,
    "not a number": "nan",
    "endless": "inf",
    "quoted": '"value"',
    "half quoted": '"value',
    "line break": "a\nb",
    "control": "a\x1b[31mb",
    "no UTF-8": "a\udcffb",
    "long": "x" * 5000,
    "long path": "/" + "x/" * 3000,
    "address": "http://user:pass@[::1/%zz?q#f",
    "driver": "postgresql+psycopg2://u:p@db.invalid/x",
    "separators": "redis://:p/ss@db.invalid:6379/x",
    "markup": "<b>%s {0} %(x)s</b>",
    "folder": "/proc/nothing/at/all",
}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run_main(
    site_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs the whole command in this process; what it lets through fails the test."""
    good = {**site_environment, "MAIL_SERVER": "127.0.0.1", "MAIL_PORT": "1", "MAIL_TIMEOUT": "1"}

    def run(arguments: tuple[str, ...], changes: dict[str, str]) -> tuple[int, str, str]:
        with monkeypatch.context() as changed:
            for name, value in {**good, **changes}.items():
                changed.setenv(name, value)
            changed.setattr(sys, "argv", ["microblog", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in said.out + said.err
        return ended.value.code, said.out, said.err

    return run


def problems(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said of one setting with this value, beside good ones."""
    with monkeypatch.context() as changed:
        changed.setenv(name, value)
        try:
            load_settings(serving=True)
        except SettingsError as error:
            return error.problems
    return []


@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_in_any_setting_is_told_in_words(
    value: str,
    run_main: Run,
    site_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """All at once, and then those settings that take it, through the real commands."""
    monkeypatch.chdir(tmp_path)
    everywhere = dict.fromkeys(Settings.model_fields, value)
    for name, good in site_environment.items():
        monkeypatch.setenv(name, good)
    said_of = {name: problems(name, value, monkeypatch) for name in Settings.model_fields}
    for name, sentences in said_of.items():
        assert all(one.startswith(("MAIL_", name)) and len(one) < 500 for one in sentences)
    taken = {name: value for name, sentences in said_of.items() if not sentences}
    for command in COMMANDS:
        for changes in (everywhere, taken):
            code, out, said = run_main(command, changes)
            assert code in {0, 1, 2}
            assert not code or out or said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('A=1\n\nMAIL_SERVER="smtp.example.com\nMAIL_PORT=587\n', "line 3: the quotation mark"),
        ('MAIL_SERVER="smtp.example.com\nMAIL_PASSWORD="hunter2"\n', "line 1: the quotation mark"),
        ('MAIL_SERVER="smtp.example.com\nX="\n', "line 1: the quotation mark"),
        ("MAIL_PASSWORD='it's hunter2'\n", "line 1: the quotation mark"),
        ("A=1\r\nMAIL_SERVER smtp.example.com\r\n", "line 2 is not like NAME=value"),
        ("MAIL_SERVER\n", "line 1 is not like NAME=value"),
        ("A=1\nB=\0\n", "no text in UTF-8, as line 2 shows"),
        ("MAIL_SERVER=smtp.example.com\n".encode("utf-16"), "no text in UTF-8, as line 1 shows"),
        ("MAIL_SERVER=smtp.example.com\n".encode("utf-16-le"), "no text in UTF-8, as line 1 shows"),
        ("A=1\nMAIL_PASSWORD=Grün\n".encode("latin-1"), "no text in UTF-8, as line 2 shows"),
    ],
)
def test_a_file_that_cannot_be_meant_so_is_refused_with_the_line(
    content: str | bytes, said: str, run_main: Run, tmp_path: Path
) -> None:
    """No line is shown, since it may hold a secret; and `check` calls it wrong."""
    file = tmp_path / "site.env"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    for command in COMMANDS:
        code, out, err = run_main(command, {"MICROBLOG_ENV_FILE": str(file)})
        assert code == (1 if command == ("check",) else 2)
        assert said in out + err
        assert f"{file}" in out + err
        assert "hunter2" not in out + err
        assert command != ("check",) or f"WRONG: settings: {file}" in out


@pytest.mark.parametrize("file", ["/proc/self/mem", "/", "/" + "x/" * 3000, "a\udcffb"])
def test_a_file_that_cannot_be_read_is_told_in_words(file: str, run_main: Run) -> None:
    for command in COMMANDS:
        code, out, err = run_main(command, {"MICROBLOG_ENV_FILE": file})
        assert code
        assert "cannot be read" in out + err or "not a file" in out + err


@pytest.mark.parametrize(
    "folder", ["{here}/a-file/below", "/proc/nothing", "/" + "x" * 300, "{here}/loop"]
)
def test_a_folder_that_cannot_be_made_is_told_in_words(
    folder: str, run_main: Run, tmp_path: Path
) -> None:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for command in (*COMMANDS, ("mail", "catch", "--port", "0"), ("worker",)):
        place = folder.format(here=tmp_path)
        code, out, err = run_main(command, {"INSTANCE_PATH": place})
        assert code
        assert "INSTANCE_PATH" in out + err or command[-1] in {"0", "worker"}


def test_a_database_that_fails_in_mid_command_is_told_in_words(
    run_main: Run, database_url: str
) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE mail_suppressions"))
    engine.dispose()
    code, _out, err = run_main(("mail", "suppressed"), {})
    assert code == 1
    assert err == "Error: The database can't be used: no such table: mail_suppressions\n"


def test_a_reader_that_has_seen_enough_ends_a_command_quietly(
    run_main: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `microblog mail list | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    broken = os.fdopen(writing, "w")
    with monkeypatch.context() as changed:
        changed.setattr(sys, "stdout", broken)
        code, _out, err = run_main(("mail", "stats"), {})
    with suppress(BrokenPipeError):
        broken.close()
    assert (code, err) == (1, "")


def test_ctrl_c_ends_a_command_with_a_word(run_main: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("microblog.cli.site.load_app", interrupt)
    code, _out, err = run_main(("mail", "list"), {})
    assert code == 1
    assert err.strip() == "Aborted!"


def test_limits_that_each_process_counts_for_itself_are_told_at_the_start_and_by_check(
    run_main: Run,
) -> None:
    apart = "Each of 4 web processes counts for itself"
    code, _out, err = run_main(("process", "prepare", "--workers", "4"), {})
    assert (code, apart in err) == (0, True)
    _code, _out, err = run_main(("process", "prepare"), {})
    assert "counts for itself" not in err
    _code, out, _err = run_main(("check", "--workers", "4"), {})
    assert f"WARNING: rate limits: {apart}" in out
    _code, out, _err = run_main(("check",), {"WEB_CONCURRENCY": "4"})
    assert f"WARNING: rate limits: {apart}" in out
    off = {"WEB_CONCURRENCY": "4", "RATELIMIT_ENABLED": "off"}
    _code, _out, err = run_main(("process", "prepare"), off)
    assert "counts for itself" not in err
