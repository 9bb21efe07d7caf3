"""Two ratchets: pairs of classes that meet in one scenario only grow; islands and process classes only fall.

An island is a set of process classes that meet, directly or through others, in the scenarios of the catalogue. When a
number here gets better, it is written down; a change that makes one worse fails.
"""

from __future__ import annotations

from itertools import combinations

import networkx as nx

from rayproof.properties.catalogue import ENTRIES

PAIRS_AT_LEAST = 214
CLASSES_AT_MOST = 84
ISLANDS_AT_MOST = 19


def meetings() -> nx.Graph[type]:
    """Process classes, with an edge where two of them stand in one scenario."""
    graph: nx.Graph[type] = nx.Graph()
    for entry in ENTRIES:
        kinds = {type(process) for process in entry.build(None, {}).initial().values()}
        graph.add_nodes_from(kinds)
        graph.add_edges_from(combinations(sorted(kinds, key=lambda kind: kind.__qualname__), 2))
    return graph


def test_the_ratchets_only_turn_one_way() -> None:
    graph = meetings()
    islands = nx.number_connected_components(graph)
    found = (graph.number_of_edges(), graph.number_of_nodes(), islands)
    assert found[0] >= PAIRS_AT_LEAST and found[1] <= CLASSES_AT_MOST and found[2] <= ISLANDS_AT_MOST, found
