"""One's own profile: the name, the text, and the picture."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import sys
import zlib
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import update
from werkzeug.test import TestResponse

from microblog.accounts.models import User
from microblog.database import transaction, utc_now
from microblog.people.decoding import SIDE, RefusedError, decode
from tests.bounded import TOWER, nothing_long_is_composed
from tests.constants import Make
from tests.visitor import Visitor, error_beside, make_user, value_in, words


@pytest.fixture
def susan(app: Flask) -> Visitor:
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def drawn(kind: str, size: tuple[int, int] = (300, 200)) -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "A secret camera"
    Image.new("RGB", size, "teal").save(file, kind, exif=exif)
    return file.getvalue()


def upload(visitor: Visitor, content: bytes, name: str = "me.jpg") -> TestResponse:
    token = visitor.csrf_token("/edit_profile")
    return visitor.client.post(
        "/edit_profile/picture",
        data={"csrf_token": token, "picture": (io.BytesIO(content), name)},
        follow_redirects=True,
    )


def bomb() -> bytes:
    """A PNG of a few hundred bytes that claims to be 30,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    rows = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + rows + chunk(b"IEND", b"")


def test_a_profile_tells_about_its_person(app: Flask, susan: Visitor) -> None:
    page = susan.submit("/edit_profile", {"username": "susan", "about_me": "I like #gardens."})
    assert "Your changes have been saved." in words(page)
    assert "I like #gardens" in words(Visitor(app).get("/user/susan"))
    assert "I like #gardens." in susan.get("/edit_profile").get_data(as_text=True)


def test_a_new_name_takes_effect_everywhere(app: Flask, susan: Visitor) -> None:
    page = susan.submit("/edit_profile", {"username": "Susanne", "about_me": ""})
    assert page.request.path == "/user/Susanne"
    assert Visitor(app).get("/user/susan").status_code == 404
    assert "Hi, Susanne!" in words(susan.get("/"))


def test_a_name_that_is_older_than_a_rule_can_be_kept(app: Flask, visitor: Visitor) -> None:
    number = make_user(app, "susan")
    with app.app_context(), transaction() as writing:
        own = writing.get_one(User, number)
        own.username = own.username_key = own.username_skeleton = "susan."
    visitor.log_in("susan.")
    page = visitor.submit("/edit_profile", {"username": "susan.", "about_me": "Still here"})
    assert "Your changes have been saved." in words(page)
    page = visitor.submit("/edit_profile", {"username": "susan-", "about_me": ""})
    assert "can't start or end" in error_beside(page, "username")


def test_mistakes_are_explained_beside_the_field_and_nothing_is_lost(
    app: Flask, susan: Visitor
) -> None:
    make_user(app, "bob")
    page = susan.submit("/edit_profile", {"username": "BOB", "about_me": "Kept"})
    assert error_beside(page, "username") == "This username is taken. Choose another."
    assert value_in(page, "username") == "BOB"
    assert "Kept" in page.get_data(as_text=True)
    page = susan.submit("/edit_profile", {"username": "susan", "about_me": "x" * 301})
    assert error_beside(page, "about_me") == "1 character too long."
    assert "x" * 301 in page.get_data(as_text=True)


