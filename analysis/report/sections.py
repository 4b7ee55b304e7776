"""A section of the page of the findings."""

from dataclasses import dataclass

from analysis.report.pictures import Picture


@dataclass(frozen=True)
class Section:
    """One heading with what stands under it, in this order.

    Parameters
    ----------
    title
        The heading.
    paragraphs
        Texts with Markdown's code, strong and emphasised words.
    picture
        What is shown.
    points
        Items of a list.
    after
        Paragraphs below the list.
    table
        Rows of cells, the header first.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    picture: Picture | None = None
    points: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
