"""Stored arguments back into their class: checked against its annotations, never guessed.

A job may be older or newer than the class that meets it. What is missing, unknown or of another
type is an error that names the field; the job keeps its arguments and runs again when the code can
take them.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from queue_core.errors import UndecodableArgs

_SIMPLE: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    type(None): (type(None),),
    list: (list,),
    dict: (dict,),
    tuple: (list, tuple),
}


def decode_args(cls: type[Any], values: Any) -> Any:
    hints = _accepted_types(cls)
    if not isinstance(values, Mapping):
        raise UndecodableArgs(
            f"{cls.__job__.kind}: the stored arguments are no object but {type(values).__name__}"
        )
    if values.keys() != hints.keys():
        _check_names(cls, values)
    ready = {}
    for name, value in values.items():
        accepted = hints[name]
        if accepted is not None and type(value) not in accepted:
            expected = " or ".join(sorted({one.__name__ for one in accepted}))
            raise UndecodableArgs(
                f"{cls.__job__.kind}: field {name!r} must be {expected}, not {type(value).__name__}"
            )
        is_tuple = type(value) is list and accepted is not None and tuple in accepted
        ready[name] = tuple(value) if is_tuple else value
    return cls(**ready)


def _check_names(cls: type[Any], values: Mapping[str, Any]) -> None:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    kind = cls.__job__.kind
    if unknown := sorted(set(values) - set(fields)):
        raise UndecodableArgs(f"{kind}: stored field {unknown[0]!r} is unknown to {cls.__name__}")
    for name, field in fields.items():
        if name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise UndecodableArgs(f"{kind}: field {name!r} is missing in the stored arguments")


_accepted: dict[type[Any], dict[str, tuple[type, ...] | None]] = {}


def _accepted_types(cls: type[Any]) -> dict[str, tuple[type, ...] | None]:
    """Per field, what a JSON value may be; None: the annotation says more than we check."""
    if cls not in _accepted:
        hints = typing.get_type_hints(cls)
        _accepted[cls] = {
            field.name: _accept(hints[field.name]) for field in dataclasses.fields(cls)
        }
    return _accepted[cls]


def _accept(hint: Any) -> tuple[type, ...] | None:
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        parts = [_accept(part) for part in typing.get_args(hint)]
        return None if None in parts else tuple(one for part in parts if part for one in part)
    supertype = getattr(hint, "__supertype__", None)  # NewType
    return _SIMPLE.get(supertype or origin or hint)
