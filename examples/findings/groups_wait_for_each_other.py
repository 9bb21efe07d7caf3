"""today-group-halves: groups_do_not_wait_for_each_other

Of the groups that wait, one at least would fit if the others gave back what they hold.

The run of the model:
   1. driver.groups -> groups
   2. driver.groups -> groups
   3. groups -> bundles0
   4. groups -> bundles1
   5. bundles0 -> groups
   6. bundles1 -> groups
   7. groups -> bundles0
   8. groups -> bundles1
   9. bundles0 -> groups
  10. bundles1 -> groups
  11. groups -> bundles2
  12. bundles2 -> groups
  13. groups -> bundles3
  14. bundles3 -> groups
  15. groups -> bundles2
  16. bundles2 -> groups
  17. groups -> driver.groups
  18. FAULT crash: node1
  19. bundles1 -> groups [down]
  20. FAULT crash: node3
  21. bundles3 -> groups [down]

Steered by Ray's own switches:
  step 20: NodeManagerService.grpc_server.CommitBundleResources is late
"""

from rayproof.live import stage

STEERING = {
    "gcs": {
        "RAY_health_check_initial_delay_ms": "3000",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
    },
    "n3": {
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
    ("created", "g"),
    ("crash with", "g", 1),
    ("crash with", "h", 1),
)
CLAIMS = (
    ("group", "g", "PENDING", "PREPARED", "RESCHEDULING"),
    ("group", "h", "PENDING", "PREPARED", "RESCHEDULING"),
)


def driver(play):
    play.group("g", [{"CPU": 1}, {"CPU": 1}], "STRICT_SPREAD", wait=False)
    play.group("h", [{"CPU": 1}, {"CPU": 1}], "STRICT_SPREAD", wait=False)
    play.get()


if __name__ == "__main__":
    stage.run(driver, NODES, TIMELINE, CLAIMS, STEERING, patience_s=20)
