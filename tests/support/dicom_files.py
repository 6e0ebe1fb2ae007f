"""pydicom's bundled files, and what they say of themselves. Nothing is downloaded."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom.data
from pydicom import dcmread

if TYPE_CHECKING:
    from pydicom import Dataset

_DATA = Path(pydicom.data.__file__).parent
FOLDERS = tuple(_DATA / name for name in ("charset_files", "palettes", "test_files"))


@dataclass(frozen=True)
class Sample:
    """A bundled file.

    Attributes:
        path: Where it is.
    """

    path: Path

    @property
    def name(self) -> str:
        """The path within the folder, which tells files apart."""
        return self.path.relative_to(_DATA).as_posix().removeprefix("test_files/")

    @cached_property
    def octets(self) -> bytes:
        return self.path.read_bytes()

    def read(self) -> Dataset:
        """The data set, anew: reading an element changes what pydicom has of it."""
        with warnings.catch_warnings(action="ignore"):  # one file is not in the syntax it says
            return dcmread(io.BytesIO(self.octets), force=True)

    @cached_property
    def dataset(self) -> Dataset:
        return self.read()

    @property
    def study(self) -> str:
        return str(self.dataset.StudyInstanceUID)

    @property
    def series(self) -> str:
        return str(self.dataset.SeriesInstanceUID)

    @property
    def instance(self) -> str:
        return str(self.dataset.SOPInstanceUID)

    @property
    def uids(self) -> tuple[str, str, str]:
        return self.study, self.series, self.instance

    @property
    def is_identified(self) -> bool:
        """Whether it has the three UIDs that an archive needs."""
        keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        return all(self.dataset.get(keyword) for keyword in keywords)

    @property
    def transfer_syntax(self) -> str:
        """As its head says; that of a file without one, which is implicit little endian."""
        return str(self.dataset.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2"))

    def __str__(self) -> str:
        return self.name


@cache
def samples() -> dict[str, Sample]:
    """All bundled files, DICOM or not, by name."""
    paths = (path for folder in FOLDERS for path in sorted(folder.rglob("*")) if path.is_file())
    return {sample.name: sample for sample in map(Sample, paths)}


def sample(name: str) -> Sample:
    """One bundled file."""
    return samples()[name]
