"""The operator's pages as a blueprint, and the outbox's figures for Prometheus.

    from flask_outbox import dashboard

    def may_see_mail() -> bool:
        return current_user.is_authenticated and current_user.is_admin

    app.register_blueprint(dashboard.blueprint(authorize=may_see_mail), url_prefix="/admin/mail")

They show whether mail leaves, find messages, tell what became of each, try it again or cancel it,
and list the addresses that nothing is sent to. The text of a message is never shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from flask_outbox.dashboard.labels import status_label
from flask_outbox.dashboard.views import blueprint
from flask_outbox.extras import needs_extra

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

__all__ = ["blueprint", "collector", "status_label"]


def collector(app: Flask, *, prefix: str = "outbox") -> Collector:
    """The figures of this application's outbox for Prometheus:

        registry = CollectorRegistry(auto_describe=False)
        registry.register(dashboard.collector(app))

    They are read when they are asked for, but for those by domain, which are read every five
    minutes:

    - `outbox_waiting{lane,status}`: messages that wait, never tried (queued) or tried (deferred);
    - `outbox_oldest_seconds{lane}`: the age of the oldest that waits;
    - `outbox_ended_total{kind,status}`: a counter of how messages ended;
    - `outbox_delivery_seconds{lane}`: a histogram from enqueuing to the server's acceptance;
    - `outbox_domain_messages{domain,status}`: of the last 7 days, for the 20 domains with most mail
      and `other` ones, how many were accepted, and of these delivered, bounced and complained.

    `prefix` replaces the `outbox` of these names. Whoever reads the figures closely learns who gets
    mail: keep strangers out. Needs the extra `prometheus`, and raises ImportError without it.
    """
    try:
        from flask_outbox.dashboard.metrics import OutboxCollector  # noqa: PLC0415 - an extra
    except ImportError as error:
        words = needs_extra("prometheus-client", "prometheus")
        raise ImportError(f"flask_outbox.dashboard.collector {words}") from error
    return OutboxCollector(app, prefix)
