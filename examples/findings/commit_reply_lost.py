"""The reply to the commit of a bundle is lost once, on nodes that live: is the group ever made? Plain Ray 2.60."""

import json
import os
import time

FAILS_ONCE = {"num_failures": 1, "num_lower_bound_resp_failures": 1}
LOST = {"RAY_testing_rpc_failure": json.dumps({"NodeManagerService.grpc_client.CommitBundleResources": FAILS_ONCE})}
os.environ.update(LOST)

import ray  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group  # noqa: E402


def main() -> None:
    cluster = Cluster()
    cluster.add_node(num_cpus=0, include_dashboard=False)
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    group = placement_group([{"CPU": 1}] * 2, strategy="STRICT_SPREAD")
    seen, until = None, time.monotonic() + 60
    while seen is None or (seen[0] != "CREATED" and time.monotonic() < until):
        table = placement_group_table(group)
        now = table["state"], sum(map(bool, table["bundles_to_node_id"].values())), table["stats"]["scheduling_state"]
        if now != seen:
            seen = now
            free = ray.available_resources().get("CPU", 0)
            print(f"  {seen[0]}, {seen[1]} of 2 bundles placed, {seen[2]}; free: {free:g}")
        time.sleep(0.05)
    made = seen[0] == "CREATED"
    remove_placement_group(group)
    time.sleep(8)
    print(f"removed; free: {ray.available_resources().get('CPU', 0):g} of 2 CPUs")
    print("not seen" if made else "seen: not made within 60 s")
    os._exit(3 if made else 0)


if __name__ == "__main__":
    main()
