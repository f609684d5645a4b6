"""Metrics for Prometheus, read from the outbox when they are requested.

They count mail that waits, is sent or is discarded. Watched closely, that reveals who has an
account: only holders of METRICS_TOKEN may read them.
"""

from __future__ import annotations

import hmac
import time
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from flask_outbox import Priority, current_outbox
from flask_outbox.operations import backlog, counts
from flask_outbox.outbox.models import UNSENT, WAITING, Status
from microblog.database import db
from microblog.web.ratelimits import limiter
from microblog.web.readiness import DEGRADED, degraded_parts, reason_unavailable

blueprint = Blueprint("metrics", __name__)
limiter.exempt(blueprint)


@blueprint.get("/metrics")
def metrics() -> Response:
    if not _may_read():
        abort(404)
    registry = CollectorRegistry(auto_describe=False)
    unavailable = reason_unavailable()
    registry.register(_ReadinessCollector(unavailable))
    if unavailable is None:
        registry.register(_OutboxCollector())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read() -> bool:
    token = current_app.config["METRICS_TOKEN"]
    if not token:
        return bool(current_app.config["MAIL_INBOX"])
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(), token.encode())


class _ReadinessCollector(Collector):
    """What /readyz reports; `unavailable` is the reason why pages cannot be served, if any."""

    def __init__(self, unavailable: str | None) -> None:
        self._unavailable = unavailable

    def collect(self) -> Iterator[Metric]:
        ready = GaugeMetricFamily("microblog_ready", "Whether pages can be served right.")
        ready.add_metric([], int(self._unavailable is None))
        yield ready
        if self._unavailable:
            return
        family = GaugeMetricFamily(
            "microblog_degraded",
            "Whether this part does not work, though pages do.",
            labels=["part"],
        )
        degraded = degraded_parts()
        for part in DEGRADED:
            family.add_metric([part], int(part in degraded))
        yield family


class _OutboxCollector(Collector):
    """The outbox's counts, from two statements however much it holds."""

    def collect(self) -> Iterator[Metric]:
        yield from _waiting(backlog.waiting(db.session, now=time.time()))
        totals = counts.totals(db.session)
        yield _ended(totals)
        yield _seconds(totals)


def _waiting(found: list[backlog.Waiting]) -> Iterator[Metric]:
    messages = GaugeMetricFamily(
        "microblog_mail_waiting",
        "Messages that wait: queued ones were not tried yet, deferred ones were.",
        labels=["lane", "status"],
    )
    oldest = GaugeMetricFamily(
        "microblog_mail_oldest_seconds", "Age of the oldest message that waits.", labels=["lane"]
    )
    counted = {(one.lane, one.status): one for one in found}
    for lane in Priority:
        ages = [one.seconds for one in found if one.lane == lane]
        oldest.add_metric([lane.name.lower()], max(ages, default=0.0))
        for status in WAITING:
            one = counted.get((lane, status))
            messages.add_metric([lane.name.lower(), status], one.messages if one else 0)
    yield messages
    yield oldest


def _ended(totals: list[counts.Total]) -> Metric:
    family = CounterMetricFamily(
        "microblog_mail_ended",
        "Messages that ended with this status; one that is retried ends again.",
        labels=["kind", "status"],
    )
    ended: Counter[tuple[str, str]] = Counter()
    for one in totals:
        ended[one.kind, one.status] += one.messages
    kinds = {*current_outbox().email_types, *(one.kind for one in totals)}
    for kind in sorted(kinds):
        for status in (Status.SENT, *UNSENT):
            family.add_metric([kind, status], ended[kind, status])
    return family


def _seconds(totals: list[counts.Total]) -> Metric:
    family = HistogramMetricFamily(
        "microblog_mail_delivery_seconds",
        "From posting to the server's acceptance.",
        labels=["lane"],
    )
    sent = [one for one in totals if one.status == Status.SENT]
    for lane in Priority:
        buckets = [0] * (len(counts.BOUNDS) + 1)
        for one in sent:
            buckets[one.bucket] += one.messages if one.lane == lane else 0
        bounds = [*map(str, counts.BOUNDS), "+Inf"]
        seconds = sum(one.seconds for one in sent if one.lane == lane)
        cumulative = list(zip(bounds, accumulate(buckets), strict=True))
        family.add_metric([lane.name.lower()], cumulative, sum_value=seconds)
    return family
