"""Whom a client trusts and who it says that it is, in files."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

from aiodicomweb import ConfigurationError, Tls

from ..support.streams import contexts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with an authority, a certificate, its key in three forms, and another key."""
    authority = contexts().authority
    issued = authority.issue_cert("client.example")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"swordfish"),
    )
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    (tmp_path / "certificate.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    (tmp_path / "key.pem").write_bytes(issued.private_key_pem.bytes())
    (tmp_path / "both.pem").write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    (tmp_path / "encrypted.pem").write_bytes(encrypted)
    other = authority.issue_cert("other.example")
    (tmp_path / "other.pem").write_bytes(other.private_key_pem.bytes())
    (tmp_path / "text.pem").write_text("hello")
    return tmp_path


def test_the_default_verifies() -> None:
    """Verification on, hostnames checked, TLS 1.2 at least, the system's authorities."""
    context = Tls().context()

    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert ssl.create_default_context().cert_store_stats() == context.cert_store_stats()


def test_another_authority(files: Path) -> None:
    """That of the file is trusted, and no other; the rest stays."""
    context = Tls(ca=files / "ca.pem").context()

    assert 1 == context.cert_store_stats()["x509_ca"]
    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)


def test_a_folder_of_authorities(tmp_path: Path) -> None:
    """It takes the place of the system's; what is in it is read when it is needed."""
    assert 0 == Tls(ca=tmp_path).context().cert_store_stats()["x509"]


@pytest.mark.parametrize(
    ("certificate", "key", "password"),
    [
        ("both.pem", None, None),
        ("certificate.pem", "key.pem", None),
        ("certificate.pem", "encrypted.pem", "swordfish"),
        ("certificate.pem", "key.pem", "needless"),
    ],
)
def test_a_certificate_of_our_own(
    files: Path, certificate: str, key: str | None, password: str | None
) -> None:
    """With its key in the same file or another, encrypted or not."""
    path = None if key is None else files / key

    assert Tls(certificate=files / certificate, key=path, password=password).context()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ca": "missing.pem"}, "Tls.ca: .*missing.pem: No such file"),
        ({"ca": "text.pem"}, "Tls.ca: no certificates in PEM format"),
        ({"certificate": "missing.pem"}, "Tls.certificate: .*missing.pem: No such file"),
        ({"certificate": "both.pem", "key": "missing.pem"}, "Tls.key: .*missing.pem: No such"),
        ({"certificate": "text.pem"}, "no certificate and private key in PEM format"),
        ({"certificate": "certificate.pem"}, "no certificate and private key in PEM format"),
        ({"certificate": "certificate.pem", "key": "other.pem"}, "is not the key of"),
        ({"certificate": "certificate.pem", "key": "encrypted.pem"}, "is the key encrypted"),
        (
            {"certificate": "certificate.pem", "key": "encrypted.pem", "password": "guess"},
            "is the key encrypted",
        ),
    ],
)
def test_what_can_not_be_read(files: Path, settings: dict[str, str], message: str) -> None:
    """Nobody is asked for a password on the terminal; the error says what is wrong."""
    paths = {
        name: value if name == "password" else files / value for name, value in settings.items()
    }
    with pytest.raises(ConfigurationError, match=message) as caught:
        Tls(**paths).context()  # type: ignore[arg-type]

    assert "guess" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"key": "key.pem"}, {"password": "swordfish"}])
def test_what_makes_no_sense(settings: dict[str, str]) -> None:
    """A key without a certificate."""
    with pytest.raises(ConfigurationError, match="go with Tls.certificate"):
        Tls(**settings)


@pytest.mark.parametrize(
    "settings", [{"ca": False}, {"ca": b"a"}, {"certificate": 5}, {"password": b"swordfish"}]
)
def test_settings_of_a_wrong_type(settings: dict[str, Any]) -> None:
    """They are refused at once, by name, and not shown."""
    with pytest.raises(ConfigurationError, match=rf"Tls\.{next(iter(settings))} must be") as caught:
        Tls(**{"certificate": "a.pem", **settings})

    assert "swordfish" not in str(caught.value)


def test_the_password_is_not_shown() -> None:
    """Not by repr, which log lines contain."""
    assert "swordfish" not in repr(Tls(certificate="both.pem", password="swordfish"))
