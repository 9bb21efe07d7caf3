"""today-group-two-crashes: every_group_that_fits_is_created

When nothing more can happen, a group that is not created has no placement on what is free.
In the model with the planted bug forgets_the_second_loss.

The run of the model:
   1. driver.groups -> groups
   2. groups -> bundles0
   3. groups -> bundles1
   4. bundles0 -> groups
   5. bundles1 -> groups
   6. groups -> bundles0
   7. bundles0 -> groups
   8. FAULT crash: node1
   9. bundles1 -> groups [down]
  10. groups -> bundles2
  11. bundles2 -> groups
  12. FAULT crash: node2
  13. bundles2 -> groups [down]

Steered by Ray's own switches:
  step 8: NodeManagerService.grpc_server.CommitBundleResources is late
  step 12: NodeManagerService.grpc_server.CommitBundleResources is late
"""

from rayproof.live import stage

STEERING = {
    "gcs": {
        "RAY_health_check_initial_delay_ms": "3000",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
    },
    "n1": {
        "RAY_testing_asio_delay_us": "NodeManagerService.grpc_server.CommitBundleResources=2000000:2000000",
    },
    "n2": {
        "RAY_testing_asio_delay_us": "NodeManagerService.grpc_server.CommitBundleResources=2000000:2000000",
    },
}
stage.prepare(STEERING)

NODES = {
    "n0": {"num_cpus": 1},
    "n1": {"num_cpus": 1},
    "n2": {"num_cpus": 1},
    "n3": {"num_cpus": 1},
}
TIMELINE = (
    ("crash with", "g", 1),
    ("crash with", "g", 1),
)
CLAIMS = (("group", "g", "PENDING", "PREPARED", "RESCHEDULING"),)


def driver(play):
    play.group("g", [{"CPU": 1}, {"CPU": 1}], "SPREAD", wait=False)
    play.get()


if __name__ == "__main__":
    stage.run(driver, NODES, TIMELINE, CLAIMS, STEERING, patience_s=45)
