"""All texts that people read can be translated, and every template can be rendered."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from babel import support
from flask import Flask
from jinja2 import Environment, StrictUndefined, meta, nodes
from markupsafe import escape
from sqlalchemy import update
from werkzeug.test import TestResponse

import flask_outbox
import microblog
from flask_outbox import email_from_templates
from flask_outbox.outbox.suppressions import suppress
from microblog.accounts.audit.notices import not_me_link
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import User
from microblog.accounts.typed_codes import ALPHABET
from microblog.database import transaction, utc_now
from microblog.web import languages, templating
from microblog.web.clients import RequestOrigin
from microblog.web.plain_text import quote, wrap
from microblog.web.supported_languages import NAMES as LANGUAGE_NAMES
from scripts import translations
from tests.accounts.authenticator_app import prove, set_up_app
from tests.scopes import scope_at
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    deliver_from,
    mailed_link,
    make_user,
    path_of,
    reset_link_for,
)

SOURCE = Path(microblog.__file__).parent
LIBRARY = Path(flask_outbox.__file__).parent
TEMPLATES = sorted(
    path
    for source, folder in (
        (SOURCE, "templates"),
        (LIBRARY, "dashboard/templates"),
        (LIBRARY, "dev/pages"),
    )
    for path in (source / folder).rglob("*")
    if path.suffix in {".html", ".txt"}
)
EMAILS = sorted(
    str(path.relative_to(SOURCE / "templates")).removesuffix(".subject.txt")
    for path in TEMPLATES
    if path.name.endswith(".subject.txt")
)
NAMES = {"Microblog", "m"}
"""Words that are the same in all languages; the second is the mark in mail."""

READ_ATTRIBUTES = {"title", "alt", "placeholder", "aria-label", "aria-description", "label"}


class Texts(HTMLParser):
    """Collects what people read: text, and the attributes that are shown or read out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"style", "script"}:
            self._hidden += 1
        given = dict(attrs)
        shown = READ_ATTRIBUTES | (
            {"value"} if given.get("type") in {"submit", "button"} else set()
        )
        self.texts += [given[name] or "" for name in shown & set(given)]

    def handle_endtag(self, tag: str) -> None:
        if tag in {"style", "script"}:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)


def texts_in(html: str) -> list[str]:
    parser = Texts()
    parser.feed(html)
    return parser.texts


def bare_words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", text)) - NAMES


def without_jinja(source: str) -> str:
    """The template without its expressions, statements and comments."""
    return re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " ", source)


def test_the_templates_are_found() -> None:
    assert len(TEMPLATES) > 15
    assert len(EMAILS) >= 2


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_words_outside_gettext(template: Path) -> None:
    source = without_jinja(template.read_text())
    found = texts_in(source) if template.suffix == ".html" else [source]
    assert set().union(*map(bare_words, found)) == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_an_expression_in_a_template_shows_no_text_without_gettext(template: Path) -> None:
    tree = Environment().parse(template.read_text())
    outputs = [one for output in tree.find_all(nodes.Output) for one in output.nodes]
    said = [text for one in outputs for text in texts_of(one)]
    assert set().union(*map(bare_words, said)) == set()


