"""A node dies while a bundle is committed on it: the bundle moves twice, and its first new place is never given back.

Plain Ray 2.60. The commit is made to take 2 s, as on a slow node, so that it is under way when the raylet is killed.
The GCS hears of it twice: from the call that breaks, and from its health check. There are four nodes of one CPU.
"""

import os
import time

import ray
from ray._private.state import available_resources_per_node
from ray.cluster_utils import Cluster
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group

SLOW = {"RAY_testing_asio_delay_us": "NodeManagerService.grpc_server.CommitBundleResources=2000000:2000000"}
QUICK_DEATHS = {
    "RAY_health_check_initial_delay_ms": "3000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}


def main() -> None:
    os.environ.update(QUICK_DEATHS)
    cluster = Cluster()
    head = cluster.add_node(num_cpus=1, include_dashboard=False)
    nodes = {node.node_id: node for node in [cluster.add_node(num_cpus=1, env_vars=SLOW) for _ in range(3)]}
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    names = {head.node_id: "head", **{node: f"node {i}" for i, node in enumerate(nodes, 1)}}

    def told(group: object) -> tuple[str, list[str]]:
        table = placement_group_table(group)
        return table["state"], [names.get(node, "nowhere") for node in table["bundles_to_node_id"].values()]

    def reserved() -> list[str]:
        free = available_resources_per_node()
        return [names[node["NodeID"]] for node in ray.nodes() if node["Alive"] and not free[node["NodeID"]].get("CPU")]

    group = placement_group([{"CPU": 1}] * 2, strategy="SPREAD")
    while told(group)[0] != "PREPARED":
        time.sleep(0.02)
    time.sleep(0.5)
    dying = next(node for node in placement_group_table(group)["bundles_to_node_id"].values() if node in nodes)
    print("committing on", told(group)[1], "- killing", names[dying])
    cluster.remove_node(nodes[dying], allow_graceful=False)
    seen = None
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if told(group) != seen:
            seen = told(group)
            print("  ", *seen)
        time.sleep(0.05)
    print("bundles on", seen[1], "- CPUs are taken on", sorted(reserved()))
    remove_placement_group(group)
    time.sleep(10)
    left = reserved()
    print("group removed, 10 s later CPUs are taken on", left)
    print("seen" if left else "not seen")
    os._exit(0 if left else 3)


if __name__ == "__main__":
    main()
