"""Native DICOM Model (PS3.19 §A.1), the XML of DICOMweb, to and from pydicom data sets.

Reading is driven by expat's events: what is held of a document is what is open, and what became
elements. A document type declaration is an error when it begins, so there are no entities to
expand and nothing to fetch. What is not of the model is passed over: elements of other
namespaces, and dcm4che's ``DataFragment``.

Reading is lenient, as that of JSON is: what a server relays from a broken object must not hide
the rest of the object. Names of elements and attributes are taken in any case (PS3.18 §B.23
prints them otherwise than PS3.19 does), with the namespace of the model or none. What is no
value of its VR (a Decimal String of letters, a number beyond the range of US) is kept as octets
of VR UN. Only what has no meaning at all is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast
from xml.parsers import expat

from ..errors import NativeXmlError
from .xml_reader import Document
from .xml_writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import DataElement, Dataset

    from .part10 import Buffer

__all__ = ["dataset_from_xml", "dataset_to_xml"]

MAX_TOKEN: Final = 1 << 20
"""Octets of one tag or comment. Expat starts such a token anew with every slice that it gets
until the token is whole: without a bound, time would grow with the square of its length."""
_SLICE: Final = 1 << 16

# Expat asks Python for the encodings that it does not know, and Python has odd ones. These are
# expat's own, and those of single octets that stand for DICOM's character sets.
_ENCODING: Final = re.compile(
    r"utf-8|utf-16([bl]e)?|us-ascii|iso-8859-([1-9]|1[013-6])|windows-125[0-8]|koi8-[ru]|tis-620",
    re.IGNORECASE,
)


def dataset_from_xml(
    octets: Buffer,
    bulk_data: Callable[[str, str, str], object] | None = None,
    *,
    misfits: list[str] | None = None,
) -> Dataset:
    """Make a pydicom data set of a Native DICOM Model document (PS3.19 §A.1).

    Group lengths, group 0002 and item delimiters are left out: they are no part of a data set.
    Of a tag that is repeated in one data set the last attribute counts. Where text does not fit
    into the Specific Character Set (0008,0005) that the document names, this becomes
    ``ISO_IR 192``, so that the data set can be written to a file. An element without a value has
    the one that pydicom reads from a file: empty text or ``None``, by its VR. Memory and time
    are in proportion to the length of the document, which the caller bounds.

    Args:
        octets: The document: in UTF-8, UTF-16 or an encoding of single octets that it declares.
        bulk_data: Called with tag (eight upper-case digits, as in the document: that of a
            private attribute has no block), VR and URI of each ``BulkData``; returns the value,
            or the octets of the value field, or ``None`` for none. What is named by ``uuid``
            has a URI of the form ``urn:uuid:...``. Without it such elements are present and
            empty. What it raises is passed on.
        misfits: Gets the tag of each element, written like that, also in items, whose value is
            none of its VR: its text is kept as octets of VR UN, and a number that is too large is
            infinite. Who writes the data set to a file would write other data than were sent.

    Raises:
        NativeXmlError: It is not XML, not of the model, has a document type declaration or
            exceeds a bound; ``path`` names the attribute. The message tells no value.
    """
    document = Document(bulk_data, misfits)
    parser = expat.ParserCreate(None, " ")
    parser.buffer_text = True
    parser.XmlDeclHandler = _check_declaration
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = document.start
    parser.EndElementHandler = document.end
    parser.CharacterDataHandler = document.text
    view = memoryview(octets).cast("B")
    try:
        for start in range(0, len(view), _SLICE):
            if start - parser.CurrentByteIndex > MAX_TOKEN:
                raise NativeXmlError(f"a tag or comment is longer than {MAX_TOKEN} octets")
            parser.Parse(cast("bytes", view[start : start + _SLICE]), False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise NativeXmlError(f"not XML: {reason} at line {error.lineno}") from None
    return document.result


def dataset_to_xml(
    dataset: Dataset, bulk_data: Callable[[DataElement], str | None] | None = None
) -> bytes:
    """Make a Native DICOM Model document, in UTF-8, of a pydicom data set (PS3.19 §A.1).

    Group lengths and group 0002 are left out, attributes are in ascending order. Private
    attributes name their creator, and their block is lost: a private creator is not written, so
    one without attributes is not kept. An attribute whose private creator is missing is written
    with its whole tag. Octets of big-endian data sets are put in line as little endian, NaN and
    the infinities become ``NaN``, ``Infinity`` and ``-Infinity``. Characters that XML 1.0
    cannot hold, such as form feed and escape, become question marks, which every DICOM
    character set has.

    Args:
        dataset: The data set; it is not changed.
        bulk_data: Called with each element that has a value and may travel as bulk data
            (PS3.18 §F.2.2), also those in sequences; returns the URI to write, or ``None`` for
            a value in line. What it raises is passed on.

    Raises:
        NativeXmlError: An element's value is not one of its VR, or sequences are nested too
            deep; ``path`` names the attribute. The message tells no value.
    """
    return b"".join(piece.encode() for piece in Writer(bulk_data).pieces(dataset))


def _check_declaration(version: str, encoding: str | None, standalone: int) -> None:
    del version, standalone
    if encoding is not None and _ENCODING.fullmatch(encoding) is None:
        raise NativeXmlError("the document's encoding is not supported")


def _refuse_doctype(*_: object) -> None:
    # A handler that raises stops expat where it is: nothing of the declaration is processed.
    raise NativeXmlError("a document type declaration is refused")
