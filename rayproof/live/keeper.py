"""`python -m rayproof.live.keeper 4:0,2:0 BYTES`: keeps a local cluster until its standard input ends.

The probe is in the environment of this process for the workers' sake: the cluster inherits it.
"""

from __future__ import annotations

import sys

from rayproof.live.session import parse_nodes, probe


def main() -> None:
    """Start the nodes, tell the address, wait, end them."""
    from ray.cluster_utils import Cluster

    probe("internals").ensure_token()
    nodes = parse_nodes(sys.argv[1])
    store = int(sys.argv[2])
    cluster = Cluster()
    try:
        for i, node in enumerate(nodes):
            head = {"include_dashboard": False} if i == 0 else {}
            cluster.add_node(num_cpus=node.cpus, num_gpus=node.gpus, object_store_memory=store, **head)
        print(f"address {cluster.address}", flush=True)
        sys.stdin.read()
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
