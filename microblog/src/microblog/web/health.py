"""For those who watch over the site: is it up, and can it serve?"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from microblog.web.ratelimits import limiter
from microblog.web.readiness import DEGRADED, UNAVAILABLE, whats_degraded, why_unavailable

blueprint = Blueprint("health", __name__)
limiter.exempt(blueprint)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Whether pages can be served right (else 503), and what does not work beside them."""
    reason = why_unavailable()
    if reason:
        return jsonify(status="unavailable", reason=reason, says=UNAVAILABLE[reason]), 503
    degraded = whats_degraded()
    status = "degraded" if degraded else "ok"
    says = [DEGRADED[part] for part in degraded]
    return jsonify(status=status, degraded=degraded, says=says), 200
