"""A process that claims all it can once it reads a line, and prints the ids of the rows it claimed.

The arguments are the database's address and the number of threads.
"""

from __future__ import annotations

import sys
import threading
import time

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from flask_outbox.delivery.claims import Claims
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES
from tests.databases import engine_of

LEASE_SECONDS = 600.0
PAUSE_SECONDS = 0.002


def main(url: str, threads: int) -> None:
    engine = engine_of(url)
    taken: list[int] = []
    claimers = [threading.Thread(target=claim_all, args=[engine, taken]) for _ in range(threads)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for thread in claimers:
        thread.start()
    for thread in claimers:
        thread.join()
    sys.stdout.write(" ".join(map(str, taken)))


def claim_all(engine: Engine, taken: list[int]) -> None:
    claims = Claims(engine, lease=LEASE_SECONDS)
    while True:
        try:
            claim = claims.claim(ALL_PRIORITIES, now=time.time())
        except OperationalError:
            continue  # on SQLite, the other process may lock the database for too long
        if claim is None:
            break
        taken.append(claim.id)
        # No process may claim everything before the others have begun.
        time.sleep(PAUSE_SECONDS)
    claims.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
