"""Trials as actors, as tuning libraries run them: the worse half is stopped at each rung."""

import time

import ray

TRIALS, RUNGS, STEPS = 4, 2, 3


@ray.remote
class Trial:
    def __init__(self, rate):
        self.rate, self.loss = rate, 1.0

    def step(self):
        time.sleep(0.02)
        self.loss *= 1 - self.rate
        return self.loss


ray.init()
trials = {f"trial-{i}": Trial.remote(0.05 * (i + 1)) for i in range(TRIALS)}
for _ in range(RUNGS):
    running = {trial.step.remote(): (name, 1) for name, trial in trials.items()}
    losses = {}
    while running:
        (done,), _ = ray.wait(list(running), num_returns=1)
        name, steps = running.pop(done)
        losses[name] = ray.get(done)
        if steps < STEPS:
            running[trials[name].step.remote()] = (name, steps + 1)
    for name in sorted(losses, key=losses.get)[len(losses) // 2 :]:
        ray.kill(trials.pop(name))
print("left:", sorted(trials))
