"""The only place that knows all parts of the site and connects them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from gettext import gettext as _
from pathlib import Path
from typing import Any

from flask import Flask, request
from flask_compress import Compress

from flask_outbox import (
    Address,
    FlaskOutbox,
    Mail,
    Outbox,
    choose_wakeup,
    current_outbox,
    parse_address,
    public_pages,
)
from flask_outbox import signer as configured_signer
from flask_outbox.database_errors import is_outage
from microblog import accounts
from microblog.accounts import models as account_models
from microblog.accounts.actions.personal_data import add_personal_data
from microblog.admin import pages as admin_pages
from microblog.blog import models as blog_models
from microblog.blog import views as blog_views
from microblog.blog.deletion import register_periodic_tasks as register_blog_tasks
from microblog.blog.personal_data import PERSONAL_DATA as BLOG_DATA
from microblog.database import current_transaction, db
from microblog.messages import models as message_models
from microblog.messages import views as message_views
from microblog.messages.personal_data import PERSONAL_DATA as MESSAGE_DATA
from microblog.moderation import emails as moderation_emails
from microblog.moderation import models as moderation_models
from microblog.moderation import pages as moderation_pages
from microblog.moderation.personal_data import PERSONAL_DATA as MODERATION_DATA
from microblog.notifications import bundles, email_views, notifications
from microblog.notifications import emails as notification_emails
from microblog.notifications import models as notification_models
from microblog.notifications import views as notification_views
from microblog.notifications.personal_data import PERSONAL_DATA as NOTIFICATION_DATA
from microblog.people import models as people_models
from microblog.people import views as people_views
from microblog.people.personal_data import PERSONAL_DATA as PEOPLE_DATA
from microblog.search import models as search_models
from microblog.search import views as search_views
from microblog.settings import Settings, SettingsError, load_settings
from microblog.web import (
    error_reports,
    errors,
    form_parsing,
    forms,
    health,
    languages,
    links,
    metrics,
    plain_text,
    ratelimits,
    request_ids,
    secret_links,
    security,
    settings_pages,
    templating,
    times,
    trouble_reports,
    unsubscribing,
)
from microblog.web.supported_languages import LANGUAGES

SITE_NAME = "Microblog"

BROKER_SECONDS = 2.0
"""How long Redis may take to answer. Without a limit a thread could wait for ever."""

MODELS = (
    account_models,
    people_models,
    blog_models,
    message_models,
    notification_models,
    moderation_models,
    search_models,
    error_reports,
)

mail = Mail()


class Microblog(Flask):
    """Flask with a log that holds no secret paths, and with limits on forms."""

    request_class = form_parsing.BoundedRequest
    jinja_environment = templating.Environment

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return it as it is: nothing here is asynchronous, and to ask of each function is slow."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Log the route and not the path, which may hold the token of a mailed link.

        An outage of the database is logged once by `database`, and not for each request.
        """
        if is_outage(exc_info[1]):
            return
        rule = request.url_rule.rule if request.url_rule else "an unknown address"
        self.logger.error("Exception on %s [%s]", rule, request.method, exc_info=exc_info)


def create_app(settings: Settings | None = None, *, demo: bool = False) -> Flask:
    """Build the site. Without `settings`, they are read from the environment.

    `demo` adds the mail catcher's inbox, as DEBUG does. Raises SettingsError if settings are wrong.
    """
    settings = settings or load_settings()
    app = Microblog(__name__, instance_path=str(settings.INSTANCE_PATH.resolve()))
    app.config.from_mapping(settings.as_flask_config())
    app.config["MAIL_INBOX"] = demo or settings.DEBUG
    _init_database(app, settings)
    _init_pages(app)
    made = _init_mail(app, settings)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    unsubscribing.init_app(app)
    app.register_blueprint(public_pages.webhooks_blueprint(), url_prefix="/mail-events")
    accounts.init_app(app)
    add_personal_data(app, PEOPLE_DATA)
    add_personal_data(app, BLOG_DATA)
    add_personal_data(app, MESSAGE_DATA)
    add_personal_data(app, MODERATION_DATA)
    add_personal_data(app, NOTIFICATION_DATA)
    blog_views.init_app(app)
    people_views.init_app(app)
    search_views.init_app(app)
    message_views.init_app(app)
    email_views.init_app(app)
    notification_views.init_app(app)
    admin_pages.init_app(app)
    moderation_pages.init_app(app)
    if app.config["MAIL_INBOX"]:
        _init_development_pages(app, settings, made)
    return app


