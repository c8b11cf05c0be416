"""The control page of a run by its instance, for commands that look at the run or act on it."""

from hft.core.control import Control
from hft.core.segment import segment_path
from hft.errors import UserError
from hft.runtime.segments import chosen_instance, control_name

__all__ = ["attach"]


def attach(option: str | None, *, writable: bool) -> tuple[str, Control]:
    """The instance that --instance or the variable names, and its page; UserError if none runs.

    What a dead run left behind is a page, too.
    """
    instance = chosen_instance(option)
    name = control_name(instance)
    if segment_path(name) is None:
        raise UserError("is not running", field=f"instance {instance}")
    return instance, Control.attach(name, writable=writable)
