"""OAuth 2.0 client credentials: what is asked of a token endpoint, and what its answers mean."""

from __future__ import annotations

import json
import pickle
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiodicomweb import AccessToken, ConfigurationError, CredentialsUnavailable
from aiodicomweb import OAuth2ClientCredentials as Credentials
from aiodicomweb.client.auth import Fetch, TokenEndpointBusy
from aiodicomweb.client.auth.oauth2 import read_token
from aiodicomweb.http import Headers, Request, Response

from ...support.flows import OK, REFUSED, play, sent, token_answer

URL = "https://idp.example/token"
NOW = 1000.0


def asked(auth: Credentials) -> Request:
    """The request for a token."""
    fetch = play(auth, token_answer("t"), OK)[0]
    assert isinstance(fetch, Fetch)
    return fetch.request


def form(request: Request) -> dict[str, str]:
    """What it asks."""
    (body,) = request.body
    assert isinstance(body, bytes)
    return dict(parse_qsl(body.decode("ascii"), strict_parsing=True))


# --- the request ---------------------------------------------------------------------------------


def test_request() -> None:
    """The example of RFC 6749 §4.4.2."""
    request = asked(Credentials(URL, "s6BhdRkqt3", "gX1fBat3bV"))

    assert ("POST", URL) == (request.method, str(request.url))
    assert "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW" == request.headers["Authorization"]
    assert "application/x-www-form-urlencoded" == request.headers["Content-Type"]
    assert (b"grant_type=client_credentials",) == request.body


def test_name_and_password_are_coded() -> None:
    """They are forms' values before they are joined (RFC 6749 §2.3.1)."""
    request = asked(Credentials(URL, "a:b c", "ä+%"))

    assert "Basic YSUzQWIrYzolQzMlQTQlMkIlMjU=" == request.headers["Authorization"]


def test_in_the_form() -> None:
    """``client_secret_post`` sends name and password there, and only there."""
    request = asked(Credentials(URL, "a b", "p&w=", client_authentication="client_secret_post"))

    assert "Authorization" not in request.headers
    assert {
        "grant_type": "client_credentials",
        "client_id": "a b",
        "client_secret": "p&w=",
    } == form(request)


@pytest.mark.parametrize("scopes", [["dicom.read", "dicom.write"], "dicom.read  dicom.write"])
def test_scopes_and_audience(scopes: Any) -> None:
    """Scopes are separated by a space (RFC 6749 §3.3)."""
    request = asked(Credentials(URL, "a", "b", scopes=scopes, audience="https://pacs/"))

    assert {
        "grant_type": "client_credentials",
        "scope": "dicom.read dicom.write",
        "audience": "https://pacs/",
    } == form(request)


@pytest.mark.parametrize(
    "url",
    [URL, URL + "?tenant=1", "http://localhost:1/t", "http://127.0.0.9/t", "http://[::1]:8/t"],
)
def test_where_a_secret_may_go(url: str) -> None:
    """Over TLS, or nowhere."""
    assert url == str(asked(Credentials(url, "a", "b")).url)


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/token",
        "http://localhost.example/token",
        "http://127.0.0.1.example/token",
        "http://10.0.0.1/token",
        "ftp://127.0.0.1:21/token",
        "/token",
        "https:///token",
        "https://a:b@idp.example/token",
        "https://idp.example/token#part",
        "https://idp example/",
    ],
)
def test_where_it_may_not(url: str) -> None:
    """Nothing that others could read, and nothing that is no endpoint (RFC 6749 §3.2)."""
    with pytest.raises(ConfigurationError):
        Credentials(url, "a", "b")


@pytest.mark.parametrize(
    "settings",
    [
        {"client_id": ""},
        {"client_secret": ""},
        {"client_authentication": "private_key_jwt"},
    ],
)
def test_what_cannot_be(settings: dict[str, Any]) -> None:
    """Settings that could never work."""
    with pytest.raises(ConfigurationError):
        Credentials(URL, **{"client_id": "a", "client_secret": "b", **settings})


