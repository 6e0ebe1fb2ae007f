"""search: filters, parameters, tables and DICOM JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click
import pytest

from aiodicomweb.cli.search import cell_text, parse_filters


def _study(uid: str, name: str = "Doe^Jane") -> dict[str, Any]:
    return {
        "0020000D": {"vr": "UI", "Value": [uid]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]},
        "00080061": {"vr": "CS", "Value": ["CT", "PT"]},
    }


def _query(target: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(target).query))


@pytest.mark.parametrize(
    ("filters", "texts"),
    [
        ({}, []),
        ({"PatientName": "Doe*"}, ["PatientName=Doe*"]),
        ({"StudyDescription": "a=b=c"}, ["StudyDescription=a=b=c"]),
        ({"PatientName": " x "}, [" PatientName = x "]),
        ({"StudyDate": ""}, ["StudyDate="]),
        ({"StudyInstanceUID": ["1.2", "1.3"]}, ["StudyInstanceUID=1.2", "StudyInstanceUID=1.3"]),
    ],
)
def test_filter_is_cut_at_the_first_equals_sign(filters: object, texts: list[str]) -> None:
    """Keys are trimmed, values are taken as they are, repeated keys make a list."""
    assert filters == parse_filters(texts)


@pytest.mark.parametrize("text", ["", "PatientName", "=x", " =x"])
def test_filter_without_key_is_wrong_usage(text: str) -> None:
    """A filter needs a key and an equals sign; its text, which may be a name, is not repeated."""
    with pytest.raises(click.BadParameter) as caught:
        parse_filters([text])

    assert not text.strip() or text not in caught.value.format_message()


@pytest.mark.parametrize(
    ("text", "item", "path"),
    [
        ("Doe^Jane", _study("1.2"), "00100010"),
        ("CT, PT", _study("1.2"), "00080061"),
        ("1.2", {"0020000d": {"vr": "UI", "Value": ["1.2"]}}, "0020000D"),
        ("7", {"00201208": {"vr": "IS", "Value": [7]}}, "00201208"),
        ("山田", {"00100010": {"Value": [{"Ideographic": "山田"}]}}, "00100010"),
        (", x", {"00080061": {"Value": [None, "x"]}}, "00080061"),
        ("…", {"00081110": {"vr": "SQ", "Value": [{"00080050": {}}]}}, "00081110"),
        ("4", {"00101002": {"Value": [{"00100020": {"Value": ["4"]}}]}}, "00101002.00100020"),
        ("", {"00101002": {"Value": ["4"]}}, "00101002.00100020"),
        ("", {}, "00100010"),
        ("", {"00100010": None}, "00100010"),
        ("", {"00100010": "x"}, "00100010"),
        ("", {"00100010": {"Value": "x"}}, "00100010"),
        ("", {"00100010": {"Value": []}}, "00100010"),
    ],
)
def test_cell_reads_values_of_any_shape(text: str, item: dict[str, Any], path: str) -> None:
    """Values become text; what is malformed or missing is empty."""
    assert text == cell_text(item, path)


def test_parameters_reach_the_server(invoke: Any, server: Any) -> None:
    """Each option becomes its query parameter (PS3.18 §8.3.4)."""
    server.add(204)

    outcome = invoke(
        "--url", server.url, "search", "studies",
        "--filter", "PatientName=Doe*", "--filter", "StudyDescription=a=b",
        "--field", "PatientBirthDate", "--limit", 5, "--offset", 10, "--fuzzy",
    )  # fmt: skip

    assert (0, "0 results\n", "") == (outcome.status, outcome.out, outcome.err)
    request = server.received[0]
    assert "/dicom-web/studies" == urlsplit(request.target).path
    assert {
        "PatientName": "Doe*",
        "StudyDescription": "a=b",
        "includefield": "PatientBirthDate",
        "limit": "5",
        "offset": "10",
        "fuzzymatching": "true",
    } == _query(request.target)


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("/dicom-web/studies", ["studies"]),
        ("/dicom-web/series", ["series"]),
        ("/dicom-web/studies/1.2/series", ["series", "--study", "1.2"]),
        ("/dicom-web/instances", ["instances"]),
        ("/dicom-web/studies/1.2/instances", ["instances", "--study", "1.2"]),
        (
            "/dicom-web/studies/1.2/series/1.3/instances",
            ["instances", "--study", "1.2", "--series", "1.3"],
        ),
    ],
)
def test_scope_makes_the_path(invoke: Any, server: Any, path: str, arguments: list[str]) -> None:
    """--study and --series narrow the search by its path (PS3.18 §10.6.1)."""
    server.add(204)

    invoke("--url", server.url, "search", *arguments)

    assert path == server.received[0].target


def test_table_shows_rows_fields_and_count(invoke: Any, server: Any) -> None:
    """People get a table with a column for each field asked for, and a count."""
    items = [
        _study("1.2") | {"00100030": {"vr": "DA", "Value": ["19700101"]}},
        _study("1.3", "x\x1by"),
    ]
    server.add_json(items)

    outcome = invoke(
        "--url", server.url, "search", "studies",
        "--field", "PatientBirthDate", "--field", "00100010",
    )  # fmt: skip

    lines = outcome.out.splitlines()
    assert (0, "") == (outcome.status, outcome.err)
    assert ["Patient", "Modalities", "Study", "PatientBirthDate"] == next(
        filter(str.strip, lines)
    ).split()
    assert "2 results" == lines[-1]
    assert "\x1b" not in outcome.out


def test_json_is_the_servers(invoke: Any, server: Any) -> None:
    """Programs get the server's DICOM JSON as one array."""
    items = [_study("1.2", "Müller"), _study("1.3")]
    server.add_json(items)

    outcome = invoke("--url", server.url, "search", "studies", "--json")

    assert (0, "") == (outcome.status, outcome.err)
    assert items == json.loads(outcome.out)


def test_json_of_nothing_is_an_empty_array(invoke: Any, server: Any) -> None:
    """No match (204) is an empty array, and no failure."""
    server.add(204)

    outcome = invoke("--url", server.url, "search", "series", "--json")

    assert (0, "[]\n", "") == (outcome.status, outcome.out, outcome.err)


def test_all_asks_until_there_is_no_more(invoke: Any, server: Any) -> None:
    """--all follows the pages (QID-53)."""
    for page in ([_study("1.1"), _study("1.2")], [_study("1.3")]):
        server.add_json(page)
    server.add(204)

    outcome = invoke("--url", server.url, "search", "studies", "--all", "--limit", 2, "--json")

    assert 0 == outcome.status
    assert 3 == len(json.loads(outcome.out))
    assert "2" == _query(server.received[1].target)["offset"]


def test_warning_of_the_server_is_shown(invoke: Any, server: Any) -> None:
    """A warning (QID-51) goes to standard error, and the search is still a success."""
    server.add_json(
        [_study("1.2")],
        Warning="299 http://h/: There are 5 additional results that can be requested",
    )

    outcome = invoke("--url", server.url, "search", "studies", "--json")

    assert 0 == outcome.status
    assert outcome.err.startswith("warning: ")
    assert "5 additional results" in outcome.err


def test_log_in_page_is_an_error(invoke: Any, server: Any) -> None:
    """HTML in place of results is a failure in one line."""
    server.add(200, b"<html>log in</html>", Content_Type="text/html")

    outcome = invoke("--url", server.url, "search", "studies", "--json")

    assert 1 == outcome.status
    assert 1 == outcome.err.count("\n")
