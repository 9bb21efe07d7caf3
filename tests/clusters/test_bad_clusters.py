"""Whatever is wrong with a manifest, the reader says so with `InputError` and nothing else."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import pytest

from rayproof.clusters import read_clusters
from rayproof.errors import InputError
from tests.clusters.test_read_clusters import manifest
from tests.mutations import damaged
from tests.shared_data import EXAMPLES

SHIPPED = sorted((EXAMPLES / "clusters").glob("*.yaml"))
EACH = 60
"""Damaged versions of each shipped manifest."""

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{key}: &{key} [{', '.join([f'*{before}'] * 9)}]\n" for before, key in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_damaged_manifests_read_or_raise_input_error(path: Path, tmp_path: Path) -> None:
    refused = 0
    file = tmp_path / "damaged.yaml"
    for content in islice(damaged(path.read_text(), seed=2604), EACH):
        file.write_bytes(content)
        try:
            read_clusters(file)
        except InputError as error:
            refused += 1
            assert re.fullmatch(r".*damaged\.yaml(:\d+)?: .+; expected .+", str(error))
    assert refused >= EACH // 3, "most damage leaves something that is not a cluster"


WRONG = {
    "no kind": ("apiVersion: ray.io/v1\n", 1, "has no field 'kind'"),
    "another api": (manifest().replace("ray.io/v1", "apps/v1"), 1, "apiVersion is 'apps/v1'"),
    "no name": (manifest().replace("{name: c}", "{}"), 3, "metadata has no field 'name'"),
    "a bad name": (manifest().replace("name: c", "name: C_1"), 3, "metadata.name is 'C_1'"),
    "no head": ("apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: c}\nspec: {}\n", 4, "'headGroupSpec'"),
    "a list for a mapping": (manifest().replace("{name: c}", "[c]"), 3, "metadata is a list"),
    "a mapping for a list": (manifest(spec="").replace("  - groupName: w\n", "    a:\n"), 8, "is a mapping"),
    "replicas as text": (manifest("replicas: '1'"), 9, "spec.workerGroupSpecs[0].replicas is '1'"),
    "replicas as a fraction": (manifest("replicas: 1.5"), 9, "replicas is '1.5'"),
    "negative minimum": (manifest("minReplicas: -1"), 9, "minReplicas is -1"),
    "minimum above maximum": (manifest("minReplicas: 3\nmaxReplicas: 2"), 9, "is 3, above maxReplicas 2"),
    "too many nodes": (manifest("replicas: 2000000000"), 5, "asks for too many nodes"),
    "suspended and autoscaled": (manifest("suspend: true", spec="enableInTreeAutoscaling: true"), 10, "autoscaled"),
    "suspend as text": (manifest("suspend: maybe"), 9, "suspend is 'maybe'"),
    "quantity of nonsense": (manifest(head_cpu="cpu: many"), 6, "limits.cpu is 'many'"),
    "negative quantity": (manifest(head_cpu="cpu: -1"), 6, "limits.cpu is '-1'"),
    "beyond any machine": (manifest(head_cpu="cpu: 9e18"), 6, "is '9e18'"),
    "no CPUs told": (manifest(head_cpu="memory: 1Gi"), 6, "does not say how many CPUs"),
    "no containers": (manifest("template: {spec: {containers: []}}"), 9, "containers is empty"),
    "resources twice": (manifest("resources: {CPU: '1'}\nrayStartParams: {num-cpus: '1'}"), 10, "stands beside"),
    "labels in the wrong place": (manifest("rayStartParams: {labels: a=b}"), 9, "labels is not used"),
    "a label that is a number": (manifest("labels: {zone: 1}"), 9, "labels.zone is '1'"),
    "custom resources not JSON": (manifest("rayStartParams: {resources: 'a=1'}"), 9, "resources is not JSON"),
    "custom resources a list": (manifest("rayStartParams: {resources: '[1]'}"), 9, "is not a JSON object"),
    "a custom amount of NaN": (manifest("""rayStartParams: {resources: '{"a": NaN}'}"""), 9, "gives 'a' an amount"),
    "the head's group taken": (manifest().replace("groupName: w", "groupName: headgroup"), 8, "'headgroup' is taken"),
    "two groups of one name": (
        manifest() + "  - groupName: w\n    resources: {CPU: '1'}\n    template: {spec: {containers: [{}]}}\n",
        10,
        "groupName 'w' is taken",
    ),
    "a group without a template": (manifest() + "  - groupName: v\n", 10, "has no field 'template'"),
    "a key twice": (manifest("replicas: 1\nreplicas: 2"), 10, "replicas is given twice"),
    "v2 that restarts": (
        manifest(
            "template: {spec: {restartPolicy: Always, containers: []}}",
            spec="enableInTreeAutoscaling: true\nautoscalerOptions: {version: v2}",
        ),
        11,
        "restartPolicy is 'Always'",
    ),
    "unknown autoscaler": (
        manifest(spec="enableInTreeAutoscaling: true\nautoscalerOptions: {version: v3}"),
        6,
        "version is 'v3'",
    ),
    "negative timeout": (
        manifest("idleTimeoutSeconds: -1", spec="enableInTreeAutoscaling: true"),
        10,
        "idleTimeoutSeconds is -1",
    ),
    "an upgrade inside a job": (
        "apiVersion: ray.io/v1\nkind: RayJob\nmetadata: {name: j}\nspec:\n  rayClusterSpec: {upgradeStrategy: {}}\n",
        5,
        "belongs to a RayJob",
    ),
    "a tag": (manifest("replicas: !!python/object/apply:os.abort []"), 9, "replicas is a list"),
    "a tag of another kind": (manifest("replicas: !secret 1"), 9, "replicas is tagged !secret"),
    "a topology that is none": (
        manifest(
            "resources: {CPU: '1', TPU: '4'}\n"
            "template: {spec: {containers: [{}], nodeSelector: "
            "{cloud.google.com/gke-tpu-accelerator: tpu7x, cloud.google.com/gke-tpu-topology: 2by2}}}"
        ),
        10,
        "is '2by2'",
    ),
    "a bomb in the place of the cluster": (
        BOMB + "kind: RayCluster\napiVersion: ray.io/v1\nmetadata: {name: c}\nspec: *i\n",
        9,
        "spec is a list",
    ),
    "an anchor that holds itself": (manifest("rayStartParams: &a {<<: *a}"), 9, "too many entries"),
    "an unknown alias": (manifest("replicas: *nothing"), 9, "undefined alias"),
    "a tab": (manifest("\treplicas: 1"), 9, "not YAML"),
    "an open bracket": ("kind: [", 1, "not YAML"),
    "a control character": ("kind: Ray\x01Cluster\n", 1, "forbids"),
    "a scalar": ("RayCluster\n", 1, "the document is 'RayCluster'"),
    "no cluster": ("kind: ConfigMap\n", None, "holds no cluster"),
    "nothing but comments": ("# RayCluster\n", None, "holds no cluster"),
    "deep nesting": ("[" * 50_000, None, "nested too deeply"),
}


@pytest.mark.parametrize(("text", "line", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named_with_its_line(text: str, line: int | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_clusters(file)
    assert message in caught.value.message
    assert caught.value.line == line
    assert caught.value.expected


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", bytes(range(256)), manifest().encode("utf-16"), b"kind: \xff", b"{" * 1000, b"\0" * 1_000_000],
)
def test_what_is_no_manifest_at_all(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError):
        read_clusters(file)


def test_what_is_no_file_or_too_large(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as stream:
        stream.truncate(50_000_000)
    for path, message in ((tmp_path, "is a directory"), (tmp_path / "x", "does not exist"), (huge, "is larger than")):
        with pytest.raises(InputError, match=message):
            read_clusters(path)


def test_a_bomb_beside_the_cluster_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(BOMB + manifest(worker="replicas: 1"))
    (cluster,) = read_clusters(file)
    assert len(cluster.nodes) == 2
