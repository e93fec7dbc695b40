import pkgutil

import pytest

import core


def test_every_public_name_is_there() -> None:
    assert {name for name in core.__all__ if not hasattr(core, name)} == set()
    assert len(core.__all__) == len(set(core.__all__))


def test_public_names_are_listed_in_order() -> None:
    assert core.__all__ == sorted(core.__all__, key=lambda name: (name[0].islower(), name))
    assert dir(core) == sorted(core.__all__)


def test_star_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from core import *", names)  # noqa: S102 - a star is only allowed at a module's top
    assert names.keys() - {"__builtins__"} == set(core.__all__)


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'core' has no attribute 'nope'"):
        _ = core.nope


def test_no_public_name_hides_a_file_of_core() -> None:
    files = {module.name for module in pkgutil.iter_modules(core.__path__)}
    assert files.isdisjoint(core.__all__)
