"""Signatures of AWS: against the examples that AWS publishes, and as the other side checks them."""

from __future__ import annotations

import hashlib
import hmac
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, unquote_to_bytes

import anyio
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb import AwsSigV4Auth, ConfigurationError, CredentialsUnavailable
from aiodicomweb.client.auth import Run
from aiodicomweb.client.auth.aws import body_digest
from aiodicomweb.http import URL, Deferred, FileSpan, Headers, Request, build_query

from ...support.flows import OK, REFUSED, play
from ...support.messages import dicom_file, json_response, module
from ...support.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb.testing import PeerRequest

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("AKIA", "s3cret", "t0ken")
FRIDAY = 1369353600.0  # 2013-05-24T00:00:00Z
BUCKET = "https://examplebucket.s3.amazonaws.com"
EMPTY = hashlib.sha256().hexdigest()


def signed(auth: AwsSigV4Auth, request: Request, now: float = FRIDAY) -> Request:
    """The request as it goes out."""
    last = play(auth, OK, now=now, request=request)[-1]
    assert isinstance(last, Request)
    return last


def get(url: str, **headers: str) -> Request:
    """A request without a body."""
    return Request("GET", URL.parse(url), Headers(headers))


# --- against others ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        (
            get(BUCKET + "/test.txt", Range="bytes=0-9"),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            get(BUCKET + "/?lifecycle"),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            get(BUCKET + "/?max-keys=2&prefix=J"),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
    ids=["object", "lifecycle", "list"],
)
def test_published_examples(request_: Request, signature: str) -> None:
    """Those of the S3 reference (Signature Calculations for the Authorization Header)."""
    auth = AwsSigV4Auth("us-east-1", credentials=KEYS, service="s3")
    request = signed(auth, request_)

    assert request.headers["Authorization"].endswith(f"Signature={signature}")
    assert request.headers["Authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
    )
    assert EMPTY == request.headers["X-Amz-Content-SHA256"]


def test_as_botocore_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same fields, where botocore reads the clock by itself."""
    moment = datetime.fromtimestamp(FRIDAY, UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moment)
    url = "https://dicom-medical-imaging.us-east-1.amazonaws.com/datastore/d/studies?limit=5"
    theirs = AWSRequest("GET", url, headers={"Accept": "x/y", "X-Amz-Content-SHA256": EMPTY})
    SigV4Auth(SESSION, "medical-imaging", "us-east-1").add_auth(theirs)

    ours = signed(AwsSigV4Auth("us-east-1", credentials=SESSION), get(url, Accept="x/y"))

    for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
        assert theirs.headers[name] == ours.headers[name]


# --- as the other side checks it -----------------------------------------------------------------


def verified(request: PeerRequest, keys: Credentials) -> bool:
    """Whether a service would accept it: made from what came, by the text of the specification."""
    authorization = request.headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ")
    fields = dict(part.split("=", 1) for part in authorization.split(", "))
    _, *scope = fields["Credential"].split("/")
    path, _, query = request.target.partition("?")
    pairs = [piece.partition("=") for piece in query.split("&") if piece]
    parameters = sorted((encode(name), encode(value)) for name, _, value in pairs)
    names = fields["SignedHeaders"].split(";")
    lines = [f"{name}:{' '.join(request.headers[name].split())}\n" for name in names]
    digest = request.headers["X-Amz-Content-SHA256"]
    canonical = "\n".join(
        [
            request.method,
            quote(path, safe="/~-._"),
            "&".join(f"{name}={value}" for name, value in parameters),
            "".join(lines),
            fields["SignedHeaders"],
            digest,
        ]
    )
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            request.headers["X-Amz-Date"],
            "/".join(scope),
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{keys.secret_key}".encode()
    for word in scope:
        key = hmac.digest(key, word.encode(), "sha256")
    return (
        hmac.digest(key, text.encode(), "sha256").hex() == fields["Signature"]
        and {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names)
        and digest in {hashlib.sha256(request.body).hexdigest(), "UNSIGNED-PAYLOAD"}
        and scope[1:] == ["eu-west-1", "medical-imaging", "aws4_request"]
    )


def encode(text: str) -> str:
    """As the specification has it: nothing but the unreserved characters stays."""
    return quote(unquote_to_bytes(text), safe="~-._")


async def test_a_search_verifies(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever stands in the query; nothing of which is logged."""
    caplog.set_level(logging.DEBUG)
    filters = {"PatientName": "Doe^J*, (é)+&=/~'", "StudyInstanceUID": ["1.2", "3.4"]}
    settings = {
        "auth": AwsSigV4Auth("eu-west-1", credentials=SESSION),
        "headers": {"X-Site": "a  b"},
    }
    async with serving(json_response([]), **settings) as (client, peer):
        await client.search_for_studies(search_filters=filters, fields=["PatientID", "Modality"])

    (request,) = peer.requests
    assert verified(request, SESSION)
    assert "t0ken" == request.headers["X-Amz-Security-Token"]
    query = dict(piece.split("=", 1) for piece in request.target.partition("?")[2].split("&"))
    assert "Doe^J*, (é)+&=/~'" == unquote(query["PatientName"])
    assert not verified(request, Credentials("AKIA", "other"))
    assert "Doe" not in caplog.text


