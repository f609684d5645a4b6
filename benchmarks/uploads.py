"""Can pictures that are made to keep the decoder busy stop a site from answering?

Eight accounts of a site on SQLite upload a JPEG at once, again and again, from another process. In
the second that follows, /healthz is asked without a pause: while nobody uploads; while they upload
a photograph; while they upload JPEGs of 174 KB with 1,500 empty scans, and a ninth one of 4 MB with
65,000; and while they upload the costliest that is still decoded. The four alternate, so that other
load on the machine affects them equally.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import re
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from PIL import Image

from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.running import Client, running_site
from benchmarks.sink import running_sink
from microblog.people.pictures import BYTES_MAXIMUM, SCANS_MAXIMUM

AT_ONCE = 8
AT_MOST = 3.0
PASSWORD = "correct horse battery staple"
WINDOW_SECONDS = 1.0

NOBODY = "nobody uploads"
PHOTOGRAPHS = "photographs"
SCANS = "1,500 empty scans, and one of 65,000"
COSTLIEST = f"40 megapixels, {SCANS_MAXIMUM - 20} empty scans"
KINDS = (NOBODY, PHOTOGRAPHS, SCANS, COSTLIEST)

CHANGED = "Your picture was changed."
COSTLY = "This picture takes too long to read."
BUSY = "Too many pictures are being uploaded right now."

EMPTY_SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="of each of the four")
    options, full = parse(parser)
    report = Report("uploads", __doc__, full=full)
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    uploads: dict[str, list[tuple[float, str]]] = {kind: [] for kind in KINDS}
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as folder,
        running_sink() as mail_port,
        running_site(Path(folder), mail_port=mail_port, people=AT_ONCE + 1) as port,
    ):
        reader = Client(port)
        reader.time_answers("/healthz", WINDOW_SECONDS)
        ours, theirs = get_context("spawn").Pipe()
        uploaders = get_context("spawn").Process(target=_upload, args=(port, theirs))
        uploaders.start()
        ours.recv()
        for _ in range(options.rounds):
            for kind in KINDS:
                ours.send(kind)
                times[kind] += reader.time_answers("/healthz", WINDOW_SECONDS)
                uploads[kind] += ours.recv()
        ours.send(None)
        uploaders.join()
    _report_times(report, times, uploads)


def _report_times(
    report: Report, times: dict[str, list[float]], uploads: dict[str, list[tuple[float, str]]]
) -> None:
    table = report.table(
        "While these are uploaded", "/healthz: median", "p99", "slowest", "Upload: slowest"
    )
    for kind in KINDS:
        slowest = max((seconds for seconds, _ in uploads[kind]), default=None)
        table.row(
            kind,
            milliseconds(statistics.median(times[kind])),
            milliseconds(_p99(times[kind])),
            milliseconds(max(times[kind])),
            "" if slowest is None else milliseconds(slowest),
        )
    answers = Counter(words for _, words in uploads[SCANS])
    report.promise(
        "Every JPEG of 1,500 scans and more is refused before it is decoded",
        measured=f"{answers[COSTLY]:,} of {answers.total():,}",
        kept=answers[COSTLY] == answers.total(),
    )
    ratio = _p99(times[SCANS]) / _p99(times[NOBODY])
    report.promise(
        f"Meanwhile the p99 of /healthz is at most {AT_MOST:.0f} × that while nobody uploads",
        measured=f"{ratio:.2f} ×",
        kept=ratio <= AT_MOST,
    )
    words = Counter(words for _, words in uploads[COSTLIEST])
    report.note(
        f"Of {words.total():,} of the costliest, {words[CHANGED]:,} were decoded, {words[COSTLY]:,}"
        f" stopped by the decoder's limits, and {words[BUSY]:,} refused while others waited."
    )
    report.note(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}.")
    report.finish()


def _upload(port: int, orders: Connection) -> None:
    """Upload each kind that is ordered from all accounts at once; send back the times."""
    files = _files()
    clients = [Client(port) for _ in range(AT_ONCE + 1)]
    for number, client in enumerate(clients):
        client.log_in(f"user{number}", PASSWORD)
    orders.send(None)
    while (kind := orders.recv()) is not None:
        answers: list[tuple[float, str]] = []
        contents = files[kind]
        threads = [
            threading.Thread(target=_upload_one, args=(client, content, answers))
            for client, content in zip(clients, contents, strict=False)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        orders.send(answers)


def _upload_one(client: Client, content: bytes, answers: list[tuple[float, str]]) -> None:
    client.reconnect()
    started = time.perf_counter()
    page = client.upload("/edit_profile/picture", "picture", content)
    seconds = time.perf_counter() - started
    found = [words for words in (CHANGED, COSTLY, BUSY) if words in page]
    answers.append((seconds, found[0] if found else re.sub(r"\s+", " ", page)[:200]))


def _files() -> dict[str, list[bytes]]:
    """What each account uploads, by kind."""
    noise = Image.frombytes("L", (400, 300), random.Random(1).randbytes(400 * 300))
    photograph = _jpeg(noise.resize((1600, 1200)))
    small = _with_scans(_jpeg(Image.new("L", (2000, 2000))), 1500, 174_000)
    large = _with_scans(_jpeg(Image.new("L", (2000, 2000))), 65_000, BYTES_MAXIMUM)
    costliest = _with_scans(_jpeg(Image.new("L", (8000, 5000))), SCANS_MAXIMUM - 20, 0)
    return {
        NOBODY: [],
        PHOTOGRAPHS: [photograph] * AT_ONCE,
        SCANS: [*[small] * AT_ONCE, large],
        COSTLIEST: [costliest] * AT_ONCE,
    }


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", progressive=True)
    return file.getvalue()


def _with_scans(picture: bytes, count: int, size: int) -> bytes:
    """Add so many empty scans before the end, padded to about this size."""
    padding = (size - len(picture)) // count - len(EMPTY_SCAN)
    scan = EMPTY_SCAN + b"\0" * max(padding, 8)
    return picture[:-2] + scan * count + picture[-2:]


def _p99(times: Iterable[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    main()
