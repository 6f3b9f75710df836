"""The file itself: members, checksums, version."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limeform.errors import ArchiveError

FORMAT = "limeform results"
VERSION = 1
DOCUMENT = "limeform.json"

AnyArray = NDArray[Any]


class Writer:
    """Collects arrays under names while a document that refers to them is made."""

    def __init__(self) -> None:
        self.arrays: dict[str, AnyArray] = {}

    def add(self, array: AnyArray) -> dict[str, str]:
        """Store an array and return what stands for it in the document."""
        if array.dtype.hasobject:
            raise ArchiveError(f"an array of type {array.dtype} cannot be stored")
        name = f"arrays/{len(self.arrays)}.npy"
        self.arrays[name] = array
        return {"array": name}


def write(path: str | os.PathLike[str], document: Mapping[str, Any], writer: Writer) -> None:
    """Write a document with its arrays.

    Parameters
    ----------
    path : path
        File; it is replaced only when all is written.
    document : mapping
        What `json` can hold.
    writer : Writer
        Arrays.

    Raises
    ------
    ArchiveError
        If the file cannot be written.
    """
    target = Path(path)
    members = {name: _as_bytes(array) for name, array in writer.arrays.items()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    body = json.dumps(document, allow_nan=True)
    head = {"format": FORMAT, "version": VERSION, "limeform": _version(), "members": sums}
    head["sha256"] = _checksum(sums, body)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # Stored, not compressed: a reader can tell the size of everything from the size of the file.
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(DOCUMENT, json.dumps(head | {"content": body}))
            for name, content in members.items():
                archive.writestr(name, content)
        os.replace(partial, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise ArchiveError(f"cannot write {str(target)!r}: {error.strerror or error}") from error


def _version() -> str:
    try:
        return importlib.metadata.version("limeform")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _as_bytes(array: AnyArray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _checksum(sums: Mapping[str, str], body: str) -> str:
    return hashlib.sha256((json.dumps(sums, sort_keys=True) + body).encode()).hexdigest()


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Callable[[str], AnyArray]]:
    """Read a document, and a function that returns its arrays by name.

    Parameters
    ----------
    path : path
        File.

    Returns
    -------
    tuple of dict and callable

    Raises
    ------
    ArchiveError
        If the file does not exist, is no archive of results, is of a later version, or is damaged.
    """
    name = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, name)
    except zipfile.BadZipFile as error:
        raise ArchiveError(f"{name!r} is damaged, or no file of saved results: {error}") from error
    except (OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(f"cannot read {name!r}: {getattr(error, 'strerror', None) or error}") from error
    head = _head(members, name)
    return _content(head, name), lambda member: _array(members, head["members"], member, name)


def _members(archive: zipfile.ZipFile, name: str) -> dict[str, bytes]:
    infos = archive.infolist()
    if DOCUMENT not in {info.filename for info in infos}:
        raise ArchiveError(f"{name!r} is a zip file, but not one of saved results")
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos) or len({i.filename for i in infos}) < len(infos):
        raise ArchiveError(f"{name!r} was not written by limeform: it has compressed or repeated members")
    return {info.filename: archive.read(info) for info in infos}


def _head(members: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        head = json.loads(members[DOCUMENT])
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{name!r} is damaged: its document cannot be read ({error})") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ArchiveError(f"{name!r} is not a file of saved results")
    version = head.get("version")
    if not isinstance(version, int) or version < 1:
        raise ArchiveError(f"{name!r} is damaged: it has no version")
    if version > VERSION:
        raise ArchiveError(
            f"{name!r} has version {version} of the format, this limeform reads up to {VERSION}: it was written by "
            f"limeform {head.get('limeform')}; install that version or a later one"
        )
    return head


def _content(head: Mapping[str, Any], name: str) -> dict[str, Any]:
    sums, body = head.get("members"), head.get("content")
    if not isinstance(sums, dict) or not isinstance(body, str) or head.get("sha256") != _checksum(sums, body):
        raise ArchiveError(f"{name!r} is damaged: its document does not have the checksum that was written with it")
    content: dict[str, Any] = json.loads(body)
    return content


def _array(members: Mapping[str, bytes], sums: Mapping[str, str], member: str, name: str) -> AnyArray:
    if not isinstance(member, str) or member not in members or member not in sums:
        raise ArchiveError(f"{name!r} is damaged: {member!r} is missing")
    if hashlib.sha256(members[member]).hexdigest() != sums[member]:
        raise ArchiveError(f"{name!r} is damaged: {member!r} does not have the checksum that was written with it")
    try:
        array: AnyArray = np.load(io.BytesIO(members[member]), allow_pickle=False)
    except (ValueError, OSError, EOFError, MemoryError) as error:
        raise ArchiveError(f"{name!r} is damaged: {member!r} is no plain array ({error})") from error
    return array
