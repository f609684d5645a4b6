"""What `celery -A` loads in the tests: an application and its Celery, told by the environment."""

from __future__ import annotations

import json
import os
from pathlib import Path

from celery import Celery

import flask_outbox.celery
from flask_outbox import DeliveryOptions, current_outbox, parse_rate_limits
from flask_outbox.celery import register
from tests.application import make_app
from tests.celery.urgent import register_urgent

_given = json.loads(os.environ["TEST_WORKER"])

flask_outbox.celery.LOOK_SECONDS = _given["look_seconds"]
site = make_app(_given["database"], **_given["config"])
with site.app_context():
    current_outbox().delivery = DeliveryOptions(
        rate_limits=parse_rate_limits(_given["config"].get("MAIL_RATE_LIMIT"))
    )
register_urgent(site)
app = Celery("tests", broker=_given["broker"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_default_queue=f"{_given['prefix']}.own",
    broker_transport_options=_given["transport"],
)
register(site, app, prefix=f"{_given['prefix']}.")


def note(path: str) -> None:
    """A task of the application's own."""
    Path(path).write_text("done")


app.task(note)
