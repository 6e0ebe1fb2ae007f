"""WWW-Authenticate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import LocalProtocolError
from aiodicomweb.http import Challenge, Headers, parse_challenges

TOKENS = st.text("abcXYZ019-_.", min_size=1, max_size=8)
TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
CHALLENGES = st.one_of(
    st.builds(Challenge, TOKENS),
    st.builds(
        Challenge,
        TOKENS,
        st.lists(st.tuples(TOKENS.map(str.lower), TEXTS), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Challenge,
        TOKENS,
        st.just(()),
        st.from_regex(r"[A-Za-z0-9._~+/-]{1,9}={0,2}", fullmatch=True),
    ),
)


def read(*lines: str) -> list[str]:
    """Challenges of these lines, as text."""
    return [str(challenge) for challenge in parse_challenges(_headers(*lines))]


def _headers(*lines: str) -> Headers:
    return Headers([("WWW-Authenticate", line) for line in lines])


@pytest.mark.parametrize(
    ("expected", "line"),
    [
        (['Basic realm="a, b"'], 'Basic realm="a, b"'),
        (['Basic realm="x", charset="UTF-8"'], "Basic realm=x,charset = UTF-8"),
        (["Negotiate"], "Negotiate"),
        (["Negotiate YWJj=="], "Negotiate YWJj=="),
        (["Bearer abc"], "Bearer abc"),
        # RFC 9110 §11.6.1
        (
            ['Basic realm="simple"', 'Newauth realm="apps", type="1", title="Login to \\"apps\\""'],
            'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
        ),
        (["Negotiate", "Basic", 'Digest nonce="1"'], ", Negotiate,, Basic, Digest nonce=1"),
        # what is no challenge is left out, and takes nothing along
        (["Basic"], 'realm="nobody\'s", Basic, "text", (x) y'),
        (["Negotiate YWJj"], 'Negotiate YWJj, realm="of a token"'),
        # of what is malformed the scheme stays
        (["Basic"], "Basic a b c"),
        (["Bearer"], "Bearer authorization_uri=https://login/x"),
        (["Bearer", "Basic"], 'Bearer realm="x" scope="y", Basic'),
        (["Basic"], 'Basic realm="open'),
    ],
)
def test_one_line_may_hold_many_challenges(expected: list[str], line: str) -> None:
    """Commas separate challenges and parameters alike (HTP-65)."""
    assert expected == read(line)


def test_many_lines_are_one_list() -> None:
    """A parameter does not cross from one line to the next (HTP-65)."""
    assert ["Basic", 'Bearer realm="x"'] == read("Basic", 'realm="y"', 'Bearer realm="x"')


def test_a_proxy_has_its_own_field() -> None:
    """407 has the same grammar in another field (HTP-65)."""
    headers = Headers({"Proxy-Authenticate": "Basic realm=p"})

    assert () == parse_challenges(headers)
    assert "p" == parse_challenges(headers, "Proxy-Authenticate")[0].parameter("realm")


def test_names_are_found_in_any_case() -> None:
    """Schemes and parameter names have no case (HTP-65)."""
    (challenge,) = parse_challenges(_headers('BASIC Realm="Private"'))

    assert challenge.is_scheme("Basic")
    assert not challenge.is_scheme("Bearer")
    assert "Private" == challenge.parameter("REALM")
    assert challenge.parameter("charset") is None


def test_repr_shows_the_scheme_only() -> None:
    """What goes with it may be secret."""
    assert "Challenge('Bearer')" == repr(Challenge("Bearer", (("scope", "secret"),)))


@given(st.lists(CHALLENGES, max_size=4))
def test_challenges_round_trip(challenges: list[Challenge]) -> None:
    """What a server writes a client reads, in one line and in many."""
    texts = [str(challenge) for challenge in challenges]

    assert tuple(challenges) == parse_challenges(_headers(*texts))
    assert tuple(challenges) == parse_challenges(_headers(", ".join(texts)))


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_any_field_is_read(line: str) -> None:
    """Nothing raises, and what is read can be written."""
    for challenge in parse_challenges(_headers(line)):
        assert str(challenge)


@pytest.mark.parametrize(
    ("scheme", "parameters", "token"),
    [
        ("", (), None),
        ("a b", (), None),
        ("Basic", (("re alm", "x"),), None),
        ("Basic", (), "a b"),
        ("Basic", (("realm", "x"),), "abc"),
    ],
)
def test_challenges_that_cannot_be_are_refused(
    scheme: str, parameters: tuple[tuple[str, str], ...], token: str | None
) -> None:
    """Nothing is written that would be read otherwise (HTP-90)."""
    with pytest.raises(LocalProtocolError):
        Challenge(scheme, parameters, token)


def test_a_long_field_costs_no_square() -> None:
    """A field as long as a head may be is read in its own time (HTP-99)."""
    (challenge,) = parse_challenges(_headers("Digest " + "a=1," * 16_000))

    assert 16_000 == len(challenge.parameters)
