from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from aiodicomweb.errors import Part10Error
from aiodicomweb.server.pictures.grayscale import apply_window, to_shades
from aiodicomweb.server.pictures.source import Source
from aiodicomweb.services.rendering import VoiFunction, Window

from ...support.dicom_files import sample, samples
from ...support.fake_archive import holding_of
from ...support.images import pixel_format

if TYPE_CHECKING:
    from aiodicomweb.dicom.frame_layout import PixelFormat

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def data_set(**attributes: Any) -> Dataset:
    """A data set with these attributes by keyword."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def a_lut(descriptor: list[int], data: Any, vr: str = "US") -> Dataset:
    """An item with a lookup table."""
    item = Dataset()
    item.add_new("LUTDescriptor", vr, descriptor)
    item.add_new("LUTData", "OW" if isinstance(data, bytes) else "US", data)
    return item


def shades(
    stored: list[int] | list[float],
    pixels: PixelFormat | None = None,
    dtype: Any = np.int16,
    window: Window | None = None,
    **attributes: Any,
) -> list[int]:
    """The shades of one row of stored values."""
    row = np.array([stored], dtype=dtype)
    found = to_shades(row, pixels or pixel_format(), data_set(**attributes), 0, window)
    assert np.uint8 == found.dtype
    result: list[int] = found[0].tolist()
    return result


# --- windows --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "center", "width", "stored", "expected"),
    [
        # ((x - 49.5) / 100 + 0.5) × 255
        (None, 50, 101, [-1, 0, 50, 99, 100], [0, 1, 129, 254, 255]),
        ("LINEAR", 50, 101, [-1, 0, 50, 99, 100], [0, 1, 129, 254, 255]),
        ("LINEAR", 10, 1, [9, 10], [0, 255]),
        # ((x - 50) / 100 + 0.5) × 255
        ("LINEAR_EXACT", 50, 100, [-1, 0, 25, 50, 100, 101], [0, 0, 64, 128, 255, 255]),
        # 255 ÷ (1 + e to the power of -4 × (x - 50) ÷ 100)
        ("SIGMOID", 50, 100, [-32768, 0, 50, 100, 32767], [0, 30, 128, 225, 255]),
    ],
)
def test_a_window_is_that_of_the_data_set(
    function: str | None, center: float, width: float, stored: list[int], expected: list[int]
) -> None:
    """By its function, LINEAR if there is none (PS3.3 §C.11.2.1)."""
    told = {} if function is None else {"VOILUTFunction": function}

    found = shades(stored, WindowCenter=center, WindowWidth=width, **told)

    assert expected == found


def test_of_several_windows_the_first_counts() -> None:
    """The others are alternatives for people to choose from."""
    found = shades([0, 100], WindowCenter=[50, 0], WindowWidth=[101, 1])

    assert [1, 255] == found


def test_the_window_of_the_request_goes_before() -> None:
    """Before the data set's window and table (REN-06)."""
    lut = a_lut([2, 0, 8], [255, 0])
    window = Window(50, 100, VoiFunction.LINEAR_EXACT)

    found = shades([0, 50, 100], window=window, VOILUTSequence=[lut], WindowCenter=1, WindowWidth=1)

    assert [0, 128, 255] == found


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"WindowCenter": 5},
        {"WindowCenter": 5, "WindowWidth": 0},
        {"WindowCenter": 5, "WindowWidth": -10},
        {"WindowCenter": None, "WindowWidth": None},
    ],
)
def test_without_a_window_all_values_are_shown(told: dict[str, Any]) -> None:
    """From the lowest of the frame, black, to the highest, white; broken windows are none."""
    assert [0, 128, 255] == shades([-100, 0, 100], **told)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_a_frame_of_one_value_is_black(dtype: Any) -> None:
    """There is nothing to be told apart."""
    assert [0, 0] == shades([7, 7], dtype=dtype)


def test_padding_does_not_count_as_an_image() -> None:
    """It is as black as the lowest value (PS3.3 §C.7.5.1.1.2)."""
    found = shades([-2000, 0, 50, 100], PixelPaddingValue=-2000)
    in_range = shades([-2000, -1990, 0, 100], PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1900)

    assert [0, 0, 128, 255] == found
    assert [0, 0, 0, 255] == in_range


@pytest.mark.parametrize(
    ("bits", "stored", "expected"),
    [(8, [10, 20], [10, 20]), (1, [0, 1], [0, 255]), (1, [1, 1], [255, 255]), (4, [15], [255])],
)
def test_values_of_few_bits_are_shades(bits: int, stored: list[int], expected: list[int]) -> None:
    """Without a window the transformation is identity (PS3.3 §C.11.2)."""
    assert expected == shades(stored, pixel_format(bits, is_signed=False), np.uint8)


# --- the rest of the pipeline ---------------------------------------------------------------------


def test_the_modality_comes_before_the_window() -> None:
    """Windows are in Hounsfield units: 1000 × 2 - 1950 is 50 (PS3.3 §C.11.1)."""
    found = shades(
        [975, 1000, 1025],
        RescaleSlope=2,
        RescaleIntercept=-1950,
        WindowCenter=50,
        WindowWidth=100,
        VOILUTFunction="LINEAR_EXACT",
    )

    assert [0, 128, 255] == found


def test_a_table_of_the_modality_goes_before_slope_and_intercept() -> None:
    """Values outside it have its ends; the first value mapped is -2."""
    lut = a_lut([3, -2, 16], [0, 400, 1000], "SS")

    found = shades([-9, -2, -1, 0, 9], ModalityLUTSequence=[lut], RescaleSlope=9)

    assert [0, 0, 102, 255, 255] == found


