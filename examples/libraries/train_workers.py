"""Two training workers of Train that report, without a framework below."""

import tempfile

from ray import train
from ray.train import RunConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer


def loop(config):
    rank = train.get_context().get_world_rank()
    for epoch in range(config["epochs"]):
        train.report({"epoch": epoch, "rank": rank})


if __name__ == "__main__":
    trainer = DataParallelTrainer(
        loop,
        train_loop_config={"epochs": 2},
        scaling_config=ScalingConfig(num_workers=2),
        run_config=RunConfig(storage_path=tempfile.mkdtemp()),
    )
    print("metrics", trainer.fit().metrics)
