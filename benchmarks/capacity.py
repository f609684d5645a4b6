"""What do 1, 10 and 100 hosts carry, and what breaks first?

One `microblog run` with one web process, on a PostgreSQL of its own, is asked for pages and sent
forms by eight visitors at once, and then for a mixture of them at an even rate. Measured is the CPU
time (user and system) that the web process, the mail dispatcher and all processes of PostgreSQL
take for each: other load on the machine lengthens the time of a request, but hardly this one. Then
one, two and four dispatchers deliver mail that is caused one at a time, since each is woken for
each message. From these the model calculates what so many hosts carry, each with a dispatcher and a
web process for each of two cores, on one database. It is compared with two web hosts and two
workers that run on this machine.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psycopg

from benchmarks import plotting
from benchmarks.hosts import VISITING, Hosts, running_hosts
from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.sink import running_sink
from benchmarks.visitors import (
    HOME,
    KINDS,
    PATHS,
    POST,
    REGISTER,
    RESET,
    SIGN_IN,
    Visitor,
    is_accepted,
)
from tests.cli.running import command_line, descendants
from tests.own_postgresql import postgresql_programs
from tests.waiting import eventually

UNITS = (HOME, SIGN_IN, POST, RESET, REGISTER)
MIX = {HOME: 900, SIGN_IN: 70, POST: 20, RESET: 5, REGISTER: 5}
"""What a thousand requests are."""

MAILS_A_REQUEST = (MIX[RESET] + MIX[REGISTER]) / sum(MIX.values())

VISITORS = 8
PAUSE_SECONDS = 0.25
"""Between the requests of one visitor to the mixture: eight make 32 a second."""

ALONE_SECONDS = 0.05
IDLE_SECONDS = 20.0
WARM_SECONDS, WARM_MAILS = 10.0, 20
"""What is asked for before, so that every process has loaded what it needs."""

PEOPLE = 6000
DISPATCHERS = (1, 2, 4)
THREADS = 8
"""Of a web process: each may need a connection to the database, and one more is for NOTIFY."""

POSTGRESQL, TOGETHER = "PostgreSQL", "All together"
HOSTS = (1, 10, 100)
CORES = 2
"""Of each host, and of the database's."""

LARGER = (8, 32)
"""The cores of larger databases."""

BUSY = 0.7
"""So much of a core may be busy: beyond, requests wait for each other, soon many times as long."""

MAX_CONNECTIONS = 97
"""PostgreSQL's own limit of 100, without the three that it keeps for administrators."""

MAILS_A_SECOND = 14
"""What a mail provider takes of a new account: the rate that Amazon SES begins with."""

TITLE = "Requests a second that so many hosts carry"

AT_MOST = 0.25
EMPTY_WITHIN_SECONDS = 120.0
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400, help="of each kind")
    parser.add_argument("--mails", type=int, default=200, help="for each number of dispatchers")
    parser.add_argument("--seconds", type=int, default=60, help="of the mixture")
    options, full = parse(parser)
    report = Report("capacity", __doc__, full=full)
    words = "The model is right about two web hosts and two workers"
    if postgresql_programs() is None:
        report.note("Left out: there must be PostgreSQL's programs.")
        report.promise(words, measured="not measured", kept=False)
        report.finish()
    model = _measured_model(report, options)
    worst = _check(report, model, options.seconds)
    report.promise(
        f"{words}: the CPU time of PostgreSQL, and of all together, within {AT_MOST:.0%}",
        measured=f"at most {worst:.0%}",
        kept=worst <= AT_MOST,
    )
    _calculate(report, model)
    report.finish()


@dataclass(frozen=True)
class Cost:
    """CPU seconds of the web processes, the dispatchers, and the database."""

    web: float = 0.0
    mail: float = 0.0
    database: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.web + other.web, self.mail + other.mail, self.database + other.database)

    def __mul__(self, factor: float) -> Cost:
        return Cost(self.web * factor, self.mail * factor, self.database * factor)

    def __sub__(self, other: Cost) -> Cost:
        return self + other * -1

    def cells(self) -> Iterator[str]:
        """The three as text; what is less than was taken at rest is nothing."""
        return (milliseconds(max(one, 0.0)) for one in (self.web, self.mail, self.database))


