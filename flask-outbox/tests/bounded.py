"""Checks that work stays small whatever the input is, by counting instead of timing."""

from __future__ import annotations

import os
import resource
import signal
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

TOWER = "a" + "\u0301" * 40_000 + "\u0323" * 40_000
"""Marks that are not in canonical order: normalising sorts them one by one."""

COMPOSED_MAXIMUM = 10_000
"""Code points that may be normalised at once: so many marks take milliseconds."""

CPU_SECONDS = 60
"""Linear work takes milliseconds of it; quadratic work takes hours."""


@contextmanager
def nothing_long_is_composed() -> Iterator[None]:
    """Fail if a text is normalised whose length was not limited before."""
    normalize = unicodedata.normalize

    def measured(form: Any, text: str) -> str:
        assert len(text) <= COMPOSED_MAXIMUM, f"{len(text)} code points were to be normalised"
        return normalize(form, text)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(unicodedata, "normalize", measured)
        yield


def comes_to_an_end(compute: Callable[[], object]) -> bool:
    """Whether the computation is true, in a child process that the kernel kills if it takes long.

    Only the child's own CPU time counts, however busy the machine is.
    """
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        try:
            os._exit(not compute())
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
