"""Figures for a monitoring system (Prometheus), read from the outbox when they are asked for.

They tell how much mail waits, is sent and is discarded, and so, asked often enough, who has an
account: only those who know METRICS_TOKEN may read them.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from microblog.database import db
from microblog.mail import Lane, operations
from microblog.mail.models import Status
from microblog.web.ratelimits import limiter

blueprint = Blueprint("metrics", __name__)
limiter.exempt(blueprint)


@blueprint.get("/metrics")
def metrics() -> Response:
    if not _may_read():
        abort(404)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_OutboxCollector())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read() -> bool:
    token = current_app.config["METRICS_TOKEN"]
    if not token:
        return bool(current_app.config["MAIL_INBOX"])
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(), token.encode())


class _OutboxCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        found = operations.statistics(db.session, now=time.time())
        messages = GaugeMetricFamily(
            "microblog_mail_messages", "Messages in the outbox by status.", labels=["status"]
        )
        for status in Status:
            messages.add_metric([status], found.by_status.get(status, 0))
        yield messages
        waiting = GaugeMetricFamily(
            "microblog_mail_waiting", "Messages that wait, by lane.", labels=["lane"]
        )
        oldest = GaugeMetricFamily(
            "microblog_mail_oldest_seconds", "Age of the oldest that waits.", labels=["lane"]
        )
        for lane in Lane:
            count, age = found.waiting.get(lane, (0, 0.0))
            waiting.add_metric([lane.name.lower()], count)
            oldest.add_metric([lane.name.lower()], age)
        yield waiting
        yield oldest
        seconds = GaugeMetricFamily(
            "microblog_mail_delivery_seconds",
            "From posting to the server's acceptance, in the last hour.",
            labels=["quantile"],
        )
        for quantile, value in operations.delivery_seconds(db.session, now=time.time()).items():
            seconds.add_metric([str(quantile)], value)
        yield seconds
