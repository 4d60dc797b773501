"""Values that are rows of an array: what ``a[k]`` records, read back."""

from __future__ import annotations

from typing import NamedTuple

from graphc.ir.dims import Dim
from graphc.ir.graph import Value


class Row(NamedTuple):
    """``source[start]``, as a value with the dims ``dims``."""

    source: Value
    start: Dim
    dims: tuple[Dim, ...]

    def is_next_to(self, before: Row) -> bool:
        return self.source is before.source and self.start == before.start + 1 and self.dims == before.dims


def row_of(value: Value) -> Row | None:
    """The value as a row of an array; None where it is something else."""
    dims = value.dims
    while value.node is not None and value.node.op.name == "reshape":
        value = value.node.inputs[0]
    if value.node is None or value.node.op.name != "slice":
        return None
    (source,), attrs = value.node.inputs, value.node.attrs
    is_row = (
        attrs["dims"] == (1, *source.dims[1:])
        and set(attrs["steps"]) == {1}
        and all(start == 0 for start in attrs["starts"][1:])
    )
    return Row(source, attrs["starts"][0], dims) if is_row else None
