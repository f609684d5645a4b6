"""Reports as servers write them."""

from __future__ import annotations

import base64

RETURNED_HEADER = """\
Return-Path: <bounces+sent@app.example>
Received: from app.example by mx.example; Mon, 30 Nov 2026 10:00:00 +0000
From: App <app@app.example>
To: susan@example.com
Subject: Reset
Message-ID: <one@app.example>
Date: Mon, 30 Nov 2026 10:00:00 +0000
"""


def written(body: str, **fields: str) -> bytes:
    """A server's message; `fields` replace those of its header, or leave them out when empty."""
    header = {
        "Return-Path": "<>",
        "From": "Mail Delivery System <MAILER-DAEMON@mx.example>",
        "To": "bounces+sent@app.example",
        "Message-ID": "<report@mx.example>",
        "Content-Type": "text/plain; charset=utf-8",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    lines = [f"{name}: {value}\n" for name, value in header.items() if value]
    return ("".join(lines) + "\n" + body).encode("utf-8", "surrogateescape")


def with_parts(*parts: str, kind: str = "report", **fields: str) -> bytes:
    """A message of parts, each with its header."""
    body = "".join(f"--=_limit\n{part}\n" for part in parts) + "--=_limit--\n"
    return written(body, Content_Type=f'multipart/{kind}; boundary="=_limit"', **fields)


def notification(
    *blocks: str,
    text: str = "It could not be delivered.",
    kind: str = "delivery-status",
    in_base64: bool = False,
    returned: str = RETURNED_HEADER,
    **fields: str,
) -> bytes:
    """A delivery status notification with a block for each recipient (RFC 3464)."""
    status = "\n".join(
        ("Reporting-MTA: dns; mx.example\nOriginal-Envelope-Id: envelope\n", *blocks)
    )
    if in_base64:
        status = base64.encodebytes(status.encode()).decode()
    encoding = "Content-Transfer-Encoding: base64\n" if in_base64 else ""
    return with_parts(
        f"Content-Type: text/plain; charset=utf-8\n\n{text}\n",
        f"Content-Type: message/{kind}\n{encoding}\n{status}",
        f"Content-Type: text/rfc822-headers\n\n{returned}",
        **fields,
    )


def block(address: str, status: str = "5.1.1", words: str = "", action: str = "failed") -> str:
    """The fields about one recipient."""
    said = f"Diagnostic-Code: smtp; {words}\n" if words else ""
    return f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\n{said}"
