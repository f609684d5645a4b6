"""What an export says about reports and removals."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask

from tests.admin.conftest import logged_in
from tests.moderation.conftest import message, post, report
from tests.visitor import PASSWORD, Visitor, make_user


def exported(visitor: Visitor) -> dict[str, Any]:
    answer = visitor.submit("/settings/export", {"current_password": PASSWORD})
    found: dict[str, Any] = json.loads(answer.get_data())
    return found


def test_an_export_has_ones_reports_and_why_ones_posts_were_removed(
    app: Flask, admin: Visitor
) -> None:
    bob, susan = make_user(app, "bob"), make_user(app, "susan")
    post(app, bob, "Buy pots")
    message(app, bob, susan)
    reporter, author = logged_in(app, "susan"), logged_in(app, "bob")
    report(reporter, "/report/post/1", comment="Third time")
    report(reporter, "/report/message/1", reason="abuse")
    admin.submit("/admin/reports/1/remove", {"reason": "No ads"})
    of_reporter, of_author = exported(reporter), exported(author)
    assert [without_moments(one) for one in of_reporter["reports"]] == [
        {"post": 1, "message": None, "reason": "spam", "comment": "Third time"},
        {"post": None, "message": 1, "reason": "abuse", "comment": ""},
    ]
    assert of_reporter["removed_posts"] == []
    assert "Buy pots" not in json.dumps(of_reporter)
    assert [without_moments(one) for one in of_author["removed_posts"]] == [
        {"id": 1, "body": "Buy pots", "reason": "No ads"}
    ]
    assert of_author["reports"] == []
    assert "susan" not in json.dumps([of_author["removed_posts"], of_author["reports"]])
    assert "Third time" not in json.dumps(of_author)


def without_moments(row: dict[str, Any]) -> dict[str, Any]:
    assert any(name.endswith("_at") for name in row)
    return {name: value for name, value in row.items() if not name.endswith("_at")}
