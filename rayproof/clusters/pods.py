"""What one pod of a group offers to Ray, inferred from its template as KubeRay and Ray do: first hit wins, rounded up.

| resource | from |
|---|---|
| CPU | `resources.CPU`, `rayStartParams.num-cpus`, the Ray container's limit, its request; else an error |
| GPU | `resources.GPU`, `num-gpus`, the first limit or request above 0 ending in `gpu`, a limit of MIG devices |
| memory | `resources.memory`, `rayStartParams.memory`, limit, request; bytes; else none |
| TPU | `resources.TPU`, `TPU` in `rayStartParams.resources`, limit or request of `google.com/tpu`; else none |
| neuron_cores | a limit of `aws.amazon.com/neuroncore`, unless custom resources name an accelerator |
| others | `resources`, `rayStartParams.resources` (JSON in quotes) |

Sources: Ray 2.60 `python/ray/autoscaler/_private/kuberay/autoscaling_config.py` and `utils.py`; KubeRay
`ray-operator/controllers/ray/common/pod.go::addWellKnownAcceleratorResources`, `utils/resources.go::IsGPUResourceKey`.
Two differences from Ray's own function, which only reckons: the resource `TPU-<type>-head` is on the first host of a
replica, where it really is (the function has it on each), and what KubeRay adds when it starts a node is there (MIG
devices and `neuron_cores`, which the function does not know).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, prod

from rayproof.clusters.yamlfields import LARGEST, Field
from rayproof.model.graph import Resources
from rayproof.model.graph.resources import UNIT

RESOURCE_PARAMETERS = ("num-cpus", "num-gpus", "memory", "resources")
BUILT_IN = ("CPU", "GPU", "memory", "TPU")

TPU_LIMIT = "google.com/tpu"
NEURON_LIMIT, NEURON = "aws.amazon.com/neuroncore", "neuron_cores"
MIG = re.compile(r"nvidia\.com/mig-\d+g\.\d+gb$")
"""Slices of one Nvidia device."""

READ_LIMITS = ("cpu", "memory", TPU_LIMIT, NEURON_LIMIT)
UNSEEN_BY_RAY = re.compile(r"ephemeral-storage|storage|hugepages-.*")
"""Of these a pod has limits as well, but Ray offers nothing of them to tasks."""

TPU_GENERATIONS = {
    "tpu-v4-podslice": ("v4", 2),
    "tpu-v5-lite-device": ("v5litepod", 1),
    "tpu-v5-lite-podslice": ("v5litepod", 1),
    "tpu-v5p-slice": ("v5p", 2),
    "tpu-v6e-slice": ("v6e", 1),
    "tpu7x": ("v7x", 2),
}
"""GKE's accelerator names: generation, and cores on a chip (types are named by cores)."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of a group."""

    total: Resources
    first_host: Resources
    """What the first host of a multi-host replica has on top."""
    object_store_bytes: int | None
    labels: tuple[tuple[str, str], ...]
    unread: tuple[str, ...]
    """A sentence for each thing that asks for something of which Ray offers nothing."""


def pod(group: Field) -> Pod:
    """The pod that a head or worker group describes. Raises `InputError`."""
    declared = _entries(group, "resources")
    parameters = _entries(group, "rayStartParams")
    limits, requests = _container(group, "limits"), _container(group, "requests")
    both = [name for name in RESOURCE_PARAMETERS if name in parameters]
    if declared and both:
        raise parameters[both[0]].bad("stands beside the group's field 'resources'", "resources in one of the two")
    if "labels" in parameters:
        raise parameters["labels"].bad("is not used", "labels in the group's field 'labels'")

    def first(*choices: tuple[dict[str, Field], str]) -> Fraction | None:
        return next((Fraction(ceil(held[name].quantity())) for held, name in choices if name in held), None)

    cpu = first((declared, "CPU"), (parameters, "num-cpus"), (limits, "cpu"), (requests, "cpu"))
    if cpu is None:
        where = "resources.CPU, rayStartParams.num-cpus, or a cpu limit or request of the Ray container"
        raise group.bad("does not say how many CPUs it has", where)
    gpu = first((declared, "GPU"), (parameters, "num-gpus"))
    if gpu is None:
        slices = [(limits, name) for name in sorted(limits) if MIG.search(name)]
        gpu = _first_above_zero(*_ending_in("gpu", limits, requests), *slices)
    memory = first((declared, "memory"), (parameters, "memory"), (limits, "memory"), (requests, "memory"))
    custom = _custom(parameters.get("resources"))
    tpu = first((declared, "TPU"))
    if tpu is None:
        tpu = custom.get("TPU")
    if tpu is None:
        tpu = _first_above_zero((limits, TPU_LIMIT), (requests, TPU_LIMIT))
    custom |= {name: Fraction(ceil(value.quantity())) for name, value in declared.items() if name not in BUILT_IN}
    if NEURON not in custom and "TPU" not in custom | declared:
        neurons = _first_above_zero((limits, NEURON_LIMIT))
        custom |= {} if neurons is None else {NEURON: neurons}
    amounts = custom | {
        "CPU": cpu,
        "GPU": gpu or Fraction(0),
        "TPU": tpu or Fraction(0),
        "memory": memory or Fraction(0),
    }
    labels = {name: value.text() for name, value in _entries(group, "labels").items()}
    store = parameters.get("object-store-memory")
    head, unread = ({}, []) if tpu is None else _tpu_head(group)
    return Pod(
        _resources(amounts),
        _resources(head),
        None if store is None else int(store.quantity()),
        tuple(sorted(labels.items())),
        (*_unread(limits | requests), *unread),
    )


