"""A library made known without running it: the `__init__` of a package loads all that the library can do.

The modules of a package are then loaded one by one, as asked for; whoever asks itself for a name has all of it run.
What that saves stands in docs/decisions/0085. It must not know any library.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec, module_from_spec


def load_partly(name: str, *functions: str) -> None:
    """Before the first import of `name`; one that is loaded, or is not there, is left as it is. `functions`: those that
    others import from it and may never call; they load it when they are called."""
    if name in sys.modules or (spec := find_spec(name)) is None or spec.loader is None:
        return
    module, run = module_from_spec(spec), spec.loader.exec_module

    def load(asked: str) -> object:
        if asked.startswith("__"):
            raise AttributeError(asked)
        if hasattr(module, "__path__") and find_spec(f"{name}.{asked}") is not None:
            return import_module(f"{name}.{asked}")
        for given in ("__getattr__", *functions):
            module.__dict__.pop(given, None)
        run(module)
        return getattr(module, asked)

    def later(function: str) -> Callable[..., object]:
        def call(*values: object, **named: object) -> object:
            if module.__dict__.get(function) is call:
                load(function)
            real = module.__dict__[function]
            assert callable(real)
            return real(*values, **named)

        return call

    module.__dict__.update({"__getattr__": load, **{function: later(function) for function in functions}})
    sys.modules[name] = module
    above, _, own = name.rpartition(".")
    if above:
        setattr(sys.modules[above], own, module)
