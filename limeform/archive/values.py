"""Frozen dataclasses, arrays and plain values to JSON and back, by a fixed list of classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from limeform.archive.file import Writer
from limeform.archive.typed import declared, fits
from limeform.errors import ArchiveError

Classes = Mapping[str, type[Any]]


def encode(value: Any, writer: Writer, classes: Classes) -> Any:
    """Return a value as JSON can hold it; arrays go to the writer.

    Parameters
    ----------
    value : object
        None, numbers, text, tuples, lists, mappings with text for keys, arrays, enumerations and dataclasses.
    writer : Writer
        Takes the arrays.
    classes : mapping of str to type
        The dataclasses and enumerations that may occur, by name.

    Raises
    ------
    ArchiveError
        If there is anything else in it.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return writer.add(value)
    if isinstance(value, (tuple, list)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encode(item, writer, classes) for item in value]}
    if isinstance(value, Mapping):
        return {"mapping": [[str(key), encode(item, writer, classes)] for key, item in value.items()]}
    name = type(value).__name__
    if classes.get(name) is not type(value):
        raise ArchiveError(f"a {type(value).__name__} cannot be stored in a file")
    if isinstance(value, Enum):
        return {"enum": name, "value": value.name}
    fields = {field.name: encode(getattr(value, field.name), writer, classes) for field in dataclasses.fields(value)}
    return {"class": name, "fields": fields}


def decode(tree: Any, array: Callable[[str], Any], classes: Classes) -> Any:
    """Return what `encode` was given.

    Parameters
    ----------
    tree : object
        From a document.
    array : callable
        Returns an array by name.
    classes : mapping of str to type
        The classes that may be made.

    Raises
    ------
    ArchiveError
        If the document names another class, or a field without a default is missing, or one is surplus or of another
        type.
    """
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    if not isinstance(tree, dict):
        raise ArchiveError("the file is damaged: a value has no kind")
    if "array" in tree:
        return array(tree["array"])
    for kind, make in (("tuple", tuple), ("list", list)):
        if kind in tree:
            return make(decode(item, array, classes) for item in tree[kind])
    if "mapping" in tree:
        return {str(key): decode(item, array, classes) for key, item in tree["mapping"]}
    return _instance(tree, array, classes)


def _instance(tree: dict[str, Any], array: Callable[[str], Any], classes: Classes) -> Any:
    name = tree.get("class", tree.get("enum"))
    known = classes.get(name) if isinstance(name, str) else None
    if known is None:
        raise ArchiveError(f"the file is damaged: {name!r} is nothing that results are made of")
    if issubclass(known, Enum):
        if tree.get("value") not in known.__members__:
            raise ArchiveError(f"the file is damaged: {tree.get('value')!r} is no {name}")
        return known[tree["value"]]
    fields = tree.get("fields")
    # A field that a later version added has a default, so that files of an earlier one are still read.
    every = dataclasses.fields(known)
    needed = {f.name for f in every if f.default is f.default_factory is dataclasses.MISSING}
    if not isinstance(fields, dict) or not needed <= set(fields) <= {field.name for field in every}:
        raise ArchiveError(f"the file does not fit this version of limeform: the parts of {name} differ")
    values = {key: decode(item, array, classes) for key, item in fields.items()}
    hints = declared(known)
    for key, value in values.items():
        if not fits(value, hints[key]):
            raise ArchiveError(f"the file is damaged: {key} of {name} is of type {type(value).__name__}")
    return known(**values)
