"""What tests of the index start with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb.server.index.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["memory", "file"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    """An empty index."""
    opened = Index.open(None if request.param == "memory" else tmp_path / "index.sqlite3")
    yield opened
    opened.close()
