"""Minimum cut of a small network, by Dinic's method."""

from __future__ import annotations

from collections import deque

INFINITE = 1 << 60


class Network:
    """Directed edges with integer capacities between nodes ``0 .. size - 1``."""

    def __init__(self, size: int):
        self.edges: list[list[int]] = [[] for _ in range(size)]  # ids of the edges that leave each node
        self.head: list[int] = []
        self.left: list[int] = []  # capacity that is left; edge ``i ^ 1`` is the reverse of edge ``i``

    def connect(self, tail: int, head: int, capacity: int) -> None:
        for a, b, c in ((tail, head, capacity), (head, tail, 0)):
            self.edges[a].append(len(self.head))
            self.head.append(b)
            self.left.append(c)

    def cut_near_sink(self, source: int, sink: int) -> set[int]:
        """The sink's side of a minimum cut; of all such cuts the one with the smallest sink side."""
        while (levels := self._levels(source, sink)) is not None:
            self._saturate(source, sink, levels)
        side = {sink}
        queue = deque([sink])
        while queue:
            node = queue.popleft()
            for edge in self.edges[node]:
                other = self.head[edge]
                if self.left[edge ^ 1] and other not in side:
                    side.add(other)
                    queue.append(other)
        return side

    def _levels(self, source: int, sink: int) -> list[int] | None:
        """Distance of each node from the source along edges with room; None when the sink cannot be reached."""
        levels = [-1] * len(self.edges)
        levels[source] = 0
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for edge in self.edges[node]:
                if self.left[edge] and levels[self.head[edge]] < 0:
                    levels[self.head[edge]] = levels[node] + 1
                    queue.append(self.head[edge])
        return levels if levels[sink] >= 0 else None

    def _saturate(self, source: int, sink: int, levels: list[int]) -> None:
        """Push flow along shortest paths until none has room (a depth-first walk with its own stack)."""
        position = [0] * len(self.edges)
        path: list[int] = []
        node = source
        while True:
            if node == sink:
                pushed = min(self.left[edge] for edge in path)
                for edge in path:
                    self.left[edge] -= pushed
                    self.left[edge ^ 1] += pushed
                path, node = [], source
            step = self._next_edge(node, position, levels)
            if step is not None:
                path.append(step)
                node = self.head[step]
            elif path:
                node = self.head[path.pop() ^ 1]
                position[node] += 1
            else:
                return

    def _next_edge(self, node: int, position: list[int], levels: list[int]) -> int | None:
        edges = self.edges[node]
        while position[node] < len(edges):
            edge = edges[position[node]]
            if self.left[edge] and levels[self.head[edge]] == levels[node] + 1:
                return edge
            position[node] += 1
        return None
