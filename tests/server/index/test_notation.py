from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.server.index.notation import find_attribute, format_attributes, split_attributes

from ...support.entries import attributes_of

NAMES = ["00080020", "00100010", "00100020", "00400275"]
ATTRIBUTES = st.fixed_dictionaries(
    {"vr": st.sampled_from(["LO", "SQ"])},
    optional={
        "Value": st.lists(
            st.text()
            | st.integers()
            | st.floats(allow_nan=False)
            | st.none()
            | st.dictionaries(st.sampled_from(NAMES), st.fixed_dictionaries({"vr": st.text()}))
        )
    },
)


@given(st.dictionaries(st.sampled_from(NAMES), ATTRIBUTES))
def test_attributes_are_found(attributes: dict[str, object]) -> None:
    """Whole, one by one and taken apart, whatever line feeds and names are in their values."""
    text = format_attributes(attributes)

    assert attributes == json.loads(text)
    assert attributes == {name: json.loads(one) for name, one in split_attributes(text).items()}
    assert [attributes.get(name) for name in NAMES] == [
        find_attribute(text, name) for name in NAMES
    ]


def test_tags_ascend() -> None:
    """PS3.18 §F.2.2; the same attributes have the same text."""
    text = format_attributes(attributes_of(PatientID="1", StudyDate="20200101"))

    assert ["00080020", "00100020"] == list(split_attributes(text))
    assert '{\n"00080020":{"Value":["20200101"],"vr":"DA"},\n"00100020":' == text[:58]
