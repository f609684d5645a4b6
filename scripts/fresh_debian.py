"""Machines with a fresh Debian: folders that a systemd of their own starts, without a network.

They take from this machine where Debian's and Python's packages come from, and nothing else. They
see each other and this program at the loopback interface alone, and end with this program.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SUITE = "bookworm"
PROGRAMS = ("debootstrap", "systemd-nspawn", "unshare", "nsenter", "ip", "git")

OUTSIDE = "MICROBLOG_OUTSIDE_NETWORK"
"""Names the descriptor of the network that this program was started in."""

PIP_SETTINGS = {"index-url", "extra-index-url", "trusted-host", "proxy", "cert", "client-cert"}
"""What a machine takes over: it has none of the wheels that lie on this one."""

LENT = Path("/mnt/lent")
"""Where a machine finds the files that this one's settings of pip name."""

STARTED_WITHIN_SECONDS = 60.0


def missing() -> str:
    """What this machine lacks, in words; empty if it can run others."""
    if os.geteuid() != 0:
        return "root"
    return ", ".join(name for name in PROGRAMS if shutil.which(name) is None)


def go_apart() -> None:
    """Start this program anew with processes, mounts and a network of its own."""
    if OUTSIDE not in os.environ:
        outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        os.set_inheritable(outside, True)
        apart = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        environment = {**os.environ, OUTSIDE: str(outside)}
        os.execvpe(apart[0], [*apart, sys.executable, *sys.argv], environment)
    # The first process of a namespace ends at no signal that it does not handle.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    _run("ip", "link", "set", "lo", "up")
    # nspawn hands on what it finds there: one hierarchy, of which its machine gets a part.
    _run("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")


def name_loopback(hosts: Sequence[str], folder: Path) -> None:
    """Let this program find these hosts at the loopback interface."""
    file = folder / "hosts"
    file.write_text(_hosts(hosts))
    _run("mount", "--bind", str(file), "/etc/hosts")