PARTS: dict[str, Callable[[Cost], float]] = {
    "Web processes": lambda cost: cost.web,
    "Dispatchers": lambda cost: cost.mail,
    POSTGRESQL: lambda cost: cost.database,
    TOGETHER: lambda cost: cost.web + cost.mail + cost.database,
}


@dataclass(frozen=True)
class Model:
    """What was measured of one host, and what follows for many.

    `mixed` is the cost of a request of the mixture, its share of mail included, with one
    dispatcher; `woken` that of a message for each further dispatcher, and `idle` that of a second
    without visitors for each web process and each dispatcher. `connections` are a host's.
    """

    mixed: Cost
    woken: Cost
    idle: Cost
    connections: int

    def request(self, dispatchers: int) -> Cost:
        """The cost of a request of the mixture where there are so many dispatchers."""
        return self.mixed + self.woken * (MAILS_A_REQUEST * (dispatchers - 1))

    def webs_carry(self, hosts: int) -> float:
        """The requests a second for which the cores of so many hosts are enough."""
        one = self.request(hosts)
        free = CORES * BUSY - (self.idle.web + self.idle.mail)
        return max(hosts * free / (one.web + one.mail), 0.0)

    def database_carries(self, hosts: int, cores: int) -> float:
        """The requests a second for which so many cores of a database are enough."""
        free = cores * BUSY - hosts * self.idle.database
        return max(free / self.request(hosts).database, 0.0)


def _measured_model(report: Report, options: argparse.Namespace) -> Model:
    table = report.table(
        "One", "Web: CPU", "Dispatcher: CPU", "PostgreSQL: CPU", "A second, one web process"
    )
    with _running(webs=1, workers=0) as hosts:
        idle = _spent(hosts, lambda: time.sleep(IDLE_SECONDS)) * (1 / IDLE_SECONDS)
        visiting = Visiting(hosts)
        for what in UNITS:
            visiting.at_once(what, VISITORS * 5)
            cost, rate = visiting.cost(idle, partial(visiting.at_once, what, options.requests))
            words = f"{what} with its mail" if what in KINDS else what
            table.row(words, *cost.cells(), f"{rate:,.0f}")
        visiting.mixed(WARM_SECONDS)
        mixed, _rate = visiting.cost(idle, lambda: visiting.mixed(options.seconds))
        connections = _connections(hosts)
    table.row("request of the mixture", *mixed.cells(), "")
    alone = {count: _cost_of_mail(count, options.mails) for count in DISPATCHERS}
    costs = {count: cost for count, (cost, _idle) in alone.items()}
    mail = report.table(
        "A reset and its mail, with", "Web: CPU", "Dispatchers: CPU", "PostgreSQL: CPU"
    )
    for count, cost in costs.items():
        mail.row(f"{count} dispatchers" if count > 1 else "one dispatcher", *cost.cells())
    fewest, most = min(costs), max(costs)
    more = (costs[most] - costs[fewest]) * (1 / (most - fewest))
    report.note(
        f"Each further dispatcher that is woken costs {milliseconds(more.mail)} of its own CPU time"
        f" and {milliseconds(more.database)} of PostgreSQL's for each message."
    )
    shares = ", ".join(f"{share / 10:g} % {what}" for what, share in MIX.items())
    report.note(f"The mixture: {shares}.")
    # What one takes at rest is too little to be read off one: a tick is ten milliseconds.
    of_all = alone[most][1]
    at_rest = Cost(idle.web, of_all.mail / most, of_all.database / most)
    web, mail_at_rest, database = at_rest.cells()
    report.note(
        f"In a second without visitors a web process takes {web}, a dispatcher {mail_at_rest}, and"
        f" PostgreSQL {database} for each dispatcher."
    )
    return Model(mixed, replace(more, web=0.0), at_rest, connections)


@contextmanager
def _running(*, webs: int, workers: int) -> Iterator[Hosts]:
    with (
        running_sink() as mail_port,
        running_hosts(
            webs=webs, web_processes=1, workers=workers, mail_port=mail_port, people=PEOPLE
        ) as hosts,
    ):
        yield hosts


