"""The house stands: imports run downwards, and the rooms below ``net`` do no I/O.

The table is that of the architecture. A room is a module or package directly below
``aiodicomweb``; a new one needs a line here.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aiodicomweb

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(aiodicomweb.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


@dataclass(frozen=True)
class Room:
    ours: set[str] = field(default_factory=set)
    """What it may import of ours: rooms, or single modules of a room."""

    theirs: set[str] = field(default_factory=set)
    """What it may import of third parties."""

    pure: bool = True
    """Whether it is free of I/O, clocks, logging and ``async``."""

    types_from_anywhere: bool = False
    """Whether imports for type checkers only may run upwards."""


BOTTOM = {"errors", "_util"}
BELOW_NET = BOTTOM | {"http", "wire", "dicom", "services"}

ROOMS = {
    # An error carries what upper layers know, such as the report of a store.
    "errors": Room(types_from_anywhere=True),
    "_util": Room(types_from_anywhere=True),
    "http": Room(BOTTOM),
    "wire": Room(BOTTOM | {"http"}, {"h11"}),
    "dicom": Room(BOTTOM, {"pydicom"}),
    # Whole bodies are made and read here; connections are not.
    "services": Room(BOTTOM | {"http", "dicom", "wire.multipart", "wire.render"}),
    "net": Room(BOTTOM | {"http", "wire"}, {"anyio"}, pure=False),
    # Users hand in and get pydicom's data sets; "google" and "aws" are extras for credentials,
    # "otel" is one for traces.
    "client": Room(
        BELOW_NET | {"net"},
        {"anyio", "botocore", "google", "opentelemetry", "pydicom"},
        pure=False,
    ),
    # Rendering needs more, as the extra "render".
    "server": Room(BELOW_NET | {"net"}, {"anyio", "numpy", "PIL", "pydicom"}, pure=False),
    "testing": Room(BELOW_NET | {"net", "client", "server"}, {"anyio", "pydicom"}, pure=False),
    "cli": Room(
        BELOW_NET | {"net", "client", "server", "testing"} | set(aiodicomweb.__all__),
        {"anyio", "click", "h11", "pydicom", "rich"},
        pure=False,
    ),
    # The front door: what is heavy opens lazily, by name, and not by an import statement.
    "__init__": Room(BOTTOM, types_from_anywhere=True),
    "__main__": Room({"cli"}, pure=False),
}

IMPURE_MODULES = {
    *("asyncio", "concurrent", "ftplib", "logging", "multiprocessing", "sched", "select"),
    *("selectors", "signal", "smtplib", "socket", "socketserver", "ssl", "subprocess", "threading"),
    *("time", "http.client", "http.server", "urllib.request"),
}
IMPURE_CALLS = {"input", "open", "print"}


@dataclass(frozen=True)
class Import:
    module: str
    line: int
    for_types: bool


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """What this source, were it the module of this name, does against the rules."""
    tree = ast.parse(source)
    name = module.removeprefix("aiodicomweb").removeprefix(".").partition(".")[0] or "__init__"
    if name not in ROOMS:
        return [f"{name}: a new room needs a line in ROOMS"]
    room = ROOMS[name]
    found = list(async_generators(tree))
    for imported in imports(tree, module, is_package=is_package):
        found += judge_import(imported, name, room)
    if room.pure:
        found += impurities(tree)
    return found


def imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[Import]:
    """Every import, wherever it stands, with absolute names; one for each name of a ``from``."""
    type_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, module, is_package=is_package)
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(name, node.lineno, id(node) in type_only)


def absolute(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    """The absolute name of what a ``from`` imports from."""
    if not node.level:
        return node.module or ""
    up = node.level - 1 if is_package else node.level
    parts = module.split(".")
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])


def judge_import(imported: Import, name: str, room: Room) -> Iterator[str]:
    """What is wrong with one import."""
    top, _, rest = imported.module.partition(".")
    where = f"line {imported.line}: {name} imports {imported.module}"
    if top == "aiodicomweb":
        if rest.startswith(f"{name}.") or rest in {name, "__version__"}:
            return
        if imported.for_types and room.types_from_anywhere:
            return
        if not any(rest == allowed or rest.startswith(f"{allowed}.") for allowed in room.ours):
            yield f"{where}, which is not below it"
    elif top not in sys.stdlib_module_names:
        allowed = room.theirs | (types_known_to(room) if imported.for_types else set())
        if top not in allowed:
            yield f"{where}, a third party that this layer does without"
    elif room.pure and not imported.for_types:
        prefixes = {imported.module, top, ".".join(imported.module.split(".")[:2])}
        if prefixes & IMPURE_MODULES:
            yield f"{where}, but does no I/O and reads no clock"


def types_known_to(room: Room) -> set[str]:
    """Third parties whose values may pass through: those of the rooms below."""
    below = [other for name, other in ROOMS.items() if name in room.ours]
    known = {"_typeshed"}.union(*(other.theirs for other in below))
    return known | ({"anyio", "h11", "pydicom"} if room.types_from_anywhere else set())


def impurities(tree: ast.AST) -> Iterator[str]:
    """What only ``net`` and above may do: wait, and open files."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.AsyncFunctionDef()
                | ast.AsyncFor()
                | ast.AsyncWith()
                | ast.Await()
                | ast.comprehension(is_async=1)
            ):
                line = getattr(node, "lineno", "?")
                yield f"line {line}: async below net"
            case ast.Call(func=ast.Name(id=called)) if called in IMPURE_CALLS:
                yield f"line {node.lineno}: {called}() below net"