async def test_a_store_verifies(tmp_path: Path) -> None:
    """The digest is that of files, data sets and heads of parts together."""
    path = tmp_path / "a.dcm"
    path.write_bytes(dicom_file("1.2.3", 3_000_000))
    files = [str(path), dicom_file("1.2.4", 1000)]
    settings = {"auth": AwsSigV4Auth("eu-west-1", credentials=SESSION), "keep": 10_000_000}
    async with serving(json_response(module(["1.2.3", "1.2.4"])), **settings) as (client, peer):
        await client.store_instances(files)

    (request,) = peer.requests
    assert request.body_length == len(request.body)
    assert verified(request, SESSION)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT | st.lists(TEXT, min_size=1))))
def test_a_query_means_the_same(parameters: list[Any]) -> None:
    """It is written otherwise, and read alike."""
    query = build_query(parameters)
    url = URL.parse("https://h/p").with_query(query)
    auth = AwsSigV4Auth("r", credentials=SESSION)
    ours = signed(auth, Request("GET", url)).url

    assert [(n, ",".join(v)) for n, v in url.parse_query()] == [
        (n, ",".join(v)) for n, v in ours.parse_query()
    ]
    assert (ours.query or "") == "&".join(
        f"{encode(n)}={encode(v)}" for n, _, v in (p.partition("=") for p in split(ours.query))
    )


def split(query: str | None) -> list[str]:
    """The pieces of a query."""
    return query.split("&") if query else []


# --- bodies --------------------------------------------------------------------------------------


def test_digest_of_all_kinds(tmp_path: Path) -> None:
    """Files are read piece by piece, in the middle too; what is deferred is made."""
    octets = bytes(range(256)) * 10_000
    path = tmp_path / "file"
    path.write_bytes(octets)
    body = (
        b"head",
        bytearray(b"array"),
        memoryview(b"view"),
        FileSpan(str(path), 1000, 2_000_000),
        Deferred(4, lambda: b"late"),
    )

    assert hashlib.sha256(
        b"headarrayview" + octets[1000:2_001_000] + b"late"
    ).hexdigest() == body_digest(body)


def test_the_digest_is_a_step() -> None:
    """It reads files: whoever carries the flow out does it in a thread."""
    request = Request("POST", URL.parse("https://h/studies"), body=b"x")
    steps = play(AwsSigV4Auth("r", credentials=SESSION), OK, request=request)

    assert [Run, Run, Request] == [type(step) for step in steps]
    assert hashlib.sha256(b"x").hexdigest() == steps[-1].headers["X-Amz-Content-SHA256"]


@pytest.mark.parametrize(
    ("scheme", "digest"),
    [("https", "UNSIGNED-PAYLOAD"), ("http", hashlib.sha256(b"x").hexdigest())],
)
def test_unsigned_over_tls_only(scheme: str, digest: str) -> None:
    """A body that nothing else protects is always signed."""
    auth = AwsSigV4Auth("r", credentials=SESSION, sign_payload=False)
    request = signed(auth, Request("POST", URL.parse(f"{scheme}://h/studies"), body=b"x"))

    assert digest == request.headers["X-Amz-Content-SHA256"]


