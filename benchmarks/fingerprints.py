"""Values in, short texts out: equal for equal values, whichever process made them."""

from __future__ import annotations

import hashlib
import re
import sys
import types
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import cached_property
from typing import Any

_DEEPEST = 8
_WIDEST = 2_000
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_NUMBERS = (int, float, complex, bool, type(None), type(Ellipsis), bytes)
_SOME: tuple[Any, ...] = (
    iter([]), iter(()), iter(""), iter({}), iter(range(0)), enumerate([]), zip(),
)  # fmt: skip
_ITERATORS = tuple(type(one) for one in _SOME)


def fingerprint(value: Any) -> str:
    """Return a text that says what a value is, without addresses."""
    writer = _Writer()
    try:
        writer.write(value, 0)
    except RecursionError:
        writer.add("too deep")
    return f"{type(value).__name__}:{writer.hash.hexdigest()[:16]}"


def plain_text(text: str) -> str:
    """Return printed text without addresses."""
    return _ADDRESS.sub("0x", text)


class _Writer:
    """Feeds a hash with all that a value holds; each object once."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []

    def add(self, *texts: str) -> None:
        for text in texts:
            self.hash.update(text.encode("utf-8", "surrogatepass") + b"\0")

    def write(self, value: Any, depth: int) -> None:
        kind = type(value)
        if isinstance(value, str):
            self.add(kind.__name__, plain_text(str.__str__(value)))
        elif kind in _NUMBERS:
            self.add(kind.__name__, repr(value))
        elif depth > _DEEPEST:
            self.add(kind.__name__)
        elif id(value) in self._seen:
            self.add("again", str(self._seen[id(value)]))
        else:
            self._seen[id(value)] = len(self._seen)
            self._kept.append(value)
            self.add(kind.__module__, kind.__qualname__)
            self._object(value, depth + 1)

    def _object(self, value: Any, depth: int) -> None:  # noqa: C901  (a table of kinds)
        if isinstance(value, types.ModuleType):
            self.add(value.__name__)
        elif isinstance(value, (types.FunctionType, types.MethodType)):
            self._function(value, depth)
        elif isinstance(value, types.CodeType):
            self._code(value, depth)
        elif isinstance(value, type):
            self._class(value, depth)
        elif isinstance(value, Enum):
            self.add(value.name)
        elif isinstance(value, Mapping):
            self._several([part for item in _listed(value.items()) for part in item], depth)
        elif isinstance(value, AbstractSet):
            self.add(*sorted(fingerprint(item) for item in _listed(value)))
        elif isinstance(value, (list, tuple, range)) or type(value).__name__ == "deque":
            self._several(_listed(value), depth)
            self._attributes(value, depth)
        elif not self._scientific(value, depth):
            self._attributes(value, depth)

    def _several(self, values: list[Any], depth: int) -> None:
        self.add(str(len(values)))
        for value in values:
            self.write(value, depth)

    def _function(self, value: Any, depth: int) -> None:
        function = getattr(value, "__func__", value)
        self._code(function.__code__, depth)
        self.write(function.__defaults__, depth)
        for cell in function.__closure__ or ():
            try:
                self.write(cell.cell_contents, depth)
            except ValueError:  # noqa: PERF203
                self.add("empty")
        if function is not value:
            self.write(value.__self__, depth)

    def _code(self, code: types.CodeType, depth: int) -> None:
        self.add(code.co_code.hex(), *code.co_names, *code.co_varnames)
        for constant in code.co_consts:
            self.write(constant, depth)

    def _class(self, value: type, depth: int) -> None:
        if value.__module__ == "__main__":
            for name, part in sorted(vars(value).items()):
                if name not in {"__dict__", "__weakref__", "__module__", "__doc__"} and not (
                    name.startswith(("_abc", "__abstract", "__firstline", "__static"))
                ):
                    self.add(name)
                    self.write(part, depth)

    def _attributes(self, value: Any, depth: int) -> None:
        if isinstance(value, _ITERATORS):
            self.write(value.__reduce__()[1:], depth)
            return
        found = {**_slots(value), **(getattr(value, "__dict__", None) or {})}
        for name in sorted(map(str, found))[:_WIDEST]:
            kept = isinstance(getattr(type(value), name, None), cached_property)
            if name in found and not kept and not name.startswith(("_repr", "_cache", "_id")):
                self.add(name)
                self.write(found[name], depth)

    def _scientific(self, value: Any, depth: int) -> bool:
        """Write the values of numpy, pandas, scipy and matplotlib by what they stand for."""
        top = type(value).__module__.partition(".")[0]
        writer = {
            "numpy": self._numpy, "pandas": self._pandas, "scipy": self._scipy,
            "matplotlib": self._matplotlib, "random": self._random, "sympy": self._sympy,
            "torch": self._torch,
        }.get(top)  # fmt: skip
        return writer is not None and writer(value, depth)

    def _numpy(self, value: Any, depth: int) -> bool:
        np = sys.modules["numpy"]
        if isinstance(value, np.ndarray):
            self.add(str(value.dtype), str(value.shape))
            if value.dtype.hasobject:
                self._several(_listed(value.ravel().tolist()), depth)
            else:
                self.hash.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, np.generic):
            self.add(repr(value))
        elif isinstance(value, np.random.Generator):
            self.add(str(value.bit_generator.state))
        elif isinstance(value, np.random.RandomState):
            self.add(str(value.get_state()))
        elif isinstance(value, (np.dtype, np.ufunc)):
            self.add(str(value))
        else:
            return False
        return True

    def _pandas(self, value: Any, depth: int) -> bool:
        pd = sys.modules["pandas"]
        if isinstance(value, pd.DataFrame):
            self._several([value.columns, value.index, dict(value.attrs)], depth)
            for number in range(value.shape[1]):
                self.write(value.iloc[:, number].array, depth)
        elif isinstance(value, pd.Series):
            self._several([value.name, value.index, value.array, dict(value.attrs)], depth)
        elif isinstance(value, pd.Index):
            self._several([list(value.names), str(value.dtype), _listed(value)], depth)
        elif isinstance(value, pd.api.extensions.ExtensionArray):
            self._several([str(value.dtype), _listed(value)], depth)
        elif isinstance(value, (pd.Timestamp, pd.Timedelta, pd.Period, pd.Interval)):
            self.add(repr(value))
        else:
            return False
        return True

    def _scipy(self, value: Any, depth: int) -> bool:
        if not hasattr(value, "tocoo"):
            return False
        plain = value.tocoo()
        self._several([plain.shape, plain.data, plain.row, plain.col], depth)
        return True

    def _matplotlib(self, value: Any, depth: int) -> bool:
        if type(value).__name__ == "Figure":
            self._several(list(value.axes), depth)
        elif hasattr(value, "get_children"):
            self.add(*sorted(type(child).__name__ for child in value.get_children()))
            for name in ("get_xlim", "get_ylim", "get_title", "get_xlabel", "get_ylabel"):
                if hasattr(value, name):
                    self.add(str(getattr(value, name)()))
            for line in getattr(value, "lines", ()):
                self.write([line.get_xdata(), line.get_ydata()], depth)
        else:
            self.add(type(value).__name__)
        return True

    def _random(self, value: Any, depth: int) -> bool:
        self.write(value.getstate(), depth)
        return True

    def _sympy(self, value: Any, _depth: int) -> bool:
        self.add(repr(value))
        return True

    def _torch(self, value: Any, depth: int) -> bool:
        if type(value).__name__ not in {"Tensor", "Parameter"}:
            return False
        self.write(value.detach().cpu().numpy(), depth)
        return True


def _listed(values: Any) -> list[Any]:
    """Return the elements; of very many only the first and the last."""
    found = list(values)
    return found if len(found) <= 2 * _WIDEST else found[:_WIDEST] + found[-_WIDEST:]


def _slots(value: Any) -> dict[str, Any]:
    names = [n for kind in type(value).__mro__ for n in _names(kind.__dict__.get("__slots__", ()))]
    return {n: getattr(value, n) for n in names if not n.startswith("__") and hasattr(value, n)}


def _names(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)
