"""What does a site on several hosts lose when each of its parts fails once?

Two `microblog run` with two web processes each and two `microblog worker` share a PostgreSQL, once
with RabbitMQ and once without a broker, behind a balancer that asks /readyz. Thirty requests a
second come in, each at its time: pages of people who are signed in, posts, resets, registrations.
One fault follows the other at even distances; what was killed starts again two seconds later, as
systemd has it, and what has to last lasts a quarter of the distance. When all mail has left, each
accepted post is looked for in the database, and the mail of each accepted reset and registration at
the mail server.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.hosts import (
    READY_WITHIN_SECONDS,
    RESTART_AFTER_SECONDS,
    VISITING,
    Balancer,
    Hosts,
    NoHostError,
    Service,
    running_hosts,
)
from benchmarks.reporting import Report, parse
from benchmarks.visitors import (
    EXPLORE,
    FORMS,
    HOME,
    KINDS,
    POST,
    REGISTER,
    RESET,
    SIGN_IN,
    Visitor,
    is_accepted,
)
from flask_outbox.outbox.models import Status
from flask_outbox.smtp.errors import Step
from tests.celery.own_brokers import OwnBroker, has_own
from tests.own_postgresql import OwnPostgreSQL, postgresql_programs
from tests.smtp_server import Received, ScriptedServer
from tests.waiting import eventually

RABBITMQ, NONE = "rabbitmq", "none"
WORDS = {RABBITMQ: "With RabbitMQ", NONE: "Without a broker"}
MINUTES = 10
"""Of a run that is published."""

FAULTS = 10

PAUSE_SECONDS = 0.5
BEFORE_SECONDS = 5.0
EMPTY_WITHIN_SECONDS = 900.0
WATCH_SECONDS = 0.2

A_SECOND = {HOME: 14, EXPLORE: 6, SIGN_IN: 2, POST: 2, RESET: 4, REGISTER: 2}
"""How many of each are asked for; one visitor asks for two in a second."""

ACCEPTED, REFUSED = "accepted", "refused by the balancer"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1, help=f"{MINUTES} to be published")
    parser.add_argument("--broker", choices=WORDS, action="append", help="only with this one")
    options, _ = parse(parser)
    full = options.minutes == MINUTES and not options.broker
    report = Report("soak", __doc__, full=full, options=f"--minutes {MINUTES}")
    if postgresql_programs() is None:
        report.note("Left out: there must be PostgreSQL's programs.")
        report.promise("Nothing is lost", measured="not measured", kept=False)
        report.finish()
    verdicts = []
    for name in options.broker or WORDS:
        if name == RABBITMQ and not has_own(RABBITMQ):
            report.note("Left out: RabbitMQ, which is not here.")
            continue
        verdicts.append(_soak(name, options.minutes * 60, report))
    _promise(report, verdicts)
    report.finish()


def _promise(report: Report, verdicts: Sequence[Verdict]) -> None:
    accepted, lost = (sum(getattr(one, name) for one in verdicts) for name in ("accepted", "lost"))
    report.promise(
        "Whatever was accepted is there: each post, and the mail of each reset and registration",
        measured=f"{lost} of {accepted:,} lost",
        kept=lost == 0 and accepted > 0,
    )
    mails, copies, others = (
        sum(getattr(one, name) for one in verdicts) for name in ("mails", "copies", "others")
    )
    report.promise(
        "Each mail comes once; a second time only what was in flight at a fault",
        measured=f"{mails:,} mails, {copies} such copies, {others} others",
        kept=others == 0,
    )
    report.promise(
        "At the end nothing waits, everything was sent, and both hosts are ready",
        measured="; ".join(one.end for one in verdicts),
        kept=all(one.good_end for one in verdicts),
    )


@dataclass(frozen=True)
class Asked:
    """A request: what it was, by what its effect is found, what came of it, and Unix times."""

    what: str
    key: str
    outcome: str
    begun: float
    ended: float


@dataclass
class Verdict:
    """How what was accepted compares with what is there."""

    accepted: int = 0
    lost: int = 0
    mails: int = 0
    copies: int = 0
    others: int = 0
    end: str = ""
    good_end: bool = False
    first: dict[str, float] = field(default_factory=dict)
    """When (Unix time) the mail of a cause, by its key, first arrived."""
    copied: list[float] = field(default_factory=list)
    """When the first of several copies arrived."""


class MailServer:
    """A mail server that goes away and comes back at the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._servers: list[ScriptedServer] = []

    def __enter__(self) -> MailServer:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        server = ScriptedServer(port=self.port)
        self.port = server.port
        self._servers.append(server)
        server.__enter__()

    def stop(self) -> None:
        self._servers[-1].close()

    def answer(self, step: str, words: str, seconds: float) -> None:
        """For so long, answer so at this step."""
        self._servers[-1].script = {step: words}
        time.sleep(seconds)
        self._servers[-1].script = {}

    def received(self) -> list[Received]:
        return [one for server in self._servers for one in server.received]