@pytest.mark.parametrize("about", [TOWER, "a" + " " * 100_000 + "b"], ids=["a tower", "a gap"])
def test_no_text_about_oneself_takes_long_to_refuse(susan: Visitor, about: str) -> None:
    with nothing_long_is_composed():
        page = susan.submit("/edit_profile", {"username": "susan", "about_me": about})
    said = f"{len(about) - 300} characters too long."
    assert error_beside(page, "about_me") == said


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_picture_is_encoded_again_without_metadata(susan: Visitor, kind: str) -> None:
    page = upload(susan, drawn(kind))
    assert "Your picture was changed." in words(page)
    html = susan.get("/user/susan").get_data(as_text=True)
    address = html.partition('src="/picture/')[2].partition('"')[0]
    answer = susan.get(f"/picture/{address}")
    assert answer.mimetype == "image/webp"
    assert answer.headers["Cache-Control"] == "max-age=86400, private"
    shown = Image.open(io.BytesIO(answer.data))
    assert shown.size == (SIDE, SIDE)
    assert b"camera" not in answer.data
    assert susan.get(f"/picture/{address}x").status_code == 404


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Choose a file first."),
        (b"hello", "Use a picture in JPEG, PNG, GIF or WebP."),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "Use a picture in JPEG"),
        (drawn("PNG")[:60], "This picture can't be read. It may be damaged."),
        (bomb(), "The picture is too large"),
        (drawn("JPEG") + b"\0" * 20 * 1024 * 1024, "The picture is too large"),
    ],
    ids=["nothing", "text", "svg", "torn", "bomb", "20 MB"],
)
def test_a_file_that_is_no_picture_is_refused_with_the_reason(
    susan: Visitor, content: bytes, said: str
) -> None:
    page = upload(susan, content, "" if not content else "me.png")
    assert page.status_code == 200
    assert said in error_beside(page, "picture")
    assert 'src="/picture/' not in page.get_data(as_text=True)


def test_nothing_large_is_read_from_anybody_who_is_not_signed_in(
    app: Flask, visitor: Visitor
) -> None:
    large = {
        "csrf_token": visitor.csrf_token("/login"),
        "picture": (io.BytesIO(b"\0" * 5 * 1024 * 1024), "me.png"),
    }
    answer = visitor.client.post("/edit_profile/picture", data=large)
    assert answer.status_code == 413
    assert "What you sent is too large." in words(answer)


@pytest.mark.parametrize(
    "path", ["0/x", "2147483647/x", "2147483648/x", f"{2**63}/x", f"{10**30}/x", "1/x%00", "1/%FF"]
)
def test_an_unknown_picture_is_not_found(visitor: Visitor, path: str) -> None:
    assert visitor.get(f"/picture/{path}").status_code == 404


def test_a_picture_can_be_removed(susan: Visitor) -> None:
    upload(susan, drawn("PNG"))
    token = susan.csrf_token("/edit_profile")
    page = susan.submit("/edit_profile/picture/remove", token=token)
    assert "Your picture was removed." in words(page)
    assert 'src="/picture/' not in page.get_data(as_text=True)


def picture_of_susan(susan: Visitor) -> str:
    upload(susan, drawn("PNG"))
    html = susan.get("/user/susan").get_data(as_text=True)
    return "/picture/" + html.partition('src="/picture/')[2].partition('"')[0]


@pytest.mark.parametrize("column", ["disabled_at", "deletes_at"])
def test_a_picture_is_hidden_with_its_person(app: Flask, susan: Visitor, column: str) -> None:
    address = picture_of_susan(susan)
    anybody = app.test_client()
    shown = anybody.get(address)
    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "public, max-age=86400")
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values({column: utc_now()}))
    assert anybody.get(address).status_code == 404
    assert susan.get(address).status_code == 404


def test_a_picture_is_not_seen_across_a_block(app: Flask, susan: Visitor) -> None:
    make_user(app, "bob")
    bob = Visitor(app)
    bob.log_in("bob")
    address = picture_of_susan(susan)
    assert bob.get(address).status_code == 200
    susan.submit("/block/bob", token=susan.csrf_token("/"))
    assert bob.get(address).status_code == 404
    assert susan.get(address).status_code == 200


