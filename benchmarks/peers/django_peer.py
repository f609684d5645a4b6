"""django-post-office or django-mailer over SQLite. Prints messages a second, queued to accepted."""

import logging
import sys
import tempfile
import time

import django
from django.conf import settings

port, count, peer = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
folder = tempfile.mkdtemp(prefix="microblog-peer-")
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/peer.db"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", peer],
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=port,
    DEFAULT_FROM_EMAIL="me@example.com",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    EMAIL_BACKEND=f"{peer}.EmailBackend" if peer == "post_office" else "mailer.backend.DbBackend",
    MAILER_EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
    MAILER_LOCK_PATH=f"{folder}/lock",
    POST_OFFICE={
        "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
        "BATCH_SIZE": 5000,
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    SECRET_KEY="benchmark",
    USE_TZ=True,
)
logging.disable(logging.CRITICAL)
django.setup()

from django.core.management import call_command

call_command("migrate", verbosity=0)
TEXT, HTML = "A line of text.\n" * 20, "<p>A line of text.</p>\n" * 20


def queue_post_office():
    from post_office import mail

    kwargs = [
        {
            "recipients": [f"user{number}@example.com"],
            "sender": "me@example.com",
            "subject": f"Hello {number}",
            "message": TEXT,
            "html_message": HTML,
        }
        for number in range(count)
    ]
    mail.send_many(kwargs)


def queue_mailer():
    from mailer import send_html_mail

    for number in range(count):
        recipients = [f"user{number}@example.com"]
        send_html_mail(f"Hello {number}", TEXT, HTML, "me@example.com", recipients)


def deliver():
    if peer == "post_office":
        from post_office.mail import send_queued

        send_queued(processes=1, log_level=1)
    else:
        from mailer.engine import send_all

        send_all()


(queue_post_office if peer == "post_office" else queue_mailer)()
started = time.perf_counter()
deliver()
print(count / (time.perf_counter() - started))
