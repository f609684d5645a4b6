"""Are the main pages fast, accessible and well made?

Lighthouse, from npm's registry, audits the pages of a site with 200 people and 2,000 posts: as a
phone with a slow processor on a slow network, which it simulates, and as a desktop. It gives up to
100 points each for performance, accessibility and best practices. The first view of a page is all
that a browser with an empty cache loads for it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from benchmarks.reporting import Report, parse
from benchmarks.running import Client, running_site
from microblog.cli.ports import choose_free
from microblog.cli.sample import PASSWORD
from tests.site_services import chromium

AT_LEAST = 95
FIRST_VIEW_KILOBYTES = 70
LIGHTHOUSE = "lighthouse@13.5.0"
CATEGORIES = ("performance", "accessibility", "best-practices")
READER = "user0"

ATTEMPTS = 3
"""Now and then Lighthouse misses the beginning of a page, and asks to be run again."""

ANONYMOUS_PAGES = {
    "The first page, signed out": "/",
    "Log in": "/login",
    "Register": "/register",
    "Reset Password": "/reset_password_request",
    "Explore": "/explore",
    "A person": "/user/user1",
}
SIGNED_IN_PAGES = {
    "Home": "/",
    "One's own profile": "/user/user0",
    "Where am I logged in": "/settings/sessions",
}

PHONE: list[str] = []
DESKTOP = ["--preset=desktop"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audits", type=int, default=1, help="of each page; the median counts")
    options, full = parse(parser)
    if shutil.which("npx") is None or chromium() is None:
        print("Left out: Lighthouse needs npx (of Node.js) and Chromium.")
        return
    report = Report("lighthouse", __doc__, full=full)
    table = report.table(
        "Page, seen by", "Performance", "Accessibility", "Best practices", "First view"
    )
    worst, largest = 100, 0.0
    for name, points, kilobytes in _audited(options.audits):
        table.row(name, *(str(one) for one in points), f"{kilobytes:.1f} kB")
        worst, largest = min(worst, *points), max(largest, kilobytes)
    report.promise(
        f"At least {AT_LEAST} of 100 points for each page in each category",
        measured=f"at least {worst}",
        kept=worst >= AT_LEAST,
    )
    report.promise(
        f"A first view of at most {FIRST_VIEW_KILOBYTES} kB, all from the site itself",
        measured=f"at most {largest:.1f} kB",
        kept=largest <= FIRST_VIEW_KILOBYTES,
    )
    report.note(f"{LIGHTHOUSE}.")
    report.finish()


def _audited(audits: int) -> list[tuple[str, list[int], float]]:
    with tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as name:
        folder = Path(name)
        with running_site(
            folder, mail_port=choose_free("127.0.0.1"), people=200, posts=2000, follows=2000
        ) as port:
            site = f"http://127.0.0.1:{port}"
            client = Client(port)
            client.log_in(READER, PASSWORD)
            pages = [(words, path, "") for words, path in ANONYMOUS_PAGES.items()]
            pages += [(words, path, client.cookies) for words, path in SIGNED_IN_PAGES.items()]
            return [
                (f"{words}, {seen_by}", *_points(f"{site}{path}", cookie, options, folder, audits))
                for words, path, cookie in pages
                for seen_by, options in (("a phone", PHONE), ("a desktop", DESKTOP))
            ]


def _points(
    address: str, cookies: str, options: list[str], folder: Path, audits: int
) -> tuple[list[int], float]:
    """Audit a page several times; return the median of each category, and the kB of a view."""
    headers = folder / "headers.json"
    headers.write_text(json.dumps({"Cookie": cookies} if cookies else {}))
    found = [_audit(address, headers, options) for _ in range(audits)]
    points = [statistics.median_low(one[category] for one, _ in found) for category in CATEGORIES]
    print(f"{address} {' '.join(options)}: {points}", flush=True)
    return points, max(kilobytes for _, kilobytes in found)


def _audit(address: str, headers: Path, options: list[str]) -> tuple[dict[str, int], float]:
    result = _run_lighthouse(address, headers, options)
    if result["finalDisplayedUrl"] != address:
        raise SystemExit(f"{address} led to {result['finalDisplayedUrl']}")
    points = {name: round(one["score"] * 100) for name, one in result["categories"].items()}
    loaded = result["audits"]["network-requests"]["details"]["items"]
    elsewhere = {one["url"] for one in loaded if not one["url"].startswith(_site(address))}
    if elsewhere:
        raise SystemExit(f"{address} loads from elsewhere: {', '.join(elsewhere)}")
    return points, sum(one["transferSize"] for one in loaded) / 1000


def _site(address: str) -> str:
    """The beginning of all addresses of this site."""
    return urljoin(address, "/")


def _run_lighthouse(address: str, headers: Path, options: list[str]) -> dict[str, Any]:
    command = [
        "npx", "--yes", LIGHTHOUSE, address, "--quiet", "--output=json",
        f"--only-categories={','.join(CATEGORIES)}", f"--extra-headers={headers}",
        "--chrome-flags=--headless=new --no-sandbox", *options,
    ]  # fmt: skip
    environment = {**os.environ, "CHROME_PATH": chromium() or ""}
    for _ in range(ATTEMPTS):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            result: dict[str, Any] = json.loads(done.stdout)
            return result
        print(done.stderr.strip(), flush=True)
    raise SystemExit("Lighthouse failed.")


if __name__ == "__main__":
    main()
