"""Pods offer what Ray's own function reckons with: on the samples of KubeRay and on drawn groups.

Needs Ray 2.60 (the extra `ray`). What is known to differ is taken out: the marker of a slice's first host, which the
function has on every host, and what KubeRay adds when it starts a node.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rayproof.clusters import read_clusters
from rayproof.clusters.pods import MIG, NEURON, TPU_GENERATIONS
from rayproof.model.graph import ClusterSpec, Resources
from tests.shared_data import needs_shared_data, shared_files

ray = pytest.importorskip("ray", reason="Ray's own function is not here (the extra 'ray')")
config = pytest.importorskip("ray.autoscaler._private.kuberay.autoscaling_config")
logging.getLogger(config.__name__).setLevel(logging.CRITICAL)
pytestmark = pytest.mark.skipif(ray.__version__ != "2.60.0", reason=f"Ray is {ray.__version__}, not 2.60.0")

INSIDE = {"RayJob": "rayClusterSpec", "RayService": "rayClusterConfig"}


def of_ray(group: dict[str, Any], *, is_head: bool) -> Resources:
    amounts = config._get_ray_resources_from_group_spec(group, is_head)
    return Resources.from_amounts(amounts)


def same(cluster: ClusterSpec, spec: dict[str, Any]) -> None:
    by_group = {node.group: node for node in reversed((*cluster.nodes, *cluster.templates))}
    head = by_group["headgroup"]
    assert head.total == of_ray(spec["headGroupSpec"], is_head=True)
    for group in spec["workerGroupSpecs"]:
        limits = group["template"]["spec"]["containers"][0].get("resources", {}).get("limits", {})
        amounts = by_group[group["groupName"]].total.amounts()
        added = {NEURON} | ({"GPU"} if any(MIG.search(name) for name in limits) else set())
        expected = of_ray(group, is_head=False).amounts()
        for name in added - expected.keys():
            amounts.pop(name, None)
        assert amounts == expected


@needs_shared_data("kuberay-samples")
def test_the_samples_of_kuberay() -> None:
    seen = 0
    for path in shared_files("kuberay-samples", "*.yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            spec = document["spec"] if document["kind"] == "RayCluster" else document.get("spec", {})
            spec = spec.get(INSIDE.get(document["kind"], ""), spec)
            if "headGroupSpec" in spec:
                (cluster,) = (found for found in read_clusters(path) if found.name == document["metadata"]["name"])
                same(cluster, spec)
                seen += 1
    assert seen == 7


AMOUNTS = st.sampled_from(["0", "1", "2", "500m", "1500m", "3.2", "8"])
WHOLE = st.integers(0, 9)
LIMITS = st.dictionaries(
    st.sampled_from(
        [
            *("cpu", "memory", "nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "google.com/tpu", "rdma/hca"),
            *("aws.amazon.com/neuroncore", "nvidia.com/mig-1g.5gb", "hugepages-2Mi", "ephemeral-storage"),
        ]
    ),
    AMOUNTS,
)
DECLARED = st.dictionaries(st.sampled_from(["CPU", "GPU", "TPU", "memory", "license"]), AMOUNTS, min_size=1)


@st.composite
def groups(draw: st.DrawFn) -> dict[str, Any]:
    resources = draw(st.fixed_dictionaries({}, optional={"limits": LIMITS, "requests": LIMITS}))
    spec: dict[str, Any] = {"containers": [{"resources": resources}]}
    selector = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "cloud.google.com/gke-tpu-accelerator": st.sampled_from([*TPU_GENERATIONS, "tpu-of-tomorrow"]),
                "cloud.google.com/gke-tpu-topology": st.sampled_from(["1x1", "2x4", "2x2x2", "4X4x8"]),
            },
        )
    )
    if selector:
        spec["nodeSelector"] = selector
    group: dict[str, Any] = {"groupName": "w", "replicas": 1, "minReplicas": 0, "maxReplicas": 2}
    group["template"] = {"spec": spec}
    if draw(st.booleans()):
        group["resources"] = {"CPU": draw(AMOUNTS)} | draw(DECLARED)
    else:
        parameters = {"num-cpus": str(draw(WHOLE))}
        for name in draw(st.sets(st.sampled_from(["num-gpus", "memory"]))):
            parameters[name] = str(draw(WHOLE))
        if draw(st.booleans()):
            amounts = draw(st.dictionaries(st.sampled_from(["TPU", "license", "disk"]), WHOLE))
            shown = ", ".join(f'\\"{name}\\": {amount}' for name, amount in amounts.items())
            parameters["resources"] = f'"{{{shown}}}"'
        group["rayStartParams"] = parameters
    return group


@settings(max_examples=300, deadline=None)
@given(group=groups())
def test_drawn_groups(group: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    head = {"rayStartParams": {"num-cpus": "1"}, "template": {"spec": {"containers": [{}]}}}
    spec = {"headGroupSpec": head, "workerGroupSpecs": [group]}
    document = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": "c"}, "spec": spec}
    file = Path(tmp_path_factory.getbasetemp()) / "drawn.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    (cluster,) = read_clusters(file)
    same(cluster, spec)
