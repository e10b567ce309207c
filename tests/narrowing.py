"""What a test knows of a value and its type does not say: that it is there, that it is of one kind."""

from typing import TypeVar

T = TypeVar("T")


def not_none(value: T | None) -> T:
    assert value is not None
    return value


def of_type(kind: type[T], value: object) -> T:
    assert isinstance(value, kind), f"{type(value).__name__} is no {kind.__name__}"
    return value
