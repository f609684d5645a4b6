"""The outbox's figures for Prometheus. Needs the extra `prometheus`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from flask import Flask
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from flask_outbox.application import state_of
from flask_outbox.operations import backlog, counts
from flask_outbox.operations.feedback import DomainRates, domain_rates
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import UNSENT, WAITING, Status

RATES_KEPT_SECONDS = 300.0

DOMAINS_MAXIMUM = 20
"""Domains that have figures of their own: each is a time series for good."""


class OutboxCollector(Collector):
    """Reads an application's outbox whenever its figures are asked for, in whatever thread."""

    def __init__(self, app: Flask, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._rates: tuple[float, list[DomainRates]] = (-math.inf, [])
        # Wrong early, and not when a monitoring system asks.
        state_of(app)

    def collect(self) -> Iterator[Metric]:
        with self._app.app_context():
            outbox = state_of(self._app).outbox
            with outbox.sessions() as session:
                waiting = backlog.waiting(session, now=outbox.clock())
                totals = counts.totals(session)
                rates = self._domain_rates(session, now=outbox.clock())
            kinds = {*outbox.email_types, *(one.kind for one in totals)}
        yield from _waiting(self._prefix, waiting)
        yield _ended(self._prefix, totals, sorted(kinds))
        yield _seconds(self._prefix, totals)
        yield _domains(self._prefix, rates)

    def _domain_rates(self, session: Session, *, now: float) -> list[DomainRates]:
        """Those of the last minutes: to count a week's messages takes longer than all the rest."""
        read_at, rates = self._rates
        if not read_at <= now < read_at + RATES_KEPT_SECONDS:
            rates = _most(domain_rates(session, now=now))
            self._rates = now, rates
        return rates


def _waiting(prefix: str, found: list[backlog.Waiting]) -> Iterator[Metric]:
    messages = GaugeMetricFamily(
        f"{prefix}_waiting",
        "Messages that wait: queued ones were not tried yet, deferred ones were.",
        labels=["lane", "status"],
    )
    oldest = GaugeMetricFamily(
        f"{prefix}_oldest_seconds", "Age of the oldest message that waits.", labels=["lane"]
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


def _ended(prefix: str, totals: list[counts.Total], kinds: list[str]) -> Metric:
    family = CounterMetricFamily(
        f"{prefix}_ended",
        "Messages that ended with this status; one that is retried ends again.",
        labels=["kind", "status"],
    )
    ended: Counter[tuple[str, str]] = Counter()
    for one in totals:
        ended[one.kind, one.status] += one.messages
    for kind in kinds:
        for status in (Status.SENT, *UNSENT):
            family.add_metric([kind, status], ended[kind, status])
    return family


def _most(rates: list[DomainRates]) -> list[DomainRates]:
    """Those of the domains with most mail, and all others as one."""
    rest = rates[DOMAINS_MAXIMUM:]
    other = DomainRates(
        "other",
        sum(one.accepted for one in rest),
        sum(one.delivered for one in rest),
        sum(one.bounced for one in rest),
        sum(one.complained for one in rest),
    )
    return [*rates[:DOMAINS_MAXIMUM], other]


def _domains(prefix: str, rates: list[DomainRates]) -> Metric:
    family = GaugeMetricFamily(
        f"{prefix}_domain_messages",
        "Messages of the last 7 days to the domains with most: accepted ones, and what of them is"
        " known to be delivered, bounced and complained.",
        labels=["domain", "status"],
    )
    for one in rates:
        for status in ("accepted", Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED):
            family.add_metric([one.domain, status], getattr(one, status))
    return family


def _seconds(prefix: str, totals: list[counts.Total]) -> Metric:
    family = HistogramMetricFamily(
        f"{prefix}_delivery_seconds",
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
