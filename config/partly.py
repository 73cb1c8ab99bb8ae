"""A library made known without running it: the `__init__` of a package loads all that the library can do.

The modules of a package are then loaded one by one, as asked for; whoever asks itself for a name has all of it run.
What that saves stands in docs/decisions/0085. It must not know any library.
"""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec

_left: dict[str, Callable[[], object]] = {}  # what runs the whole of a module that was not needed yet


class NoneYet(Exception):
    """Stands for a class of a library that is not loaded: nothing can be of it, and nobody can raise it."""


def load_partly(name: str, *functions: str, kinds: Iterable[str] = ()) -> None:
    """Before the first import of `name`; one that is loaded, or is not there, is left as it is. `functions`: those that
    others import from it and may never call; they load it when they are called. `kinds`: classes that others only ask
    whether something is of them, which loads nothing; whoever keeps one for later must not be told of it."""
    if name in sys.modules or (spec := _spec_of(name)) is None or spec.loader is None:
        return
    module, run = module_from_spec(spec), spec.loader.exec_module

    def load(asked: str) -> object:
        if asked.startswith("__"):
            raise AttributeError(asked)
        if hasattr(module, "__path__") and find_spec(f"{name}.{asked}") is not None:
            return import_module(f"{name}.{asked}")
        whole()
        return getattr(module, asked)

    def whole() -> None:
        if _left.pop(name, None) is None:
            return
        for given in ("__getattr__", *functions, *kinds):
            module.__dict__.pop(given, None)
        run(module)

    def later(function: str) -> Callable[..., object]:
        def call(*values: object, **named: object) -> object:
            if module.__dict__.get(function) is call:
                load(function)
            real = module.__dict__[function]
            assert callable(real)
            return real(*values, **named)

        return call

    module.__dict__.update({"__getattr__": load, **{function: later(function) for function in functions}})
    module.__dict__.update(dict.fromkeys(kinds, NoneYet))
    sys.modules[name] = module
    _left[name] = whole
    above, _, own = name.rpartition(".")
    if above in sys.modules:
        setattr(sys.modules[above], own, module)


def load_wholly(name: str) -> None:
    """Run what `load_partly` left, or import a module that nobody has imported yet: while the disk is there."""
    _left.get(name, partial(import_module, name))()


def _spec_of(name: str) -> ModuleSpec | None:
    """As `find_spec`, but what a module lies in is not loaded for it, since that may be what asks for the module."""
    above = name.rpartition(".")[0]
    if not above or above in sys.modules:
        return find_spec(name)
    package = _spec_of(above)
    return None if package is None else PathFinder.find_spec(name, package.submodule_search_locations)