# --- fields and keys -----------------------------------------------------------------------------


def test_what_is_signed() -> None:
    """A host of the caller's is, and credentials of the caller's are replaced."""
    request = get("https://h:8443/x", Host="other", Authorization="Basic x")
    ours = signed(AwsSigV4Auth("r", credentials=KEYS), request)

    assert ["other"] == ours.headers.get_all("Host")
    assert 1 == len(ours.headers.get_all("Authorization"))
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date," in ours.headers["Authorization"]


def test_each_request_has_its_moment() -> None:
    """A signature is good for some minutes."""
    auth = AwsSigV4Auth("r", credentials=KEYS)
    stamps = [signed(auth, get("https://h/"), now).headers["X-Amz-Date"] for now in (0.0, 60.9)]

    assert ["19700101T000000Z", "19700101T000100Z"] == stamps


def test_a_refusal_is_final() -> None:
    """AWS says 403 to a signature, and another one would be the same."""
    assert 2 == len(play(AwsSigV4Auth("r", credentials=KEYS), REFUSED, request=get("https://h/")))


async def test_keys_that_expire_are_renewed_by_one() -> None:
    """A hundred searches, one renewal, and the keys that came of it."""
    calls: list[int] = []

    def renew() -> dict[str, str]:
        calls.append(1)
        return {
            "access_key": "NEW",
            "secret_key": "s3cret",
            "token": "t0ken",
            "expiry_time": "2999-01-01T00:00:00Z",
        }

    old = datetime(2020, 1, 1, tzinfo=UTC)
    keys = RefreshableCredentials("OLD", "old", "old", old, renew, "test")
    auth = AwsSigV4Auth("eu-west-1", credentials=keys)
    async with (
        serving(*[json_response([])] * 100, auth=auth) as (client, peer),
        anyio.create_task_group() as tasks,
    ):
        for _ in range(100):
            tasks.start_soon(client.search_for_studies()._run)

    assert [1] == calls
    assert all(verified(request, Credentials("NEW", "s3cret")) for request in peer.requests)


def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Found when they are first needed."""
    auth = AwsSigV4Auth("r")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")

    assert "Credential=ENVKEY/" in signed(auth, get("https://h/")).headers["Authorization"]


def test_no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing to sign with is an error of ours, with advice."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(CredentialsUnavailable, match="no AWS credentials.*AWS_ACCESS_KEY_ID"):
        play(AwsSigV4Auth("r"))


class Failing:
    """Credentials that can't be renewed."""

    def get_frozen_credentials(self) -> Any:
        """Fail."""
        raise NoCredentialsError


def test_keys_that_fail() -> None:
    """What botocore raises is an error of ours; its text is for who looks."""
    with pytest.raises(CredentialsUnavailable, match=r"gave no keys \[botocore\]") as caught:
        play(AwsSigV4Auth("r", credentials=Failing()))

    assert "Unable to locate credentials" == caught.value.description
    assert caught.value.__context__ is None


@pytest.mark.parametrize("settings", [{"region": ""}, {"region": "r", "service": ""}])
def test_what_cannot_be(settings: dict[str, str]) -> None:
    """A signature names where it is good."""
    with pytest.raises(ConfigurationError, match="region and a service"):
        AwsSigV4Auth(**settings)


def test_without_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks the extra is told so at once."""
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    with pytest.raises(ConfigurationError, match=r"pip install aiodicomweb\[aws\]"):
        AwsSigV4Auth("r")


def test_secrets_are_not_shown() -> None:
    """Neither by ``repr`` nor by the steps."""
    auth = AwsSigV4Auth("r", credentials=SESSION)
    steps = play(auth, OK, request=Request("POST", URL.parse("https://h/"), body=b"s3cret"))

    shown = repr(auth) + repr(steps)
    assert "s3cret" not in shown
    assert "t0ken" not in shown
    assert "<AwsSigV4Auth r medical-imaging>" == repr(auth)
