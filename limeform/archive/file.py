"""The file itself: members, checksums, version."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import json
import math
import os
import re
import stat
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limeform.errors import ArchiveError, OptionError

FORMAT = "limeform results"
VERSION = 2
"""Of the format. 1: fits of linear means. 2: constraints, priors and nonlinear means; rows that are never trimmed."""
DOCUMENT = "limeform.json"
MEMBER = re.compile(r"arrays/\d{1,6}\.npy")
KINDS = "biufmMSU"
"""Kinds of numpy's types that an array in a file may have."""

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
    target = _target(path)
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


def _target(path: str | os.PathLike[str]) -> Path:
    """Return the path to write to; refuse what cannot be the name of a file."""
    target = Path(file_name(path))
    if not target.name:
        raise ArchiveError(f"cannot write {str(target)!r}: that cannot be a file; give a name such as 'fit.lime'")
    return target


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


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Callable[[str], AnyArray], int]:
    """Read a document, a function that returns its arrays by name, and the version of the format.

    Parameters
    ----------
    path : path
        File.

    Returns
    -------
    tuple of dict, callable and int

    Raises
    ------
    ArchiveError
        If the file does not exist, is no archive of results, is of a later version, or is damaged.
    """
    name = file_name(path)
    try:
        with zipfile.ZipFile(name) as archive:
            members = _members(archive, name)
    except zipfile.BadZipFile as error:
        raise ArchiveError(f"{name!r} is damaged, or no file of saved results: {error}") from error
    except (OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(f"cannot read {name!r}: {getattr(error, 'strerror', None) or error}") from error
    head = _head(members, name)
    return _content(head, name), _Arrays(members, head["members"], name), head["version"]


def file_name(path: object) -> str:
    """Return a path as text.

    Raises
    ------
    OptionError
        If it is no path.
    """
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str) or not os.fspath(path):
        raise OptionError(f"path={path!r}: give the name of a file")
    name = os.fspath(path)
    if "\0" in name or not _encodes(name):
        raise OptionError(f"path={path!r} has characters that no name of a file can have")
    return name


def _encodes(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _members(archive: zipfile.ZipFile, name: str) -> dict[str, bytes]:
    infos = archive.infolist()
    if DOCUMENT not in {info.filename for info in infos}:
        raise ArchiveError(f"{name!r} is a zip file, but not one of saved results")
    wrong = next((reason for reason in map(_foreign, infos) if reason), None)
    if wrong is None and len({info.filename for info in infos}) < len(infos):
        wrong = "repeated members"
    if wrong is None and sum(info.file_size for info in infos) > os.path.getsize(name):
        wrong = "members that are larger than the file"
    if wrong is not None:
        raise ArchiveError(f"{name!r} was not written by limeform: it has {wrong}")
    return {info.filename: archive.read(info) for info in infos}


def _foreign(info: zipfile.ZipInfo) -> str | None:
    """Say what is wrong with a member that limeform would not have written; None for others."""
    if info.compress_type != zipfile.ZIP_STORED:
        return "compressed members"
    if stat.S_ISLNK(info.external_attr >> 16):
        return f"a link as member, {info.filename!r}"
    if info.filename != DOCUMENT and not MEMBER.fullmatch(info.filename):
        return f"a member called {info.filename!r}"
    return None


def _head(members: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        head = json.loads(members[DOCUMENT])
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{name!r} is damaged: its document cannot be read ({error})") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ArchiveError(f"{name!r} is not a file of saved results")
    version = head.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
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
    try:
        content: dict[str, Any] = json.loads(body)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ArchiveError(f"{name!r} is damaged: its document cannot be read ({error})") from error
    return content


@dataclass
class _Arrays:
    """Returns arrays by name, and refuses a file that asks for more bytes than it has: each is stored, and read, once.

    Attributes
    ----------
    members : mapping of str to bytes
        Contents by name.
    sums : mapping of str to str
        Their checksums.
    name : str
        The file, for messages.
    left : int
        Bytes that may still be returned.
    """

    members: Mapping[str, bytes]
    sums: Mapping[str, str]
    name: str
    left: int = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the size of all members."""
        self.left = sum(map(len, self.members.values()))

    def __call__(self, member: str) -> AnyArray:
        """Return an array."""
        self.left -= len(self.members.get(member, b"")) if isinstance(member, str) else 0
        if self.left < 0:
            raise ArchiveError(f"{self.name!r} is damaged: it uses arrays more than once, {member!r} the last")
        return _array(self.members, self.sums, member, self.name)


def _array(members: Mapping[str, bytes], sums: Mapping[str, str], member: str, name: str) -> AnyArray:
    if not isinstance(member, str) or member not in members or member not in sums:
        raise ArchiveError(f"{name!r} is damaged: {member!r} is missing")
    if hashlib.sha256(members[member]).hexdigest() != sums[member]:
        raise ArchiveError(f"{name!r} is damaged: {member!r} does not have the checksum that was written with it")
    try:
        return _plain_array(members[member])
    except (ValueError, TypeError, OSError, EOFError, OverflowError, RecursionError, MemoryError) as error:
        raise ArchiveError(f"{name!r} is damaged: {member!r} is no plain array ({error})") from error


def _plain_array(content: bytes) -> AnyArray:
    """Return the array of a member, whose size has to be what its own head says."""
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("its format is another one")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject or dtype.kind not in KINDS or not dtype.itemsize:
        raise ValueError(f"its type is {dtype}")
    if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError(f"its size is not that of the shape {shape}")
    array: AnyArray = np.load(io.BytesIO(content), allow_pickle=False)
    return array