def async_generators(tree: ast.AST) -> Iterator[str]:
    """Async generators, whose clean-up under cancellation cannot be relied on.

    Those that only serve to write an async context manager are run to their end by it.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.AsyncFunctionDef) or not any(map(is_yield, own_nodes(node))):
            continue
        decorators = {ast.unparse(decorator).split(".")[-1] for decorator in node.decorator_list}
        if "asynccontextmanager" not in decorators:
            yield f"line {node.lineno}: {node.name} is an async generator"


def is_yield(node: ast.AST) -> bool:
    """Whether this makes a generator of the function around it."""
    return isinstance(node, ast.Yield | ast.YieldFrom)


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from own_nodes(child)


def dotted(path: Path) -> str:
    """The name under which a file of the package is imported."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_every_module_keeps_to_its_layer(path: Path) -> None:
    """Imports run downwards, and only ``net`` and above do I/O."""
    source = path.read_text(encoding="utf-8")

    assert [] == violations(source, dotted(path), is_package=path.name == "__init__.py")


def test_import_by_name_happens_at_the_front_door_only() -> None:
    """``import_module`` would hide an import from the test above."""
    hidden = [
        dotted(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}
    ]

    assert ["aiodicomweb"] == hidden


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("errors", "from .http import Headers"),
        ("http.url", "from ..wire import limits"),
        ("http.url", "from .. import wire"),
        ("http.url", "import aiodicomweb.client"),
        ("http.url", "from aiodicomweb import Client"),
        ("http.url", "def f():\n    from ..net import pool"),
        ("http.url", "if TYPE_CHECKING:\n    from ..net.pool import Pool"),
        ("http.url", "if TYPE_CHECKING:\n    from pydicom import Dataset"),
        ("http.url", "import h11"),
        ("wire.heads", "from ..dicom import uids"),
        ("dicom.part10", "from ..http import URL"),
        ("services.qido", "from ..wire.arena import Arena"),
        ("services.qido", "from ..wire import arena"),
        ("services.qido", "import pydicom"),
        ("net.pool", "from ..services import Selector"),
        ("net.pool", "import asyncio, trio"),
        ("client.client", "from ..cli import main"),
        ("client.client", "import click"),
        ("wire.framing", "import time"),
        ("wire.framing", "from time import monotonic"),
        ("wire.framing", "from http import client"),
        ("wire.framing", "from urllib import request"),
        ("wire.framing", "import logging"),
        ("wire.framing", "async def read(): pass"),
        ("wire.framing", "open('x')"),
        ("client.client", "async def items():\n    yield 1"),
        (
            "client.client",
            "class A:\n    async def items(self):\n        for x in y:\n            yield x",
        ),
        ("attic", ""),
    ],
)
def test_a_breach_is_found(module: str, source: str) -> None:
    """Each kind of breach gives exactly one finding."""
    assert 1 == len(violations(source, f"aiodicomweb.{module}"))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("errors", "if TYPE_CHECKING:\n    from .client.results import StoreReport"),
        ("errors", "if typing.TYPE_CHECKING:\n    from pydicom import Dataset"),
        ("http.url", "from . import headers\nfrom .headers import Headers\nimport re"),
        ("http.url", "from ..errors import ProtocolError\nfrom .. import errors"),
        ("http.url", "import urllib.parse\nfrom http import HTTPStatus"),
        ("services.stow", "from ..wire.render import render_multipart\nfrom ..wire import render"),
        ("services.stow", "if TYPE_CHECKING:\n    from pydicom import Dataset"),
        ("net.tls", "import ssl, anyio, time, logging\nfrom .. import __version__"),
        ("client.client", "async def f():\n    def g():\n        yield 1\n    await h()"),
        ("client.client", "@contextlib.asynccontextmanager\nasync def f():\n    yield 1"),
        ("__main__", "from aiodicomweb.cli import main"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    """What the table allows gives no finding."""
    assert [] == violations(source, f"aiodicomweb.{module}")


def test_a_package_resolves_relative_names_from_itself() -> None:
    """``from . import x`` in ``wire/__init__.py`` means ``wire.x``."""
    source = "from .arena import Arena\nfrom ..http import Headers"

    assert [] == violations(source, "aiodicomweb.wire", is_package=True)
