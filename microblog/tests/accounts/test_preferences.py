"""Which language and which time zone somebody is spoken to in."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from microblog.blog.models import Post
from microblog.database import transaction
from tests.visitor import ON_SQLITE, Visitor, make_user

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
        ("en", "Europe", "Kyiv", "As my browser says: Taipei"),
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
    chosen = {"language": language, "time_zone": "Europe/Kiev"}
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
