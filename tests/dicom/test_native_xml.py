from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.parsers import expat
from xml.parsers.expat import ParserCreate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import PersonName

from aiodicomweb.dicom import decode, encode
from aiodicomweb.dicom.native_xml import MAX_TOKEN, dataset_from_xml, dataset_to_xml
from aiodicomweb.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from aiodicomweb.errors import NativeXmlError

from ..support.dicom_files import samples
from ..support.native_xml import NAMESPACE, attribute, content, document

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENT_ID = attribute("00100020", "LO", '<Value number="1">é</Value>')


# --- documents of the standard ------------------------------------------------------------------

GOLDEN = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">\
<DicomAttribute tag="00080005" keyword="SpecificCharacterSet" vr="CS">\
<Value number="1">ISO_IR 192</Value></DicomAttribute>\
<DicomAttribute tag="00080008" keyword="ImageType" vr="CS">\
<Value number="1">ORIGINAL</Value><Value number="2"></Value><Value number="3">AXIAL</Value>\
</DicomAttribute>\
<DicomAttribute tag="00080050" keyword="AccessionNumber" vr="SH"></DicomAttribute>\
<DicomAttribute tag="00081115" keyword="ReferencedSeriesSequence" vr="SQ">\
<Item number="1"><DicomAttribute tag="0020000E" keyword="SeriesInstanceUID" vr="UI">\
<Value number="1">1.2.3</Value></DicomAttribute></Item>\
<Item number="2"></Item></DicomAttribute>\
<DicomAttribute tag="00090001" privateCreator="ACME 1.1" vr="DS">\
<Value number="1">+1.50</Value></DicomAttribute>\
<DicomAttribute tag="00090001" privateCreator="Q &amp; A" vr="UN">\
<InlineBinary>AAEC</InlineBinary></DicomAttribute>\
<DicomAttribute tag="00100010" keyword="PatientName" vr="PN">\
<PersonName number="1"><Alphabetic><FamilyName>Wang</FamilyName><GivenName>XiaoDong</GivenName>\
<NameSuffix>MD</NameSuffix></Alphabetic>\
<Ideographic><FamilyName>王</FamilyName><GivenName>小東</GivenName></Ideographic></PersonName>\
<PersonName number="2"></PersonName>\
<PersonName number="3"><Phonetic><FamilyName>P</FamilyName></Phonetic></PersonName>\
</DicomAttribute>\
<DicomAttribute tag="00104000" keyword="PatientComments" vr="LT">\
<Value number="1"> a &lt;b&gt; &amp;\\ "c"&#13;
\td</Value></DicomAttribute>\
<DicomAttribute tag="00189074" keyword="FrameAcquisitionDateTime" vr="DT"></DicomAttribute>\
<DicomAttribute tag="00280009" keyword="FrameIncrementPointer" vr="AT">\
<Value number="1">00181063</Value><Value number="2">0018106A</Value></DicomAttribute>\
<DicomAttribute tag="00280010" keyword="Rows" vr="US"><Value number="1">512</Value>\
</DicomAttribute>\
<DicomAttribute tag="00720074" keyword="SelectorFDValue" vr="FD">\
<Value number="1">0.1</Value><Value number="2">NaN</Value><Value number="3">Infinity</Value>\
<Value number="4">-Infinity</Value></DicomAttribute>\
<DicomAttribute tag="00720082" keyword="SelectorSVValue" vr="SV">\
<Value number="1">-9223372036854775808</Value></DicomAttribute>\
<DicomAttribute tag="00720083" keyword="SelectorUVValue" vr="UV">\
<Value number="1">18446744073709551615</Value></DicomAttribute>\
<DicomAttribute tag="7FE00010" keyword="PixelData" vr="OW">\
<BulkData uri="https://pacs.example/bulk?a=1&amp;b=&quot;2&quot;"/></DicomAttribute>\
</NativeDicomModel>""".encode()


def golden() -> Dataset:
    """The data set of the document above."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "", "AXIAL"]
    dataset.AccessionNumber = ""
    item = Dataset()
    item.SeriesInstanceUID = "1.2.3"
    dataset.ReferencedSeriesSequence = Sequence([item, Dataset()])
    dataset.add_new(0x00090010, "LO", "ACME 1.1")
    dataset.add_new(0x00090011, "LO", "Q & A")
    dataset.add_new(0x00091001, "DS", "+1.50")
    dataset.add_new(0x00091101, "UN", b"\0\1\2")
    dataset.PatientName = ["Wang^XiaoDong^^^MD=王^小東", "", "==P"]
    dataset.PatientComments = ' a <b> &\\ "c"\r\n\td'
    dataset.FrameAcquisitionDateTime = None
    dataset.FrameIncrementPointer = [0x00181063, 0x0018106A]
    dataset.Rows = 512
    dataset.SelectorFDValue = [0.1, float("nan"), float("inf"), -float("inf")]
    dataset.SelectorSVValue = -(2**63)
    dataset.SelectorUVValue = 2**64 - 1
    dataset.add_new(0x7FE00010, "OW", b"\1\2\3\4")
    # Neither is part of the model (XML-13).
    dataset.add_new(0x00080000, "UL", 4)
    dataset.add_new(0x00020010, "UI", "1.2")
    return dataset


