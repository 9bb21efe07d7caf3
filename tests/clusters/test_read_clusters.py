"""What a KubeRay manifest means as a cluster."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from rayproof.clusters import parse_quantity, read_clusters, read_manifests
from rayproof.errors import InputError
from rayproof.model.graph import ClusterSpec, NodeSpec, Resources
from tests.shared_data import EXAMPLES, needs_shared_data, shared_files

GIB = 1024**3


Reader = Callable[[str], ClusterSpec]


def manifest(worker: str = "", head: str = "", spec: str = "", head_cpu: str = "cpu: 1") -> str:
    """A RayCluster with one worker group; the arguments are further fields, one a line, not indented."""

    def under(indent: int, fields: str) -> str:
        return "".join(f"{' ' * indent}{line}\n" for line in fields.splitlines())

    return (
        "apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: c}\nspec:\n"
        + under(2, spec)
        + "  headGroupSpec:\n"
        + under(4, head)
        + f"    template: {{spec: {{containers: [{{resources: {{limits: {{{head_cpu}}}}}}}]}}}}\n"
        + "  workerGroupSpecs:\n  - groupName: w\n"
        + under(4, worker)
        + ("" if "template" in worker else "    template: {spec: {containers: [{resources: {limits: {cpu: 2}}}]}}\n")
    )


def limits(more: str) -> str:
    return f"template: {{spec: {{containers: [{{resources: {{limits: {{cpu: 1, {more}}}}}}}]}}}}"


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    def read(text: str) -> ClusterSpec:
        file = tmp_path / "cluster.yaml"
        file.write_text(text)
        (cluster,) = read_clusters(file)
        return cluster

    return read


def test_the_cluster_of_two_unequal_nodes() -> None:
    (cluster,) = read_clusters(EXAMPLES / "clusters" / "two-unequal-nodes.yaml")
    assert cluster.nodes == (
        NodeSpec("head", Resources.of(CPU=2, GPU=1, memory=8 * GIB), group="headgroup"),
        NodeSpec("large-0", Resources.of(CPU=16, GPU=8, memory=128 * GIB), group="large"),
    )
    assert cluster.max_nodes == ()


def test_the_autoscaled_cluster() -> None:
    (cluster,) = read_clusters(EXAMPLES / "clusters" / "autoscaled-mixed.yaml")
    assert [node.id for node in cluster.nodes] == ["head", "spot-0", "spot-1", "accelerated-0"]
    head, spot, _, accelerated = cluster.nodes
    assert head.total == Resources.of(memory=16 * GIB)
    assert spot.total == Resources.of(CPU=4, memory=7 * GIB), "3500m is rounded up"
    assert spot.labels == (("ray.io/market-type", "spot"),)
    assert accelerated.total == Resources.from_amounts({"CPU": 8, "GPU": 2, "memory": 64 * GIB, "fast-disk": 2})
    assert accelerated.object_store_bytes == 4_000_000_000
    assert cluster.min_nodes == (("spot", 0), ("accelerated", 1), ("pairs", 0))
    assert cluster.max_nodes == (("spot", 20), ("accelerated", 4), ("pairs", 6)), "a pair is two nodes"
    assert [node.group for node in cluster.templates] == ["spot", "accelerated", "pairs"]
    assert cluster.templates[2].total == Resources.of(CPU=4, memory=8 * GIB, pair=1)


@pytest.mark.parametrize(
    ("fields", "nodes"),
    [
        ("", 0),
        ("replicas: 3", 3),
        ("replicas: 3\nmaxReplicas: 2", 2),
        ("replicas: 0\nminReplicas: 1", 1),
        ("minReplicas: 2", 2),
        ("replicas: 2\nnumOfHosts: 3", 6),
        ("replicas: 2\nnumOfHosts: 0", 2),
        ("replicas: 2\nsuspend: true", 0),
        ("replicas: null\nminReplicas: 1", 1),
    ],
)
def test_replicas_are_clamped_after_the_defaults(read: Reader, fields: str, nodes: int) -> None:
    assert len(read(manifest(worker=fields)).nodes) == 1 + nodes


@pytest.mark.parametrize(
    ("fields", "offers"),
    [
        ("resources: {CPU: '1.5'}", {"CPU": 2}),
        ("rayStartParams: {num-cpus: '7'}", {"CPU": 7}),
        ("template: {spec: {containers: [{resources: {limits: {cpu: 1500m}, requests: {cpu: 9}}}]}}", {"CPU": 2}),
        ("template: {spec: {containers: [{resources: {requests: {cpu: 100m}}}]}}", {"CPU": 1}),
        ("resources: {GPU: '2'}", {"CPU": 2, "GPU": 2}),
        ("rayStartParams: {num-gpus: '0'}", {"CPU": 2}),
        ("template: {spec: {containers: [{resources: {limits: {cpu: 1, amd.com/gpu: 4}}}]}}", {"CPU": 1, "GPU": 4}),
        ("rayStartParams: {memory: '1000'}", {"CPU": 2, "memory": 1000}),
        ("template: {spec: {containers: [{resources: {limits: {cpu: 1, memory: 1G}}}]}}", {"CPU": 1, "memory": 10**9}),
        ("""rayStartParams: {resources: '"{\\"a\\": 2}"'}""", {"CPU": 2, "a": 2}),
        ("""rayStartParams: {resources: '{"a": 0.5}'}""", {"CPU": 2, "a": 0.5}),
        ("""rayStartParams: {resources: "'{\\"a\\": 1}'"}""", {"CPU": 2, "a": 1}),
        ("resources: {TPU: '4'}", {"CPU": 2, "TPU": 4}),
        ("resources: {license: '3'}", {"CPU": 2, "license": 3}),
        (limits("aws.amazon.com/neuroncore: 2"), {"CPU": 1, "neuron_cores": 2}),
        (limits("nvidia.com/mig-1g.5gb: 3"), {"CPU": 1, "GPU": 3}),
        (limits("nvidia.com/gpu: 0, amd.com/gpu: 4"), {"CPU": 1, "GPU": 4}),
        (limits("google.com/tpu: 4"), {"CPU": 1, "TPU": 4}),
        (limits("rdma/hca: 1, ephemeral-storage: 5Gi"), {"CPU": 1}),
    ],
)
def test_what_a_pod_offers(read: Reader, fields: str, offers: dict[str, float]) -> None:
    assert read(manifest(worker=f"replicas: 1\n{fields}")).nodes[1].total == Resources.from_amounts(offers)


@pytest.mark.parametrize(
    ("accelerator", "topology", "head"),
    [
        ("tpu-v4-podslice", "2x2x2", "TPU-v4-16-head"),
        ("tpu-v5-lite-podslice", "2x4", "TPU-v5litepod-8-head"),
        ("tpu-v5-lite-device", "1x1", "TPU-v5litepod-1-head"),
        ("tpu-v5p-slice", "2x2x1", "TPU-v5p-8-head"),
        ("tpu-v6e-slice", "4X4", "TPU-v6e-16-head"),
        ("tpu7x", "2x2x1", "TPU-v7x-8-head"),
        ("tpu9", "2x2", ""),
    ],
)
def test_slices_have_the_names_that_ray_gives_them(read: Reader, accelerator: str, topology: str, head: str) -> None:
    selector = f"{{cloud.google.com/gke-tpu-accelerator: {accelerator}, cloud.google.com/gke-tpu-topology: {topology}}}"
    containers = "containers: [{resources: {limits: {cpu: 1, google.com/tpu: 4}}}]"
    template = f"template: {{spec: {{nodeSelector: {selector}, {containers}}}}}"
    offers = {"CPU": 1, "TPU": 4} | ({head: 1} if head else {})
    assert read(manifest(worker=f"replicas: 1\n{template}")).nodes[1].total == Resources.from_amounts(offers)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (limits("rdma/hca: 1, ephemeral-storage: 5Gi"), "rdma/hca is not read: Ray offers no rdma/hca to tasks."),
        (limits("google.com/tpu: 4"), "without GKE's node selectors for them: Ray marks no head of a slice."),
    ],
)
def test_what_is_not_read_is_said(tmp_path: Path, fields: str, said: str) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(manifest(worker=fields))
    (found,) = read_manifests(file)
    (sentence,) = found.unread
    assert sentence.endswith(said) and "workerGroupSpecs[0]" in sentence


def test_a_list_stands_for_its_items(tmp_path: Path) -> None:
    """What `kubectl get -o yaml` prints."""
    file = tmp_path / "list.yaml"
    file.write_text(
        "apiVersion: v1\nkind: List\nitems:\n"
        + "".join(
            "- " + manifest(worker="replicas: 1").replace("name: c", f"name: {name}").replace("\n", "\n  ").rstrip(" ")
            for name in ("a", "b")
        )
        + "- {apiVersion: v1, kind: ConfigMapList, items: [{kind: ConfigMap}]}\n"
    )
    assert [(found.name, len(found.nodes)) for found in read_clusters(file)] == [("a", 2), ("b", 2)]


def test_only_the_first_host_of_a_slice_marks_its_head(read: Reader) -> None:
    selector = "{cloud.google.com/gke-tpu-accelerator: tpu-v4-podslice, cloud.google.com/gke-tpu-topology: 2x2x2}"
    limits = "{cpu: 1, google.com/tpu: 4}"
    template = f"template: {{spec: {{nodeSelector: {selector}, containers: [{{resources: {{limits: {limits}}}}}]}}}}"
    _, first, second = read(manifest(worker=f"replicas: 1\nnumOfHosts: 2\n{template}")).nodes
    assert first.total == Resources.from_amounts({"CPU": 1, "TPU": 4, "TPU-v4-16-head": 1})
    assert second.total == Resources.of(CPU=1, TPU=4)
    assert (first.id, second.id) == ("w-0-0", "w-0-1")


def test_a_suspended_cluster_has_no_nodes(read: Reader) -> None:
    assert read(manifest(spec="suspend: true")).nodes == ()


def test_several_documents_and_clusters_inside_jobs_and_services(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    cluster = manifest(worker="replicas: 1")
    inner = "".join(f"  {line}\n" for line in cluster.split("spec:\n", 1)[1].splitlines())
    job = f"apiVersion: ray.io/v1\nkind: RayJob\nmetadata: {{name: j}}\nspec:\n  rayClusterSpec:\n{inner}"
    service = (
        job.replace("RayJob", "RayService").replace("rayClusterSpec", "rayClusterConfig").replace("name: j", "name: s")
    )
    file.write_text("---\n".join([cluster, "kind: ConfigMap\ndata: {a: b}\n", "", job, service]))
    assert [(found.name, len(found.nodes)) for found in read_clusters(file)] == [("c", 2), ("j", 2), ("s", 2)]


def test_anchors_and_merge_keys_are_followed(read: Reader) -> None:
    text = manifest(worker="replicas: 1\n<<: &more {maxReplicas: 4, minReplicas: 2}")
    assert len(read(text).nodes) == 3


@needs_shared_data("kuberay-samples")
def test_every_sample_of_kuberay_reads() -> None:
    found = {}
    for path in shared_files("kuberay-samples", "*.yaml"):
        if path.name == "ray-job.use-existing-raycluster.yaml":
            with pytest.raises(InputError, match="holds no cluster"):
                read_clusters(path)
        else:
            (found[path.name],) = read_clusters(path)
    assert len(found) == 7
    labelled = found["ray-cluster-label-selector.yaml"]
    assert labelled.nodes[0].total["CPU"] == 0, "the head's resources say CPU 0, whatever its container may use"
    assert dict(labelled.max_nodes) == {"large-cpu-group": 10, "accelerator-group": 10, "spot-group": 5}
    assert found["ray-job.interactive-mode.yaml"].max_nodes == (), "not autoscaled: nothing bounds it but its replicas"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5Gi", 5 * GIB),
        ("500m", Fraction(1, 2)),
        ("1e3", 1000),
        ("1E3", 1000),
        ("2E", 2 * 10**18),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("-1", -1),
        ("100n", Fraction(1, 10**7)),
    ],
)
def test_quantities(text: str, amount: Fraction) -> None:
    assert parse_quantity(text) == amount


@pytest.mark.parametrize("text", ["", "Gi", "5gi", "1 Gi", "1e", "0x10", "1_000", "inf", "nan", "1.2.3", "٣"])
def test_not_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        parse_quantity(text)
