"""Rows are claimed by one and settled by the one that holds them."""

from __future__ import annotations

import threading

from flask import Flask
from flask.ctx import AppContext

from microblog.mail import current_outbox
from microblog.mail.claims import Claims
from tests.outbox import rows

THREADS = 8


def test_no_row_is_taken_twice(app: Flask, app_context: AppContext) -> None:
    made = current_outbox()
    with made.sessions() as session:
        for _ in range(40):
            made.send_email("Hello", None, ["susan@example.com"], "text", session=session)
        session.commit()
    taken: list[int] = []

    def take() -> None:
        claims = Claims(made.engine, lease=60)
        while (held := claims.claim(range(3), now=made.clock())) is not None:
            taken.append(held.id)
        claims.close()

    threads = [threading.Thread(target=take) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(taken) == [row.id for row in rows(app)]
