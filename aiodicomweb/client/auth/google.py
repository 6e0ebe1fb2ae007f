"""Google's credentials, for the Cloud Healthcare API: what the package google-auth knows of them.

Needs the extra ``google``.
"""

from __future__ import annotations

import threading
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from ...errors import ConfigurationError, CredentialsUnavailable
from ...http import Headers
from .flow import Run
from .renewal import Grant, RenewedAuth, time_to_renew

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from google.auth.credentials import Credentials

    from .flow import Subflow

__all__ = ["GoogleAuth"]

_CLOUD_HEALTHCARE: Final = "https://www.googleapis.com/auth/cloud-healthcare"


class GoogleAuth(RenewedAuth):
    """Credentials of Google's: of a service account, a user or a workload.

    They are refreshed by google-auth, in a thread, over connections of its own, which know
    nothing of the client's proxy and TLS settings. One task does it for all.

    Args:
        credentials: An object of google-auth; ``None`` finds the application default credentials
            when they are first needed.
        scopes: What they shall be good for, where they can be told.

    Raises:
        ConfigurationError: google-auth is not installed.
    """

    __slots__ = ("_credentials", "_default", "_lock", "_scopes")

    def __init__(
        self,
        credentials: Credentials | None = None,
        *,
        scopes: Sequence[str] = (_CLOUD_HEALTHCARE,),
    ) -> None:
        super().__init__()
        self._scopes = list(scopes)
        self._default, with_scopes = _library()
        self._credentials = None if credentials is None else with_scopes(credentials, self._scopes)
        # A thread whose task was cancelled may still be at it when the next one begins.
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """The kind of credentials."""
        kind = "default" if self._credentials is None else type(self._credentials).__name__
        return f"<GoogleAuth {kind}>"

    def _obtain(self, refused: Grant | None, now: float) -> Subflow[Grant]:
        fields, expires_at = cast(
            "tuple[Headers, float | None]", (yield Run(partial(self._refresh, refused)))
        )
        return Grant(fields, time_to_renew(expires_at, now))

    def _refresh(self, refused: Grant | None) -> tuple[Headers, float | None]:
        """Header fields, and until when they serve. Blocks."""
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request as Transport

        with self._lock:
            try:
                if self._credentials is None:
                    self._credentials = self._default(scopes=self._scopes)[0]
                credentials = self._credentials
                # Another user of the same object may have refreshed it.
                if not credentials.valid or (refused and _fields(credentials) == refused.fields):
                    credentials.refresh(Transport())
                return _fields(credentials), _unix_time(credentials.expiry)
            except GoogleAuthError as error:
                failure = CredentialsUnavailable(
                    "Google's credentials gave no token",
                    provider="google-auth",
                    description=str(error),
                    hint="pass credentials, or run: gcloud auth application-default login",
                )
        # Outside, so that it carries nothing of the original, whose text quotes the endpoint.
        raise failure


def _library() -> tuple[Any, Any]:
    """What finds credentials, and what gives them scopes; neither has types."""
    try:
        import google.auth as finding
        import google.auth.credentials as kinds
    except ImportError as error:
        raise ConfigurationError(
            "GoogleAuth needs the package google-auth", hint="pip install aiodicomweb[google]"
        ) from error
    return cast("Any", finding).default, cast("Any", kinds).with_scopes_if_required


def _fields(credentials: Any) -> Headers:
    """The token, and the project to bill, where there are such."""
    fields: dict[str, str] = {}
    credentials.apply(fields)
    return Headers(fields)


def _unix_time(expiry: datetime | None) -> float | None:
    """google-auth writes UTC without saying so."""
    if expiry is None:
        return None
    return (expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)).timestamp()