@dataclass
class Course:
    """What happened when, in Unix times: `windows` are each fault's words, beginning and end."""

    windows: list[tuple[str, float, float]] = field(default_factory=list)
    log_lines: list[int] = field(default_factory=list)
    not_whole: list[float] = field(default_factory=list)


def _soak(name: str, seconds: float, report: Report) -> Verdict:
    # Those as whom nobody is signed in ask for a reset, once each.
    people = VISITING + round(A_SECOND[RESET] * seconds * 2) + 1000
    with (
        MailServer() as mail,
        running_hosts(
            webs=2,
            web_processes=2,
            workers=2,
            mail_port=mail.port,
            people=people,
            with_broker=name == RABBITMQ,
        ) as hosts,
        Load(hosts.balancer) as load,
    ):
        course = _break_everything(hosts, mail, seconds)
        load.end()
        ended = time.time()
        course.windows.append(("", ended, ended))
        course.log_lines.append(hosts.log_lines())
        is_empty = eventually(lambda: hosts.waiting() == 0, seconds=EMPTY_WITHIN_SECONDS)
        print(f"empty {time.time() - ended:.0f} s after the last request", flush=True)
        eventually(lambda: set(hosts.balancer.statuses()) == {"ok"}, seconds=READY_WITHIN_SECONDS)
        verdict = _judge(hosts, mail, load.asked)
        verdict.good_end &= is_empty
    _tell(name, report, load.asked, course, verdict)
    return verdict


def _break_everything(hosts: Hosts, mail: MailServer, seconds: float) -> Course:
    course = Course()
    distance = seconds / FAULTS
    with _Watch(hosts, course.not_whole):
        time.sleep(min(distance, BEFORE_SECONDS))
        beginning = time.time()
        for number, (words, fault) in enumerate(_faults(hosts, mail, distance / 4)):
            time.sleep(max(beginning + number * distance - time.time(), 0))
            course.log_lines.append(hosts.log_lines())
            begun = time.time()
            fault()
            course.windows.append((words, begun, time.time()))
        time.sleep(max(beginning + seconds - time.time(), distance / 2))
    return course


def _faults(
    hosts: Hosts, mail: MailServer, seconds: float
) -> Iterator[tuple[str, Callable[[], None]]]:
    """What fails, and how; what has to last lasts so many seconds."""
    web, other_web = hosts.webs
    yield "A mail worker is killed", hosts.workers[0].kill
    yield "A web process is killed", lambda: web.kill_one("process web")
    yield "A web host fails", other_web.kill
    yield "PostgreSQL is restarted", hosts.database.restart
    yield (
        "PostgreSQL is killed",
        lambda: _kill_and_start(hosts.database, down=RESTART_AFTER_SECONDS),
    )
    yield "All connections to PostgreSQL are cut", lambda: _cut_connections(hosts)
    if hosts.broker is None:
        yield (
            "A dispatcher beside a web server is killed",
            lambda: web.kill_one("process dispatcher"),
        )
    else:
        broker = hosts.broker
        yield "The broker is killed", lambda: _kill_and_start(broker, down=seconds)
    yield (
        "The mail server answers 451 to all",
        lambda: mail.answer("mail", "451 4.3.0 Try again later", seconds),
    )
    yield "The mail server is away, then answers 421", lambda: _take_away(mail, seconds)
    yield "All hosts reload, one after the other", lambda: _reload(hosts.services)


def _kill_and_start(server: OwnPostgreSQL | OwnBroker, *, down: float) -> None:
    server.kill()
    time.sleep(down)
    server.start()


def _cut_connections(hosts: Hosts) -> None:
    hosts.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def _take_away(mail: MailServer, seconds: float) -> None:
    mail.stop()
    time.sleep(seconds / 2)
    mail.start()
    mail.answer("connect", "421 4.3.2 Shutting down", seconds / 2)


def _reload(services: Sequence[Service]) -> None:
    for service in services:
        service.reload(seconds=READY_WITHIN_SECONDS)


