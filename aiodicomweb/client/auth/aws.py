"""AWS Signature Version 4, for HealthImaging: what the package botocore knows of it.

Needs the extra ``aws``. A signature covers the method, the path, the query, all header fields and
the digest of the body, so that each request is signed by itself.
"""

# pyright: reportMissingTypeStubs=false
# botocore has no types; what we use of it is narrow.

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast
from urllib.parse import quote, unquote_to_bytes

from ...errors import ConfigurationError, CredentialsUnavailable
from ...http import Deferred, FileSpan, Headers, Request
from .flow import Alone, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...http import URL, Body, Segment
    from .flow import Flow, Subflow

__all__ = ["AwsCredentials", "AwsKeys", "AwsSigV4Auth", "body_digest"]

_EMPTY: Final = hashlib.sha256().hexdigest()
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_BLOCK: Final = 1024 * 1024


class AwsKeys(Protocol):
    """Keys as they are at one moment."""

    @property
    def access_key(self) -> str:
        """Names the key; not secret."""
        ...

    @property
    def secret_key(self) -> str:
        """What is signed with."""
        ...

    @property
    def token(self) -> str | None:
        """Goes with keys that expire."""
        ...


class AwsCredentials(Protocol):
    """What botocore's and boto3's credentials are: ``boto3.Session().get_credentials()``."""

    def get_frozen_credentials(self) -> AwsKeys:
        """The keys, renewed if they are about to expire. May block."""
        ...


class AwsSigV4Auth:
    """Signs each request with AWS Signature Version 4.

    Keys that expire are renewed by botocore, in a thread, over connections of its own. A body is
    read twice: a thread makes its digest, piece by piece, before it is sent.

    Args:
        region: Such as ``us-east-1``.
        credentials: An object of botocore's or boto3's; ``None`` finds those of the environment,
            the configuration files or the machine when they are first needed.
        service: The service's name in signatures.
        sign_payload: Whether the signature covers the body. HealthImaging doesn't say that it
            could be left out; where a service does, that saves reading it twice. Over ``http``
            the body is always signed.

    Raises:
        ConfigurationError: botocore is not installed, or there is no region.
    """

    __slots__ = (
        "_credentials",
        "_lock",
        "_message",
        "_region",
        "_service",
        "_sign_payload",
        "_signer",
    )

    def __init__(
        self,
        region: str,
        *,
        credentials: AwsCredentials | None = None,
        service: str = "medical-imaging",
        sign_payload: bool = True,
    ) -> None:
        if not region or not service:
            raise ConfigurationError("a signature names a region and a service")
        # Now, and not when a request waits for it: the import takes a quarter of a second.
        self._signer, self._message = _library()
        self._credentials = credentials
        self._region = region
        self._service = service
        self._sign_payload = sign_payload
        self._lock = threading.Lock()

    def flow(self, request: Request, *, now: float) -> Flow:
        """Add the signature."""
        keys = cast("AwsKeys", (yield Alone(self._obtain)))
        if not request.body:
            digest = _EMPTY
        elif self._sign_payload or request.url.scheme != "https":
            digest = cast("str", (yield Run(partial(body_digest, request.body))))
        else:
            digest = _UNSIGNED
        yield self.sign(request, keys, digest, now)

    def sign(self, request: Request, keys: AwsKeys, digest: str, now: float) -> Request:
        """The request with its signature.

        Args:
            request: Its query is written anew, with no more characters left bare than AWS does.
            keys: To sign with.
            digest: SHA-256 of the body in hexadecimal, or ``UNSIGNED-PAYLOAD``.
            now: Unix time.
        """
        timestamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        fields = {"X-Amz-Date": timestamp, "X-Amz-Content-SHA256": digest}
        if keys.token:
            fields["X-Amz-Security-Token"] = keys.token
        url = _rewritten(request.url.without_userinfo())
        headers = request.headers.without("Authorization").merged(Headers(fields))
        # Step by step, since SigV4Auth.add_auth reads the clock and logs the query.
        foreign = self._message(method=request.method, url=str(replace(url, fragment=None)))
        foreign.context["timestamp"] = timestamp
        host = {} if "Host" in headers else {"Host": url.authority}
        for name, value in headers.merged(Headers(host)).items():
            foreign.headers[name] = value  # adds a line
        signer = self._signer(keys, self._service, self._region)
        text = signer.string_to_sign(foreign, signer.canonical_request(foreign))
        signed = signer.signed_headers(signer.headers_to_sign(foreign))
        value = (
            f"AWS4-HMAC-SHA256 Credential={signer.scope(foreign)}, SignedHeaders={signed}, "
            f"Signature={signer.signature(text, foreign)}"
        )
        return replace(request, url=url, headers=headers.add("Authorization", value))

    def __repr__(self) -> str:
        """Region and service."""
        return f"<AwsSigV4Auth {self._region} {self._service}>"

    def _obtain(self, now: float) -> Subflow[object]:
        del now  # botocore reads the clock by itself
        return (yield Run(self._keys))

    def _keys(self) -> AwsKeys:
        """Keys that are good now. Blocks, if they have to be found or renewed."""
        from botocore.exceptions import BotoCoreError, ClientError

        with self._lock:
            try:
                if self._credentials is None:
                    self._credentials = _found()
                return self._credentials.get_frozen_credentials()
            except (BotoCoreError, ClientError) as error:
                failure = CredentialsUnavailable(
                    "AWS's credentials gave no keys", provider="botocore", description=str(error)
                )
        raise failure


def _library() -> tuple[Any, Any]:
    """What signs, and what it signs."""
    try:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
    except ImportError as error:
        raise ConfigurationError(
            "AwsSigV4Auth needs the package botocore", hint="pip install aiodicomweb[aws]"
        ) from error
    return SigV4Auth, AWSRequest


def _found() -> AwsCredentials:
    import botocore.session as library

    credentials = cast("Any", library).get_session().get_credentials()
    if credentials is None:
        raise CredentialsUnavailable(
            "there are no AWS credentials",
            provider="botocore",
            hint="pass credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    return cast("AwsCredentials", credentials)


def body_digest(body: Body) -> str:
    """SHA-256 of a body in hexadecimal, without having it whole in memory. Blocks."""
    digest = hashlib.sha256()
    for segment in body:
        for octets in _pieces(segment):
            digest.update(octets)
    return digest.hexdigest()


def _pieces(segment: Segment) -> Iterator[bytes | bytearray | memoryview]:
    """Of a file that has become shorter, what there is: sending it will fail."""
    match segment:
        case FileSpan():
            with Path(segment.path).open("rb") as file:
                file.seek(segment.offset)
                left = segment.length
                while left > 0 and (block := file.read(min(_BLOCK, left))):
                    yield block
                    left -= len(block)
        case Deferred():
            yield segment.produce()
        case _:
            yield segment


def _rewritten(url: URL) -> URL:
    """The query as the service will write it when it checks the signature: ``*`` as ``%2A``."""
    pairs = (piece.partition("=") for piece in (url.query or "").split("&") if piece)
    query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, _, value in pairs)
    return url.with_query(query or None)


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="-_.~")
