from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import parse_attribute_path
from aiodicomweb.errors import ConfigurationError
from aiodicomweb.http import URL, build_query
from aiodicomweb.services import Query

NAME = parse_attribute_path("PatientName")
STUDY = parse_attribute_path("StudyInstanceUID")


def test_a_query_is_parsed_from_parameters() -> None:
    """Filters, fields, and what is neither."""
    query, unknown = Query.parse(
        [("PatientName", ["Doe*"]), ("orderby", ["x"]), ("includefield", ["StudyDate", "set"])]
    )

    assert Query.build({"PatientName": "Doe*"}, ["StudyDate"]) == query
    assert (("orderby", ("x",)), ("includefield", ("set",))) == unknown


def test_fields_may_be_separated_by_encoded_commas() -> None:
    """As ``URLSearchParams`` of browsers writes lists; no name has a comma (GEN-07)."""
    url = URL.parse("http://h/?includefield=00100010%2Cset%2C0020000D&includefield=all%2C00080060")
    query, unknown = Query.parse(url.parse_query()[:1])

    assert ((NAME, STUDY), False) == (query.fields, query.all_fields)
    assert (("includefield", ("set",)),) == unknown
    assert Query.parse(url.parse_query())[0].all_fields


@pytest.mark.parametrize("text", ["1.2\\1.3", "1.2,1.3", ",1.2,,1.3\\"])
def test_lists_of_uids_have_one_form(text: str) -> None:
    """However they are separated, also by the caller (QID-23)."""
    assert ((STUDY, ("1.2", "1.3")),) == Query.build({"StudyInstanceUID": text}).filters
    assert ((NAME, (text,)),) == Query.build({"PatientName": text}).filters


@pytest.mark.parametrize("text", ["CT,MR", "CT%2CMR", ",CT%2c,MR"])
def test_code_strings_have_no_comma(text: str) -> None:
    """One between them separates, encoded or not, as OHIF writes modalities (QID-42, GEN-07)."""
    parameters = URL.parse(f"http://h/?ModalitiesInStudy={text}").parse_query()
    modalities = parse_attribute_path("ModalitiesInStudy")

    assert ((modalities, ("CT", "MR")),) == Query.parse(parameters)[0].filters


@pytest.mark.parametrize("text", ["", ",", "\\"])
def test_a_list_of_nothing_is_no_filter(text: str) -> None:
    """There is nothing to match (QID-25)."""
    with pytest.raises(ConfigurationError):
        Query(((STUDY, (text,)),))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["PatientName", "StudyInstanceUID", "includefield", "00231001", "x"]),
            st.lists(st.text(max_size=6), max_size=3),
        ),
        max_size=5,
    )
)
def test_any_parameters_are_read_or_refused(parameters: list[tuple[str, list[str]]]) -> None:
    """What is read says the same when it is written again."""
    try:
        query, unknown = Query.parse(parameters)
    except ConfigurationError:
        return
    try:
        text = build_query([*query.parameters(), *unknown])
    except ValueError:
        return  # NUL, which no URL carries
    url = URL.parse("http://h/").with_query(text)

    assert (query, unknown) == Query.parse(url.parse_query())
