"""Settings that all tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from .support.orthanc import Orthanc, running_orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator

# No deadlines: a slow machine is not a bug. In CI, the same examples each time: a change is judged
# by what it changed; new examples are for those who sit before the screen.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An archive for tests that store what they need, whatever others have left in it."""
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running
