"""Google's credentials, by the package google-auth, with a token endpoint on this machine."""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import anyio
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import AnonymousCredentials
from google.oauth2.credentials import Credentials as UserCredentials
from google.oauth2.service_account import Credentials as ServiceAccount

from aiodicomweb import (
    AuthenticationRequired,
    ConfigurationError,
    CredentialsUnavailable,
    GoogleAuth,
)
from aiodicomweb.testing import ScriptedPeer, response

from ...support.flows import OK, REFUSED, play, sent, token_answer
from ...support.messages import json_response
from ...support.serving import serving, talking

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb.testing import PeerRequest

EMPTY = json_response([])
UNAUTHORIZED = response(status=401)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """google-auth asks the environment; the endpoint is here."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def private_key() -> str:
    """A service account's, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def account(peer: ScriptedPeer, private_key: str) -> dict[str, str]:
    """The key file of a service account."""
    return {
        "type": "service_account",
        "client_email": "reader@project.iam.gserviceaccount.com",
        "private_key": private_key,
        "private_key_id": "1",
        "token_uri": peer.url + "token",
        "project_id": "project",
    }


def token(text: str, **more: Any) -> bytes:
    """The endpoint's answer."""
    body = token_answer(text, expires_in=3600, **more).body
    return response(body, {"Content-Type": "application/json"})


def claims(request: PeerRequest) -> dict[str, Any]:
    """What a service account says of itself."""
    form = dict(parse_qsl(request.body.decode("ascii")))
    payload = form["assertion"].split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "==")))


async def test_service_account(private_key: str) -> None:
    """One token for a hundred searches, asked for with the scope of the Healthcare API."""
    async with ScriptedPeer([token("ya29")]) as endpoint:
        credentials = ServiceAccount.from_service_account_info(account(endpoint, private_key))
        auth = GoogleAuth(credentials)
        async with (
            talking(lambda _: EMPTY, auth=auth) as (client, peer),
            anyio.create_task_group() as tasks,
        ):
            for _ in range(100):
                tasks.start_soon(client.search_for_studies()._run)

    (asked,) = endpoint.requests
    assert "https://www.googleapis.com/auth/cloud-healthcare" == claims(asked)["scope"]
    assert {"Bearer ya29"} == {each.headers["Authorization"] for each in peer.requests}
    assert "<GoogleAuth Credentials>" == repr(auth)


async def test_a_refused_token_is_refreshed_once(private_key: str) -> None:
    """Although google-auth thinks that it is good."""
    async with ScriptedPeer([token("one"), token("two")]) as endpoint:
        credentials = ServiceAccount.from_service_account_info(account(endpoint, private_key))
        async with serving(UNAUTHORIZED, UNAUTHORIZED, auth=GoogleAuth(credentials)) as (
            client,
            peer,
        ):
            with pytest.raises(AuthenticationRequired):
                await client.search_for_studies()

    assert ["Bearer one", "Bearer two"] == [r.headers["Authorization"] for r in peer.requests]


async def test_application_default(
    private_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found where Google's tools look, when it is first needed."""
    path = tmp_path / "key.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    async with ScriptedPeer([token("ya29")]) as endpoint:
        auth = GoogleAuth(scopes=["a", "b"])
        assert "<GoogleAuth default>" == repr(auth)
        path.write_text(json.dumps(account(endpoint, private_key)))
        async with serving(EMPTY, auth=auth) as (client, peer):
            await client.search_for_studies()

    assert "a b" == claims(endpoint.requests[0])["scope"]
    assert "Bearer ya29" == peer.requests[0].headers["Authorization"]


async def test_a_refusal_is_an_error_of_ours(private_key: str) -> None:
    """google-auth's own text may quote what was sent; it is for who looks."""
    refusal = response(b'{"error": "invalid_grant", "error_description": "s3cret"}', status=400)
    async with ScriptedPeer([refusal]) as endpoint:
        credentials = ServiceAccount.from_service_account_info(account(endpoint, private_key))
        async with serving(auth=GoogleAuth(credentials)) as (client, peer):
            with pytest.raises(CredentialsUnavailable, match="gave no token") as caught:
                await client.search_for_studies()

            assert 0 == peer.connections
    assert "s3cret" not in str(caught.value) + repr(caught.value)
    assert "invalid_grant" in caught.value.description
    assert caught.value.__context__ is None


async def test_no_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is configured and isn't there is told with advice."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    async with serving(auth=GoogleAuth()) as (client, _):
        with pytest.raises(CredentialsUnavailable, match="application-default login"):
            await client.search_for_studies()


def test_anonymous() -> None:
    """Nobody's credentials add nothing; refused, there is nothing to renew."""
    steps = play(GoogleAuth(AnonymousCredentials()), REFUSED)

    assert "Authorization" not in steps[-1].headers
    assert 2 == len(steps)


def user(text: str, minutes: float) -> UserCredentials:
    """A user with a token, who cannot get another one."""
    expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=minutes)
    return UserCredentials(text, expiry=expiry, quota_project_id="payer")


def test_who_pays() -> None:
    """A user's requests name the project to bill."""
    (_, request) = play(GoogleAuth(user("ya29", 60)), OK)

    assert "payer" == request.headers["X-Goog-User-Project"]
    assert "Bearer ya29" == request.headers["Authorization"]


def test_what_others_refreshed_is_used() -> None:
    """The object may serve other clients of Google's too."""
    credentials = user("one", 60)
    auth = GoogleAuth(credentials)
    play(auth, OK)
    credentials.token = "two"

    assert ["Bearer one", "Bearer two"] == sent(play(auth, REFUSED, OK))


def test_it_is_renewed_when_it_ends() -> None:
    """By the clock of the flow; a user who cannot get another one is told."""
    auth = GoogleAuth(user("one", 1))

    with pytest.raises(CredentialsUnavailable):
        play(auth)


def test_without_google_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks the extra is told so at once."""
    monkeypatch.setitem(sys.modules, "google.auth.credentials", None)
    with pytest.raises(ConfigurationError, match=r"pip install aiodicomweb\[google\]"):
        GoogleAuth()
