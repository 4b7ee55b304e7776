"""One recipe per figure or table of the study; `FIGURES` names them all."""

from importlib import import_module
from pkgutil import iter_modules

from analysis.figures import recipes
from analysis.figures.base import FILED, Drawn, Recipe, recipe
from analysis.registry import Registry

FIGURES: Registry[Recipe] = Registry("figure")

# Importing a file of the folder files its recipes; they are listed by place.
for _file in iter_modules(recipes.__path__):
    import_module(f"{recipes.__name__}.{_file.name}")
for _recipe in sorted(FILED, key=lambda each: (each.place, each.name)):
    FIGURES.register(_recipe.name)(_recipe)

__all__ = ["FIGURES", "Drawn", "Recipe", "recipe"]