# --- the answer ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expires_at"),
    [
        ({"expires_in": 3600}, NOW + 3600),
        ({"expires_in": "3599"}, NOW + 3599),
        ({"expires_in": 1.5}, NOW + 1.5),
        ({"expires_in": 0}, NOW),
        ({}, None),
        ({"expires_in": None}, None),
        ({"expires_in": -1}, None),
        ({"expires_in": True}, None),
        ({"expires_in": 10**400}, None),
        ({"expires_in": "soon"}, None),
        ({"expires_in": float("nan")}, None),
        ({"expires_in": float("inf")}, None),
        ({"token_type": "bearer"}, None),
    ],
)
def test_token(more: dict[str, Any], expires_at: float | None) -> None:
    """It ends ``expires_in`` seconds after it was asked for, if that is a number."""
    assert AccessToken("t|k", expires_at) == read_token(token_answer("t|k", **more), URL, NOW)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no access token"),
        (b"<html>", "no access token"),
        (b"[]", "no access token"),
        (b"[" * 60_000, "no access token"),
        (b'{"access_token": 5}', "no access token"),
        (b'{"access_token": ""}', "no access token"),
        (b'{"access_token": "a\\r\\nX: y"}', "no access token"),
        (b'{"access_token": "a", "token_type": "mac"}', "not a bearer token"),
        (b'{"access_token": "a", "token_type": 5}', "not a bearer token"),
    ],
)
def test_no_token(body: bytes, words: str) -> None:
    """An answer that looks well and is not."""
    with pytest.raises(CredentialsUnavailable, match=words) as caught:
        read_token(Response(200, body=body), URL, NOW)

    assert (200, URL) == (caught.value.status, caught.value.provider)


def test_a_token_without_a_type() -> None:
    """Some servers leave it out; there is only one that we can use."""
    assert "t" == read_token(Response(200, body=b'{"access_token": "t"}'), URL, NOW).text


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), st.lists).map(repr).map(str.encode)
)
@example(b'{"access_token": "\\ud800"}')
@example(b'{"expires_in": 1e999, "access_token": "x"}')
def test_any_answer(body: bytes) -> None:
    """Whatever a server answers gives a token, or an error of ours."""
    for status in (200, 400):
        try:
            read_token(Response(status, body=body), URL, NOW)
        except CredentialsUnavailable as error:
            assert status == error.status  # noqa: PT017 - a token is as good


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (401, {"error": "invalid_client"}, "doesn't know the client, or the secret is wrong"),
        (400, {"error": "invalid_scope"}, r"refused the scopes \(invalid_scope\)"),
        (400, {"error": "unauthorized_client"}, "may not use client credentials"),
        (400, {"error": "s3cret"}, r"gave no token \[https://idp.example/token\], status 400$"),
        (400, {"error": ["invalid_scope"]}, r"gave no token \["),
        (302, {}, "status 302"),
        (503, {}, "status 503"),
        (503, {"error": "temporarily_unavailable"}, r"it is busy \(temporarily_unavailable\)"),
        (500, {"error": "server_error"}, r"it failed \(server_error\)"),
        (503, {"error": "s3cret"}, r"gave no token \[https://idp.example/token\], status 503"),
    ],
)
def test_refusals(status: int, answer: dict[str, Any], words: str) -> None:
    """In plain words, and of the server's text none that might be our own (RFC 6749 §5.2)."""
    answer = {**answer, "error_description": "client s3cret is unknown"}
    response = Response(status, body=json.dumps(answer).encode())

    with pytest.raises(CredentialsUnavailable, match=words) as caught:
        read_token(response, URL, NOW)

    error = pickle.loads(pickle.dumps(caught.value))
    assert "s3cret" not in str(error) + repr(error)
    assert ("client s3cret is unknown", status) == (error.description, error.status)


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503, 599])
def test_an_endpoint_that_is_busy(status: int) -> None:
    """429 and 5xx are about the endpoint and may pass; it may say when (RFC 9110 §10.2.3)."""
    for fields, seconds in (({}, None), ({"Retry-After": "0"}, 0), ({"Retry-After": "7"}, 7)):
        with pytest.raises(CredentialsUnavailable) as caught:
            read_token(Response(status, Headers(fields)), URL, NOW)
        busy = isinstance(caught.value, TokenEndpointBusy)

        assert busy is (status in (429, 500, 503, 599))
        assert not busy or seconds == pickle.loads(pickle.dumps(caught.value)).retry_after