def signer(settings: Settings) -> Callable[[bytes], bytes]:
    """The function that signs every message of this site, or returns it unsigned without a key.

    Raises SettingsError if the key cannot be used.
    """
    try:
        return configured_signer({**settings.as_flask_config(), "ADMINS": [settings.sender]})
    except ValueError as error:
        raise SettingsError([str(error)]) from None


def wakeup_path(settings: Settings) -> Path:
    """The socket at which the dispatcher of this machine is woken, unless PostgreSQL wakes it."""
    return settings.INSTANCE_PATH.resolve() / "dispatcher.bell"


def _init_database(app: Flask, settings: Settings) -> None:
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": settings.DATABASE_URL}}
    try:
        Path(app.instance_path).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        words = _("INSTANCE_PATH names {folder!r}, which cannot be made: {reason}.")
        problem = words.format(folder=app.instance_path, reason=error.strerror)
        raise SettingsError([problem]) from None
    db.init_app(app)


def _init_pages(app: Flask) -> None:
    app.config.update(
        # No pages: their compressed size could reveal secrets in them (BREACH).
        COMPRESS_MIMETYPES=["text/css", "text/javascript", "image/svg+xml"],
        # An eighth smaller than by default, in under a millisecond.
        COMPRESS_ZSTD_LEVEL=9,
        RATELIMIT_HEADERS_ENABLED=False,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    Compress(app)
    request_ids.init_app(app)
    languages.init_app(app)
    form_parsing.init_app(app)
    forms.init_app(app)
    security.init_app(app)
    ratelimits.init_app(app)
    errors.init_app(app)
    error_reports.init_app(app)
    secret_links.init_app(app)
    settings_pages.init_app(app)
    links.init_app(app)
    templating.init_app(app)
    app.jinja_env.globals["has_inbox"] = app.config["MAIL_INBOX"]
    times.init_app(app)
    plain_text.init_app(app)


def _init_development_pages(app: Flask, settings: Settings, outbox: Outbox) -> None:
    # They import a mail server, which a site that serves people does not need.
    from flask_outbox.dev import (  # noqa: PLC0415
        CaughtMail,
        inbox_blueprint,
        previews_blueprint,
    )

    caught = CaughtMail(settings.caught_mail_folder)
    app.register_blueprint(inbox_blueprint(caught))
    app.register_blueprint(previews_blueprint(outbox, LANGUAGES))


def _init_mail(app: Flask, settings: Settings) -> Outbox:
    app.config["MAIL_DEFAULT_SENDER"] = settings.sender
    app.config["MAIL_UNSUBSCRIBE_URL"] = unsubscribing.unsubscribe_url(settings)
    mail.init_app(app)
    with app.app_context():
        sessions = db.sessionmaker
        try:
            FlaskOutbox(
                app,
                sessions=sessions,
                current=current_transaction,
                wakeup=partial(choose_wakeup, path=wakeup_path(settings)),
                resolve_locale=languages.supported_locale,
            )
        except ValueError as error:
            raise SettingsError([str(error)]) from None
        made = current_outbox()
    author = _author(settings)
    accounts.register(made, sender=author)
    register_blog_tasks(made)
    moderation_emails.register(made, sender=author)
    notifications.register_periodic_tasks(made)
    notification_emails.register(made, sender=author)
    bundles.register_periodic_tasks(made)
    error_reports.register_email_types(made, sender=author)
    trouble_reports.register(made, sender=author)
    if settings.CELERY_BROKER_URL:
        _init_celery(app, settings)
    return made


def _author(settings: Settings) -> Address:
    """The author of the site's mail, with the site's name if the settings give none."""
    author = parse_address(settings.sender)
    return author if author.name else replace(author, name=SITE_NAME)


def _init_celery(app: Flask, settings: Settings) -> None:
    # Celery is an extra, which a site on one machine does not need.
    from flask_outbox.celery import make_celery  # noqa: PLC0415

    celery = make_celery(app, prefix=f"{settings.CELERY_QUEUE_PREFIX}.")
    # The site has a log of its own.
    celery.conf.worker_hijack_root_logger = False
    celery.conf.worker_redirect_stdouts = False
    if str(settings.CELERY_BROKER_URL).startswith("redis"):
        celery.conf.broker_transport_options = {
            "global_keyprefix": f"{settings.CELERY_QUEUE_PREFIX}:",
            "socket_connect_timeout": BROKER_SECONDS,
            "socket_timeout": BROKER_SECONDS,
        }
    app.extensions["celery"] = celery