def texts_of(node: nodes.Node) -> Iterator[str]:
    """The constant texts that an expression may result in; the results of calls are left out."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif not isinstance(node, nodes.Call):
        for child in node.iter_child_nodes():
            yield from texts_of(child)


def messages() -> dict[str, set[str]]:
    """All messages for translators, with the files that hold them."""
    found: dict[str, set[str]] = {}
    every = [one for made in translations.DISTRIBUTIONS for one in translations.template(made)]
    for message in every:
        for one in (message.id,) if isinstance(message.id, str) else message.id:
            found.setdefault(one, set()).update(file for file, _line in message.locations)
    return found


@pytest.mark.parametrize(
    ("message", "file"),
    [
        ("Forgot Your Password?", "templates/accounts/sign_in.html"),
        ("[Microblog] Reset Your Password", "templates/accounts/emails/password_reset.subject.txt"),
        ("Dear %(username)s,", "templates/accounts/emails/password_reset.txt"),
        ("click here", "templates/accounts/emails/password_reset.html"),
        (
            "The link expires in %(num)d days.",
            "templates/accounts/emails/verification.preheader.txt",
        ),
        ("Request Password Reset", "accounts/pages/forms.py"),
        ("The passwords don't match.", "accounts/pages/forms.py"),
        ("Enter a valid email address.", "web/forms.py"),
        ("Your password has been reset.", "accounts/pages/password_reset.py"),
        ("Your email is confirmed.", "accounts/pages/verification.py"),
        ("Too many requests", "web/errors.py"),
        ("What have you been up to?", "blog/forms.py"),
        ("Emails that the site sends appear here.", "dev/pages/inbox/list.html"),
    ],
)
def test_translators_are_given_the_messages_of_every_kind_of_file(message: str, file: str) -> None:
    assert file in messages()[message]


def test_no_message_is_put_together_before_it_is_looked_up() -> None:
    """Extraction does not find an f-string or a sum inside _()."""
    wrong = [
        f"{path.name}:{call.lineno}"
        for path in modules()
        for call in calls(path)
        if name_of(call) in {"_", "_l", "gettext", "lazy_gettext"}
        if not (call.args and isinstance(call.args[0], ast.Constant))
    ]
    assert wrong == []


def modules() -> list[Path]:
    return [
        path
        for folder in ("accounts", "admin", "blog", "web")
        for path in (SOURCE / folder).rglob("*.py")
    ]


def calls(path: Path) -> Iterator[ast.Call]:
    tree = ast.parse(path.read_text())
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    return str(getattr(call.func, "id", None) or getattr(call.func, "attr", ""))


def test_no_message_of_the_code_is_shown_without_gettext() -> None:
    wrong = [
        f"{path.name}:{call.lineno}: {argument.value}"
        for path in modules()
        for call in calls(path)
        for argument in shown_arguments(call)
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    assert wrong == []


def shown_arguments(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call that people come to read."""
    name = name_of(call)
    shown = [one.value for one in call.keywords if one.arg in {"message", "label", "description"}]
    if name in {"flash", "ValidationError", "DataRequired", "InputRequired"} or (
        name.endswith("Field") and name != "Field"
    ):
        shown += call.args[:1]
    if name == "EqualTo":
        shown += call.args[1:2]
    return shown


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language in which every translated text stands in angle quotes."""

    def one(_self: object, message: str) -> str:
        return f"«{message}»"

    def one_or_many(_self: object, singular: str, plural: str, number: int) -> str:
        return f"«{singular if number == 1 else plural}»"

    for kind in (support.NullTranslations, support.Translations):
        monkeypatch.setattr(kind, "ugettext", one)
        monkeypatch.setattr(kind, "ungettext", one_or_many)
    # It keeps the translations of the language as it is.
    monkeypatch.setattr(languages, "translation", languages.translation.__wrapped__)
    monkeypatch.setattr(templating, "_kept", templating._draw)


def untranslated(page: TestResponse) -> set[str]:
    """The words on a page that do not come from a translation."""
    source = page.get_data(as_text=True)
    # Dates are written by the language's own rules, a picture shows a letter of a name, and a
    # key is random.
    unsaid = r'(?s)<time.*?</time>|<span class="avatar.*?</span>|<code class="secret">.*?</code>'
    drawn = re.sub(unsaid, "", source)
    text = "\n".join(texts_in(drawn))
    assert "«" in text
    return bare_words(re.sub(r"«[^»]*»", " ", text)) - {
        "susan",
        "UTC",
        *LANGUAGE_NAMES.values(),
    }


def type_code(visitor: Visitor, code: str = "ZZZZ ZZZZ") -> TestResponse:
    token = visitor.csrf_token("/login")
    return visitor.submit("/reset_password_code", {"code": code}, token=token)


def use_ended_link(app: Flask, visitor: Visitor) -> TestResponse:
    """Send the form for a new password with a link whose account got another one meanwhile."""
    link = reset_link_for(app, "susan@example.com")
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(password_hash="another"))
    fields: dict[str, object] = {"password": "0918273645", "password2": "0918273645"}
    return visitor.submit(link, fields, token=visitor.csrf_token("/login"))


@ON_SQLITE
@pytest.mark.usefixtures("marked")
def test_every_word_on_every_page_comes_from_a_translation(app: Flask) -> None:
    make_user(app, "susan")
    stranger, susan = Visitor(app), Visitor(app)
    susan.log_in("susan")
    pages = [stranger.get(path) for path in ("/", "/login", "/register", "/nothing", "/logout")]
    pages += [
        stranger.submit("/login", {"username": "x" * 300, "password": "x" * 2000}),
        stranger.submit("/login", {"username": "nobody", "password": "wrong"}),
        stranger.submit("/register", {}),
        stranger.submit("/register", {"username": "?", "email": "?", "password": "x"}),
        stranger.submit("/register", {"username": "\u202e" * 70, "email": "x" * 300}),
        stranger.get("/reset_password_request"),
        stranger.submit("/reset_password_request", {"email": "x"}),
        stranger.submit("/reset_password_request", {"email": "susan@example.com"}),
        stranger.get("/login"),
        type_code(stranger, "?"),
        *(type_code(stranger) for _ in range(6)),
        type_code(Visitor(app)),
        stranger.get("/reset_password/forged"),
        use_ended_link(app, stranger),
        stranger.submit("/reset_password_again", token=stranger.csrf_token("/login")),
        stranger.get(reset_link_for(app, "susan@example.com")),
        stranger.submit("/reset_password/choose", {"password": "1", "password2": "2"}),
        stranger.submit("/login", {}, token="forged"),
        susan.submit("/", {"post": ""}),
        susan.submit("/", {"post": "x" * 501}),
        susan.submit("/", {"post": "1234"}),
        susan.submit("/logout", token=susan.csrf_token("/")),
    ]
    found = {page.request.path: untranslated(page) for page in pages}
    assert {path: left for path, left in found.items() if left} == {}


@ON_SQLITE
@pytest.mark.usefixtures("marked")
def test_every_word_for_a_newcomer_comes_from_a_translation(
    app: Flask, smtp: ScriptedServer
) -> None:
    make_user(app, "bob")
    susan, stranger = Visitor(app), Visitor(app)
    pages = [susan.register("susan"), susan.get("/people")]
    pages += [susan.submit("/verify_email", token=susan.csrf_token("/")) for _ in range(3)]
    pages += [
        susan.submit("/", {"post": "1234"}),
        susan.submit("/follow/bob", token=susan.csrf_token("/")),
    ]
    deliver_from(app)
    link = path_of(mailed_link(smtp))
    pages += [
        stranger.get("/verify_email/forged"),
        susan.get("/verify_email/forged"),
        stranger.get(link),
        stranger.get("/verify_email/choose?remove"),
        susan.get(link),
        susan.submit("/verify_email/choose", {"confirm": "y"}),
        susan.get("/people"),
        stranger.get(link),
        susan.submit("/unfollow/bob", token=susan.csrf_token("/")),
        susan.get("/people"),
    ]
    names = {"susan", "bob", "example", "com"}
    found = {page.request.path: untranslated(page) - names for page in pages}
    assert {path: left for path, left in found.items() if left} == {}


@ON_SQLITE
@pytest.mark.usefixtures("marked")
def test_every_word_on_the_pages_of_ones_account_comes_from_a_translation(
    app: Flask, smtp: ScriptedServer
) -> None:
    number = make_user(app, "susan")
    with app.app_context(), transaction() as writing:
        writing.get_one(User, number).email_verified_at = utc_now()
    susan, stranger = Visitor(app), Visitor(app)
    susan.log_in("susan")
    wrong: dict[str, object] = {
        "current_password": "wrong",
        "password": "1",
        "password2": "2",
        "email": "?",
    }
    asked: dict[str, object] = {"current_password": PASSWORD, "email": "s@example.com"}
    paths = [f"/settings/{page}" for page in ("email", "password", "export", "delete")]
    pages = [susan.get(path) for path in (*paths, "/settings/blocked", "/settings/muted")]
    pages += [susan.submit(path, fields) for path in paths for fields in ({}, wrong)]
    pages += [susan.submit("/settings/email", asked) for _ in range(11)]
    deliver_from(app)
    links = [path_of(one) for mail in smtp.received for one in re.findall(r"http\S+", mail.text())]
    pages += [stranger.get(link) for link in links]
    pages += [stranger.get(f"/{name}/bad") for name in ("confirm_email_change", "keep_account")]
    pages += [susan.submit("/settings/email/cancel", token=susan.csrf_token("/settings/email"))]
    pages += [susan.submit("/settings/delete", {"current_password": PASSWORD})]
    pages += [susan.log_in("susan"), susan.submit("/keep_account/choose")]
    address = {"susan", "example", "com"}
    found = {page.request.path: untranslated(page) - address for page in pages}
    assert {path: left for path, left in found.items() if left} == {}


@ON_SQLITE
@pytest.mark.usefixtures("marked")
def test_every_word_on_the_security_pages_comes_from_a_translation(app: Flask) -> None:
    number = make_user(app, "susan")
    there, here, stranger = Visitor(app), Visitor(app), Visitor(app)
    there.log_in("susan", remember=True)
    here.log_in("susan")
    with app.app_context(), transaction() as writing:
        user = writing.get_one(User, number)
        user.email_verified_at = user.registered_at
        link = path_of(not_me_link(user, user.email, now=utc_now()))
        for event_type in SecurityEventType:
            record(writing, number, event_type, scope_at(utc_now(), RequestOrigin()))
        suppress(writing, [(user.email, "recipient: 550 5.1.1 1234")], now=utc_now().timestamp())
    token = here.csrf_token("/settings/sessions")
    pages = [
        here.get("/settings/sessions"),
        here.submit("/settings/sessions/1/end", token=token),
        here.submit("/settings/sessions/1/end", token=token),
        here.submit("/settings/sessions/end_others", token=token),
        here.get("/settings/security?show=mail"),
        here.submit("/settings/mail/try_again", token=token),
        here.submit("/settings/mail/try_again", token=token),
        stranger.get("/not_me/forged"),
        stranger.get(link),
        stranger.submit("/not_me/choose"),
        stranger.submit(link, token=stranger.csrf_token("/login")),
    ]
    for page in pages:
        assert untranslated(page) - {"susan", "example", "com"} == set()


@ON_SQLITE
@pytest.mark.usefixtures("marked")
def test_every_word_about_second_factors_comes_from_a_translation(
    app: Flask, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    susan, stranger = Visitor(app), Visitor(app)
    susan.log_in("susan")
    pages = [susan.get("/settings/two_step"), susan.get("/settings/two_step/app")]
    prove(susan)
    pages += [susan.submit("/settings/two_step/app", {"code": code}) for code in ("?", "000000")]
    phone = set_up_app(susan)
    pages += [
        susan.get("/settings/two_step"),
        susan.get("/settings/two_step/passkeys"),
        susan.submit("/settings/two_step/passkeys", {"name": ""}),
        stranger.log_in("susan"),
        stranger.submit("/login/second_step", {"code": "?"}),
        *(stranger.submit("/login/second_step", {"code": "000000"}) for _ in range(11)),
        stranger.get("/login/second_step/lost"),
        stranger.submit("/login/second_step/lost"),
    ]
    deliver_from(app)
    link = path_of(re.findall(r"http\S+/remove_second_factor/\S+", smtp.received[-1].text())[0])
    pages += [stranger.get(link), stranger.submit("/remove_second_factor/choose"), susan.get("/")]
    deliver_from(app)
    link = path_of(re.findall(r"http\S+/keep_second_factor/\S+", smtp.received[-1].text())[0])
    pages += [
        stranger.get("/keep_second_factor/forged"),
        stranger.get(link),
        stranger.submit("/keep_second_factor/choose"),
        stranger.log_in("susan"),
        stranger.submit("/login/second_step", {"code": phone.recovery_codes[0]}),
        susan.get("/settings/sessions"),
        susan.get("/settings/security"),
    ]
    names = {"example", "com", "Aegis", "Password", "Google", "Authenticator"}
    found = {page.request.path: untranslated(page) - names for page in pages}
    assert {path: left for path, left in found.items() if left} == {}


@ON_SQLITE
@pytest.mark.usefixtures("marked")
def test_every_word_in_a_mail_comes_from_a_translation(app: Flask, smtp: ScriptedServer) -> None:
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.submit("/reset_password_request", {"email": "susan@example.com"})
    visitor.get(reset_link_for(app, "susan@example.com"))
    fields: dict[str, object] = dict.fromkeys(("password", "password2"), "0918273645")
    deliver_from(app)
    visitor.submit("/reset_password/choose", fields)
    deliver_from(app)
    assert len(smtp.received) == 2
    for received in smtp.received:
        html = " ".join(texts_in(received.text("html")))
        for text in (str(received.message["Subject"]), received.text(), html):
            assert "«" in text
            bare = re.sub(rf"http\S+|{MOMENT}|{CODE}", " ", text)
            while "«" in bare:  # One text may be a place in another.
                bare = re.sub(r"«[^«»]*»", " ", bare)
            assert bare_words(bare) - {"susan", "localhost"} == set()


MOMENT = r"([A-Z][a-z]{2} \d{1,2}, \d{4}, )?\d{1,2}:\d{2} [AP]M UTC"
"""What Babel writes, from translations of its own."""

CODE = rf"\b[{ALPHABET}]{{4}} [{ALPHABET}]{{4}}\b"

TEXTS = {
    "username": "<susan> & co",
    "link": "https://blog.example.com/x?a=b&c=d",
    "method": "GET",
    "route": "/user/<name>",
    "error": "ValueError",
    "when": "2026-03-01T12:00:00+00:00",
    "reference": "0123456789abcdef",
    "trace": "File <string>, in <module> & so on",
    "browser": "Firefox <on> Linux & co",
    "code": "ABCD <efgh>",
    "not_me": "https://blog.example.com/not_me?a=b&c=d",
    "until": "<March> 1, 2026 & so on",
    "request_link": "https://blog.example.com/request?a=b&c=d",
    "name": "<blue> key & co",
    "host": "<web> & co",
    "folder": "/srv/<site> & co",
    "free": "1.5",
    "total": "20.5",
    "answer": "451 <later> & so on",
    "body": "<Terracotta> pots & so on",
    "all_link": "https://blog.example.com/notifications?a=b&c=d",
    "messages_link": "https://blog.example.com/messages?a=b&c=d",
    "choose_link": "https://blog.example.com/settings?a=b&c=d",
    "unsubscribe_link": "https://blog.example.com/unsubscribe?a=b&c=d",
}
NUMBERS = {"count": 3, "days": 3, "days_kept": 30, "left": 3, "earlier": 5}
CHOICES: dict[str, Any] = {
    "reason": "reported",
    "change": "passkey_copied",
    "is_few": False,
    "by_nobody": False,
    "only": None,
    "more_writers": True,
    "posts": (),
    "writers": (),
}
"""Variables that templates decide by and do not show."""

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_IN_WORDS = "Mar 1, 2026, 12:00 PM UTC"


@ON_SQLITE
@pytest.mark.parametrize("name", EMAILS)
def test_every_mail_is_rendered_from_four_templates(
    app: Flask, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For this test alone: other tests may share the site.
    monkeypatch.setattr(app.jinja_env, "undefined", StrictUndefined)
    context: dict[str, Any] = {**TEXTS, **NUMBERS, **CHOICES, **moments_of(name)}
    with app.app_context():
        email = email_from_templates(name, context)
    assert email.html is not None
    assert "\n" not in email.subject
    assert not re.search(r"\{\{|\{%|%\(", email.subject + email.text + email.html)
    assert "<string>" not in email.html
    subject, text, html = (" ".join(one.split()) for one in (email.subject, email.text, email.html))
    for part, extension in ((subject, "subject.txt"), (text, "txt")):
        for used in texts_used(f"{name}.{extension}"):
            assert used in part
    for extension in ("html", "preheader.txt"):
        for used in texts_used(f"{name}.{extension}"):
            assert str(escape(used)) in html


def moments_of(template: str) -> dict[str, datetime]:
    """The variables that a template writes as times, and a time for each."""
    sources = (SOURCE / "templates").glob(f"{template}.*")
    written = [re.findall(r"(\w+) \| local_time", source.read_text()) for source in sources]
    return dict.fromkeys(chain(*written), NOON)


def texts_used(template: str) -> list[str]:
    """What a template shows: the texts of its variables, and its times in words."""
    source = (SOURCE / "templates" / template).read_text()
    moments = moments_of(template.partition(".")[0])
    environment = Environment()
    environment.filters.update(quote=quote, wrap=wrap, local_time=languages.local_time)
    used = meta.find_undeclared_variables(environment.parse(source))
    assert used <= {*TEXTS, *NUMBERS, *CHOICES, *moments, "_", "ngettext"}, (
        f"{template}: add its variables to TEXTS"
    )
    known = TEXTS | dict.fromkeys(moments, NOON_IN_WORDS)
    return [text for variable, text in known.items() if variable in used]


def test_no_template_of_a_mail_lacks_its_siblings() -> None:
    mails = [
        path
        for path in TEMPLATES
        if path.parent.name == "emails" and path.parent.parent.name != "templates"
    ]
    names = {
        re.sub(r"(\.subject|\.preheader)?\.(txt|html)$", "", str(path.relative_to(SOURCE)))
        for path in mails
    }
    assert names == {f"templates/{name}" for name in EMAILS}
    assert len(mails) == 4 * len(names)
