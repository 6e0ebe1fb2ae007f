"""Octets of DICOM: files, JSON, XML, tags, UIDs and reason codes."""

from __future__ import annotations

from .json_model import (
    JsonObject,
    dataset_from_json,
    dataset_to_json,
    datasets_from_json,
    format_objects,
    iterate_objects,
    parse_objects,
)
from .json_stream import JsonStream
from .keys import matching_keys
from .native_xml import dataset_from_xml, dataset_to_xml
from .part10 import (
    PEEK_OCTETS,
    FileMeta,
    decode,
    encode,
    is_dicom,
    is_instance,
    is_part10,
    peek,
    peek_instance_uid,
)
from .status import FailureReason, WarningReason, describe_reason
from .tags import AttributePath, parse_attribute_path
from .uids import check_uid, default_transfer_syntax, is_uid

__all__ = [
    "PEEK_OCTETS",
    "AttributePath",
    "FailureReason",
    "FileMeta",
    "JsonObject",
    "JsonStream",
    "WarningReason",
    "check_uid",
    "dataset_from_json",
    "dataset_from_xml",
    "dataset_to_json",
    "dataset_to_xml",
    "datasets_from_json",
    "decode",
    "default_transfer_syntax",
    "describe_reason",
    "encode",
    "format_objects",
    "is_dicom",
    "is_instance",
    "is_part10",
    "is_uid",
    "iterate_objects",
    "matching_keys",
    "parse_attribute_path",
    "parse_objects",
    "peek",
    "peek_instance_uid",
]
