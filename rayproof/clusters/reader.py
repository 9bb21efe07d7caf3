"""KubeRay manifests as clusters of the model: RayCluster, and the one inside a RayJob or a RayService.

A `List`, which `kubectl get -o yaml` prints, stands for its items.

Defaults of the CRD are applied first (`replicas` 0, `minReplicas` 0, `maxReplicas` 2147483647, `numOfHosts` 1), then
the operator's clamp of `replicas` into [min, max]. Left out: images, volumes, pod scheduling, upgrade strategies and
deletion rules, which change when pods exist but not what a running one offers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rayproof.clusters.pods import Pod, pod
from rayproof.clusters.yamlfields import Field, read_documents
from rayproof.errors import InputError
from rayproof.model.graph import ClusterSpec, NodeSpec

EXPECTED = "a YAML file with a RayCluster (or a RayJob or RayService that holds one)"
INSIDE = {"RayCluster": "spec", "RayJob": "rayClusterSpec", "RayService": "rayClusterConfig"}
HEAD_GROUP = "headgroup"
MAX_REPLICAS = 2**31 - 1
MOST_NODES = 10_000
"""Nodes of one cluster; Ray itself is tested up to 2,000."""

DNS_1035 = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class _Group:
    """A worker group; numbers of nodes count hosts, `numOfHosts` for each replica."""

    name: str
    pod: Pod
    hosts: int
    replicas: int
    least: int
    most: int

    def node(self, replica: int, host: int) -> NodeSpec:
        offers = self.pod.total + self.pod.first_host if host == 0 else self.pod.total
        name = f"{self.name}-{replica}" if self.hosts == 1 else f"{self.name}-{replica}-{host}"
        return NodeSpec(name, offers, self.pod.labels, self.pod.object_store_bytes, self.name)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A cluster as its manifest tells it."""

    cluster: ClusterSpec
    unread: tuple[str, ...]
    """A sentence for each thing in it that would change what the nodes offer and is not read."""


def read_clusters(path: str | Path) -> tuple[ClusterSpec, ...]:
    """The clusters that a file describes, in its order; documents of other kinds are skipped.

    Nodes: `head` first, then `<group>-<replica>` (`<group>-<replica>-<host>` when a replica has several hosts). For an
    autoscaled cluster `templates`, `min_nodes` and `max_nodes` say how it may grow. A suspended cluster has no nodes.

    Raises `InputError` with the line and the field for what the CRD or KubeRay would refuse, for a group whose CPUs
    are nowhere told, and for a file without any cluster.
    """
    return tuple(manifest.cluster for manifest in read_manifests(path))


def read_manifests(path: str | Path) -> tuple[Manifest, ...]:
    """As `read_clusters`, each with what is not read of it."""
    found = []
    for document in _objects(read_documents(path, EXPECTED)):
        kind = document.need("kind").text()
        if kind not in INSIDE:
            continue
        version = document.need("apiVersion")
        if not version.text().startswith("ray.io/"):
            raise version.bad(f"is {version.text()!r}", f"ray.io/v1 for kind {kind}")
        spec = document.need("spec")
        inner = spec if kind == "RayCluster" else spec.get(INSIDE[kind])
        if inner is not None:
            found.append(_manifest(_name(document), inner, owned=kind != "RayCluster"))
    if not found:
        raise InputError(path, None, "the file holds no cluster", EXPECTED)
    return tuple(found)


def _objects(documents: Iterable[Field]) -> Iterator[Field]:
    """The objects of the documents; a list stands for its items, which may be lists."""
    for document in documents:
        if document.need("kind").text().endswith("List"):
            listed = document.get("items")
            yield from _objects([] if listed is None else listed.items())
        else:
            yield document


def _name(document: Field) -> str:
    name = document.need("metadata", "name")
    if not DNS_1035.fullmatch(name.text()):
        raise name.bad(f"is {name.text()[:80]!r}", "lower-case letters, digits and '-', at most 63, a letter first")
    return name.text()