class Machine:
    """A machine that runs, and the folder of its files; `log` gets what its commands say."""

    def __init__(self, root: Path, leader: int, log: Path) -> None:
        self.root = root
        self._leader, self._log = leader, log

    def run(self, script: str, *, user: str = "root", outside: bool = False) -> str:
        """Run the lines of a script; return what it says. The first that fails raises.

        With `outside` it has the network of the machine that this program was started on.
        """
        done = subprocess.run(
            self._command(script, user, outside=outside),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        with self._log.open("a") as log:
            log.write(f"{script.strip()}\n{done.stdout}\n")
        if done.returncode:
            raise CommandError(script, done.returncode, done.stdout)
        return done.stdout

    def start(self, name: str, script: str, *, user: str) -> None:
        """Run the lines of a script, as a service with this name, and do not wait for its end."""
        command = ["systemd-run", "--quiet", f"--unit={name}", f"--uid={user}"]
        self.run(shlex.join([*command, "/bin/bash", "-euc", script]))

    def read(self, path: str) -> bytes:
        """Return what is in a file."""
        return self._file(path).read_bytes()

    def write(self, path: str, content: bytes, *, owner: str = "root") -> None:
        """Write a file, and make its folder where there is none."""
        file = self._file(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.run(f"chown {owner} {path}")

    def wait_for_log(self, unit: str, words: str) -> None:
        """Return once a unit has said this."""
        say = f"journalctl --quiet --unit {unit} --grep {shlex.quote(words)}"
        self.run(f"for _ in $(seq 600); do if {say}; then exit; fi; sleep 0.1; done; exit 1")

    def _file(self, path: str) -> Path:
        return self.root / path.removeprefix("/")

    def _command(self, script: str, user: str, *, outside: bool) -> list[str]:
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        command = [*self._entering(outside=outside), "/usr/bin/env", "--ignore-environment"]
        command += [path, "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        script = f"set -eu\ncd\n{script}"
        if user == "root":
            return [*command, "/bin/bash", "-c", script]
        return [*command, "/bin/su", "--shell", "/bin/bash", user, "-c", script]

    def _entering(self, *, outside: bool) -> list[str]:
        entering = ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--pid"]
        return [*(_outside() if outside else []), *entering, "--cgroup"]


class CommandError(Exception):
    """Commands of the documentation failed."""

    def __init__(self, script: str, code: int, said: str) -> None:
        last = "\n".join(said.splitlines()[-30:])
        super().__init__(f"exit code {code} of:\n{script.strip()}\nIt said:\n{last}")


class Debian:
    """A fresh Debian in `work`, of which machines are made; what takes long is kept in `cache`."""

    def __init__(self, work: Path, cache: Path) -> None:
        self._work, self._cache = work, cache
        self._base = work / "base"
        self._packages = cache / "packages"
        self._packages.mkdir(parents=True, exist_ok=True)
        self._unpack()
        sources = "".join(f"{line}\n" for line in _debian_sources())
        (self._base / "etc/apt/sources.list").write_text(sources)
        acquire = _output("apt-config", "dump", "Acquire")
        (self._base / "etc/apt/apt.conf.d/99machine").write_text(acquire)
        settings, self._lent = _pip_settings()
        (self._base / "etc/pip.conf").write_text(settings)
        shutil.copy("/etc/resolv.conf", self._base / "etc/resolv.conf")

    def _unpack(self) -> None:
        archive = self._cache / f"{SUITE}.tar"
        self._base.mkdir()
        if archive.exists():
            _run("tar", "--extract", f"--file={archive}", f"--directory={self._base}")
            return
        mirror = _debian_sources()[0].split()[1]
        make = ["debootstrap", "--variant=minbase", "--include=systemd-sysv,dbus"]
        _run(*_outside(), *make, SUITE, str(self._base), mirror)
        partial = archive.with_suffix(".partial")
        _run("tar", "--create", f"--file={partial}", f"--directory={self._base}", ".")
        partial.rename(archive)

    @contextmanager
    def machine(
        self, name: str, *, hosts: Sequence[str] = (), like: Machine | None = None
    ) -> Iterator[Machine]:
        """Run a machine, new or with the files of another that has ended.

        It finds `hosts` at the loopback interface.
        """
        (self._cache / f"{name}.log").unlink(missing_ok=True)
        root = self._layer(name, like.root if like else self._base)
        (root / "etc/hosts").write_text(_hosts([name, *hosts]))
        (root / "etc/hostname").write_text(f"{name}\n")
        bound = [f"--bind={self._packages}:/var/cache/apt/archives"]
        bound += [f"--bind-ro={path}:{LENT}{path}" for path in self._lent]
        command = [
            "systemd-nspawn",
            "--quiet",
            f"--directory={root}",
            f"--machine={name}",
            "--boot",
        ]
        command += ["--register=no", "--keep-unit", "--resolv-conf=off", "--console=pipe", *bound]
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        log = self._work / f"{name}.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment
            )
        try:
            leader = _leader_when_started(process, log)
            yield Machine(root, leader, self._cache / f"{name}.log")
        finally:
            process.terminate()
            process.wait()

    def _layer(self, name: str, below: Path) -> Path:
        """Mount a folder with the files below it; what is written is in it alone."""
        root, written, scratch = (self._work / f"{name}-{one}" for one in ("root", "new", "work"))
        for folder in (root, written, scratch):
            folder.mkdir()
        layers = f"lowerdir={below},upperdir={written},workdir={scratch}"
        _run("mount", "-t", "overlay", "overlay", "-o", layers, str(root))
        return root


def _debian_sources() -> list[str]:
    """Return the lines of a sources.list for what this machine takes from Debian."""
    line = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    which = ("Created-By: Packages", "Origin: Debian", "Component: main")
    found = set(_output("apt-get", "indextargets", "--format", line, *which).splitlines())
    mine = [one for one in found if one.split()[2].startswith(SUITE)]
    if not mine:
        raise SystemExit(f"apt knows no source of Debian {SUITE}; try apt-get update.")
    # The suite itself comes before its updates.
    return sorted(mine, key=lambda one: len(one.split()[2]))


def _pip_settings() -> tuple[str, list[str]]:
    """Return the settings with which pip reaches its index, and the files that they name."""
    lines, files = ["[global]"], []
    listed = _output(sys.executable, "-m", "pip", "config", "list")
    for name, value in re.findall(r"(?m)^(?:global|:env:)\.([\w-]+)='(.*)'$", listed):
        if name not in PIP_SETTINGS or "file:" in value:
            continue
        path = Path(value)
        if path.is_absolute():
            files.append(value)
            path = LENT / path.relative_to("/")
        lines.append(f"{name} = {path if files and value == files[-1] else value}")
    return "\n".join(dict.fromkeys(lines)) + "\n", list(dict.fromkeys(files))


def _leader_when_started(process: subprocess.Popen[bytes], log: Path) -> int:
    """Return the number of the machine's first process, once its systemd has started all."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := children.read_text().split():
            is_running = ["nsenter", f"--target={found[0]}", "--mount", "--pid", "--cgroup"]
            is_running += ["systemctl", "is-system-running"]
            said = subprocess.run(is_running, capture_output=True, text=True, check=False).stdout
            if said.strip() in {"running", "degraded"}:
                return int(found[0])
        time.sleep(0.1)
    raise SystemExit(f"The machine did not start: {log.read_text(errors='replace')}")


def _hosts(names: Sequence[str]) -> str:
    return f"127.0.0.1 localhost {' '.join(names)}\n"


def _outside() -> list[str]:
    return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{os.environ[OUTSIDE]}"]


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _run(*command: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {(done.stdout + done.stderr)[-2000:]}")
