"""Reasons as one sentence: what is asked, who has it, who holds it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rayproof.solver.instances import Group, GroupStrategy, Instance, Node, Occupant
from rayproof.solver.why.reasons import Holds, Needs, NeedsLabel, NeedsNode, NeedsStrategy, Reason


def sentence(
    instance: Instance,
    pending: str,
    asked: tuple[Occupant, ...],
    group: Group | None,
    reasons: tuple[Reason, ...],
) -> str:
    """Such as "a needs GPU:1 and label market=spot; only node-3 has both, held by group p1"."""
    wants = [found for item in asked if (found := _wants(item.id, reasons))]
    strict = any(isinstance(reason, NeedsStrategy) for reason in reasons)
    distinct = list(dict.fromkeys(tuple(str(want) for want in found) for found in wants))
    texts = [_listed(want) for want in distinct]
    if group is None:
        told = f"{pending} needs {texts[0]}"
    else:
        told = f"group {pending} needs {' and '.join(texts) or 'places'} for {max(1, len(wants))} of its bundles"
        if strict:
            told += ", all on one node" if group.strategy is GroupStrategy.STRICT_PACK else ", each on its own node"
            told += f" ({group.strategy.value})"
    able = [node for node in instance.nodes if any(all(_has(node, want) for want in found) for found in wants)]
    holders = [reason for reason in reasons if isinstance(reason, Holds)]
    if not able:
        return f"{told}; no node has {_it(distinct)}{_nearest(instance.nodes, wants)}"
    if len(able) < len(instance.nodes):
        who = f"only {_listed([node.id for node in able])} {'has' if len(able) == 1 else 'have'} {_it(distinct)}"
    else:
        who = "every node has" if len(able) > 1 else f"{able[0].id} has"
        who += f" {_it(distinct)}, but not for all at once" if len(asked) > 1 and not holders else f" {_it(distinct)}"
    if not holders:
        return f"{told}; {who}"
    return f"{told}; {who}, {_held(able, holders)}"


def _wants(who: str, reasons: Iterable[Reason]) -> list[Needs | NeedsLabel | NeedsNode]:
    return [reason for reason in reasons if isinstance(reason, Needs | NeedsLabel | NeedsNode) and reason.who == who]


def _has(node: Node, want: Needs | NeedsLabel | NeedsNode) -> bool:
    match want:
        case Needs(_, resource, amount):
            return node.capacity[resource] >= amount
        case NeedsLabel(_, key, value):
            return (key, value) in node.labels
        case NeedsNode(_, nodes):
            return node.id in nodes


def _held(able: Sequence[Node], holders: Sequence[Holds]) -> str:
    by_node = {node.id: list(dict.fromkeys(str(each) for each in holders if each.node == node.id)) for node in able}
    elsewhere = [each for each in holders if each.node not in by_node]
    if len(able) == 1:
        return f"held by {_listed(by_node[able[0].id])}"
    told = [f"{name} held by {_listed(who)}" for name, who in by_node.items() if who]
    told += [f"{each.node} held by {each}" for each in elsewhere]
    return ", ".join(told)


def _nearest(nodes: Sequence[Node], wants: Sequence[Sequence[Needs | NeedsLabel | NeedsNode]]) -> str:
    """What the node that comes closest lacks, when something is there at all."""
    if not wants or max(len(found) for found in wants) < 2:
        return ""
    found = max(wants, key=len)
    node = max(nodes, key=lambda each: sum(_has(each, want) for want in found))
    there = [str(want) for want in found if _has(node, want)]
    lacking = [str(want) for want in found if not _has(node, want)]
    return f" ({node.id} has {_listed(there)} but not {_listed(lacking)})" if there else ""


def _it(distinct: Sequence[Sequence[str]]) -> str:
    if len(distinct) != 1:
        return "them"
    return {1: "it", 2: "both"}.get(len(distinct[0]), "all of these")


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