def _cost_of_mail(dispatchers: int, mails: int) -> tuple[Cost, Cost]:
    """The cost of a reset that is asked for when nothing else waits, with its mail; and at rest."""
    with _running(webs=1, workers=dispatchers - 1) as hosts:
        visiting = Visiting(hosts)
        visiting.one_by_one(RESET, WARM_MAILS * dispatchers)
        idle = _spent(hosts, lambda: time.sleep(IDLE_SECONDS)) * (1 / IDLE_SECONDS)
        cost, _rate = visiting.cost(idle, lambda: visiting.one_by_one(RESET, mails))
    return cost, idle


def _check(report: Report, model: Model, seconds: int) -> float:
    """Compare with two web hosts and two workers; return the larger difference that matters."""
    with _running(webs=2, workers=2) as hosts:
        visiting = Visiting(hosts)
        visiting.mixed(WARM_SECONDS * 2)
        measured, rate = visiting.cost(Cost(), lambda: visiting.mixed(seconds))
    # Both kinds of host have a dispatcher, and ask the database at rest.
    idle = Cost(model.idle.web * 2, model.idle.mail * 4, model.idle.database * 4)
    calculated = model.request(4) + idle * (1 / rate)
    table = report.table(
        "CPU of a request, two web hosts and two workers", "Calculated", "Measured", "Difference"
    )
    differences = {}
    for words, part in PARTS.items():
        one, other = part(calculated), part(measured)
        differences[words] = one / other - 1
        table.row(words, milliseconds(one), milliseconds(other), f"{differences[words]:+.0%}")
    report.note(f"The comparison ran at {rate:.0f} requests a second.")
    return max(abs(differences[POSTGRESQL]), abs(differences[TOGETHER]))


def _calculate(report: Report, model: Model) -> None:
    table = report.table(
        "Busy hosts",
        "Carry",
        f"A database of {CORES} cores carries",
        "Database cores for all",
        "Connections",
        "Mails",
    )
    for hosts in HOSTS:
        carried = model.webs_carry(hosts)
        cores = (carried * model.request(hosts).database + hosts * model.idle.database) / BUSY
        table.row(
            str(hosts),
            f"{carried:,.0f} a second",
            f"{model.database_carries(hosts, CORES):,.0f} a second",
            f"{cores:.1f}",
            f"{hosts * _connections_of_host(model):,}",
            f"{carried * MAILS_A_REQUEST:,.1f} a second",
        )
    full = report.table("What is full first", "Enough for so many busy hosts")
    of_host = _connections_of_host(model)
    limits = {
        f"max_connections = 100, where a host may hold {of_host}": MAX_CONNECTIONS // of_host,
        f"a mail provider that takes {MAILS_A_SECOND} a second": _hosts_until(
            lambda hosts: model.webs_carry(hosts) * MAILS_A_REQUEST > MAILS_A_SECOND
        ),
    }
    for cores in (CORES, *LARGER):
        limits[f"a database of {cores} cores"] = _hosts_until(partial(_exceed, model, cores))
    for words, hosts in sorted(limits.items(), key=lambda one: one[1]):
        full.row(words, str(hosts) if hosts else "less than one")
    report.plot(TITLE, _plot(model))


def _connections_of_host(model: Model) -> int:
    """Of a host with a web process for each core, where one process was measured."""
    return model.connections + (CORES - 1) * (THREADS + 1)


def _exceed(model: Model, cores: int, hosts: int) -> bool:
    """Whether so many busy hosts need more than such a database."""
    return model.webs_carry(hosts) > model.database_carries(hosts, cores)


def _hosts_until(is_full: Callable[[int], bool]) -> int:
    """The largest number of hosts at which it is not full, of those that are calculated."""
    return next((one - 1 for one in range(1, HOSTS[-1] + 1) if is_full(one)), HOSTS[-1])


