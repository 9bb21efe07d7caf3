"""Tasks that submit tasks: a binary tree that unfolds while it runs."""

import time

import ray


@ray.remote(num_cpus=0.5)
def node(depth):
    time.sleep(0.02)
    if depth == 0:
        return 1
    return 1 + sum(ray.get([node.remote(depth - 1), node.remote(depth - 1)]))


ray.init()
print("nodes of the tree:", ray.get(node.remote(3)))
