"""Fair loops: the parts of a state graph in which a run can stay for ever, and a short loop through one of them.

The parts are found as Emerson and Lei did ("Modalities for Model Checking", 1987): a strongly connected component in
which some assumption of fairness cannot be met loses the states or steps in question and is decomposed again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from rayproof.model.kernel.liveness.components import cyclic_parts
from rayproof.model.kernel.liveness.fairness import Obligations
from rayproof.model.kernel.liveness.stategraph import Bools, Ints


def fair_parts(obligations: Obligations, among: Bools) -> list[Ints]:
    """Sets of edges, each strongly connected, that a fair run can use for ever. `among`: the edges to look at."""
    graph = obligations.graph
    found = []
    waiting = deque([np.flatnonzero(among & graph.system[graph.labels])])
    while waiting:
        edges = waiting.popleft()
        for positions in cyclic_parts(graph.sources[edges], graph.targets[edges]):
            part = edges[positions]
            drawn = obligations.with_fair_draws(part)
            if len(drawn) < len(part):
                waiting.append(drawn)
                continue
            unmet = obligations.unmet(part)
            if not unmet:
                found.append(part)
            elif not any(weak for *_, weak in unmet):
                # The run may still live on where the timer cannot fire.
                lost = np.zeros(len(graph), bool)
                for _, states, _ in unmet:
                    lost[states] = True
                waiting.append(part[~lost[graph.sources[part]] & ~lost[graph.targets[part]]])
    return found


class Loops:
    """Loops inside one fair part."""

    def __init__(self, obligations: Obligations, part: Ints) -> None:
        self._obligations = obligations
        self._graph = obligations.graph
        self._out: dict[int, list[int]] = {}
        for edge in sorted(part.tolist()):
            self._out.setdefault(int(self._graph.sources[edge]), []).append(edge)

    def through(self, state: int) -> list[int]:
        """A short fair loop from a state back to it: a shortest one, extended by what fairness still asks of it."""

        def back(edge: int) -> bool:
            return int(self._graph.targets[edge]) == state

        path = self._way(state, back)
        while True:
            witness = self._still_owed(path)
            if witness is None:
                return path
            path += self._way(state, witness)
            end = int(self._graph.targets[path[-1]])
            if end != state:
                path += self._way(end, back)

    def _still_owed(self, path: list[int]) -> Callable[[int], bool] | None:
        """What one more edge of the loop must do, if anything is missing."""
        results = self._obligations.missing_results(path)
        if results:
            giving = set(results[0])
            return lambda edge: edge in giving
        for label, _, weak in self._obligations.unmet(np.array(path, np.int64)):
            return self._meets(label, weak)
        return None

    def _meets(self, label: int, weak: bool) -> Callable[[int], bool]:
        graph, obligations = self._graph, self._obligations
        if weak:
            return lambda edge: graph.labels[edge] == label or not self._possible(int(graph.targets[edge]), label)
        return lambda edge: (
            graph.labels[edge] == label
            or obligations.puts_off(edge, label)
            or not obligations.armed(int(graph.targets[edge]), label)
        )

    def _possible(self, state: int, label: int) -> bool:
        graph = self._graph
        return bool((graph.labels[graph.offsets[state] : graph.offsets[state + 1]] == label).any())

    def _way(self, start: int, wanted: Callable[[int], bool]) -> list[int]:
        """The edges of a shortest way from a state up to and with an edge that is wanted."""
        before: dict[int, int] = {}
        seen = {start}
        waiting = deque([start])
        while waiting:
            state = waiting.popleft()
            for edge in self._out[state]:
                target = int(self._graph.targets[edge])
                if wanted(edge):
                    path = [edge]
                    while state != start:
                        path.append(before[state])
                        state = int(self._graph.sources[before[state]])
                    return path[::-1]
                if target not in seen:
                    seen.add(target)
                    before[target] = edge
                    waiting.append(target)
        raise AssertionError("a fair part meets every obligation by one of its own steps")