def _plot(model: Model) -> str:
    numbers = sorted({*range(1, 11), *range(10, 101, 5)})
    lines = {
        "the hosts' cores": [(one, model.webs_carry(one)) for one in numbers],
        **{
            f"a database of {cores} cores": [
                (one, model.database_carries(one, cores)) for one in numbers
            ]
            for cores in (CORES, *LARGER)
        },
    }
    return plotting.plot(
        TITLE,
        lines,
        x="hosts",
        mark=(MAX_CONNECTIONS / _connections_of_host(model), "max_connections = 100"),
    )


class Visiting:
    """Visitors of a site, who never ask for the same twice."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._visitors = [Visitor(hosts.balancer, number) for number in range(VISITORS)]
        self._numbers = {what: itertools.count(VISITING) for what in UNITS}
        self._asked: list[str] = []
        self._wait_until_empty()

    def cost(self, idle: Cost, visit: Callable[[], None]) -> tuple[Cost, float]:
        """The cost of a request beyond that of the idle site, and how many there are a second."""
        asked, begun = len(self._asked), time.monotonic()
        spent = _spent(self._hosts, visit)
        seconds = time.monotonic() - begun
        asked = len(self._asked) - asked
        return (spent - idle * seconds) * (1 / asked), asked / seconds

    def at_once(self, what: str, count: int) -> None:
        """Ask for so many, each visitor as fast as the answers come."""

        def run(visitor: Visitor) -> None:
            for _ in range(count // VISITORS):
                self._ask(visitor, what)

        self._in_threads(run)

    def one_by_one(self, what: str, count: int) -> None:
        """Ask for so many, at such a distance that the mail of each leaves alone."""
        for _ in range(count):
            self._ask(self._visitors[0], what)
            time.sleep(ALONE_SECONDS)
        self._wait_until_empty()

    def mixed(self, seconds: float) -> None:
        """Ask for the mixture, at an even rate."""
        kinds = [what for what, share in MIX.items() for _ in range(share)]
        # Kinds alternate: 389 has no factor of a thousand's.
        order = itertools.cycle([kinds[number * 389 % len(kinds)] for number in range(len(kinds))])
        end = time.monotonic() + seconds

        def run(visitor: Visitor) -> None:
            due = time.monotonic() + self._visitors.index(visitor) * PAUSE_SECONDS / VISITORS
            while due < end:
                time.sleep(max(due - time.monotonic(), 0))
                self._ask(visitor, next(order))
                due += PAUSE_SECONDS

        self._in_threads(run)

    def _ask(self, visitor: Visitor, what: str) -> None:
        _key, status = visitor.ask(what, next(self._numbers[what]))
        if not is_accepted(what, status):
            raise SystemExit(f"{PATHS[what]}: status {status}")
        self._asked.append(what)

    def _in_threads(self, run: Callable[[Visitor], None]) -> None:
        with ThreadPoolExecutor(VISITORS) as pool:
            list(pool.map(run, self._visitors))
        self._wait_until_empty()

    def _wait_until_empty(self) -> None:
        if not eventually(lambda: self._hosts.waiting() == 0, seconds=EMPTY_WITHIN_SECONDS):
            raise SystemExit("The mail does not leave.")


def _connections(hosts: Hosts) -> int:
    """All to the database, but for this one."""
    found = hosts.rows(
        "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )
    return int(found[0][0])


def _spent(hosts: Hosts, act: Callable[[], None]) -> Cost:
    """The CPU time that is spent while this is done."""
    before = _cpu(hosts)
    act()
    return _cpu(hosts) - before


def _cpu(hosts: Hosts) -> Cost:
    pids = [pid for service in hosts.services for pid in service.processes()]
    web = [pid for pid in pids if "process web" in command_line(pid)]
    mail = [pid for pid in pids if "process dispatcher" in command_line(pid)]
    with psycopg.connect(hosts.database.url) as connection:
        server = int(_stat(connection.info.backend_pid)[1])
        database = [server, *descendants(server)]
        return Cost(*(sum(map(_seconds, group)) for group in (web, mail, database)))


def _seconds(pid: int) -> float:
    """The CPU time of a process, and of its children that have ended."""
    return sum(map(int, _stat(pid)[11:15])) / TICKS


def _stat(pid: int) -> list[str]:
    """What proc(5) calls stat, from the state on; zeros for a process that has just ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 50


if __name__ == "__main__":
    main()
