"""Basic and bearer authentication (RFC 7617, RFC 6750)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from aiodicomweb.errors import ConfigurationError
from aiodicomweb.http import URL, Headers, Request, parse_challenges
from aiodicomweb.server.access import BasicAccess, BearerAccess
from aiodicomweb.server.origin import Origin

from ..support.asking import Asking, PlainArchive

if TYPE_CHECKING:
    from aiodicomweb.server.access import Access

USERS = {"jane": "sésame", "joe": "other:word"}


def basic(text: str, scheme: str = "Basic") -> str:
    """The credentials of ``user:password``."""
    return f"{scheme} {base64.b64encode(text.encode()).decode()}"


async def status(access: Access, *credentials: str) -> int:
    """What a request with these ``Authorization`` lines is answered with; 0 lets it pass."""
    headers = Headers([("Authorization", line) for line in credentials])
    request = Request("GET", URL.parse("http://pacs.example/studies"), headers)
    response = await access.check(request)
    return 0 if response is None else response.head.status


@pytest.mark.parametrize(
    "credentials",
    [basic("jane:sésame"), basic("joe:other:word"), basic("jane:sésame", "bAsIc")],
)
async def test_a_right_password_lets_pass(credentials: str) -> None:
    """In UTF-8, with colons in the password, the scheme in any case."""
    assert 0 == await status(BasicAccess(USERS), credentials)


@pytest.mark.parametrize(
    "credentials",
    [
        (),
        (basic("jane:wrong"),),
        (basic("jane:"),),
        (basic("nobody:sésame"),),
        (basic("nobody:"),),
        (basic("jane"),),
        (basic(""),),
        ("Basic",),
        ("Basic !!!",),
        ("Basic " + base64.b64encode(b"jane:s\xe9same").decode(),),
        ("Bearer sésame",),
        (basic("jane:sésame"), basic("jane:sésame")),
    ],
)
async def test_anything_else_is_refused(credentials: tuple[str, ...]) -> None:
    """Wrong, unknown, malformed or doubled credentials, and none."""
    assert 401 == await status(BasicAccess(USERS), *credentials)


async def test_the_refusal_says_how_to_ask() -> None:
    """``WWW-Authenticate`` names scheme, realm and charset (RFC 7617 §2)."""
    response = await BasicAccess(USERS, realm="ward 3").check(
        Request("GET", URL.parse("http://pacs.example/studies"))
    )

    assert response is not None
    (challenge,) = parse_challenges(response.head.headers)
    assert ("Basic", "ward 3", "UTF-8") == (
        challenge.scheme,
        challenge.parameter("realm"),
        challenge.parameter("charset"),
    )


async def test_a_function_may_know_the_users() -> None:
    """It is asked with user name and password."""

    async def knows(user: str, password: str) -> bool:
        return user == password[::-1]

    access = BasicAccess(knows)

    assert 0 == await status(access, basic("abc:cba"))
    assert 401 == await status(access, basic("abc:abc"))


@pytest.mark.parametrize("users", [{"": "x"}, {"a:b": "x"}])
def test_user_names_that_cannot_be(users: dict[str, str]) -> None:
    """A colon ends the name (RFC 7617 §2)."""
    with pytest.raises(ConfigurationError):
        BasicAccess(users)


@pytest.mark.parametrize("token", ["one", "two"])
async def test_each_token_lets_pass(token: str) -> None:
    """Several may be right."""
    assert 0 == await status(BearerAccess(["one", "two"]), f"Bearer {token}")


async def test_a_lone_token_is_not_its_letters() -> None:
    """A text is one token."""
    access = BearerAccess("secret")

    assert 0 == await status(access, "bearer secret")
    assert 401 == await status(access, "Bearer s")


@pytest.mark.parametrize(
    ("error", "headers"),
    [(None, {}), (None, {"Authorization": basic("a:b")}), ("invalid_token", "Bearer three")],
)
async def test_only_a_wrong_token_is_an_error(
    error: str | None, headers: dict[str, str] | str
) -> None:
    """Who sent none is told that one is needed (RFC 6750 §3.1)."""
    given = {"Authorization": headers} if isinstance(headers, str) else headers
    request = Request("GET", URL.parse("http://pacs.example/studies"), Headers(given))
    response = await BearerAccess(["one"]).check(request)

    assert response is not None
    (challenge,) = parse_challenges(response.head.headers)
    assert ("Bearer", error) == (challenge.scheme, challenge.parameter("error"))


async def test_a_function_may_know_the_tokens() -> None:
    """It is asked with the token."""

    async def knows(token: str) -> bool:
        return token.startswith("good")

    assert 0 == await status(BearerAccess(knows), "Bearer good1")
    assert 401 == await status(BearerAccess(knows), "Bearer bad")


@pytest.mark.parametrize("tokens", ["", [""], ["a", ""]])
def test_an_empty_token_cannot_be(tokens: str | list[str]) -> None:
    """It would let pass who has none."""
    with pytest.raises(ConfigurationError):
        BearerAccess(tokens)


@pytest.mark.parametrize("access", [BasicAccess(USERS), BearerAccess(["sésame"])])
def test_secrets_are_not_shown(access: Access) -> None:
    """Neither passwords nor tokens are in the ``repr``."""
    assert "sésame" not in repr(access)


async def test_who_may_not_ask_learns_nothing() -> None:
    """Refused before the path is looked at, and before the body is read."""
    asking = Asking(Origin(PlainArchive(), access=BearerAccess(["one"])))

    for method, path in [("GET", "/nowhere"), ("POST", "/studies"), ("OPTIONS", "/studies")]:
        assert 401 == (await asking(method, path, body=b"x")).status
        assert 0 == asking.read
    assert 200 == (await asking("GET", "/studies", {"Authorization": "Bearer one"})).status