def bulk_uri(element: DataElement) -> str | None:
    """Pixel data travels beside the document."""
    uri = 'https://pacs.example/bulk?a=1&b="2"'
    return uri if element.tag == 0x7FE00010 else None


def test_the_document_is_as_the_standard_says() -> None:
    """Every rule of the model is in it, down to the octet (XML-01..14)."""
    assert GOLDEN == dataset_to_xml(golden(), bulk_uri)


def test_the_document_is_read() -> None:
    """The same document gives the same data set, with the resolver's octets (XML-01..14)."""
    asked: list[tuple[str, str, str]] = []

    def resolve(tag: str, vr: str, uri: str) -> bytes:
        asked.append((tag, vr, uri))
        return b"\1\2\3\4"

    assert content(golden()) == content(dataset_from_xml(GOLDEN, resolve))
    assert [("7FE00010", "OW", 'https://pacs.example/bulk?a=1&b="2"')] == asked


def test_the_examples_of_the_standard_are_read() -> None:
    """PS3.18 has no namespace, other capitals and white space between (XML-01, ERR-14, STW-58)."""
    dataset = dataset_from_xml(
        b"""
        <NativeDicomModel>
          <DicomAttribute Tag="00081199" VR="SQ" Keyword="ReferencedSOPSequence">
            <Item Number="1">
              <DicomAttribute Tag="00081155" VR="UI" Keyword="ReferencedSOPInstanceUID">
                <Value Number="1">1.2.3.4</Value>
              </DicomAttribute>
              <DicomAttribute Tag="00081190" VR="UT" Keyword="RetrieveURL">
                <Value Number="1">https://pacs.example/studies/1</Value>
              </DicomAttribute>
            </Item>
          </DicomAttribute>
        </NativeDicomModel>
        """.strip()
    )

    (item,) = dataset.ReferencedSOPSequence
    assert "1.2.3.4" == item.ReferencedSOPInstanceUID
    assert "https://pacs.example/studies/1" == item.RetrieveURL


# --- syntax -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        document(PATIENT_ID),
        document(PATIENT_ID, root=""),
        document(PATIENT_ID, root=f' xml:space="preserve" xmlns="{NAMESPACE}"'),
        document(PATIENT_ID).replace(b"Native", b"x:Native", 1).replace(b"xmlns", b"xmlns:x"),
        document(PATIENT_ID, head='<?xml version="1.0"?><!-- > --><?pi >?>\n'),
        b"\xef\xbb\xbf" + document(PATIENT_ID),
        document(PATIENT_ID, head='<?xml version="1.0" encoding="utf-8"?>'),
        document(PATIENT_ID).decode().encode("utf-16"),
        (head := document(PATIENT_ID, head='<?xml version="1.0" encoding="UTF-16"?>'))
        .decode()
        .encode("utf-16"),
        head.decode().replace("UTF-16", "ISO-8859-1").encode("latin-1"),
        head.decode().replace("UTF-16", "iso-8859-15").encode("iso-8859-15"),
        head.decode().replace("UTF-16", "windows-1252").encode("cp1252"),
        head.decode().replace("UTF-16", "US-ASCII").replace("é", "&#xe9;").encode("ascii"),
        document(PATIENT_ID.replace("é", "<![CDATA[é]]>")),
        memoryview(document(PATIENT_ID)),
        bytearray(document(PATIENT_ID)),
    ],
)
def test_a_document_is_read_in_all_its_forms(octets: Any) -> None:
    """Namespace, mark, comments, encodings and buffers do not matter (XML-01, XML-14)."""
    if b"x:Native" in bytes(octets):
        octets = re.sub(rb"(</?)(Native|Dicom|Value)", rb"\1x:\2", octets.replace(b"x:", b"", 1))

    assert "é" == dataset_from_xml(octets).PatientID


