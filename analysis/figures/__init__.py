"""One recipe per figure or table of the study; `FIGURES` names them all."""

from importlib import import_module

from analysis.figures.base import FIGURES, Drawn, Recipe, recipe

# Importing a recipe's module files it in FIGURES; the order is that of `agile figures ls`.
RECIPES = (
    "overview",
    "responses",
    "erank_vs_score",
    "complexity",
    "threshold",
    "entropy_vs_erank",
    "diversity_vs_hallucination",
    "attention_share",
    "attention_vs_hallucination",
    "steering",
    "budget",
    "attention_shift",
    "attention_dispersion",
    "quartile_ablation",
    "components",
    "sensitivity",
    "corruption",
    "efficiency",
    "chair_table",
    "table_erank",
    "table_attention_share",
    "table_complexity",
    "table_subtasks",
    "table_steering",
    "table_scores",
    "table_erank_cost",
    "table_guide",
    "table_constant_tau",
    "table_adaptive_count",
    "table_corruption",
    "published_vs_measured",
)
for _name in RECIPES:
    import_module(f"analysis.figures.{_name}")

__all__ = ["FIGURES", "RECIPES", "Drawn", "Recipe", "recipe"]