def _manifest(name: str, spec: Field, owned: bool) -> Manifest:
    upgrade = spec.get("upgradeStrategy")
    if owned and upgrade is not None:
        raise upgrade.bad("is set in a cluster that belongs to a RayJob or RayService", "no upgradeStrategy here")
    scaled = _flag(spec, "enableInTreeAutoscaling")
    head_group = spec.need("headGroupSpec")
    listed = spec.get("workerGroupSpecs")
    fields = [] if listed is None else listed.items()
    if scaled:
        _check_autoscaler(spec, [head_group, *fields])
    groups: list[_Group] = []
    for field in fields:
        group = _worker_group(field, scaled)
        if group.name == HEAD_GROUP or any(group.name == other.name for other in groups):
            raise field.need("groupName").bad(f"{group.name!r} is taken", "a name of its own for each group")
        groups.append(group)
    head = pod(head_group)
    nodes = [NodeSpec("head", head.total + head.first_host, head.labels, head.object_store_bytes, HEAD_GROUP)]
    if sum(group.replicas * group.hosts for group in groups) > MOST_NODES:
        raise spec.bad("asks for too many nodes", f"at most {MOST_NODES}")
    for group in groups:
        nodes += [group.node(replica, host) for replica in range(group.replicas) for host in range(group.hosts)]
    if _flag(spec, "suspend"):
        nodes = []
    unread = (*head.unread, *(sentence for group in groups for sentence in group.pod.unread))
    if not scaled:
        return Manifest(ClusterSpec(tuple(nodes), name), unread)
    cluster = ClusterSpec(
        tuple(nodes),
        name,
        max_nodes=tuple((group.name, group.most * group.hosts) for group in groups),
        min_nodes=tuple((group.name, group.least * group.hosts) for group in groups),
        templates=tuple(group.node(0, 0) for group in groups),
    )
    return Manifest(cluster, unread)


def _worker_group(field: Field, scaled: bool) -> _Group:
    name = field.need("groupName")
    if not name.text():
        raise name.bad("is empty", "a name")
    least = _whole(field, "minReplicas", 0, low=0)
    most = _whole(field, "maxReplicas", MAX_REPLICAS, low=0)
    if least > most:
        at = field.get("minReplicas") or field
        raise at.bad(f"is {least}, above maxReplicas {most}", "minReplicas of at most maxReplicas")
    replicas = min(max(_whole(field, "replicas", 0), least), most)
    suspend = field.get("suspend")
    if suspend is not None and suspend.flag():
        if scaled:
            raise suspend.bad("is true in an autoscaled cluster", "suspend only without enableInTreeAutoscaling")
        replicas = 0
    hosts = max(_whole(field, "numOfHosts", 1), 1)
    return _Group(name.text(), pod(field), hosts, replicas, least, most)


def _check_autoscaler(spec: Field, groups: list[Field]) -> None:
    idle = [spec.get("autoscalerOptions", "idleTimeoutSeconds"), *(group.get("idleTimeoutSeconds") for group in groups)]
    for timeout in idle:
        if timeout is not None:
            timeout.whole(low=0)
    version = spec.get("autoscalerOptions", "version")
    if version is not None and version.text() not in ("v1", "v2"):
        raise version.bad(f"is {version.text()!r}", "v1 or v2")
    for group in groups:
        policy = group.get("template", "spec", "restartPolicy")
        if version is not None and version.text() == "v2" and policy is not None and policy.text() != "Never":
            raise policy.bad(f"is {policy.text()!r}", "Never, or none, with autoscaler v2")


def _whole(field: Field, key: str, default: int, low: int | None = None) -> int:
    value = field.get(key)
    return default if value is None else value.whole(low)


def _flag(field: Field, key: str) -> bool:
    value = field.get(key)
    return value is not None and value.flag()
