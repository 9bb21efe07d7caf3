#!/usr/bin/env bash
# The main job on examples that ship with the project: policies against recordings of real Ray, then one that is broken.
set -u
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

run() { echo "\$ $*"; "$@"; }

run rayproof check default spread examples/policies/least_queue.py \
    --workload examples/recordings/29_policy_default.jsonl || exit 1
run rayproof check default lowest_estimated_wait \
    --workload examples/recordings/01_default_short.jsonl --cluster examples/clusters/two-unequal-nodes.yaml || exit 1

echo "And a policy that looks at nodes it should know to be dead:"
run rayproof check examples/policies/bad_dead_node.py --workload examples/recordings/13_tree_reduce.jsonl --out "$out"
status=$?
if [ "$status" -ne 1 ]; then
    echo "the broken policy left with exit code $status instead of 1" >&2
    exit 1
fi
trace=$(ls "$out"/*.json)
run rayproof replay "$trace" --trust  # the trace names a policy in a file: a program
[ $? -eq 1 ]
