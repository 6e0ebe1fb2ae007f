"""What tests of a client want of an archive, whoever made it."""

from __future__ import annotations

import contextlib
import http.client
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

__all__ = ["Peer", "Reply"]


@dataclass(frozen=True)
class Reply:
    """A response, whole."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Peer(ABC):
    """A running archive.

    Attributes:
        port: Where it listens, on 127.0.0.1.
    """

    port: int

    @property
    def root(self) -> str:
        """URL of the whole server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """URL of its DICOMweb service."""
        return f"{self.root}/dicom-web"

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        """A request for a path of the server, by nothing but the standard library."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.read())

    def get(self, path: str) -> Reply:
        """``GET`` of a path of the server."""
        return self.ask("GET", path)

    @abstractmethod
    def put(self, octets: bytes) -> None:
        """Put a file into the archive, past the client."""

    @abstractmethod
    def file(self, sop_instance_uid: str) -> bytes:
        """The file that the archive holds for a SOP Instance UID, byte for byte."""

    @abstractmethod
    def held(self) -> list[bytes]:
        """All files that the archive holds, sorted."""

    @abstractmethod
    def forget_all(self) -> None:
        """Delete everything."""