@pytest.mark.parametrize(
    ("message", "octets"),
    [
        ("the root is not NativeDicomModel", b"<html>Doe^John</html>"),
        ("the root is not NativeDicomModel", b'<NativeDicomModel xmlns="Doe"/>'),
        ("not XML: mismatched tag at line 1", document('<Doe number="1"></doe>')),
        # The words are expat's, and differ from version to version.
        ("not XML: ", b""),
        ("not XML: ", b"Doe^John"),
        ("not XML: ", document("<Doe:John/>")),
        ("not XML: ", document("&Doe;")),
        ("not XML: ", document(PATIENT_ID)[:-19]),
        ("not XML: ", document(PATIENT_ID)[:-1]),
        ("not XML: ", document(PATIENT_ID) * 2),
        ("not XML: ", document("\x1bDoe")),
        ("not XML: ", document("&#27;Doe")),  # as DCMTK writes it
        ("not XML: ", document("Doe").replace(b"D", b"\xe9")),
        ("not XML: ", b"\xff" + document()),
        ("not XML: ", document(head='<?xml version="1.0" xml:space="preserve"?>')),  # ERR-15
        ("not XML: ", document(head='<?xml version="1.0" encoding="UTF-16"?>')),
        *(
            (
                "the document's encoding is not supported",
                document(head=f'<?xml version="1.0" encoding="{name}"?>'),
            )
            for name in ("Shift_JIS", "utf-7", "idna", "Doe", "unicode_escape", "iso-8859-12")
        ),
    ],
)
def test_what_is_no_document_is_an_error_without_the_text(message: str, octets: bytes) -> None:
    """Whatever is wrong is a NativeXmlError, and shows nothing of the text."""
    with pytest.raises(NativeXmlError) as caught:
        dataset_from_xml(octets)

    assert str(caught.value).startswith(message)
    assert "Doe" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "declaration",
    [
        "<!DOCTYPE NativeDicomModel>",
        '<!DOCTYPE NativeDicomModel SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE NativeDicomModel PUBLIC "-//NEMA" "http://pacs.example/native.dtd">',
        '<!DOCTYPE NativeDicomModel [<!ENTITY a "b">]>',
        '<!DOCTYPE NativeDicomModel [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE NativeDicomModel [<!ENTITY % a SYSTEM "http://pacs.example/x.dtd"> %a;]>',
        "<!DOCTYPE NativeDicomModel [<!ENTITY % a \"<!ENTITY b 'c'>\"> %a;]>",
        '<!DOCTYPE NativeDicomModel [<!ATTLIST DicomAttribute vr CDATA "LO">]>',
        "<!-- first --><!DOCTYPE NativeDicomModel [",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_declaration_is_refused(declaration: str, encoding: str) -> None:
    """No DTD, and so no entity of any kind (XML-15)."""
    octets = document(attribute("00100020", "LO", "<Value>&a;</Value>"), head=declaration)

    with pytest.raises(NativeXmlError, match="^a document type declaration is refused$"):
        dataset_from_xml(octets.decode().encode(encoding))


def test_entities_are_not_expanded_before_they_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A billion laughs: the declaration stops the parser before its first entity (XML-15)."""
    parsers: list[expat.XMLParserType] = []

    def create(encoding: None, separator: str) -> expat.XMLParserType:
        parsers.append(ParserCreate(encoding, separator))
        return parsers[0]

    monkeypatch.setattr(expat, "ParserCreate", create)
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    octets = document("&l11;", head=f'<!DOCTYPE r [<!ENTITY l0 "laugh">{entities}]>')

    with pytest.raises(NativeXmlError, match="declaration"):
        dataset_from_xml(octets)

    assert octets.index(b"<!ENTITY") > parsers[0].CurrentByteIndex
    with pytest.raises(expat.ExpatError, match="parsing finished"):
        parsers[0].Parse(b"", True)


@pytest.mark.parametrize("token", ["<!-- {} -->", '<Doe a="{}"/>', "<Doe {}"])
def test_a_tag_or_comment_has_a_limit(token: str) -> None:
    """Expat would go through it again with each slice."""
    with pytest.raises(NativeXmlError, match=f"^a tag or comment is longer than {MAX_TOKEN} "):
        dataset_from_xml(document(token.format(" " * (2 * MAX_TOKEN))))


def test_a_value_has_no_limit_of_its_own() -> None:
    """Text is handed on as it comes."""
    octets = bytes(range(256)) * 20000
    dataset = Dataset()
    dataset.add_new(0x7FE00010, "OB", octets)

    assert octets == dataset_from_xml(dataset_to_xml(dataset))[0x7FE00010].value


@given(st.binary(max_size=200))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    """Only NativeXmlError comes out."""
    for attempt in (octets, document().replace(b"></", b">" + octets + b"</")):
        try:
            dataset_from_xml(attempt)
        except NativeXmlError:
            continue


@pytest.mark.slow
@given(st.data())
def test_no_broken_document_raises_anything_else(data: st.DataObject) -> None:
    """Pieces of a document in places where they do not belong."""
    pieces = [piece for piece in re.split(rb"(<[^>]*>|\d+)", GOLDEN[40:]) if piece]
    start = data.draw(st.integers(0, len(pieces) - 1))
    end = data.draw(st.integers(start, len(pieces)))
    other = st.sampled_from([*pieces, b"\xff", b"-1", b"99999999999", b"Doe", b"SQ", b"PN", b'"'])
    pieces[start:end] = data.draw(st.lists(other, max_size=4))
    try:
        dataset_from_xml(b"".join(pieces), lambda *_: b"\1\2\3")
    except NativeXmlError:
        return


# --- whole documents ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "named", "text"),
    [
        ("ISO_IR 100", "ISO_IR 100", "é"),
        ("ISO_IR 192", "ISO_IR 100", "Ж"),
        ("ISO_IR 192", "ISO_IR 100", "A\u3000B"),
        ("ISO_IR 192", None, "é"),
        (None, None, "e"),
    ],
)
def test_the_character_set_holds_the_text(
    expected: str | None, named: str | None, text: str
) -> None:
    """XML is Unicode whatever the document names, but a file is not (XML-14, JSN-53)."""
    for octets in (
        attribute("00100010", "PN", f'<Value number="1">A</Value><Value number="2">{text}</Value>'),
        attribute("00090001", "LO", more=f' privateCreator="{text}"'),
        attribute("00104000", "LT", '<BulkData uri="x"/>'),
    ):
        names = attribute("00080005", "CS", f"<Value>{named}</Value>") if named else ""
        dataset = dataset_from_xml(document(names, octets), lambda *_: text.encode())

        assert expected == dataset.get("SpecificCharacterSet")


@pytest.mark.parametrize("charset", ["chrArab", "chrGreek", "chrH31", "chrRuss", "chrX1", "chrX2"])
def test_text_comes_back_to_a_file_in_its_character_set(charset: str) -> None:
    """What was read from XML can be written with the character set that it names (XML-14)."""
    sample = samples()[f"charset_files/{charset}.dcm"]
    read = dataset_from_xml(dataset_to_xml(sample.read()))
    read.file_meta = sample.read().file_meta
    read.set_original_encoding(is_implicit_vr=False, is_little_endian=True)

    assert EXPLICIT_VR_LITTLE_ENDIAN == sample.transfer_syntax
    written = decode(encode(read))
    assert str(sample.dataset.PatientName) == str(written.PatientName)
    assert isinstance(written.PatientName, PersonName)


@pytest.mark.slow
def test_pieces_of_a_document_are_errors() -> None:
    """A document that breaks off anywhere is no data set."""

    def cut() -> Iterator[int]:
        for end in range(len(GOLDEN) - 1):
            try:
                dataset_from_xml(GOLDEN[:end])
            except NativeXmlError:
                continue
            yield end

    assert [] == list(cut())
