"""Compute what every process computes once and alike: schemas, the table of models, the constructors of values.

A server that forks imports this after all else. A command in a child then finds it, and no command can change it.
"""

from __future__ import annotations

import sys

from reconciler.core import value
from reconciler.providers.models.table import model_table
from reconciler.store.schemas.files import NAMES
from reconciler.store.schemas.validate import accepts


def _value_classes() -> list[type]:
    modules = [module for name, module in sys.modules.items() if name.startswith("reconciler.")]
    found = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    return [each for each in found if "__value_fields__" in vars(each)]


for _name in NAMES:
    accepts(_name, None)
model_table()
for _class in _value_classes():
    if _class.__init__.__qualname__ == value._give_methods.__qualname__ + ".<locals>.first":  # type: ignore[misc]  # of a class, not of an instance
        _class.__init__ = value._compiled(_class, vars(_class)["__value_fields__"])  # type: ignore[misc]  # as its first use does
