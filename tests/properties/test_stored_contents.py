"""Data sets of every kind through a request to store, in its three representations.

What a data set is after it was written and read in a representation, it is after a store too: that
its large values travel in parts of their own makes no difference.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st

from aiodicomweb.dicom import dataset_from_json, dataset_to_json
from aiodicomweb.dicom.frames import set_transfer_syntax
from aiodicomweb.dicom.native_xml import dataset_from_xml, dataset_to_xml
from aiodicomweb.dicom.part10 import decode, encode
from aiodicomweb.errors import NativeXmlError
from aiodicomweb.http import URL, Request
from aiodicomweb.services import Representation, StoreRequest

from ..dicom.test_json_round_trip import data_sets, limit_to_files
from ..dicom.test_json_round_trip import differences as odd_tags
from ..support.comparison import differences
from .test_native_xml import datasets as datasets_for_xml

if TYPE_CHECKING:
    from pydicom import Dataset

BASE = URL.parse("http://pacs.example/dicom-web")
LITTLE = "1.2.840.10008.1.2.1"


@st.composite
def instances(draw: st.DrawFn, contents: st.SearchStrategy[Dataset]) -> Dataset:
    """Instances: all VRs, nested, empty, of several values, private blocks, character sets."""
    dataset = draw(contents)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "1.2.3"
    length = draw(st.sampled_from([0, 1024, 1026, 5000]))
    if length:
        dataset.add_new(0x00281201, "OW", draw(st.binary(min_size=2, max_size=2)) * (length // 2))
    set_transfer_syntax(dataset, LITTLE)
    return dataset


def stored(dataset: Dataset, representation: Representation) -> Dataset:
    """What the server reads."""
    message = StoreRequest(BASE, [dataset], representation=representation).to_http()
    arrived = Request.from_bytes(bytes(message))
    (found,) = StoreRequest.from_http(arrived, base_url=BASE).datasets
    return found


@given(instances(data_sets()))
def test_in_json(dataset: Dataset) -> None:
    """As it was, and as JSON alone has it."""
    found = stored(dataset, Representation.JSON)

    assert [] == list(odd_tags(dataset, found))
    assert [] == differences(dataset_from_json(dataset_to_json(dataset)), found)


@given(instances(datasets_for_xml()))
def test_in_xml(dataset: Dataset) -> None:
    """As XML alone has it: private blocks may be others."""
    try:
        expected = dataset_from_xml(dataset_to_xml(dataset))
    except NativeXmlError:
        assume(False)
        raise AssertionError from None

    assert [] == differences(expected, stored(dataset, Representation.XML))


@given(instances(data_sets()))
def test_in_files(dataset: Dataset) -> None:
    """As a file alone has it."""
    limit_to_files(dataset)
    with warnings.catch_warnings(action="ignore"):
        file = encode(dataset)

        assert [] == differences(decode(file), stored(dataset, Representation.DICOM))
