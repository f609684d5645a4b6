"""The cookies of this site: what they are called, and where browsers send them.

Where PUBLIC_URL is `https://`, their names have a prefix that browsers hold a cookie to: with
`__Host-`, only this host can have set it, over TLS; with `__Secure-`, which is what remains for a
site in a folder, only somebody over TLS.

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
    """What browsers know this cookie as."""
    return f"{current_app.extensions[_PREFIX]}{name}"


def cookie_path() -> str:
    """The part of the host that browsers send this site's cookies to."""
    return str(current_app.config["SESSION_COOKIE_PATH"])


def set_cookie(response: BaseResponse, name: str, value: str, lifetime: timedelta) -> None:
    """Have the browser keep this, out of reach of scripts; no lifetime removes it."""
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=lifetime,
        path=cookie_path(),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
