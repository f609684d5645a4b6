"""The page docs/reference.md has every public name. Its build fails on what it cannot find."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import flask_outbox
from flask_outbox import celery, dashboard, public_pages, schema, testing
from tests.documentation import LIBRARY

PAGE = (LIBRARY / "docs" / "reference.md").read_text()


MODULES = (flask_outbox, dashboard, public_pages, testing)


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.__name__)
def test_every_public_name_is_in_the_reference(module: ModuleType) -> None:
    prefix = re.escape(module.__name__)
    named = re.findall(rf"(?m)^\.\. (?:py:|auto)\w+:: {prefix}\.([A-Za-z_]+)$", PAGE)
    assert sorted(named) == sorted(set(named))
    modules = {"testing", "dashboard", "public_pages", "schema", "celery"}
    assert set(named) - modules == set(module.__all__)


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function, and every public method of a public class, of ours."""
    values = [getattr(module, name) for module in MODULES for name in module.__all__]
    values += [schema.version, schema.check, schema.upgrade, schema.downgrade, schema.create_all]
    values += [celery.register, celery.make_celery]
    for value in values:
        if not getattr(value, "__module__", "").startswith("flask_outbox"):
            continue
        members = vars(value).values() if inspect.isclass(value) else [value]
        for member in members:
            function = inspect.unwrap(
                getattr(member, "fget", None) or getattr(member, "__func__", member)
            )
            if inspect.isfunction(function) and function.__name__[0] not in "_<":
                yield f"{function.__module__}.{function.__qualname__}", function


FUNCTIONS = dict(functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_public_function_raises_is_documented(name: str) -> None:
    function = FUNCTIONS[name]
    words = inspect.getdoc(function)
    assert words, "has no docstring"
    code = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))
    raises = any(isinstance(node, ast.Raise) and node.exc for node in ast.walk(code))
    assert not raises or re.search(r"\b[Rr]aises?\b|[Ee]rrors", words)
