"""Does a flood of nonsense at the addresses for webhooks keep readers waiting?

A reader asks a site on SQLite, with one web process, for the home page again and again. Meanwhile
another process posts to /mail-events/ses, /mail-events/postmark and /mail-events/mailgun in turn,
each at its time: forged webhooks, 100 a second, which look right but for their signature or
password, those of Amazon by somebody who knows the name of the topic; and bodies as large as each
address takes, ten a second. They alternate with nothing and with 100 posts a second to an address
that does not exist, so that other load on the machine affects all equally.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.running import Client, running_site
from benchmarks.sink import running_sink
from flask_outbox.public_pages.webhooks import MAXIMUM_BYTES

AT_MOST = 2.0
PASSWORD = "correct horse battery staple"
POSTS = 2_000
CONNECTIONS = 16
WINDOW_SECONDS = 2.0
PAUSE_SECONDS = 0.005
"""Between two pages, for people read."""

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
SECRETS = {
    "MAIL_WEBHOOK_SES_TOPICS": TOPIC,
    "MAIL_WEBHOOK_POSTMARK_LOGIN": "postmark:of the benchmark alone",
    "MAIL_WEBHOOK_MAILGUN_KEY": "a key of the benchmark alone",
}

NOTHING = "nothing"
NOWHERE = "100 posts a second to nowhere"
FORGED = "100 forged webhooks a second"
LARGE = "10 of the largest bodies a second"
RATES = {NOTHING: 0, NOWHERE: 100, FORGED: 100, LARGE: 10}


class Post(NamedTuple):
    """One request."""

    path: str
    body: bytes
    headers: dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="of each of the four")
    options, full = parse(parser)
    report = Report("webhooks", __doc__, full=full)
    os.environ.update(SECRETS)
    times: dict[str, list[float]] = {kind: [] for kind in RATES}
    answers: Counter[tuple[str, int]] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as folder,
        running_sink() as mail_port,
        running_site(Path(folder), mail_port=mail_port, people=10, posts=POSTS, follows=3) as port,
    ):
        reader = Client(port)
        reader.log_in("user0", PASSWORD)
        reader.time_answers("/", WINDOW_SECONDS, pause=PAUSE_SECONDS)
        ours, theirs = get_context("spawn").Pipe()
        flood = get_context("spawn").Process(target=_flood, args=(port, theirs))
        flood.start()
        ours.recv()
        for _ in range(options.rounds):
            for kind in RATES:
                ours.send(kind)
                times[kind] += reader.time_answers("/", WINDOW_SECONDS, pause=PAUSE_SECONDS)
                answers.update({(kind, status): n for status, n in ours.recv().items()})
        ours.send(None)
        flood.join()
    _report_times(report, times, answers)


def _report_times(
    report: Report, times: dict[str, list[float]], answers: Counter[tuple[str, int]]
) -> None:
    table = report.table("Posted meanwhile", "Home page: median", "p99", "Against nothing", "Taken")
    usual = _p99(times[NOTHING])
    for kind, ones in times.items():
        taken = sum(count for (of, status), count in answers.items() if (of, status) == (kind, 200))
        posted = sum(count for (of, _), count in answers.items() if of == kind)
        median, p99 = statistics.median(ones), _p99(ones)
        ratio = f"{p99 / usual:.2f} ×"
        words = f"{taken} of {posted:,}" if posted else ""
        table.row(kind, milliseconds(median), milliseconds(p99), ratio, words)
    worst = max(_p99(times[kind]) for kind in (FORGED, LARGE)) / usual
    report.promise(
        f"p99 of a page beside a flood of nonsense: at most {AT_MOST:.0f} × the usual",
        measured=f"{worst:.2f} ×",
        kept=worst <= AT_MOST,
    )
    refused = {401, 403, 413, 503}
    strange = sum(
        count
        for (kind, status), count in answers.items()
        if kind != NOWHERE and status not in refused
    )
    report.promise("Each is refused", measured=f"{strange} are not", kept=strange == 0)
    report.note(f"{sum(map(len, times.values())):,} pages.")
    report.note(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}.")
    report.finish()


def _flood(port: int, orders: Connection) -> None:
    """Post what is ordered for WINDOW_SECONDS; send back how often each status was answered."""
    posts = {NOWHERE: [Post("/nowhere", b"{}", {})], FORGED: _forged(), LARGE: _large()}
    orders.send(None)
    while (kind := orders.recv()) is not None:
        answers: Counter[int] = Counter()
        threads = [
            threading.Thread(
                target=_post, args=(port, posts.get(kind, []), RATES[kind], first, answers)
            )
            for first in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if kind == NOTHING:
            time.sleep(WINDOW_SECONDS)
        orders.send(answers)


def _post(port: int, posts: list[Post], rate: int, first: int, answers: Counter[int]) -> None:
    """Post each CONNECTIONS-th at its time, beginning with the one of this number."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started = time.monotonic()
    for number in range(first, int(rate * WINDOW_SECONDS), CONNECTIONS):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        post = posts[number % len(posts)]
        try:
            connection.request("POST", post.path, post.body, post.headers)
            response = connection.getresponse()
            response.read()
            status = response.status
        except (OSError, http.client.HTTPException):
            # The site may close the connection before it has read a large body.
            connection.close()
            status = 413
        answers[status] += 1
    connection.close()


def _forged() -> list[Post]:
    message = {
        "Type": "Notification",
        "MessageId": "0",
        "TopicArn": TOPIC,
        "Message": json.dumps({"eventType": "Bounce", "mail": {"headers": ["x" * 70] * 50}}),
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "SignatureVersion": "2",
        "Signature": "A" * 344,
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
    }
    signature = {"timestamp": str(int(time.time())), "token": "0" * 50, "signature": "0" * 64}
    event = {"event": "complained", "recipient": "user0@example.com", "tags": ["x" * 70] * 50}
    mailgun = {"signature": signature, "event-data": event}
    wrong = {"Authorization": "Basic cG9zdG1hcms6Z3Vlc3NlZA=="}
    return [
        Post(
            "/mail-events/ses",
            json.dumps(message).encode(),
            {"Content-Type": "text/plain; charset=UTF-8"},
        ),
        Post("/mail-events/postmark", json.dumps(event).encode(), wrong),
        Post(
            "/mail-events/mailgun",
            json.dumps(mailgun).encode(),
            {"Content-Type": "application/json"},
        ),
    ]


def _large() -> list[Post]:
    """Small objects, which take longest to parse, and as many as are read of each provider."""
    return [
        Post(f"/mail-events/{name}", _objects(size), {}) for name, size in MAXIMUM_BYTES.items()
    ]


def _objects(size: int) -> bytes:
    one = b'{"a":0},'
    return b'{"signature":[' + one * ((size - 20) // len(one)) + b"0]}"


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    main()
