"""Which tests run, and how many at once."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="only on SQLite, without services and browsers"
    )


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many as there are cores, and one more if some tests wait for other processes."""
    return (os.cpu_count() or 1) + (not config.getoption("--quick"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--quick"):
        return
    quick: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        quick[_is_quick(item)].append(item)
    config.hook.pytest_deselected(items=quick[False])
    items[:] = quick[True]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Freeze what is imported and collected, so that the garbage collector does not visit it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(5_000, 10, 10)
        gc.enable()


def _is_quick(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    chosen = item.callspec.params if hasattr(item, "callspec") else {}
    on_sqlite = (
        chosen.get("database_url", "sqlite") == "sqlite" and "postgresql" not in chosen.values()
    )
    needs = {"browser", "broker", "own", "_postgresql_database"} & set(item.fixturenames)
    return on_sqlite and not needs and not item.get_closest_marker("slow")
