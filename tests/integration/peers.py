"""Marks for modules and tests that are about one of the archives."""

from __future__ import annotations

import pytest

ORTHANC = pytest.mark.parametrize("running", ["orthanc"], indirect=True)
EMBEDDED = pytest.mark.parametrize("running", ["embedded"], indirect=True)
