"""What is public is listed, exists and is described."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import aiodicomweb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(aiodicomweb.__path__, "aiodicomweb.")
    if "._" not in info.name
)


def tree_of(module: ModuleType) -> ast.Module:
    """The source of a module, parsed."""
    assert module.__file__ is not None
    return ast.parse(Path(module.__file__).read_text(encoding="utf-8"))


def public_names(tree: ast.Module, *, is_package: bool) -> Iterator[str]:
    """Names without an underscore that a module defines, or that a package takes from below.

    Constants are named in capitals and explained where they stand; a module need not list them.
    """
    for node in tree.body:
        match node:
            case (
                ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
                names = [name]
            case ast.Assign(targets=targets):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case ast.ImportFrom(level=1, names=aliases) if is_package:
                names = [alias.asname or alias.name for alias in aliases]
            case _:
                names = []
        yield from (
            name for name in names if not (name.startswith("_") or name.isupper() or name == "*")
        )


def undescribed(module: ModuleType) -> Iterator[str]:
    """Public classes, functions, methods and properties that have no docstring of their own."""
    for name in module.__all__:
        thing = getattr(module, name)
        if getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(thing):
            # Dataclasses and named tuples write "Name(field, ...)" where nobody wrote anything.
            if (thing.__doc__ or f"{name}(").startswith(f"{name}("):
                yield name
            yield from (f"{name}.{member}" for member in undescribed_members(thing))
        elif inspect.isroutine(thing) and not inspect.getdoc(thing):
            yield name


def undescribed_members(cls: type[Any]) -> Iterator[str]:
    """Public methods and properties of a class that have no docstring."""
    for name, value in vars(cls).items():
        is_method = inspect.isfunction(value) or isinstance(
            value, classmethod | staticmethod | property
        )
        # getdoc on the class finds what an overridden method says.
        if is_method and not name.startswith("_") and not inspect.getdoc(getattr(cls, name)):
            yield name


@pytest.mark.parametrize("name", MODULES)
def test_all_is_true(name: str) -> None:
    """Every name in ``__all__`` exists, once."""
    module = importlib.import_module(name)

    assert len(set(module.__all__)) == len(module.__all__)
    assert [] == [public for public in module.__all__ if not hasattr(module, public)]


# What the command line offers are commands; its modules serve nobody else.
@pytest.mark.parametrize("name", [name for name in MODULES if "aiodicomweb.cli" not in name])
def test_all_is_complete(name: str) -> None:
    """Every public name of a module is in its ``__all__``."""
    module = importlib.import_module(name)
    names = public_names(tree_of(module), is_package=hasattr(module, "__path__"))

    assert set() == set(names) - set(module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_what_is_public_is_described(name: str) -> None:
    """Modules and public classes, functions, methods and properties have docstrings."""
    module = importlib.import_module(name)

    assert module.__doc__
    assert [] == list(undescribed(module))


@pytest.mark.parametrize("name", sorted(aiodicomweb.__all__))
def test_front_door_opens(name: str) -> None:
    """Every name that ``aiodicomweb`` exports resolves, and is the same thing each time."""
    assert getattr(aiodicomweb, name) is getattr(aiodicomweb, name)
    assert name in dir(aiodicomweb)


def test_front_door_lists_agree() -> None:
    """The table of lazy names, ``__all__`` and the imports for type checkers name the same."""
    block = next(node for node in tree_of(aiodicomweb).body if isinstance(node, ast.If))
    for_types = {
        alias.name: f".{node.module}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert aiodicomweb._LAZY == for_types
    assert {*aiodicomweb._LAZY, *aiodicomweb.errors.__all__, "errors", "__version__"} == set(
        aiodicomweb.__all__
    )


def test_front_door_refuses_other_names() -> None:
    """A name that is not exported is an ``AttributeError`` that tells it."""
    with pytest.raises(AttributeError, match="no attribute 'Clinet'"):
        _ = aiodicomweb.Clinet


@pytest.mark.parametrize(
    ("source", "is_package", "names"),
    [
        ("class Aa: pass\ndef b(): pass\nasync def c(): pass", False, ["Aa", "b", "c"]),
        ("Dd = 1 | 2\nEe: int = 2\n_f = 3\nG = 4\n__all__ = []", False, ["Dd", "Ee"]),
        ("from .a import Bb\nfrom .a import C as Dd\nimport re", True, ["Bb", "Dd"]),
        ("from .a import B\nfrom re import match", False, []),
        ("from ..errors import B\nif TYPE_CHECKING:\n    from .a import C", True, []),
    ],
)
def test_public_names_are_found(source: str, is_package: bool, names: list[str]) -> None:
    """Definitions count in a module, and what comes from below counts in a package too."""
    assert names == list(public_names(ast.parse(source), is_package=is_package))
