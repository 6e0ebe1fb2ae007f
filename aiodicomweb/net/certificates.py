"""Why a certificate is not trusted, in plain words and with what can be done about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from ..errors import TlsError

if TYPE_CHECKING:
    import ssl

__all__ = ["peer_names", "untrusted"]

# What X509_verify_cert of OpenSSL answers (X509_V_ERR_…).
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = 18
_UNKNOWN_AUTHORITY = frozenset({2, 19, 20, 21, 27})
_REVOKED = 23
_OTHER_HOST = frozenset({62, 64})

_NAME = re.compile(r"[A-Za-z0-9.*_:\-]{1,253}")
_NAMES_SHOWN = 3
_TRUST = "tls=Tls(ca=...) trusts another authority"


def untrusted(
    error: ssl.SSLCertVerificationError, hostname: str | None, names: tuple[str, ...]
) -> TlsError:
    """What to raise for a certificate that failed verification.

    Args:
        error: What OpenSSL says.
        hostname: The server that was meant; ``None`` where we are the server, and the certificate
            is a client's.
        names: The names in the certificate, which nobody vouches for.
    """
    whose = "the client's" if hostname is None else "the server's"
    code = error.verify_code
    if code in _OTHER_HOST:
        message, hint = _for_other_host(hostname or "", names)
    elif code in _UNKNOWN_AUTHORITY:
        message = f"{whose} certificate is not trusted: its authority is not known here"
        hint = f"{_TRUST}; or does the server not send its intermediate certificates?"
    elif code in _REASONS:
        reason, hint = _REASONS[code]
        message = f"{whose} certificate is not trusted: it {reason}"
    else:
        message, hint = f"{whose} certificate is not trusted: {error.verify_message}", _TRUST
    return TlsError(message, phase="tls", hint=hint if hostname is not None else "")


_CLOCK = "the server needs a new certificate, or the clock of this machine is wrong"
_REASONS = {
    _EXPIRED: ("has expired", _CLOCK),
    _NOT_YET_VALID: ("is not valid yet", _CLOCK),
    _SELF_SIGNED: (
        "is self-signed",
        "tls=Tls(ca=...) with a copy of it trusts it; make sure that it is the server's",
    ),
    _REVOKED: ("was revoked", "the server needs a new certificate"),
}


def _for_other_host(hostname: str, names: tuple[str, ...]) -> tuple[str, str]:
    shown = ", ".join(names[:_NAMES_SHOWN])
    if len(names) > _NAMES_SHOWN:
        shown += f" and {len(names) - _NAMES_SHOWN} more"
    whose = f"is for {shown}, not for {hostname}" if shown else f"is not for {hostname}"
    return (
        f"the server's certificate is not trusted: it {whose}",
        "the host of the URL must be one of the certificate's names; is it the right server?",
    )


def peer_names(tls: ssl.SSLObject) -> tuple[str, ...]:
    """The hosts and addresses that the peer's certificate names; empty if they can't be had.

    Of a certificate that failed verification the public interface shows nothing. What is used
    here, CPython 3.10 and later have below it; a Python without it loses no more than the names.
    """
    try:
        certificate = cast("Any", tls)._sslobj.get_unverified_chain()[0]  # noqa: SLF001
        fields: dict[str, Any] = certificate.get_info()
        names: list[Any] = [value for _, value in fields.get("subjectAltName", ())]
    except (AttributeError, IndexError, TypeError, ValueError):
        return ()
    # The peer wrote them, and may have written anything.
    return tuple(name for name in names if isinstance(name, str) and _NAME.fullmatch(name))
