"""Run the commands of docs/deploy.md and docs/backup.md as a stranger would, in a fresh Debian.

The documentation is the only source of the commands. Machines of systemd-nspawn run them: one gets
this release, serves people through nginx, is backed up, and is upgraded while they come; a second
one gets the backup; a third one has the release before and is upgraded to this one. Mail goes to a
server of this program. Each step prints a line; the exit code is 1 if one failed.

Debian's files and packages are kept in build/deployment for the next time.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import secrets
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from html import unescape
from http.client import HTTPException, HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import (
    BaseHandler,
    HTTPCookieProcessor,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

import trustme

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT), str(ROOT / "flask-outbox"), str(ROOT / "microblog")]

from microblog.cli.smoke_test import Browser, WalkError  # noqa: E402
from scripts.fresh_debian import (  # noqa: E402
    CommandError,
    Debian,
    Machine,
    go_apart,
    missing,
    name_loopback,
)
from tests.previous_release import COMMIT  # noqa: E402
from tests.smtp_server import ScriptedServer  # noqa: E402

CACHE = ROOT / "build" / "deployment"

SITE_HOST, MAIL_HOST = "microblog.example.com", "smtp.example.com"
HOSTS = (SITE_HOST, MAIL_HOST)
ADMINISTRATOR, MAIL_PASSWORD = "admin@example.com", "the password of the mail account"
BUNDLE = "/srv/microblog.bundle"
CERTIFICATES = f"/etc/letsencrypt/live/{SITE_HOST}"

IN_SITE = "cd /srv/microblog\n. .venv/bin/activate"
"""As docs/commands.md says, so that the command is plain `microblog`."""

WAIT_FOR_PORT = """
for _ in $(seq 600); do
    if (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; then exit; fi
    sleep 0.1
done
exit 1
"""

FIRST_PASSWORD, NEW_PASSWORD = "the first uncommon password", "another uncommon password"

MAIL_WITHIN_SECONDS = 60.0

READERS = 4
REQUESTS_A_SECOND = 20
REGISTRATION_SECONDS = 4.0
PAGES = (
    "/",
    "/login",
    "/register",
    "/explore",
    "/reset_password_request",
    "/static/site.css",
    "/static/site.js",
    "/healthz",
)


class Page:
    """A page of the documentation, and the commands in its sections."""

    def __init__(self, text: str) -> None:
        self._text = text

    def commands(self, heading: str, count: int) -> list[str]:
        """Return the blocks of shell commands below a heading, of which there are so many."""
        section = re.split(r"(?m)^##", self._text.partition(f"\n{heading}\n")[2])[0]
        found = re.findall(r"(?ms)^( *)```(\w*)\n(.*?)^ *```$", section)
        blocks = [
            re.sub(rf"(?m)^{indent}", "", block)
            for indent, language, block in found
            if language in {"", "sh"}
        ]
        if len(blocks) != count:
            raise WalkError(f"{heading} has {len(blocks)} blocks of commands, not {count}")
        return blocks


DEPLOY = Page((ROOT / "docs" / "deploy.md").read_text())
BACKUP = Page((ROOT / "docs" / "backup.md").read_text())
SITE_README = Page((ROOT / "microblog" / "README.md").read_text())


class Visitors:
    """People with browsers who trust one authority, and what their requests came to."""

    def __init__(self, authority: trustme.CA, mail: ScriptedServer) -> None:
        self._trusted = ssl.create_default_context()
        authority.configure_trust(self._trusted)
        self._mail = mail
        self.requests = 0
        self.failures: list[tuple[float, str]] = []
        self._lock = threading.Lock()

    def browser(self, base: str = f"https://{SITE_HOST}") -> Browser:
        """Return a browser without cookies, whose requests are counted."""
        return CountedBrowser(base, self._trusted, self)

    def count(self, problem: str | None) -> None:
        """Note a request, and what was wrong with its answer."""
        with self._lock:
            self.requests += 1
            if problem:
                self.failures.append((time.monotonic(), problem))

    def mailed(self, address: str, subject: str) -> str:
        """Return the link in the message with this subject to this address, once it is there."""
        deadline = time.monotonic() + MAIL_WITHIN_SECONDS
        while time.monotonic() < deadline:
            for one in [*self._mail.received]:
                if one.recipients == [address] and subject in one.message["Subject"]:
                    found = re.search(r"(?m)^https://\S+$", one.text())
                    return found[0] if found else ""
            time.sleep(0.05)
        raise WalkError(f"no mail {subject!r} to {address} within {MAIL_WITHIN_SECONDS:.0f} s")

    def register(self, name: str) -> Browser:
        """Return the browser of a new account with a confirmed address."""
        browser = self.browser()
        browser.open("/register")
        fill = {"username": name, "email": f"{name}@example.com"}
        browser.submit(**fill, password=FIRST_PASSWORD, password2=FIRST_PASSWORD)
        browser.open(self.mailed(f"{name}@example.com", "Confirm "))
        expect(browser.submit(confirm="y"), "confirmed.")
        return browser

    def reset_password(self, name: str) -> None:
        """Forget the password, and choose a new one with the mailed link."""
        browser = self.browser()
        browser.open("/reset_password_request")
        browser.submit(email=f"{name}@example.com")
        expect(browser.page, "Check your email for the instructions to reset your password")
        browser.open(self.mailed(f"{name}@example.com", "Reset Your Password"))
        browser.submit(password=NEW_PASSWORD, password2=NEW_PASSWORD)
        expect(browser.page, "Your password has been reset.")
        self.mailed(f"{name}@example.com", "password was changed")

    def sign_in(self, name: str, password: str, base: str = f"https://{SITE_HOST}") -> Browser:
        """Return the browser of somebody who has signed in."""
        browser = self.browser(base)
        browser.open("/login")
        expect(browser.submit(username=name, password=password), 'action="/logout"')
        return browser


class CountedBrowser(Browser):
    """A browser that tells how its requests ended."""

    def __init__(self, base: str, trusted: ssl.SSLContext, visitors: Visitors) -> None:
        super().__init__(base)
        self._visitors = visitors
        handlers = HTTPSHandler(context=trusted), HTTPCookieProcessor(CookieJar())
        self._opener = build_opener(Answers(visitors), *handlers, ProxyHandler({}))

    def open(self, path: str, fields: dict[str, str] | None = None) -> str:
        """Open a page, or send a form to it."""
        try:
            return super().open(path, fields)
        except (OSError, HTTPException) as error:
            self._visitors.count(f"{path.partition('?')[0]}: {error!r}")
            raise


class Answers(BaseHandler):
    """Counts every answer, redirects and errors included."""

    handler_order = 100

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        """Note an answer; one of 400 and above is a failure."""
        wrong = f"{request.get_method()} {request.selector}: {response.status}"
        self._visitors.count(wrong if response.status >= 400 else None)
        return response

    https_response = http_response


class Load:
    """Requests at an even rate, and every few seconds somebody who registers."""

    def __init__(self, visitors: Visitors, names: str, profile: str) -> None:
        self._visitors, self._names = visitors, names
        self._pages = [*PAGES, f"/user/{profile}"]
        self._ending = threading.Event()
        work = [self._read] * READERS + [self._register]
        self._threads = [threading.Thread(target=one, daemon=True) for one in work]
        self.registered: list[str] = []

    def __enter__(self) -> Load:
        for one in self._threads:
            one.start()
        self.go_on()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        for one in self._threads:
            one.join()

    def go_on(self) -> None:
        """Return when some seconds' requests have been answered from now on."""
        until = self._visitors.requests + 3 * REQUESTS_A_SECOND
        while self._visitors.requests < until:
            time.sleep(0.05)

    def _read(self) -> None:
        browser = self._visitors.browser()
        due = time.monotonic()
        for path in itertools.cycle(random.sample(self._pages, len(self._pages))):
            due += READERS / REQUESTS_A_SECOND
            if self._ending.wait(max(due - time.monotonic(), 0)):
                return
            with suppress(OSError, HTTPException):  # counted
                browser.open(path)

    def _register(self) -> None:
        for number in itertools.count(1):
            try:
                self._visitors.register(f"{self._names}{number}")
                self.registered.append(f"{self._names}{number}")
            except (OSError, HTTPException):
                pass  # counted
            except WalkError as error:
                self._visitors.count(str(error))
            if self._ending.wait(REGISTRATION_SECONDS):
                return


def expect(page: str, words: str) -> None:
    """Raise WalkError unless the page says this."""
    if words not in unescape(page):
        text = " ".join(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", unescape(page)).split())
        raise WalkError(f"the page does not say {words!r}, but: {text[:500]}")


@contextmanager
def step(words: str) -> Iterator[None]:
    """Say what is done, how long it took, and what failed."""
    begun = time.monotonic()
    try:
        yield
    except (CommandError, WalkError, OSError, HTTPException) as error:
        print(f"FAILED  {words}: {error}", flush=True)
        raise SystemExit(1) from error
    print(f"ok      {words} ({time.monotonic() - begun:.1f} s)", flush=True)


class Releases:
    """A repository with this release, the one before and a next one, in one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "repository"
        self._git("clone", "--quiet", "--shared", str(ROOT), str(self._folder), cwd=ROOT)
        # What is not committed is tried, too.
        now = self._git("stash", "create", cwd=ROOT) or "HEAD"
        self._git("checkout", "--quiet", "--detach", now)
        self._git("tag", "this")
        self._git("tag", "0.1.0", COMMIT)

    def bundle(self, *tags: str) -> bytes:
        """Return a repository with these tags that can be cloned."""
        return self._git_bytes("bundle", "create", "--quiet", "-", *tags)

    def add_next(self) -> None:
        """Make a release that can be told from this one."""
        file = self._folder / "microblog/src/microblog/static/robots.txt"
        file.write_text(f"{file.read_text()}# next\n")
        who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        self._git(*who, "commit", "--quiet", "--all", "--message", "Release the next one")
        self._git("tag", "next")

    def read(self, tag: str, path: str) -> str:
        """Return the text of a file of a release."""
        return self._git("show", f"{tag}:{path}")

    def _git(self, *arguments: str, cwd: Path | None = None) -> str:
        return self._git_bytes(*arguments, cwd=cwd).decode().strip()

    def _git_bytes(self, *arguments: str, cwd: Path | None = None) -> bytes:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=cwd or self._folder, check=True, stdout=subprocess.PIPE
        ).stdout


class World:
    """What there is beside the machines: people, the mail server, releases, an authority."""

    def __init__(self, work: Path, stack: ExitStack) -> None:
        self.authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(MAIL_HOST).configure_cert(context)
        users = {ADMINISTRATOR: MAIL_PASSWORD}
        self.mail = stack.enter_context(
            ScriptedServer(tls=context, auth="PLAIN LOGIN", users=users, port=587)
        )
        self.visitors = Visitors(self.authority, self.mail)
        self.releases = Releases(work)
        self.debian = Debian(work, CACHE)

    def give_certificate(self, machine: Machine) -> None:
        """Do what certbot does."""
        own = self.authority.issue_cert(SITE_HOST)
        chain = b"".join(one.bytes() for one in own.cert_chain_pems)
        machine.write(f"{CERTIFICATES}/fullchain.pem", chain)
        machine.write(f"{CERTIFICATES}/privkey.pem", own.private_key_pem.bytes())

    def trust(self, machine: Machine) -> None:
        """Let a machine believe this authority, as if it were a public one."""
        certificate = self.authority.cert_pem.bytes()
        machine.write("/usr/local/share/ca-certificates/authority.crt", certificate)
        machine.run("update-ca-certificates")

    def check_mail(
        self, machine: Machine, people: Sequence[str], folder: str = "/srv/microblog"
    ) -> None:
        """Raise WalkError unless every message of the machine's outbox came, each once."""
        deadline = time.monotonic() + MAIL_WITHIN_SECONDS
        left = "".join(
            f"microblog mail list --status {status} --ids 2>/dev/null\n"
            for status in ("queued", "dead")
        )
        while unsent := machine.run(f"{IN_SITE}\ncd {folder}\n{left}", user="microblog"):
            if time.monotonic() > deadline:
                raise WalkError(f"these messages have not left: {unsent}")
            time.sleep(0.2)
        ids = Counter(one.message["Message-ID"] for one in self.mail.received)
        named = Counter(
            (one.recipients[0], one.message["Subject"])
            for one in self.mail.received
            if re.search("Confirm |Reset ", one.message["Subject"])
        )
        twice = [what for what, times in [*ids.items(), *named.items()] if times > 1]
        if twice:
            raise WalkError(f"more than once: {twice}")
        confirmed = {to for to, subject in named if "Confirm " in subject}
        if lacking := {f"{name}@example.com" for name in people} - confirmed:
            raise WalkError(f"no mail to {sorted(lacking)}")


def main() -> None:
    """Take every step, or say why not."""
    if lacking := missing() or missing_history():
        print(f"Not tried: docs/deploy.md in a fresh Debian needs {lacking}.")
        sys.exit(1 if os.environ.get("CI") else 0)
    go_apart()
    begun = time.monotonic()
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        in_memory(work, stack)
        name_loopback(HOSTS, work)
        with step("make a Debian"):
            world = World(work, stack)
        installed = install_this(world)
        backup = try_new_site(world, installed)
        try_restore(world, installed, backup)
        try_upgrade_from_before(world, installed)
        failed = len(world.visitors.failures)
        print(
            f"All is well: {world.visitors.requests:,} requests, of which {failed} failed where the"
            f" documentation says so; {len(world.mail.received)} messages, each once;"
            f" {time.monotonic() - begun:.0f} s."
        )


def missing_history() -> str:
    """What this clone lacks, in words; empty if it has the release before."""
    there = subprocess.run(
        ["git", "cat-file", "-e", COMMIT], cwd=ROOT, capture_output=True, check=False
    )
    return "the repository's history" if there.returncode else ""


def install_this(world: World) -> Machine:
    """Return a machine with this release, which nobody has configured yet."""
    prepare, install = DEPLOY.commands("## One machine", 6)[:2]
    with world.debian.machine("installed", hosts=HOSTS) as machine:
        with step("packages, and the site's user"):
            machine.run(prepare, outside=True)
        with step("install this release"):
            world.trust(machine)
            machine.write(BUNDLE, world.releases.bundle("this", "0.1.0"))
            machine.run(released(install, "this"), user="microblog", outside=True)
    return machine


def try_new_site(world: World, installed: Machine) -> bytes:
    """Configure, serve, back up and upgrade a site as docs/deploy.md says.

    Returns the backup of a drill.
    """
    look, units, status, administrator = DEPLOY.commands("## One machine", 6)[2:]
    with world.debian.machine("site", hosts=HOSTS, like=installed) as site:
        with step("settings, and a look at them"):
            site.run(f"cat >> /srv/microblog/.env <<'END'\n{settings()}END", user="microblog")
            site.run(f"cd /srv/microblog\n{look}", user="microblog")
        with step("units and nginx"):
            world.give_certificate(site)
            site.run(units)
            verify_units(site)
            site.run(f"cd /srv/microblog\n{status}", user="microblog")
        with step("register, and become the administrator"):
            world.visitors.register("susan")
            make = administrator.replace("YOUR-NAME", "susan")
            site.run(f"cd /srv/microblog\n{make}", user="microblog")
        with step("forget the password, and get back in"):
            world.visitors.reset_password("susan")
            browser = world.visitors.sign_in("susan", NEW_PASSWORD)
            expect(browser.open("/admin/mail"), "Mail")
            browser.open("/")
            expect(browser.submit(post="Written before the upgrade."), "before the upgrade")
        upgrade(world, site)
        with step("back up, every night and for a drill"):
            (nightly,) = BACKUP.commands("## Every night", 1)
            site.run(nightly)
            save, _ = BACKUP.commands("## Drill", 2)
            site.run(f"{IN_SITE}\n{save}", user="microblog")
        with step("each message once"):
            world.check_mail(site, ["susan"])
        return site.read("/srv/microblog/drill.backup")


def upgrade(world: World, site: Machine) -> None:
    """Take a next release while people come; none of them may notice."""
    install, switch, reload = DEPLOY.commands("## Change settings, or upgrade", 3)
    world.releases.add_next()
    site.write(BUNDLE, world.releases.bundle("this", "0.1.0", "next"))
    before = len(world.visitors.failures)
    with (
        step("upgrade to a next release while people come"),
        Load(world.visitors, "next", "susan") as load,
    ):
        site.run(released(install, "next"), user="microblog", outside=True)
        site.run(f"cd /srv/microblog\n{released(switch, 'next')}", user="microblog")
        site.run(reload)
        site.wait_for_log("microblog", "Reloaded.")
        load.go_on()
        site.run("systemctl restart microblog")
        load.go_on()
    with step(f"{len(load.registered)} registered meanwhile, and no request failed"):
        if failures := world.visitors.failures[before:]:
            raise WalkError(f"{Counter(words for _, words in failures)}")
        expect(world.visitors.browser().open("/robots.txt"), "# next")
        world.check_mail(site, load.registered)


def try_upgrade_from_before(world: World, installed: Machine) -> None:
    """Run the release before as its README says, then upgrade it as docs/deploy.md says."""
    with world.debian.machine("before", hosts=HOSTS, like=installed) as machine:
        with step("install and run 0.1.0"):
            world.give_certificate(machine)
            run_release_before(world, machine)
            world.visitors.register("peter")
        take, look, switch = DEPLOY.commands("### From 0.1.0", 3)
        place = "/opt/microblog"
        before = len(world.visitors.failures)
        with (
            step("upgrade 0.1.0 while people come"),
            Load(world.visitors, "former", "peter") as load,
        ):
            machine.run(take.replace("OLD-SITE", place))
            machine.run(look, user="microblog")
            if world.visitors.failures[before:]:
                raise WalkError(f"too early: {world.visitors.failures[before:]}")
            stopped = time.monotonic()
            machine.run(f"systemctl stop former\n{switch.replace('OLD-SITE', place)}")
            started = time.monotonic()
            load.go_on()
        failures = world.visitors.failures[before:]
        words = f"{len(failures)} requests failed within {started - stopped:.1f} s, none else"
        with step(f"{len(load.registered)} registered meanwhile; {words}"):
            if not all(stopped <= at <= started for at, _ in failures):
                raise WalkError(f"{failures}, stopped at {stopped}, started at {started}")
            world.visitors.reset_password("peter")
            world.visitors.sign_in("peter", NEW_PASSWORD)
            world.check_mail(machine, ["peter", *load.registered])


def run_release_before(world: World, machine: Machine) -> None:
    """Install 0.1.0 as its README says, with its lines for nginx, and start it."""
    readme = world.releases.read("0.1.0", "README.md")
    install = Page(readme).commands("## Run a real site", 4)[0]
    (location,) = re.findall(r"(?ms)^ *```nginx\n(.*?)^ *```$", readme)
    server = (
        f"server {{ listen 443 ssl; server_name {SITE_HOST};"
        f" ssl_certificate {CERTIFICATES}/fullchain.pem;"
        f" ssl_certificate_key {CERTIFICATES}/privkey.pem; {location} }}"
    )
    machine.write("/etc/nginx/sites-available/microblog", server.encode())
    machine.run(
        "ln -s ../sites-available/microblog /etc/nginx/sites-enabled/microblog\n"
        "systemctl reload nginx\n"
        "install --directory --owner microblog /opt/microblog\n"
    )
    machine.run(
        f"git clone --quiet --branch 0.1.0 {BUNDLE} /opt/microblog\ncd /opt/microblog\n{install}",
        user="microblog",
        outside=True,
    )
    key = f"SECRET_KEY={secrets.token_urlsafe(48)}\n"
    machine.run(
        f"umask 077; cat > /opt/microblog/.env <<'END'\n{key}{settings()}END", user="microblog"
    )
    machine.start("former", "cd /opt/microblog\n.venv/bin/microblog run", user="microblog")
    machine.run(WAIT_FOR_PORT.format(port=5000))


def try_restore(world: World, installed: Machine, backup: bytes) -> None:
    """Bring a backup back on a machine that never saw the site, and look at it there."""
    _, restore = BACKUP.commands("## Drill", 2)
    with world.debian.machine("elsewhere", hosts=HOSTS, like=installed) as elsewhere:
        elsewhere.write("/srv/microblog/drill.backup", backup, owner="microblog")
        with step("restore it on another machine"):
            elsewhere.start("drill", f"{IN_SITE}\n{restore}", user="microblog")
            elsewhere.run(WAIT_FOR_PORT.format(port=5001))
        with step("sign in there, and find what was written"):
            browser = world.visitors.sign_in("susan", NEW_PASSWORD, "http://localhost:5001")
            expect(browser.open("/user/susan"), "Written before the upgrade.")
            world.check_mail(elsewhere, [], "/srv/microblog/drill")


def released(commands: str, tag: str) -> str:
    """Return the commands for this release of the repository."""
    return commands.replace("RELEASE", tag).replace("REPOSITORY", BUNDLE)


def settings() -> str:
    """Return the settings that the site's README shows, except for the key."""
    shown = next(one for one in SITE_README.commands("## Run a real site", 4) if "ADMINS=" in one)
    lines = [line for line in shown.splitlines() if not line.startswith("SECRET_KEY=")]
    return "\n".join(lines).replace("MAIL_PASSWORD=...", f"MAIL_PASSWORD={MAIL_PASSWORD}") + "\n"


def verify_units(machine: Machine) -> None:
    """Raise WalkError if systemd has something to say about the units, or they do not run."""
    said = machine.run(
        "systemd-analyze verify /etc/systemd/system/microblog*.*\n"
        "systemctl is-active --quiet microblog.socket microblog.service microblog-backup.timer\n"
        "systemctl --failed --no-legend"
    )
    if said.strip():
        raise WalkError(said)


def in_memory(folder: Path, stack: ExitStack) -> None:
    """Keep what is in a folder in memory, and nothing of it afterwards."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    stack.callback(lambda: subprocess.run(["umount", "--lazy", folder], check=True))


if __name__ == "__main__":
    main()
