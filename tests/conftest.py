"""Settings that all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadlines: a slow machine is not a bug. In CI, the same examples each time: a change is judged
# by what it changed; new examples are for those who sit before the screen.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