def _resources(amounts: dict[str, Fraction]) -> Resources:
    return Resources.from_units({name: int(amount * UNIT) for name, amount in amounts.items()})


def _entries(group: Field, key: str) -> dict[str, Field]:
    held = group.get(key)
    return {} if held is None else held.entries()


def _container(group: Field, kind: str) -> dict[str, Field]:
    """Limits or requests of the first container, which is Ray's."""
    containers = group.need("template", "spec", "containers")
    if not containers.items():
        raise containers.bad("is empty", "the Ray container first")
    held = containers.items()[0].get("resources", kind)
    return {} if held is None else held.entries()


def _first_above_zero(*choices: tuple[dict[str, Field], str]) -> Fraction | None:
    """The first amount that is not 0, rounded up."""
    amounts = (ceil(held[name].quantity()) for held, name in choices if name in held)
    return next((Fraction(amount) for amount in amounts if amount > 0), None)


def _unread(asked: dict[str, Field]) -> list[str]:
    """What the Ray container asks of Kubernetes and Ray does not hear of."""
    known = [name for name in asked if name in READ_LIMITS or name.endswith("gpu") or MIG.search(name)]
    return [
        f"{asked[name].name} is not read: Ray offers no {name} to tasks."
        for name in asked
        if name not in known and not UNSEEN_BY_RAY.fullmatch(name)
    ]


def _ending_in(suffix: str, *several: dict[str, Field]) -> list[tuple[dict[str, Field], str]]:
    return [(held, name) for held in several for name in held if name.endswith(suffix)]


def _custom(parameter: Field | None) -> dict[str, Fraction]:
    """`rayStartParams.resources`: JSON, in the quotes (double or single) that keep it whole in a shell."""
    if parameter is None:
        return {}
    expected = """a JSON object in quotes, such as '"{\\"custom\\": 2}"'"""
    text = parameter.text().strip()
    try:
        value = json.loads(text[1:-1] if text[:1] == text[-1:] == "'" else text)
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        raise parameter.bad("is not JSON", expected) from error
    if not isinstance(value, dict):
        raise parameter.bad("is not a JSON object", expected)
    for name, amount in value.items():
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount <= LARGEST:
            raise parameter.bad(f"gives {name[:60]!r} an amount that is not a number from 0 to {LARGEST:g}", expected)
    return {name: Fraction(str(amount)) for name, amount in value.items()}


def _tpu_head(group: Field) -> tuple[dict[str, Fraction], list[str]]:
    """The marker by which Ray finds the first host of a TPU slice, from GKE's node selectors; why there is none."""
    selector = group.get("template", "spec", "nodeSelector")
    accelerator = selector and selector.get("cloud.google.com/gke-tpu-accelerator")
    topology = selector and selector.get("cloud.google.com/gke-tpu-topology")
    if accelerator is None or topology is None:
        return {}, [f"{group.name} has TPUs without GKE's node selectors for them: Ray marks no head of a slice."]
    if accelerator.text() not in TPU_GENERATIONS:
        known = ", ".join(TPU_GENERATIONS)
        return {}, [f"{accelerator.name} {accelerator.text()!r} is none that Ray knows ({known}): it marks no head."]
    if not re.fullmatch(r"[0-9]{1,4}(x[0-9]{1,4}){0,2}", topology.text().strip().lower()):
        raise topology.bad(f"is {topology.text()!r}", "a topology such as 2x2x2")
    generation, cores = TPU_GENERATIONS[accelerator.text()]
    chips = prod(int(side) for side in topology.text().strip().lower().split("x"))
    return {f"TPU-{generation}-{chips * cores}-head": Fraction(1)}, []
