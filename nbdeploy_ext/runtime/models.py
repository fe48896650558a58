"""pydantic's models whose fields are arrays or frames, read as arguments of those types are.

To pydantic such a field is a class that JSON has nothing of. A class derived from the model differs
in its fields' hints alone, and what it makes are objects of the model itself.
"""

from __future__ import annotations

import dataclasses
import typing
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, RootModel, WrapValidator
from pydantic.dataclasses import dataclass, is_pydantic_dataclass

from .roles import unaliased

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STANDING_IN: dict[type, Any] = {}  # one for each model, which has one name in documents
_FIRST = (BeforeValidator, WrapValidator)
_OWN_INITS = (BaseModel.__init__, RootModel.__init__)


def is_model(hint: Any) -> bool:
    """Say whether a hint is a class of pydantic's models, or of its dataclasses."""
    return _is_of_models(hint) or (_is_class(hint) and is_pydantic_dataclass(hint))


def _is_of_models(hint: Any) -> bool:
    return _is_class(hint) and issubclass(hint, BaseModel)


def _is_class(hint: Any) -> bool:
    # Python 3.10 takes list[int] for one
    return isinstance(hint, type) and get_origin(hint) is None


def standing_in(model: Any, is_ours: Callable[[Any], bool], adapt: Callable[[Any], Any]) -> Any:
    """Return the class that is read as `model` is, with the fields adapted that hold `is_ours`.

    A model that holds nothing of the kind, at any depth, is returned as it is.
    """
    if model in _STANDING_IN:
        return _STANDING_IN[model]
    if not holds(model, is_ours):
        return model
    make = _of_model if issubclass(model, BaseModel) else _of_dataclass
    return make(model, is_ours, adapt)


def _of_model(model: Any, is_ours: Callable[[Any], bool], adapt: Callable[[Any], Any]) -> Any:
    # Not compiled as yet: its fields may be of this model again
    body: dict[str, Any] = {"model_config": {"defer_build": True}}
    if model.__init__ not in _OWN_INITS:
        body["__init__"] = _init_of(model)
    derived = _STANDING_IN[model] = _derived(model, body)
    derived.model_config["defer_build"] = False
    for name, field in model.model_fields.items():
        if holds(field.annotation, is_ours):
            derived.model_fields[name] = _adapted(field, adapt)
    return derived


def _of_dataclass(kind: Any, is_ours: Callable[[Any], bool], adapt: Callable[[Any], Any]) -> Any:
    _STANDING_IN[kind] = kind  # within itself it stays as it is
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    adapted = {name: adapt(hints[name]) for name in fields if holds(hints[name], is_ours)}
    body = {name: copy(fields[name]) for name in adapted}
    derived = _derived(kind, {**body, "__annotations__": adapted})
    make: Any = dataclass(config=kind.__pydantic_config__, frozen=kind.__dataclass_params__.frozen)
    _STANDING_IN[kind] = make(derived)
    return _STANDING_IN[kind]


def _derived(model: Any, body: dict[str, Any]) -> Any:
    """Return a subclass that makes objects of `model`, and takes those for its own."""
    knows = {"__instancecheck__": lambda _, value: isinstance(value, model)}
    said = {name: getattr(model, name) for name in ("__module__", "__qualname__", "__doc__")}
    if "__init__" not in body:
        body["__new__"] = lambda _: model.__new__(model)
    return type("StandIn", (type(model),), knows)(model.__name__, (model,), {**said, **body})


def _init_of(model: Any) -> Callable[..., None]:
    """Return an `__init__` that leaves to the model's own the checks of the derived class."""

    def init(self: Any, /, *args: Any, **fields: Any) -> None:
        model.__init__(self, *args, **fields)
        object.__setattr__(self, "__class__", model)

    return init


def _adapted(field: Any, adapt: Callable[[Any], Any]) -> Any:
    adapted = adapt(annotated(field.annotation, field.metadata))
    is_annotated = get_origin(adapted) is Annotated
    made = copy(field)
    made.annotation = get_args(adapted)[0] if is_annotated else adapted
    made.metadata = list(get_args(adapted)[1:]) if is_annotated else []
    return made


def annotated(hint: Any, metadata: list[Any]) -> Any:
    """Return a hint with metadata that is known at run time only."""
    form: Any = Annotated  # mypy knows only literal ones
    parts = (hint, *metadata)
    return form[parts] if metadata else hint


def reads_first(hint: Any) -> bool:
    """Say whether validators of the notebook's own come before pydantic's, at any depth.

    To pydantic what they return is Python's, in which, strictly, text is no date, nor a list a set.
    """
    return holds(hint, _comes_first)


def _comes_first(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return any(isinstance(part, _FIRST) for part in hint.__metadata__)
    found = getattr(hint, "__pydantic_decorators__", None) if is_model(hint) else None
    if found is None:
        return False
    decorators = [*found.field_validators.values(), *found.model_validators.values()]
    return any(decorator.info.mode in {"before", "wrap"} for decorator in decorators)


def holds(hint: Any, is_ours: Callable[[Any], bool], known: frozenset[Any] = frozenset()) -> bool:
    """Say whether a hint is, or has at any depth, one that `is_ours`."""
    hint = unaliased(hint)
    if is_ours(hint):
        return True
    if _is_class(hint):
        if hint in known:
            return False
        known |= {hint}
    return any(holds(part, is_ours, known) for part in _parts(hint))


def _parts(hint: Any) -> Iterable[Any]:
    if _is_of_models(hint):
        hint.model_rebuild(raise_errors=False)  # hints of classes that came after it
        return [annotated(f.annotation, f.metadata) for f in hint.model_fields.values()]
    if isinstance(hint, typing.NewType):
        return [hint.__supertype__]
    if dataclasses.is_dataclass(hint) or typing.is_typeddict(hint) or hasattr(hint, "_fields"):
        with suppress(NameError, TypeError, AttributeError):  # whatever pydantic makes of those
            return typing.get_type_hints(hint).values()
    return get_args(hint)
