"""Whom a client trusts, and who it says that it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from .._util import is_text
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["Tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Whom a client trusts, and who it says that it is; a frozen value.

    Servers are always verified, and TLS is 1.2 or later. What else there is to say, an
    ``ssl.SSLContext`` in place of this can. Files are read when the first connection is made.

    Attributes:
        ca: Certificates of the authorities to trust in place of the system's: a file in PEM
            format, or a folder in the form of ``openssl rehash``.
        certificate: A file in PEM format with our own certificate, for servers that want to see
            one, and the intermediate ones behind it.
        key: The file with its private key, if that is not in the same.
        password: Of the private key, if it is encrypted.
    """

    ca: str | PathLike[str] | None = None
    certificate: str | PathLike[str] | None = None
    key: str | PathLike[str] | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name in ("ca", "certificate", "key"):
            path = getattr(self, name)
            if not (path is None or isinstance(path, str | PathLike)):
                raise ConfigurationError(f"Tls.{name} must be the path of a file in PEM format")
        if not (self.password is None or is_text(self.password)):
            raise ConfigurationError("Tls.password must be text")
        if self.certificate is None and not (self.key is None and self.password is None):
            raise ConfigurationError("Tls.key and Tls.password go with Tls.certificate")

    def context(self) -> SSLContext:
        """The context for connections; reads files, and so blocks for some 10 ms.

        Raises:
            ConfigurationError: A file can't be read, or holds something else.
        """
        import ssl

        self._check_files()
        file, folder = (None, self.ca) if self._ca_is_folder() else (self.ca, None)
        try:
            context = ssl.create_default_context(cafile=file, capath=folder)
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"Tls.ca: no certificates in PEM format in {self.ca}"
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            self._identify(context)
        return context

    def _ca_is_folder(self) -> bool:
        return self.ca is not None and Path(self.ca).is_dir()

    def _check_files(self) -> None:
        """OpenSSL doesn't say which of its files is missing."""
        for name in ("ca", "certificate", "key"):
            path = getattr(self, name)
            if path is None or (name == "ca" and self._ca_is_folder()):
                continue
            try:
                Path(path).open("rb").close()
            except OSError as error:
                reason = error.strerror or "can't be read"
                raise ConfigurationError(f"Tls.{name}: {path}: {reason}") from error

    def _identify(self, context: SSLContext) -> None:
        import ssl

        assert self.certificate is not None  # noqa: S101 - asked before
        try:
            # Without any password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self.certificate, self.key, password=self.password or "")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise ConfigurationError("Tls.key is not the key of Tls.certificate") from error
            raise ConfigurationError(
                "Tls.certificate and Tls.key: no certificate and private key in PEM format",
                hint="is the key encrypted, and Tls.password right?",
            ) from error
