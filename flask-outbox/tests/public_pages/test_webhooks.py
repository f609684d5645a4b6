"""The endpoints for webhooks, as docs/webhooks.md has them: what each request is answered."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, insert, make_url, select
from sqlalchemy.orm import sessionmaker

from flask_outbox import current_outbox
from flask_outbox.cli import commands
from flask_outbox.feedback.working import WAITS_FOR_MESSAGE, work_off
from flask_outbox.outbox.models import MailEvent, MailReport
from flask_outbox.public_pages import webhooks, webhooks_blueprint
from flask_outbox.public_pages.webhooks import MAXIMUM_BYTES
from tests.application import db, make_app, transaction
from tests.databases import ON_SQLITE, engine_of
from tests.feedback.amazon import (
    NOW,
    TOPIC,
    URL,
    Amazon,
    body,
    confirmation,
    notification,
    ses_event,
)
from tests.feedback.test_mailgun import KEY, TOKEN, event, signature
from tests.feedback.test_postmark import BOUNCE, LOGIN, basic

SECRETS = {
    "MAIL_WEBHOOK_SES_TOPICS": TOPIC,
    "MAIL_WEBHOOK_POSTMARK_LOGIN": LOGIN,
    "MAIL_WEBHOOK_MAILGUN_KEY": KEY,
}


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Amazon:
    made = Amazon()
    monkeypatch.setattr(webhooks, "fetch_over_https", made.fetch)
    return made


@pytest.fixture
def app(database_url: str, amazon: Amazon) -> Iterator[Flask]:
    """An application that takes webhooks of all providers; it is NOW."""
    made = make_app(database_url, **SECRETS)
    made.register_blueprint(webhooks_blueprint())
    with made.app_context():
        current_outbox().clock = lambda: NOW
    yield made
    with made.app_context():
        db.engine.dispose()


def mailgun_body(data: Any = None, **other: Any) -> bytes:
    data = event("delivered") if data is None else data
    return json.dumps({"signature": signature(), "event-data": data, **other}).encode()


REQUESTS: dict[str, dict[str, Any]] = {
    "ses": {
        "data": body(notification(ses_event("Delivery"))),
        "content_type": "text/plain; charset=UTF-8",
    },
    "postmark": {
        "data": json.dumps(BOUNCE).encode(),
        "content_type": "application/json",
        "headers": {"Authorization": basic(LOGIN)},
    },
    "mailgun": {"data": mailgun_body(), "content_type": "application/json"},
}
"""A request of each provider that is believed."""

each_provider = pytest.mark.parametrize("provider", REQUESTS)


def post(app: Flask, provider: str, **other: Any) -> int:
    request = {**REQUESTS[provider], **other}
    return app.test_client().post(f"/mail-events/{provider}", **request).status_code


def reports(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        rows = db.session.execute(select(MailReport.source, MailReport.event_id))
        return [(row.source, row.event_id) for row in rows]


@each_provider
def test_what_is_authentic_is_stored_and_answered(app: Flask, provider: str) -> None:
    assert post(app, provider) == 200

    (report,) = reports(app)
    assert report[0] == provider


@each_provider
def test_what_comes_again_is_answered_and_stored_once(app: Flask, provider: str) -> None:
    assert [post(app, provider) for _ in range(3)] == [200, 200, 200]

    assert len(reports(app)) == 1


@each_provider
def test_what_was_worked_off_is_not_stored_again(app: Flask, provider: str) -> None:
    post(app, provider)
    ((source, event_id),) = reports(app)
    with app.app_context(), transaction() as session:
        session.execute(delete(MailReport))
        session.execute(
            insert(MailEvent).values(
                source=source, event_id=event_id, at=NOW, meaning="delivered", trusted=True
            )
        )

    assert post(app, provider) == 200
    assert reports(app) == []


@pytest.mark.parametrize("message_id", ["a\0b", "a\n", "x" * 300])
def test_an_id_that_no_column_holds_is_stored_all_the_same(app: Flask, message_id: str) -> None:
    told = ses_event("Delivery", delivery={"recipients": ["jane@example.org"]})
    data = body(notification(told, MessageId=message_id))

    assert [post(app, "ses", data=data) for _ in range(2)] == [200, 200]
    with app.app_context():
        work_off(current_outbox(), now=NOW + 2 * WAITS_FOR_MESSAGE)
    assert post(app, "ses", data=data) == 200
    assert reports(app) == []


def test_a_token_of_mailgun_is_good_once_whatever_comes_with_it(app: Flask) -> None:
    post(app, "mailgun", data=mailgun_body(event("opened")))
    forged = mailgun_body(event("complained", recipient="mary@example.org"))

    assert post(app, "mailgun", data=forged) == 200
    with app.app_context():
        (report,) = db.session.scalars(select(MailReport))
        assert b"mary" not in report.content
        assert report.due_at > NOW


@ON_SQLITE
@each_provider
def test_without_its_secret_an_endpoint_is_closed(app: Flask, provider: str) -> None:
    app.config.update(dict.fromkeys(SECRETS))

    assert post(app, provider) == 404
    assert reports(app) == []


@ON_SQLITE
def test_there_are_no_other_providers(app: Flask) -> None:
    assert app.test_client().post("/mail-events/sendgrid").status_code == 404


@ON_SQLITE
@each_provider
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_posts_are_taken(app: Flask, provider: str, method: str) -> None:
    answer = app.test_client().open(f"/mail-events/{provider}", method=method)
    assert answer.status_code == 405


@ON_SQLITE
@pytest.mark.parametrize(
    ("provider", "other", "status"),
    [
        ("ses", {"data": b""}, 403),
        ("ses", {"data": b"{}"}, 403),
        ("ses", {"data": body({**notification(ses_event("Delivery")), "Message": "{}"})}, 403),
        ("ses", {"data": body(notification(ses_event("Delivery"), at=NOW - 4000))}, 403),
        ("postmark", {"headers": {}}, 401),
        ("postmark", {"headers": {"Authorization": basic("postmark:guessed")}}, 401),
        ("postmark", {"data": b"x" * (MAXIMUM_BYTES["postmark"] + 1), "headers": {}}, 401),
        ("postmark", {"data": b"x" * (MAXIMUM_BYTES["postmark"] + 1)}, 413),
        ("mailgun", {"data": b"{}"}, 403),
        ("mailgun", {"data": mailgun_body(signature=signature(key="somebody's key"))}, 403),
        ("mailgun", {"data": mailgun_body(signature=signature(NOW - 50_000))}, 403),
        ("ses", {"data": b"x" * (MAXIMUM_BYTES["ses"] + 1)}, 413),
        ("mailgun", {"data": b"x" * (MAXIMUM_BYTES["mailgun"] + 1)}, 413),
    ],
)
def test_what_is_not_believed_leaves_nothing(
    app: Flask, provider: str, other: dict[str, Any], status: int
) -> None:
    assert post(app, provider, **other) == status
    assert reports(app) == []


@ON_SQLITE
@each_provider
@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_that_comes_in_small_parts_is_read_to_its_end(
    app: Flask, provider: str, *, is_chunked: bool
) -> None:
    class Slow(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size, 100) if size and size > 0 else 100)

        def readinto(self, buffer: Any) -> int:
            part = self.read(len(buffer))
            buffer[: len(part)] = part
            return len(part)

    request = dict(REQUESTS[provider])
    data = request.pop("data")
    request["input_stream"] = Slow(data)
    if is_chunked:
        # As servers say that they find the end of a body without its length.
        request["environ_overrides"] = {"wsgi.input_terminated": True}
    else:
        request["content_length"] = len(data)

    answer = app.test_client().post(f"/mail-events/{provider}", **request)

    assert answer.status_code == 200
    with app.app_context():
        (report,) = db.session.scalars(select(MailReport))
        assert isinstance(json.loads(report.content), dict)


@ON_SQLITE
@each_provider
@pytest.mark.parametrize("maximum", [None, 2_000_000])
def test_a_body_that_breaks_off_is_not_believed(
    app: Flask, provider: str, maximum: int | None
) -> None:
    class Broken(BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError("no chunk")

        def readinto(self, _buffer: Any) -> int:
            raise OSError("no chunk")

    app.config["MAX_CONTENT_LENGTH"] = maximum
    request = {**REQUESTS[provider], "data": None, "input_stream": Broken()}
    request["environ_overrides"] = {"wsgi.input_terminated": True}

    assert post(app, provider, **request) == (401 if provider == "postmark" else 403)
    assert reports(app) == []


@ON_SQLITE
@each_provider
def test_what_the_application_finds_too_large_is_refused_and_logged(
    app: Flask, provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10

    assert post(app, provider) == 413
    assert f"A webhook for {provider} was not taken: it has more than" in caplog.text
    assert reports(app) == []


@ON_SQLITE
def test_postmark_is_told_how_to_prove_itself(app: Flask) -> None:
    answer = app.test_client().post("/mail-events/postmark")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@ON_SQLITE
def test_a_body_without_a_length_is_bounded(app: Flask) -> None:
    class Endless:
        read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            assert size > 0
            self.read_bytes += size
            return b"x" * size

    stream = Endless()
    answer = app.test_client().post(
        "/mail-events/ses",
        environ_overrides={
            "wsgi.input": stream,
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "CONTENT_LENGTH": "",
        },
    )

    assert answer.status_code == 413
    assert stream.read_bytes < 2 * MAXIMUM_BYTES["ses"] + 100_000


@ON_SQLITE
def test_a_subscription_is_confirmed(app: Flask, amazon: Amazon) -> None:
    message = confirmation()

    assert post(app, "ses", data=body(message)) == 200
    assert amazon.visited == [URL, message["SubscribeURL"]]
    assert reports(app) == []


@ON_SQLITE
def test_amazon_comes_again_if_its_certificate_cannot_be_had(app: Flask, amazon: Amazon) -> None:
    amazon.away = True

    assert post(app, "ses") == 503
    assert reports(app) == []


@each_provider
def test_a_database_that_is_away_makes_the_provider_come_again(
    app: Flask, provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with app.app_context():
        outbox = current_outbox()
        sessions, url = outbox.sessions, db.engine.url
        missing = url.set(port=1) if url.port or url.host else make_url("sqlite:////no/such.db")
        outbox.sessions = sessionmaker(engine_of(missing.render_as_string(hide_password=False)))
    assert [post(app, provider) for _ in range(3)] == [503, 503, 503]
    outbox.sessions = sessions
    assert caplog.text.count("Webhooks cannot be stored") == 1

    assert post(app, provider) == 200
    assert "Webhooks can be stored again." in caplog.text
    assert len(reports(app)) == 1


@ON_SQLITE
def test_missing_tables_are_no_outage(app: Flask) -> None:
    with app.app_context(), db.engine.begin() as connection:
        MailReport.metadata.drop_all(connection)

    assert post(app, "postmark") == 500


@ON_SQLITE
def test_refusals_are_logged_once_a_minute_and_quote_nothing(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        post(app, "postmark", headers={"Authorization": basic("postmark:guessed")})
        post(app, "mailgun", data=mailgun_body(signature=signature(key="guessed")))

    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    for secret in (LOGIN, KEY, TOKEN, "guessed", base64.b64encode(b"postmark:guessed").decode()):
        assert secret not in caplog.text


@ON_SQLITE
@each_provider
@pytest.mark.parametrize("is_protected_first", [True, False])
def test_protection_against_other_sites_lets_providers_pass(
    database_url: str, amazon: Amazon, provider: str, *, is_protected_first: bool
) -> None:
    csrf = pytest.importorskip("flask_wtf.csrf", reason="needs Flask-WTF").CSRFProtect()
    made = make_app(database_url, SECRET_KEY="a secret of the tests", **SECRETS)
    if is_protected_first:
        csrf.init_app(made)
    made.register_blueprint(webhooks_blueprint(), url_prefix="/elsewhere")
    if not is_protected_first:
        csrf.init_app(made)
    made.add_url_rule("/form", "form", lambda: "", methods=["POST"])
    with made.app_context():
        current_outbox().clock = lambda: NOW
        answer = made.test_client().post(f"/elsewhere/{provider}", **REQUESTS[provider])
        assert answer.status_code == 200
        assert made.test_client().post("/form").status_code == 400
        db.engine.dispose()


@ON_SQLITE
def test_check_says_who_is_let_in(app: Flask) -> None:
    app.config["MAIL_RETURN_PATH"] = "bounces@example.com"

    def checked() -> str:
        lines = app.test_cli_runner().invoke(commands, ["check"]).output.splitlines()
        return "\n".join(line for line in lines if "webhooks:" in line)

    assert (
        checked() == "ok: webhooks: /mail-events/<provider> takes those of ses, postmark, mailgun."
    )
    app.config["MAIL_WEBHOOK_POSTMARK_LOGIN"] = None
    assert checked().endswith("whose secret is missing: MAIL_WEBHOOK_POSTMARK_LOGIN.")


@ON_SQLITE
def test_check_warns_of_a_secret_without_a_page(database_url: str) -> None:
    app = make_app(database_url, MAIL_WEBHOOK_MAILGUN_KEY=KEY)
    shown = app.test_cli_runner().invoke(commands, ["check"]).output

    assert "WARNING: webhooks: They have a secret, but no page takes them: mailgun." in shown
    with app.app_context():
        db.engine.dispose()


@ON_SQLITE
def test_check_warns_of_webhooks_that_name_no_message(app: Flask) -> None:
    shown = app.test_cli_runner().invoke(commands, ["check"]).output

    assert "WARNING: webhooks: Postmark names messages only by their token" in shown
