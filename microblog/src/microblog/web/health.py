"""Health checks for probes and monitoring: is the process up, and can it serve?"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from microblog.web.ratelimits import limiter
from microblog.web.readiness import DEGRADED, UNAVAILABLE, degraded_parts, reason_unavailable

blueprint = Blueprint("health", __name__)
limiter.exempt(blueprint)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer that the process runs."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Answer whether pages can be served (else 503), and which other parts do not work."""
    reason = reason_unavailable()
    if reason:
        return jsonify(status="unavailable", reason=reason, says=UNAVAILABLE[reason]), 503
    degraded = degraded_parts()
    status = "degraded" if degraded else "ok"
    says = [DEGRADED[part] for part in degraded]
    return jsonify(status=status, degraded=degraded, says=says), 200
