"""A small search with Tune: four trials, the worse half stopped early."""

import tempfile

from ray import tune
from ray.tune.schedulers import ASHAScheduler


def objective(config):
    for step in range(1, 4):
        tune.report({"loss": (config["x"] - 2) ** 2 / step})


if __name__ == "__main__":
    tuner = tune.Tuner(
        objective,
        param_space={"x": tune.grid_search([0, 1, 2, 3])},
        tune_config=tune.TuneConfig(
            metric="loss", mode="min", max_concurrent_trials=2, scheduler=ASHAScheduler(max_t=3, grace_period=1)
        ),
        run_config=tune.RunConfig(storage_path=tempfile.mkdtemp(), verbose=0),
    )
    print("best", tuner.fit().get_best_result().config["x"])
