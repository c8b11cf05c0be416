"""How tables look that a command prints."""

from rich.table import Table

__all__ = ["table"]


def table(*columns: str) -> Table:
    """A table without lines; columns that start with '<' are text, the others numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_text = column.startswith("<")
        made.add_column(
            column.removeprefix("<"),
            justify="left" if is_text else "right",
            no_wrap=True,
        )
    return made
