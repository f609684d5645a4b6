"""The cookies of this site: their names, and where browsers send them.

If PUBLIC_URL is `https://`, their names have a prefix that browsers enforce. A `__Host-` cookie can
only be set by this host over TLS. A site under a path must use `__Secure-`, which any host may set
that the cookie's domain covers, but only over TLS.

Source: RFC 6265bis, section 4.1.3; OWASP ASVS 5.0, 3.3.1 and 3.3.3.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask, current_app
from werkzeug.wrappers import Response as BaseResponse

_PREFIX = "microblog.cookie_prefix"


def init_app(app: Flask) -> None:
    public = urlsplit(app.config["PUBLIC_URL"] or "")
    https, path = public.scheme == "https", public.path or "/"
    prefix = ("__Host-" if path == "/" else "__Secure-") if https else ""
    app.extensions[_PREFIX] = prefix
    for kind, name in (("SESSION", "microblog"), ("REMEMBER", "microblog_remember")):
        app.config.update(
            {
                f"{kind}_COOKIE_NAME": f"{prefix}{name}",
                f"{kind}_COOKIE_PATH": path,
                f"{kind}_COOKIE_HTTPONLY": True,
                f"{kind}_COOKIE_SAMESITE": "Lax",
                f"{kind}_COOKIE_SECURE": https,
            }
        )


def cookie_name(name: str) -> str:
    """The name of this cookie in browsers, with its prefix."""
    return f"{current_app.extensions[_PREFIX]}{name}"


def cookie_path() -> str:
    """The path below which browsers send this site's cookies."""
    return str(current_app.config["SESSION_COOKIE_PATH"])


def set_cookie(response: BaseResponse, name: str, value: str, lifetime: timedelta) -> None:
    """Set a cookie that scripts cannot read; a lifetime of zero removes it."""
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=lifetime,
        path=cookie_path(),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
