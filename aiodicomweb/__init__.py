"""DICOMweb for asyncio: search, retrieve and store medical images.

``async with Client(url) as client:`` is the way in. What is heavy is loaded when its name is first
used (PEP 562), so that importing this package costs neither pydicom nor ssl. Every sub-package can
be imported by itself; those below :mod:`aiodicomweb.net` do no I/O.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import _util, errors
from .errors import *  # noqa: F403  (the tree of errors is cheap, and lists itself)

if TYPE_CHECKING:
    from .client import (
        AccessToken,
        AwsSigV4Auth,
        BasicAuth,
        BearerAuth,
        BulkData,
        BulkDataPart,
        Client,
        Frame,
        GoogleAuth,
        Instance,
        OAuth2ClientCredentials,
        Retry,
        StoreReport,
        Timeout,
        Tls,
    )
    from .services import RenderingOptions, Selector, Viewport, Window
    from .services.stow import FailedInstance, StoredInstance
    from .wire.limits import Limits

__version__ = "0.1.0"

__all__ = [
    "AccessToken",
    "AwsSigV4Auth",
    "BasicAuth",
    "BearerAuth",
    "BulkData",
    "BulkDataPart",
    "Client",
    "FailedInstance",
    "Frame",
    "GoogleAuth",
    "Instance",
    "Limits",
    "OAuth2ClientCredentials",
    "RenderingOptions",
    "Retry",
    "Selector",
    "StoreReport",
    "StoredInstance",
    "Timeout",
    "Tls",
    "Viewport",
    "Window",
    "__version__",
    "errors",
]
__all__ += errors.__all__

_LAZY = {
    "AccessToken": ".client",
    "AwsSigV4Auth": ".client",
    "BasicAuth": ".client",
    "BearerAuth": ".client",
    "BulkData": ".client",
    "BulkDataPart": ".client",
    "Client": ".client",
    "FailedInstance": ".services.stow",
    "Frame": ".client",
    "GoogleAuth": ".client",
    "Instance": ".client",
    "Limits": ".wire.limits",
    "OAuth2ClientCredentials": ".client",
    "RenderingOptions": ".services",
    "Retry": ".client",
    "Selector": ".services",
    "StoreReport": ".client",
    "StoredInstance": ".services.stow",
    "Timeout": ".client",
    "Tls": ".client",
    "Viewport": ".services",
    "Window": ".services",
}


def _room(name: str) -> Any:
    return importlib.import_module(name, __name__)


# ``bytes(request)`` works for whoever imports no more than ``aiodicomweb.http``.
_util.message_codec.provide(lambda: _room(".wire.messages"))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # type checkers would take it as a promise that every name exists

    def __getattr__(name: str) -> Any:
        module = _LAZY.get(name)
        if module is None:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = getattr(_room(module), name)
        globals()[name] = value  # found without this function from now on
        return value
