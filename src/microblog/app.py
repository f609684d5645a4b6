"""The one place that knows every part of the site and joins them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, request
from flask_bootstrap import Bootstrap5

from microblog.accounts import emails as account_emails
from microblog.accounts import models as account_models
from microblog.accounts import views as account_views
from microblog.blog import models as blog_models
from microblog.blog import views as blog_views
from microblog.database import alembic, current_transaction, db
from microblog.mail import Mail, Outbox, init_outbox
from microblog.mail.bell import SocketBell
from microblog.mail.catcher import CaughtMail
from microblog.mail.guard import Guard
from microblog.mail.inbox import inbox_blueprint
from microblog.mail.kinds import MINUTE
from microblog.settings import Settings, load_settings
from microblog.web import errors, failures, health, languages, ratelimits, security

MODELS = (account_models, blog_models, failures)

mail = Mail()


class Microblog(Flask):
    """Flask, but for what its log would give away."""

    def log_exception(self, exc_info: Any) -> None:
        """Name the route, not the path: a path may hold the token of a mailed link."""
        rule = request.url_rule.rule if request.url_rule else "an unknown address"
        self.logger.error("Exception on %s [%s]", rule, request.method, exc_info=exc_info)


def create_app(settings: Settings | None = None, *, demo: bool = False) -> Flask:
    """Build the site. Without `settings`, they are read from the environment.

    `demo` adds the mail catcher's inbox, as DEBUG does.

    Raises SettingsError where settings are wrong.
    """
    settings = settings or load_settings()
    app = Microblog(__name__, instance_path=str(settings.INSTANCE_PATH.resolve()))
    app.config.from_mapping(settings.as_flask_config())
    app.config["MAIL_INBOX"] = demo or settings.DEBUG
    _join_database(app, settings)
    _join_pages(app)
    _join_mail(app, settings)
    app.register_blueprint(health.blueprint)
    account_views.init_app(app)
    blog_views.init_app(app)
    if app.config["MAIL_INBOX"]:
        app.register_blueprint(inbox_blueprint(caught_mail(settings)))
    return app


def caught_mail(settings: Settings) -> CaughtMail:
    """The folder where the mail catcher of this site keeps what it caught."""
    return CaughtMail(settings.INSTANCE_PATH.resolve() / "caught-mail")


def bell_path(settings: Settings) -> Path:
    """Where the dispatcher of this machine listens for the doorbell."""
    return settings.INSTANCE_PATH.resolve() / "dispatcher.bell"


def _join_database(app: Flask, settings: Settings) -> None:
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": settings.DATABASE_URL}}
    app.config["ALEMBIC"] = {"script_location": str(Path(__file__).parent / "migrations")}
    app.config["ALEMBIC_CONTEXT"] = {"render_as_batch": True}
    Path(app.instance_path).mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    alembic.init_app(app)


def _join_pages(app: Flask) -> None:
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        RATELIMIT_HEADERS_ENABLED=False,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    Bootstrap5(app)
    languages.init_app(app)
    security.init_app(app)
    ratelimits.init_app(app)
    errors.init_app(app)
    failures.init_app(app)
    app.jinja_env.globals.update(
        language=languages.current_language, has_inbox=app.config["MAIL_INBOX"]
    )


def _join_mail(app: Flask, settings: Settings) -> None:
    state = mail.init_app(app)
    state.default_sender = settings.sender
    with app.app_context():
        sessions = db.sessionmaker

    made = Outbox(
        sessions,
        sender=settings.sender,
        bell=SocketBell(bell_path(settings)),
        current=current_transaction,
        guard=Guard(settings.MAIL_GUARD_MESSAGES, settings.MAIL_GUARD_MINUTES * MINUTE),
        maximum_bytes=settings.MAIL_MAX_BYTES,
    )
    account_emails.register_kinds(made, admin=(*settings.ADMINS, settings.sender)[0])
    failures.register_kinds(made)
    init_outbox(app, made)
