"""A parameter server and workers that pull weights, compute and push gradients, each at its own pace."""

import time

import numpy as np
import ray

WORKERS, STEPS, SIZE = 3, 5, 50_000


@ray.remote
class ParameterServer:
    def __init__(self):
        self.weights = np.zeros(SIZE)
        self.updates = 0

    def pull(self):
        return self.weights

    def push(self, gradient):
        self.weights = self.weights + 0.1 * gradient
        self.updates += 1
        return self.updates


@ray.remote
def train(server, worker):
    rng = np.random.default_rng(worker)
    for _ in range(STEPS):
        weights = ray.get(server.pull.remote())
        time.sleep(0.02)
        gradient = rng.standard_normal(SIZE) - weights
        last = ray.get(server.push.remote(gradient))
    return last


ray.init()
server = ParameterServer.remote()
print("updates:", max(ray.get([train.remote(server, worker) for worker in range(WORKERS)])))
