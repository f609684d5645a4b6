"""Which language and which time zone somebody is spoken to in."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from microblog.blog.models import Post
from microblog.database import transaction
from tests.visitor import ON_SQLITE, Visitor, make_user, reset_link_for, value_in

NOON = datetime(2026, 1, 15, 12, 0)  # noqa: DTZ001 - of each zone

CHINESE, RUSSIAN = {"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.5"}, {"Accept-Language": "ru"}


def language_of(visitor: Visitor, headers: dict[str, str] | None = None, path: str = "/") -> str:
    page = visitor.client.get(path, headers=headers, follow_redirects=True)
    found = re.search(r'<html lang="([^"]+)">', page.get_data(as_text=True))
    assert found
    return found[1]


@ON_SQLITE
@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("", "en"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hant-HK,en;q=0.1", "zh-Hant"),
        ("zh", "zh-Hant"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("fr,ru;q=0.5", "ru"),
        ("en;q=0.5,ru", "ru"),
        ("fr", "en"),
        ("*", "en"),
        ("x" * 5000, "en"),
        (";;;,,,", "en"),
    ],
)
def test_a_browser_is_answered_in_its_language(app: Flask, asked: str, spoken: str) -> None:
    assert language_of(Visitor(app), {"Accept-Language": asked}) == spoken


@ON_SQLITE
def test_a_stranger_chooses_for_this_browser(app: Flask) -> None:
    visitor = Visitor(app)
    page = visitor.get("/language/ru?next=/explore")
    assert page.request.path == "/explore"
    assert language_of(visitor, CHINESE) == "ru"
    assert visitor.get("/language/xx").status_code == 404
    away = visitor.get("/language/ru?next=https://evil.example/", follow=False)
    assert away.headers["Location"] == "/"


def test_a_person_chooses_for_every_browser(app: Flask) -> None:
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    page = visitor.submit("/settings/language", {"language": "zh_Hant", "time_zone": ""})
    assert page.status_code == 200
    elsewhere = Visitor(app)
    elsewhere.log_in("susan")
    assert language_of(elsewhere, RUSSIAN) == "zh-Hant"
    elsewhere.submit("/settings/language", {"language": "", "time_zone": ""})
    assert language_of(elsewhere, RUSSIAN) == "ru"


@ON_SQLITE
@pytest.mark.parametrize("fields", [{"language": "xx"}, {"time_zone": "Mars/Olympus"}])
def test_what_is_not_offered_is_refused_beside_the_field(
    app: Flask, fields: dict[str, object]
) -> None:
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    page = visitor.submit("/settings/language", fields)
    assert page.status_code == 200
    assert "-error" in page.get_data(as_text=True)


@ON_SQLITE
@pytest.mark.parametrize(
    ("chosen", "cookie", "shown"),
    [
        ("", "", "12:00\u202fPM UTC"),
        ("", "Asia/Taipei", '8:00\u202fPM"'),
        ("", "Asia%2FTaipei", '8:00\u202fPM"'),
        ("America/New_York", "Asia/Taipei", '7:00\u202fAM"'),
        ("", "../../etc/passwd", "12:00\u202fPM UTC"),
    ],
)
def test_times_are_the_readers(app: Flask, chosen: str, cookie: str, shown: str) -> None:
    number = make_user(app, "susan")
    with app.app_context(), transaction() as writing:
        written = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
        writing.add(Post(user_id=number, body="hello", created_at=written))
    visitor = Visitor(app)
    visitor.log_in("susan")
    if chosen:
        visitor.submit("/settings/language", {"language": "", "time_zone": chosen})
    visitor.client.set_cookie("time_zone", cookie)
    html = visitor.get("/").get_data(as_text=True)
    assert shown in html
    assert 'datetime="2026-01-15T12:00:00+00:00"' in html


@ON_SQLITE
@pytest.mark.parametrize(
    ("language", "continent", "city", "first"),
    [
        ("en", "Europe", "Kyiv", "Same as my browser: Taipei"),
        ("ru", "Европа", "Киев", "Как в моём браузере: Тайбэй"),
        ("zh_Hant", "歐洲", "基輔", "依照我的瀏覽器：台北"),
    ],
)
def test_time_zones_are_offered_by_continent_the_browsers_first(
    app: Flask, language: str, continent: str, city: str, first: str
) -> None:
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    visitor.client.set_cookie("time_zone", "Asia%2FTaipei")
    # A name from before the city was spelled otherwise.
    chosen: dict[str, object] = {"language": language, "time_zone": "Europe/Kiev"}
    html = visitor.submit("/settings/language", chosen).text
    groups = dict(re.findall(r'<optgroup label="([^"]+)">(.*?)</optgroup>', html))
    assert len(groups) == 10
    assert f'<option selected value="Europe/Kyiv">{city}</option>' in groups[continent]
    assert next(iter(groups.values())) == f'<option value="">{first}</option>'


@ON_SQLITE
@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT+5", "US/Eastern", "Asia/Kolkata"])
def test_every_name_of_a_zone_can_be_chosen(app: Flask, zone: str) -> None:
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    page = visitor.submit("/settings/language", {"language": "", "time_zone": zone})
    assert "-error" not in page.text
    selected = re.findall('<option selected value="([^"]+)"', page.text)
    assert [ZoneInfo(one).utcoffset(NOON) for one in selected] == [ZoneInfo(zone).utcoffset(NOON)]


TYPED: dict[str, dict[str, object]] = {
    "/register?next=/explore": {
        "username": "susan",
        "email": "susan@example",
        "password": "secret",
    },
    "/login?next=/explore": {"username": "susan", "password": "secret", "remember_me": "y"},
    "/reset_password_request": {"email": "susan@example"},
}


def switch(visitor: Visitor, address: str, typed: dict[str, object]) -> TestResponse:
    """Press a button that chooses a language, as browsers do: the form is sent on to its page."""
    fields = {**typed, "only_language": "", "csrf_token": visitor.csrf_token("/login")}
    sent_on = visitor.client.post(address, data=fields)
    assert sent_on.status_code == 307
    return visitor.client.post(sent_on.headers["Location"], data=fields)


@ON_SQLITE
@pytest.mark.parametrize("path", TYPED)
def test_another_language_keeps_what_was_typed_but_the_password(app: Flask, path: str) -> None:
    make_user(app, "susan", password="secret")
    visitor = Visitor(app)
    page = visitor.get(path).text
    button = re.search(
        r'<button form="([^"]+)" formaction="([^"]+)"[^>]* name="only_language" lang="ru"', page
    )
    assert button
    assert f'<form id="{button[1]}"' in page
    answer = switch(visitor, unescape(button[2]), TYPED[path])
    assert answer.request.full_path.rstrip("?") == path
    assert '<html lang="ru">' in answer.text
    assert "-error" not in answer.text
    assert 'role="alert"' not in answer.text
    for field in TYPED[path].keys() & {"username", "email"}:
        assert value_in(answer, field) == TYPED[path][field]
    assert "secret" not in answer.text
    assert ("checked" in answer.text) == ("remember_me" in TYPED[path])
    assert language_of(visitor) == "ru"


@ON_SQLITE
def test_another_language_keeps_the_code_from_the_email(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.submit("/reset_password_request", {"email": "susan@example.com"})
    assert 'form="reset-code"' in visitor.get("/login").text
    page = switch(visitor, "/language/ru?next=/login", {"code": "ABCD"})
    assert value_in(page, "code") == "ABCD"
    assert "-error" not in page.text


@ON_SQLITE
def test_another_language_keeps_the_page_behind_a_link(app: Flask) -> None:
    make_user(app, "susan")
    visitor = Visitor(app)
    path = visitor.get(reset_link_for(app, "susan@example.com")).request.path
    typed: dict[str, object] = {"password": "secret", "password2": "secret"}
    page = switch(visitor, f"/language/ru?next={path}", typed)
    assert page.request.path == path
    assert value_in(page, "password") == ""
    assert "secret" not in page.text
    done = visitor.choose_password(f"http://localhost{path}", "a new long password")
    assert done.request.path == "/login"
