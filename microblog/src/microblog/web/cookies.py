"""The cookies of this site: their names, and where browsers send them.

If PUBLIC_URL is `https://`, their names have a prefix that browsers enforce. A `__Host-` cookie can
only be set by this host over TLS. A site under a path must use `__Secure-`, which any host may set
that the cookie's domain covers, but only over TLS.

Source: RFC 6265bis, section 4.1.3; OWASP ASVS 5.0, 3.3.1 and 3.3.3.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from werkzeug.wrappers import Response as BaseResponse

_PREFIX = "microblog.cookie_prefix"


def init_app(app: Flask) -> None:
    public = urlsplit(app.config["PUBLIC_URL"] or "")
    https, path = public.scheme == "https", public.path or "/"
    prefix = ("__Host-" if path == "/" else "__Secure-") if https else ""
    app.extensions[_PREFIX] = prefix
    app.session_interface = _SessionInterface()
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


class _Signer(TimestampSigner):
    """Takes what was signed later than now for signed now: the clock was set back meanwhile.

    A second is enough for that, as after a leap second or between two machines. Flask would sign
    everybody out whose cookie is so new.
    """

    def unsign(
        self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False
    ) -> Any:
        given: Any = return_timestamp
        try:
            return super().unsign(signed_value, max_age, given)
        except SignatureExpired as error:
            if error.date_signed is None or error.date_signed.timestamp() <= self.get_timestamp():
                raise
            return super().unsign(signed_value, None, given)


class _SessionInterface(SecureCookieSessionInterface):
    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        made = super().get_signing_serializer(app)
        if made is not None:
            made.signer = _Signer
        return made


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
