"""The recorder node: what the engine and the risk gate say, into the files of the run."""

from pathlib import Path

from hft.core.control import Control, Counter
from hft.core.python_node import PythonAgent
from hft.core.ring import Ring
from hft.instruments import Instrument
from hft.nodes.context import Context
from hft.oms.records import RecordWriter
from hft.runtime.topology import node_index

__all__ = ["RecorderAgent", "build"]

RECORDS, REFUSALS = 0, 1


class RecorderAgent(PythonAgent):
    """Agent of the recorder node.

    Args:
        inputs: its rings, records and refusals; `edges` their indices in the control page.
        folder: where the run's files go; it exists.
    """

    def __init__(
        self,
        *,
        control: Control,
        name: str,
        index: int,
        inputs: tuple[Ring, Ring],
        edges: tuple[int, ...],
        folder: Path,
        instruments: list[Instrument],
    ) -> None:
        super().__init__(control, name, index, inputs=inputs, edges=edges)
        self.folder = folder
        self.instruments = instruments
        self.writer: RecordWriter | None = None

    def on_start(self) -> None:
        self.writer = RecordWriter(self.folder, self.instruments)

    def python_work(self) -> int:
        assert self.writer is not None
        if self.writer.closed:
            return 0
        taken = self.take_from(RECORDS) + self.take_from(REFUSALS)
        if self.writer.ended:
            # The engine's END comes after risk promised its last round: all refusals are there.
            while found := self.take_from(REFUSALS):
                taken += found
            self.writer.close(whole=True)
            self.set_done()
        self.set_counter(Counter.RECORDER_ROWS, self.writer.rows)
        return taken

    def take_from(self, which: int) -> int:
        """Record what one input has; how many messages that were."""
        assert self.writer is not None
        messages = self.take(which)
        self.writer.add(which, messages)
        return len(messages)

    def on_close(self) -> None:
        if self.writer is not None:
            self.writer.close(whole=False)


def build(context: Context) -> RecorderAgent:
    return RecorderAgent(
        control=context.control,
        name="recorder",
        index=node_index("recorder"),
        inputs=(context.ring("records"), context.ring("refusal_records")),
        edges=context.edges("records", "refusal_records"),
        folder=Path(context.spec.folder),
        instruments=context.spec.instruments,
    )
