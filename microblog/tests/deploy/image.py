"""The image of deploy/Dockerfile, built and run without a container engine.

Its steps run as they stand, in a Debian of their own. A running one has its own processes, network
and mounts, a root that nobody can write to, and the user of the image. All this needs root.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.running import descendants
from tests.waiting import end, eventually

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
CACHE = Path.home() / ".cache"
"""What `RUN --mount=type=cache,target=/root/.cache` gets: pip's and uv's, as everywhere here."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile; `flags` are those that stand before its argument."""

    instruction: str
    flags: Mapping[str, str]
    argument: str


def steps(dockerfile: str) -> list[Step]:
    """Read the instructions that ours has; comments may stand between all lines."""
    lines = [line for line in dockerfile.splitlines() if not re.match(r"\s*(#|$)", line)]
    joined = "\n".join(lines).replace("\\\n", "")
    found = []
    for line in joined.splitlines():
        instruction, _, argument = line.partition(" ")
        flags: dict[str, str] = {}
        while flag := re.match(r"\s*--([\w-]+)=(\S+)\s+", argument):
            flags[flag[1]] = flag[2]
            argument = argument[flag.end() :]
        found.append(Step(instruction, flags, argument.strip()))
    return found


def is_ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether these patterns of .dockerignore keep a file from the image: the last one decides."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    ignored = False
    for pattern in patterns:
        wanted = re.escape(pattern.removeprefix("!"))
        wanted = wanted.replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(wanted, one) for one in above):
            ignored = not pattern.startswith("!")
    return ignored


@dataclass
class Stage:
    """What FROM begins: a layer over Debian, and how a container of it runs."""

    layer: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    arguments: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = "0:0"
    volume: str = ""
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def expand(self, text: str) -> str:
        values = {**self.arguments, **self.environment}
        return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], text)

    def inside(self, path: str) -> Path:
        """Where a path of the image is in its layer."""
        return self.layer / (Path(self.directory) / path).relative_to("/")


class Builder:
    """Builds an image in `folder`, which must not be on an overlay."""

    def __init__(self, folder: Path, debian: Path) -> None:
        self._folder = folder
        self._debian = debian
        self._stages: dict[str, Stage] = {}
        self._stage: Stage

    def build(self) -> Image:
        for step in steps(DOCKERFILE.read_text()):
            getattr(self, f"_{step.instruction.lower()}")(step)
        return Image(self._stage, self._debian, self._folder)

    def _from(self, step: Step) -> None:
        base, _, name = step.argument.partition(" AS ")
        assert base == "debian:bookworm-slim"
        name = name or "final"
        (self._folder / name).mkdir()
        self._stage = self._stages[name] = Stage(self._folder / name)

    def _run(self, step: Step) -> None:
        mounts = dict(one.split("=") for one in step.flags.get("mount", "").split(",") if one)
        script = (
            'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4";'
            'mount -t proc proc "$4/proc"; mount --rbind /dev "$4/dev";'
            'if [ "$5" ]; then mkdir -p "$4$5"; mount --bind "$6" "$4$5"; fi;'
            'touch "$4/run/certificates"; mount --bind "$7" "$4/run/certificates";'
            'root="$4"; shift 7; exec chroot "$root" env --ignore-environment "$@"'
        )
        folders = [self._folder / "work", self._folder / "root"]
        for one in folders:
            one.mkdir(exist_ok=True)
        CACHE.mkdir(exist_ok=True)
        reach = {"SSL_CERT_FILE": "/run/certificates", "PIP_CERT": "/run/certificates"}
        given = {**self._stage.arguments, **self._stage.environment, **reach}
        self._stage.inside(".").mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [
                *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
                *("sh", "-euc", script, "sh"),
                *map(str, [self._debian, self._stage.layer, *folders]),
                *(mounts.get("target", ""), str(CACHE), CERTIFICATES),
                f"--chdir={self._stage.directory}",
                *(f"{name}={value}" for name, value in given.items()),
                *("/bin/sh", "-c", step.argument),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{step.argument}\n{done.stdout}\n{done.stderr}"

    def _copy(self, step: Step) -> None:
        *sources, target = step.argument.split()
        destination = self._stage.inside(target)
        if origin := step.flags.get("from"):
            (source,) = sources
            destination.parent.mkdir(parents=True, exist_ok=True)
            # Links to the same files are enough: nobody changes them.
            copied_from = self._stages[origin].inside(source)
            subprocess.run(["cp", "--archive", "--link", copied_from, destination], check=True)
            return
        patterns = [
            line
            for line in (ROOT / ".dockerignore").read_text().splitlines()
            if line and not line.startswith("#")
        ]
        for source in sources:
            whole = ROOT / source
            base = whole if whole.is_dir() else whole.parent
            for file in whole.rglob("*") if whole.is_dir() else [whole]:
                if file.is_file() and not is_ignored(str(file.relative_to(ROOT)), patterns):
                    copied = destination / file.relative_to(base)
                    copied.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, copied)

    def _env(self, step: Step) -> None:
        self._stage.environment |= _assignments(self._stage.expand(step.argument))

    def _arg(self, step: Step) -> None:
        self._stage.arguments |= _assignments(step.argument)

    def _label(self, step: Step) -> None:
        self._stage.labels |= _assignments(self._stage.expand(step.argument))

    def _workdir(self, step: Step) -> None:
        self._stage.directory = step.argument

    def _user(self, step: Step) -> None:
        self._stage.user = step.argument

    def _volume(self, step: Step) -> None:
        self._stage.volume = step.argument

    def _expose(self, step: Step) -> None:
        assert step.argument.isdigit()

    def _healthcheck(self, step: Step) -> None:
        instruction, _, command = step.argument.partition(" ")
        assert instruction == "CMD"
        self._stage.health = json.loads(command)

    def _entrypoint(self, step: Step) -> None:
        self._stage.entrypoint = json.loads(step.argument)

    def _cmd(self, step: Step) -> None:
        self._stage.command = json.loads(step.argument)


