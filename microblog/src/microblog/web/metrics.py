"""Metrics for Prometheus, read from the outbox when they are requested.

They count mail that waits, is sent or is discarded. Watched closely, that reveals who has an
account: only holders of METRICS_TOKEN may read them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flask_outbox import dashboard
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
        registry.register(dashboard.collector(current_app, prefix="microblog_mail"))
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
