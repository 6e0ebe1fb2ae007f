"""The command line (layer 7): what people and shell scripts use; no other package imports it.

:func:`main` is the entry point ``aiodicomweb``. Importing this package costs nothing: click is
loaded when a command line is parsed, a command's module when it is called, and the client, pydicom,
anyio and rich only where they are needed, so that ``aiodicomweb --help`` answers at once.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after the program's name; ``None`` takes those of the process.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """
    if any(find_spec(name) is None for name in ("click", "rich")):
        sys.stderr.write("aiodicomweb: the command line needs: pip install 'aiodicomweb[cli]'\n")
        return 2
    from .app import run

    return run(sys.argv[1:] if arguments is None else arguments)
