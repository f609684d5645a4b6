"""A picture is decoded by a process with limits on its time and memory."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from microblog.people import pictures
from microblog.people.pictures import SCANS_MAXIMUM, WAITING_MAXIMUM, PictureError, read_picture
from tests.visitor import ON_SQLITE, Visitor, error_beside, make_user

pytestmark = pytest.mark.slow

EMPTY_SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00" + b"\0" * 54
"""64 bytes of a progressive JPEG without content, which make a decoder visit every block."""

Run = Callable[..., subprocess.CompletedProcess[bytes]]


def drawn(kind: str, size: tuple[int, int] = (300, 200)) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, 128).save(file, kind, progressive=True)
    return file.getvalue()


def with_scans(count: int, size: tuple[int, int] = (300, 200)) -> bytes:
    """A JPEG with so many empty scans added."""
    picture = drawn("JPEG", size)
    return picture[:-2] + EMPTY_SCAN * count + picture[-2:]


def refusal(content: bytes) -> str:
    with pytest.raises(PictureError) as refused:
        read_picture(io.BytesIO(content))
    return refused.value.reason


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that grows with each decoder that is started."""
    started: list[Any] = []
    run: Run = subprocess.run

    def counted(*given: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
        started.append(given)
        return run(*given, **options)

    monkeypatch.setattr(subprocess, "run", counted)
    return started


def test_a_jpeg_of_empty_scans_is_refused_before_anything_is_decoded(runs: list[Any]) -> None:
    assert refusal(with_scans(1500)) == "costly"
    assert refusal(with_scans(60_000)) == "costly"
    assert runs == []
    assert refusal(with_scans(SCANS_MAXIMUM + 1)) == "costly"
    assert read_picture(io.BytesIO(with_scans(SCANS_MAXIMUM // 2))).content
    assert len(runs) == 1


def test_the_decoder_has_limited_cpu_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever spends them: here the scans, whose number is not limited in this test."""
    monkeypatch.setattr(pictures, "SCANS_MAXIMUM", 100_000)
    monkeypatch.setattr(pictures, "CPU_SECONDS", 1)
    assert refusal(with_scans(10_000, (8000, 5000))) == "costly"


def test_the_decoder_has_limited_wall_clock_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SECONDS", 0.001)
    assert refusal(drawn("JPEG")) == "costly"


def test_the_decoder_has_limited_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    large = drawn("PNG", (5000, 4000))
    assert read_picture(io.BytesIO(large)).content
    monkeypatch.setattr(pictures, "MEMORY_BYTES", 50 * 1024 * 1024)
    assert read_picture(io.BytesIO(drawn("PNG"))).content
    assert refusal(large) == "costly"


@pytest.mark.parametrize(
    ("code", "reason"), [(-24, "costly"), (-9, "costly"), (-11, "broken"), (-6, "broken")]
)
def test_a_decoder_that_a_file_crashes_harms_nothing_else(
    monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    program = f"import os, signal; signal.raise_signal({-code})"
    run: Run = subprocess.run
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda _program, **options: run([sys.executable, "-c", program], **options),
    )
    assert refusal(drawn("JPEG")) == reason


def test_one_picture_is_decoded_at_a_time_and_few_uploads_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each upload that waits keeps a thread from answering other requests."""
    at_work, go_on = threading.Semaphore(0), threading.Event()
    entered: list[None] = []

    def stalled(*given: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
        entered.append(None)
        at_work.release()
        assert go_on.wait(60)
        return subprocess.CompletedProcess([], 0, b"decoded", b"")

    monkeypatch.setattr(subprocess, "run", stalled)
    monkeypatch.setattr(pictures, "WAITING_SECONDS", 60)
    done: list[bytes] = []
    threads = [
        threading.Thread(
            target=lambda: done.append(read_picture(io.BytesIO(drawn("JPEG"))).content)
        )
        for _ in range(1 + WAITING_MAXIMUM)
    ]
    for thread in threads:
        thread.start()
    assert at_work.acquire(timeout=60)
    while pictures._queue._value:  # until all of them wait
        threading.Event().wait(0.001)
    assert len(entered) == 1
    assert refusal(drawn("JPEG")) == "busy"
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert done == [b"decoded"] * (1 + WAITING_MAXIMUM)


def test_nobody_waits_for_the_decoder_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WAITING_SECONDS", 0.001)
    with pictures._decoder:
        assert refusal(drawn("JPEG")) == "busy"
    assert read_picture(io.BytesIO(drawn("JPEG"))).content


def test_a_decoder_that_does_not_run_is_the_sites_own_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pictures, "MEMORY_BYTES", "nonsense")
    with pytest.raises(RuntimeError, match="nonsense"):
        read_picture(io.BytesIO(drawn("JPEG")))


def upload(app: Flask, *, verified: bool = True) -> str:
    """Upload a picture as susan; return the error beside the field."""
    make_user(app, "susan", verified=verified)
    visitor = Visitor(app)
    visitor.log_in("susan")
    token = visitor.csrf_token("/edit_profile")
    picture = (io.BytesIO(drawn("JPEG")), "me.jpg")
    page = visitor.submit("/edit_profile/picture", {"picture": picture}, token=token)
    return error_beside(page, "picture")


@ON_SQLITE
def test_only_people_with_a_confirmed_address_have_pictures_decoded(
    app: Flask, runs: list[Any]
) -> None:
    assert upload(app, verified=False) == "Confirm your email first."
    assert runs == []


@ON_SQLITE
def test_a_picture_that_costs_too_much_is_refused_in_words(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "SCANS_MAXIMUM", 0)
    assert "This picture takes too long to read." in upload(app)


@ON_SQLITE
def test_an_upload_that_would_wait_too_long_is_refused(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_queue", threading.Semaphore(0))
    assert "Too many pictures are being uploaded right now." in upload(app)
