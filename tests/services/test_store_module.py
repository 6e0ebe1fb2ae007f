from __future__ import annotations

import pytest
from pydicom import Dataset

from aiodicomweb.dicom import FailureReason, WarningReason
from aiodicomweb.services import FailedInstance, StoredInstance
from aiodicomweb.services.store_module import StoreModule

CT = "1.2.840.10008.5.1.4.1.1.2"


def test_a_module_is_written_and_read() -> None:
    """Every attribute that it has (STW-40..55)."""
    module = StoreModule(
        "http://h/studies/1",
        (StoredInstance(CT, "1.2", "http://h/2", WarningReason.COERCION),),
        (FailedInstance(CT, "1.3", FailureReason.OUT_OF_RESOURCES), FailedInstance("", "")),
        (FailureReason.PROCESSING_FAILURE, 1),
    )
    dataset = module.to_dataset()

    assert module == StoreModule.from_datasets([dataset])
    assert 0xA700 == dataset.FailedSOPSequence[0].FailureReason
    assert [] == list(dataset.FailedSOPSequence[1])


def test_an_empty_module_has_an_empty_url() -> None:
    """Retrieve URL is of type 2, the sequences are conditional (STW-40, STW-41)."""
    dataset = StoreModule().to_dataset()

    assert [0x00081190] == list(dataset.keys())
    assert dataset[0x00081190].is_empty
    assert StoreModule() == StoreModule.from_datasets([Dataset()])


@pytest.mark.parametrize("reason", [*FailureReason, 0xA7FF, 0xA9FF, 0xCFFF, 0x0001])
def test_every_reason_has_words(reason: int) -> None:
    """Of the tables, of products, and of nobody (STW-60..70)."""
    assert f"{reason:04X} " == FailedInstance("", "", reason).reason[:5]
    assert FailedInstance("", "").reason == "no reason given"


@pytest.mark.parametrize("reason", list(WarningReason))
def test_every_warning_has_words(reason: WarningReason) -> None:
    """What was stored with a warning says why (STW-60..62)."""
    warning = StoredInstance("", "", None, reason).warning

    assert warning is not None
    assert "unknown" not in warning