def test_a_picture_is_turned_upright() -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (100, 100), "red")
    picture.paste("blue", (0, 0, 100, 50))
    picture.save(file, "JPEG", exif=exif)
    shown = Image.open(io.BytesIO(decode(file.getvalue()))).convert("RGB")
    red, _green, blue = shown.getpixel((250, 128))  # type: ignore[misc]
    assert blue > red


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_pictures_are_turned_upright_in_every_format_with_an_orientation(kind: str) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGBA", (1200, 1100), "red")
    picture.paste("blue", (0, 0, 1200, 550))
    picture.save(file, kind, exif=exif)
    shown = Image.open(io.BytesIO(decode(file.getvalue()))).convert("RGB")
    red, _green, blue = shown.getpixel((250, 128))  # type: ignore[misc]
    assert blue > red


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (513, 300), (2500, 1999)])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_pixels_is_kept_as_a_square(mode: str, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    shown = Image.open(io.BytesIO(decode(file.getvalue())))
    assert shown.size == (SIDE, SIDE)


READ_BOTH = """
from microblog.people.decoding import decode

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

def peak_after(name):
    with open(name, "rb") as file:
        decode(file.read())
    return peak()

before = peak_after("600.png")
print(peak_after("4470.png") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for its memory")
def test_the_largest_picture_is_in_memory_once(tmp_path: Path) -> None:
    for side in (600, 4470):
        Image.new("RGBA", (side, side), (0, 128, 128, 200)).save(tmp_path / f"{side}.png")
    run = [sys.executable, "-c", READ_BOTH]
    output = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    kilobytes, unfolded = int(output.stdout), 4470 * 4470 * 4 // 1024
    assert unfolded * 0.9 < kilobytes < unfolded * 1.9


@pytest.mark.parametrize(
    ("kind", "size", "fits"),
    [
        ("PNG", (5000, 4000), True),
        ("PNG", (5000, 4001), False),
        ("JPEG", (8000, 5000), True),
        ("JPEG", (8000, 5001), False),
    ],
)
def test_a_picture_has_at_most_so_many_pixels(kind: str, size: tuple[int, int], fits: bool) -> None:
    file = io.BytesIO()
    Image.new("L", size).save(file, kind)
    with nullcontext() if fits else pytest.raises(RefusedError, match="large"):
        decode(file.getvalue())


def test_torn_pictures_are_read_or_refused_and_nothing_else() -> None:
    start = drawn("GIF")
    for cut in range(10, len(start), 7):
        with suppress(RefusedError):
            decode(start[:cut] + b"\xff" * 40)


def test_no_other_site_is_asked_for_pictures_by_default(susan: Visitor) -> None:
    assert "No outside service is used." in words(susan.get("/edit_profile"))
    page = susan.get("/user/susan")
    assert "gravatar" not in page.get_data(as_text=True)
    assert "gravatar" not in page.headers["Content-Security-Policy"]


def test_gravatar_is_asked_if_the_setting_is_on(make_app: Make) -> None:
    """As https://docs.gravatar.com/api/avatars/hash/ says: SHA-256, trimmed, lower case."""
    app = make_app(PUBLIC_URL="http://localhost", GRAVATAR=True)
    make_user(app, "susan", email="Susan@Example.com")
    visitor = Visitor(app)
    visitor.log_in("susan")
    page = visitor.get("/user/susan")
    digest = hashlib.sha256(b"susan@example.com").hexdigest()
    assert f'src="https://www.gravatar.com/avatar/{digest}?' in page.get_data(as_text=True)
    assert (
        "img-src 'self' data: https://www.gravatar.com;"
        in (page.headers["Content-Security-Policy"])
    )
    assert "The picture that gravatar.com has" in words(visitor.get("/edit_profile"))
    assert "nobody is told" not in words(Visitor(app).get("/"))
    upload(visitor, drawn("PNG"))
    assert "gravatar" not in visitor.get("/user/susan").get_data(as_text=True)


def test_gravatar_is_not_asked_about_an_address_that_nobody_confirmed(make_app: Make) -> None:
    app = make_app(PUBLIC_URL="http://localhost", GRAVATAR=True)
    make_user(app, "susan", verified=False)
    visitor = Visitor(app)
    visitor.log_in("susan")
    assert "gravatar" not in visitor.get("/user/susan").get_data(as_text=True)