def _assignments(text: str) -> dict[str, str]:
    pairs = (one.partition("=") for one in shlex.split(text))
    return {name: value for name, _, value in pairs}


_RUN = (
    'ip link set lo up; mount -t overlay overlay -o "ro,lowerdir=$1:$2" "$3";'
    'mount -t proc proc "$3/proc"; mount --rbind /dev "$3/dev"; mount --bind "$4" "$3$5";'
    'root="$3"; shift 5; exec chroot "$root" "$@"'
)


@dataclass(frozen=True)
class Image:
    """An image that was built."""

    stage: Stage
    debian: Path
    folder: Path

    def new_volume(self) -> Path:
        """An empty volume, which belongs to whom the image's folder there does."""
        volume = self.folder / f"volume-{os.urandom(4).hex()}"
        made = self.stage.inside(self.stage.volume)
        subprocess.run(["cp", "--archive", made, volume], check=True)
        return volume

    @contextmanager
    def running(
        self, volume: Path, *arguments: str, log: Path, **settings: str
    ) -> Iterator[Container]:
        """A container whose root is read-only, and which has no capability and no network."""
        root = self.folder / "root"
        isolated = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
        places = [*map(str, [self.stage.layer, self.debian, root, volume]), self.stage.volume]
        command = [*self.stage.entrypoint, *(arguments or self.stage.command)]
        with log.open("wb") as written:
            process = subprocess.Popen(
                [*isolated, "sh", "-euc", _RUN, "sh", *places, *self.as_user(command, **settings)],
                stdout=written,
                stderr=written,
            )
        try:
            assert eventually(lambda: descendants(process.pid))
            yield Container(self, process, log, descendants(process.pid)[0])
        finally:
            end(process, seconds=30)

    def as_user(self, command: Sequence[str], **settings: str) -> list[str]:
        """The command line that runs this inside the root, as the image's user."""
        user, _, group = self.stage.user.partition(":")
        given = {**self.stage.environment, **settings}
        return [
            *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"),
            *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
            *("env", "--ignore-environment", f"--chdir={self.stage.directory}"),
            *(f"{name}={value}" for name, value in given.items()),
            *command,
        ]


@dataclass(frozen=True)
class Container:
    """A container that runs, or ran."""

    image: Image
    process: subprocess.Popen[bytes]
    log: Path
    pid: int
    """The number of its first process, as it is called outside."""

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the container beside its first process, as its user."""
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--root"]
        return subprocess.run(
            [*enter, *self.image.as_user(command)], capture_output=True, text=True, check=False
        )

    def is_healthy(self) -> bool:
        """Ask the image's own health check."""
        return self.execute(*self.image.stage.health).returncode == 0
