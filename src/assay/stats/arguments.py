"""Errors of wrong arguments, named: what was meant for a float but is None, text or a list.

Functions check the numbers they are given; that they are numbers at all Python checks where they are used, in words
about an operator instead of an argument. So when a public function fails like that, its arguments are held against its
annotations. Where all of them fit, the error is left as it is. A call that succeeds pays for one more call.
"""

from __future__ import annotations

import collections.abc
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import wraps
from numbers import Integral, Real
from typing import Any

from assay.errors import InvalidInput

_FROM_TYPES = (TypeError, ValueError, AttributeError, ArithmeticError, LookupError)
_NUMBERS = "numbers, in anything NumPy reads"


def with_named_arguments(function: Callable[..., Any], module: str, name: str) -> Callable[..., Any]:
    """The function as `module.name`, raising InvalidInput for the first argument that is not of its kind."""

    @wraps(function)
    def asked(*args: Any, **options: Any) -> Any:
        for value in (*args, *options.values()):
            if type(value) is float and value != value:
                raise wrong_argument(function, args, options) or InvalidInput("arguments", value, "numbers")
        try:
            return function(*args, **options)
        except _FROM_TYPES as error:
            wrong = wrong_argument(function, args, options)
            if wrong is None:
                raise
            raise wrong from error

    # pickled by this name, which leads back here
    asked.__module__, asked.__qualname__ = module, name
    return asked


def wrong_argument(
    function: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]
) -> InvalidInput | None:
    """The first argument that its annotation does not allow; arrays of text only if there is no other."""
    import inspect

    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **options).arguments
    except TypeError:
        return None
    for is_strict in (False, True):
        for name, value in given.items():
            parameter = signature.parameters[name]
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            accepted = _unfit(value, _evaluated(function, parameter.annotation), is_strict)
            if accepted:
                return InvalidInput(name, value, accepted)
    return None


def _evaluated(function: Callable[..., Any], annotation: Any) -> Any:
    """An annotation as the type it names; Any where that is not imported at run time."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, dict(getattr(function, "__globals__", {})))
    except NameError:
        return Any


def _unfit(value: Any, kind: Any, is_strict: bool) -> str:
    """What is accepted instead of the value; empty where it fits, or where the kind does not tell."""
    if kind is Any:
        return ""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _unfit_for_all(value, typing.get_args(kind), is_strict)
    if kind is None or kind is types.NoneType:
        return "" if value is None else "nothing"
    if kind is float:
        return "" if _is_real(value) else "a number"
    if kind is int:
        return (
            "" if isinstance(value, Integral) or (_is_real(value) and float(value).is_integer()) else "a whole number"
        )
    if kind is str:
        return "" if isinstance(value, str) else "text"
    if origin is collections.abc.Callable:
        return "" if callable(value) else "a function"
    if isinstance(origin, type):
        return _unfit_container(value, origin, typing.get_args(kind), is_strict)
    if not isinstance(kind, type) or kind is object or getattr(kind, "_is_protocol", False):
        return ""
    if issubclass(kind, Enum):
        values = [member.value for member in kind]
        return "" if isinstance(value, kind) or value in values else f"one of {', '.join(map(str, values))}"
    return "" if isinstance(value, kind) or (kind is bool and type(value).__name__ == "bool") else _words(kind)


def _unfit_for_all(value: Any, kinds: Sequence[Any], is_strict: bool) -> str:
    """The same for a union. NumPy's own types in it mean that anything it reads as numbers is taken."""
    plain = [kind for kind in kinds if not _is_numpy(kind) and kind not in (complex, bytes)]
    takes_arrays = len(plain) < len(kinds)
    if takes_arrays:
        plain = [kind for kind in plain if kind not in (bool, int, float, str)]
        if not _unfit_array(value, is_strict):
            return ""
    accepted = [_unfit(value, kind, is_strict) for kind in plain]
    if not all(accepted):
        return ""
    return " or ".join(dict.fromkeys([*accepted, *([_NUMBERS] if takes_arrays else [])]))


def _unfit_array(value: Any, is_strict: bool) -> bool:
    import numpy as np

    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return True
    return array.dtype.kind == "O" or array.ndim == 0 or (is_strict and array.dtype.kind in "SUMm")


def _unfit_container(value: Any, origin: type, kinds: Sequence[Any], is_strict: bool) -> str:
    if origin.__module__.startswith("numpy"):
        return "" if isinstance(value, origin) else _NUMBERS
    words = _words(origin)
    if isinstance(value, str) or not isinstance(value, origin):
        return words
    if isinstance(value, Mapping):
        of_items = _first(_unfit(item, kinds[1], is_strict) for item in value.values()) if len(kinds) > 1 else ""
        return of_items and f"{words} to {of_items}"
    if origin is tuple and kinds and kinds[-1] is not Ellipsis:
        if len(value) != len(kinds):  # type: ignore[arg-type]
            return f"{len(kinds)} values"
        return _first(_unfit(item, kind, is_strict) for item, kind in zip(value, kinds, strict=True))  # type: ignore[call-overload]
    if kinds and issubclass(origin, collections.abc.Iterable) and isinstance(value, Sequence):
        of_items = _first(_unfit(item, kinds[0], is_strict) for item in value)
        return of_items and f"{words}, each {of_items}"
    return ""


def _first(found: Any) -> str:
    return next((item for item in found if item), "")


def _is_real(value: Any) -> bool:
    return type(value) is not bool and isinstance(value, Real) and not math.isnan(value)


def _is_numpy(kind: Any) -> bool:
    of = typing.get_origin(kind) or kind
    return str(getattr(of, "__module__", "")).startswith("numpy") or getattr(of, "__name__", "") == "Buffer"


def _words(kind: type) -> str:
    known = {Mapping: "a mapping", Sequence: "a list", tuple: "a tuple", list: "a list", bool: "true or false"}
    return known.get(kind, f"a {kind.__name__}" if kind.__module__ == "builtins" else kind.__name__)