def test_a_signed_first_value_may_be_written_unsigned() -> None:
    """65534 is -2 where stored values are signed (PS3.3 §C.11.1.1.1)."""
    lut = a_lut([3, 65534, 16], [0, 400, 1000])

    assert [0, 102, 255] == shades([-2, -1, 0], ModalityLUTSequence=[lut])
    assert [0, 0, 0] == shades(
        [65533, 65534, 0],
        pixel_format(is_signed=False),
        np.uint16,
        ModalityLUTSequence=[lut],
        WindowCenter=900,
        WindowWidth=1,
    )


@pytest.mark.parametrize(
    "data",
    [
        [0, 51, 255],
        struct.pack("<3H", 0, 51, 255),
        bytes([0, 51, 255, 0]),
    ],
)
def test_a_voi_table_goes_before_the_windows(data: Any) -> None:
    """Its entries have 8 bits; some write them as octets (PS3.3 §C.11.2.1.1)."""
    lut = a_lut([3, 10, 8], data)

    found = shades([9, 10, 11, 12, 13], VOILUTSequence=[lut], WindowCenter=0, WindowWidth=1)

    assert [0, 0, 51, 255, 255] == found


@pytest.mark.parametrize(
    "lut",
    [a_lut([3, 0], [1]), a_lut([3, 0, 0], [1]), a_lut([3, 0, 17], [1]), a_lut([3, 0, 8], b"")],
)
def test_a_broken_table_is_refused(lut: Dataset) -> None:
    """An image that is guessed is worse than none."""
    with pytest.raises(Part10Error):
        shades([1], VOILUTSequence=[lut])


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_monochrome1_is_inverted(dtype: Any) -> None:
    """The lowest value is white (PS3.3 §C.7.6.3.1.2)."""
    found = shades([0, 25, 100], pixel_format(is_signed=False, photometric="MONOCHROME1"), dtype)

    assert [255, 191, 0] == found


def test_floats_that_are_not_finite_are_no_image() -> None:
    """They don't change what the others are."""
    found = shades([float("nan"), 0.0, 0.5, 1.0, float("-inf")], dtype=np.float32)

    assert [0, 0, 128, 255, 0] == found


def test_the_range_of_doubles_does_not_overflow() -> None:
    """From the lowest to the highest that there is."""
    assert [0, 128, 255] == shades([-1.7e308, 0, 1.7e308], dtype=np.float64)


def test_each_frame_has_its_own_transformations() -> None:
    """Those of enhanced images are in functional groups (PS3.3 §C.7.6.16.2.9 and .10)."""

    def groups(intercept: int) -> Dataset:
        item = data_set(RescaleSlope=1, RescaleIntercept=intercept)
        return data_set(PixelValueTransformationSequence=[item])

    window = data_set(WindowCenter=50, WindowWidth=100, VOILUTFunction="LINEAR_EXACT")
    attributes = data_set(
        SharedFunctionalGroupsSequence=[data_set(FrameVOILUTSequence=[window])],
        PerFrameFunctionalGroupsSequence=[groups(0), groups(50)],
    )
    stored = np.array([[0, 50]], dtype=np.int16)

    found = [to_shades(stored, pixel_format(), attributes, index).tolist() for index in (0, 1)]

    assert [[[0, 128]], [[128, 255]]] == found


@given(
    arrays(np.int16, (3, 5), elements=st.integers(-2000, 2000)),
    st.integers(-500, 500),
    st.integers(1, 3000),
    st.sampled_from(VoiFunction),
)
def test_few_bits_and_many_give_the_same_shades(
    stored: np.ndarray[Any, Any], center: int, width: int, function: VoiFunction
) -> None:
    """By a table of the values that occur, or value by value."""
    window = Window(center, width, function)
    attributes = data_set(RescaleSlope=0.5, RescaleIntercept=3)

    for chosen in (window, None):
        by_table = to_shades(stored, pixel_format(), attributes, 0, chosen)
        one_by_one = to_shades(stored.astype(np.int32), pixel_format(), attributes, 0, chosen)
        assert by_table.tolist() == one_by_one.tolist()


def test_a_window_never_leaves_its_range() -> None:
    """Whatever the values and the function."""
    values = np.array([-1e300, -1.0, 0.0, 1.0, 1e300])

    for function in VoiFunction:
        found = apply_window(values, Window(0.25, 1.5, function))
        assert 0 <= found.min() <= found.max() <= 1


# --- a second opinion -----------------------------------------------------------------------------


def has_window(name: str) -> bool:
    """Whether a bundled file has shades and a window."""
    dataset = sample(name).dataset
    return "WindowWidth" in dataset and "PixelData" in dataset


@pytest.mark.parametrize(
    "name", [one for one in samples() if has_window(one) and "truncated" not in one]
)
def test_pydicom_is_of_the_same_opinion(name: str) -> None:
    """Its windows give stored values; as shades they differ by no more than the rounding."""
    dataset = sample(name).read()
    source = Source.read(holding_of(sample(name)))
    assert source is not None

    found = to_shades(source.frame(0), source.pixels, source.attributes)

    values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    bits, is_signed = dataset.BitsStored, dataset.PixelRepresentation
    ends = np.array([-(1 << bits - 1), (1 << bits - 1) - 1] if is_signed else [0, (1 << bits) - 1])
    low, high = ends * float(dataset.get("RescaleSlope", 1))
    offset = float(dataset.get("RescaleIntercept", 0))
    expected = (values - low - offset) / (high - low) * 255
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        expected = 255 - expected
    assert np.abs(expected - found).max() <= 0.51