def busy(status: int = 503, **fields: str) -> Response:
    """What an endpoint answers that has no time for us."""
    return Response(status, Headers({k.replace("_", "-"): v for k, v in fields.items()}))


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (busy(Retry_After="30"), 30.0),
        (busy(429, Retry_After="30"), 30.0),
        (busy(429), 1.0),
        (busy(500), 1.0),
        (busy(503, Retry_After="soon"), 1.0),
        (busy(503, Retry_After="0"), 0.0),
        (busy(503, Retry_After="999999999"), 3600.0),
    ],
)
def test_a_busy_endpoint_is_left_alone(answer: Response, seconds: float) -> None:
    """Until the moment that it named; the same failure is everybody's, and says how long."""
    auth = Credentials(URL, "a", "b")
    with pytest.raises(TokenEndpointBusy) as first:
        play(auth, answer, now=NOW)
    during = (NOW, NOW + seconds / 2, NOW + seconds - 0.2) if seconds else ()
    for moment in during:
        with pytest.raises(TokenEndpointBusy, match=f"status {answer.status}") as later:
            play(auth, now=moment)

        assert pytest.approx(NOW + seconds - moment) == later.value.retry_after
        assert later.value is not first.value

    assert ["Bearer t"] == sent(play(auth, token_answer("t"), OK, now=NOW + seconds))


def test_a_busy_endpoint_says_when() -> None:
    """What callers read has its status, its own word for that, and when it is asked again."""
    body = json.dumps({"error": "temporarily_unavailable", "error_description": "later"}).encode()
    auth = Credentials(URL, "a", "b")
    with pytest.raises(TokenEndpointBusy):
        play(auth, Response(429, Headers({"Retry-After": "45"}), body), now=NOW)
    with pytest.raises(TokenEndpointBusy) as caught:
        play(auth, now=NOW + 4.5)

    assert "it is busy (temporarily_unavailable)" in str(caught.value)
    assert "status 429" in str(caught.value)
    assert "not asked again for 41 s" in caught.value.hint
    assert ("later", 429) == (caught.value.description, caught.value.status)


def test_a_clock_that_was_set_back() -> None:
    """Nobody waits until a moment that was counted by another time."""
    auth = Credentials(URL, "a", "b")
    with pytest.raises(TokenEndpointBusy):
        play(auth, busy(Retry_After="30"), now=NOW)

    assert ["Bearer t"] == sent(play(auth, token_answer("t"), OK, now=NOW - 500))


def test_a_token_ends_what_was_busy() -> None:
    """Behind an answer the next failure is a new one."""
    auth = Credentials(URL, "a", "b")
    with pytest.raises(TokenEndpointBusy):
        play(auth, busy(), now=NOW)
    play(auth, token_answer("1"), OK, now=NOW + 1)

    assert ["Bearer 1", "Bearer 2"] == sent(play(auth, REFUSED, token_answer("2"), OK, now=NOW))


def test_it_is_renewed() -> None:
    """Before its end, and once if it is refused."""
    auth = Credentials(URL, "a", "b")

    assert ["Bearer 1"] == sent(play(auth, token_answer("1", expires_in=600), OK))
    assert ["Bearer 1"] == sent(play(auth, OK, now=539.0))
    assert ["Bearer 2"] == sent(play(auth, token_answer("2"), OK, now=540.0))
    assert ["Bearer 2", "Bearer 3"] == sent(play(auth, REFUSED, token_answer("3"), REFUSED))


def test_secrets_are_not_shown() -> None:
    """Neither by ``repr`` nor by the request for a token."""
    for way in ("client_secret_basic", "client_secret_post"):
        auth = Credentials(URL + "?key=s3cret", "me", "s3cret", client_authentication=way)  # type: ignore[arg-type]
        steps = play(auth, token_answer("s3cret"), OK)

        assert "s3cret" not in repr(auth) + repr(steps) + str(auth)