class Load:
    """People who ask for pages and send forms. Use it as a context manager."""

    def __init__(self, balancer: Balancer) -> None:
        self.asked: list[Asked] = []
        self._balancer = balancer
        self._ending = threading.Event()
        self._numbers = {what: itertools.count(VISITING) for what in A_SECOND}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Load:
        visits = [what for what, count in A_SECOND.items() for _ in range(count // 2)]
        for number, what in enumerate(visits):
            visitor = Visitor(self._balancer, number)
            offset = PAUSE_SECONDS * number / len(visits)
            self._threads.append(threading.Thread(target=self._run, args=(what, visitor, offset)))
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()

    def end(self) -> None:
        """Ask for nothing more, and wait for the answers to what was asked."""
        self._ending.set()
        for one in self._threads:
            one.join()

    def _run(self, what: str, visitor: Visitor, offset: float) -> None:
        due = time.time() + offset
        while not self._ending.wait(max(due - time.time(), 0)):
            # Nobody asks twice at once: who waits for an answer leaves out what would be due.
            due = max(due + PAUSE_SECONDS, time.time())
            begun = time.time()
            try:
                key, status = visitor.ask(what, next(self._numbers[what]))
                outcome = ACCEPTED if is_accepted(what, status) else f"status {status}"
            except NoHostError:
                key, outcome = "", REFUSED
            except (OSError, http.client.HTTPException) as error:
                key, outcome = "", type(error).__name__
            self.asked.append(Asked(what, key, outcome, begun, time.time()))


class _Watch(threading.Thread):
    """Adds to `at` when (Unix times) the site is not whole. Use it as a context manager."""

    def __init__(self, hosts: Hosts, at: list[float]) -> None:
        super().__init__(name="watch")
        self._hosts = hosts
        self._at = at
        self._ending = threading.Event()

    def __enter__(self) -> _Watch:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        self.join()

    def run(self) -> None:
        while not self._ending.wait(WATCH_SECONDS):
            if not self._hosts.is_whole():
                self._at.append(time.time())


def _judge(hosts: Hosts, mail: MailServer, asked: Sequence[Asked]) -> Verdict:
    verdict = Verdict()
    arrived: dict[str, list[float]] = {}
    for received in sorted(mail.received(), key=lambda one: one.at):
        arrived.setdefault(str(received.message["Message-ID"]), []).append(received.at)
    rows = hosts.rows("SELECT message_id, kind, recipient, status, attempts, history FROM outbox")
    not_sent = 0
    for message_id, kind, recipient, status, attempts, history in rows:
        times = arrived.pop(message_id, [])
        if times and kind in KINDS.values():
            verdict.first[recipient] = times[0]
        verdict.mails += bool(times)
        not_sent += status != Status.SENT or not times
        copies = max(len(times) - 1, 0)
        # In flight were attempts that were never settled, and those of which the end is unknown.
        unknown = sum((one["answer"] or "").startswith(Step.ACCEPTANCE) for one in history)
        explained = min(copies, attempts - len(history) + unknown)
        verdict.copies += explained
        verdict.others += copies - explained
        verdict.copied += times[:1] * copies
    verdict.others += sum(map(len, arrived.values()))
    posts = Counter(body for (body,) in hosts.rows("SELECT body FROM posts"))
    for one in asked:
        if one.what in FORMS and one.outcome == ACCEPTED:
            verdict.accepted += 1
            is_there = posts[one.key] == 1 if one.what == POST else one.key in verdict.first
            verdict.lost += not is_there
    statuses = hosts.balancer.statuses()
    verdict.end = f"{hosts.waiting()} wait, {not_sent} not sent, hosts {' and '.join(statuses)}"
    verdict.good_end = not_sent == 0 and set(statuses) == {"ok"}
    return verdict


def _tell(
    name: str, report: Report, asked: Sequence[Asked], course: Course, verdict: Verdict
) -> None:
    table = report.table(
        WORDS[name],
        "Requests",
        "Errors",
        "Refused",
        "Readers saw errors for",
        "All back after",
        "Mails",
        "Copies",
        "Slowest mail",
        "Log lines",
    )
    lines = [after - before for before, after in itertools.pairwise(course.log_lines)]
    for ((words, begun, until), (_, end, _)), said in zip(
        itertools.pairwise(course.windows), lines, strict=True
    ):
        # What was under way when something failed belongs to that.
        of_window = [one for one in asked if begun <= one.ended < end]
        failed = [one for one in of_window if one.outcome != ACCEPTED]
        refused = sum(one.outcome == REFUSED for one in failed)
        seen = [one for one in failed if one.what not in FORMS]
        outage = max(one.ended for one in seen) - min(one.begun for one in seen) if seen else 0
        back = max([until, *(at for at in course.not_whole if begun <= at < end)]) - begun
        waits = [
            verdict.first[one.key] - one.ended
            for one in of_window
            if one.what in KINDS and one.outcome == ACCEPTED and one.key in verdict.first
        ]
        table.row(
            words,
            f"{len(of_window):,}",
            str(len(failed) - refused),
            str(refused),
            f"{outage:.1f} s",
            f"{back:.1f} s",
            str(len(waits)),
            str(sum(begun <= at < end for at in verdict.copied)),
            f"{max([*waits, 0.0]):.1f} s",
            str(said),
        )
    kinds = Counter(one.outcome for one in asked if one.outcome != ACCEPTED)
    words = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())
    report.note(f"{WORDS[name]}: {len(asked):,} requests; not accepted: {words or 'none'}.")


if __name__ == "__main__":
    main()
