"""Two ratchets: the share of pairs of classes that meet only grows; islands and process classes only fall.

Classes meet in one scenario; an island is a set of process classes that meet, directly or through others, in the
catalogue. When a number here gets better, it is written down; a change that makes one worse fails. It is the share,
since a class that is deleted takes its pairs with it.
"""

from __future__ import annotations

from itertools import combinations

import networkx as nx

from rayproof.properties.catalogue import ENTRIES

PAIRS_PER_MILLE_AT_LEAST = 66
CLASSES_AT_MOST = 79
ISLANDS_AT_MOST = 18


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
    found = (int(1000 * nx.density(graph)), graph.number_of_nodes(), islands)
    assert found[0] >= PAIRS_PER_MILLE_AT_LEAST and found[1] <= CLASSES_AT_MOST and found[2] <= ISLANDS_AT_MOST, found
