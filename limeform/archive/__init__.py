"""Saved results: a zip file of plain arrays and one JSON document. Reading one runs nothing that is in it."""

from limeform.archive.columns import decode_index, decode_series, encode_index, encode_series
from limeform.archive.file import Writer, file_name, read, write
from limeform.archive.values import decode, encode

__all__ = [
    "Writer",
    "decode",
    "decode_index",
    "decode_series",
    "encode",
    "encode_index",
    "encode_series",
    "file_name",
    "read",
    "write",
]
