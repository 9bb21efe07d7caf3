"""Which statement notices which planted bug, pinned: the evidence that each statement can fail, and how sharp it is.

The bug names the statement that must fail, and declares all others that notice it by themselves (`also`).
"""

import pytest

from rayproof.model.kernel import DECIDED
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import ENTRIES
from tests.scopes import noticed_by

LARGE = {
    "answers_before_storage_does",
    "answers_early",
    "asks_for_ever",
    "asks_once",
    "asks_the_dead_only",
    "begins_with_the_first_argument",
    "believes_late_replies",
    "believes_reports_of_the_dead",
    "compares_across_publishers",
    "compares_broadcasts_across_servers",
    "compares_on_rejoin",
    "counts_chunks",
    "executes_what_is_under_way",
    "flushes_what_is_referenced",
    "forgets_disks_of_the_dead",
    "forgets_lost_inputs",
    "forgets_the_arguments",
    "forgets_the_newcomer",
    "goes_back_to_an_older_configuration",
    "holds_on_to_the_lost",
    "ignores_a_late_answer",
    "ignores_death_notices",
    "keeps_calls_of_the_hopeless",
    "keeps_pins_of_the_dead",
    "keeps_the_cpu_for_its_arguments",
    "keeps_using_the_dead",
    "lets_go_before_the_pin",
    "listens_to_the_dead",
    "looks_again_at_once",
    "loses_rows_of_a_shard",
    "loses_rows_of_the_cluster",
    "never_frees",
    "never_makes_again",
    "newest_first",
    "passes_it_on",
    "pins_before_the_seal",
    "places_at_once_or_never",
    "recovers_only_when_asked",
    "remembers_a_pin_for_ever",
    "replies_empty_the_mailbox",
    "report_wipes_others",
    "reports_the_state_before",
    "retries_for_ever",
    "seals_only_the_suspect",
    "serves_on_an_old_answer",
    "silent_after_a_death",
    "tells_only_the_first",
    "tells_only_the_prefix",
    "uses_the_dead_once_more",
    "value_depends_on_the_node",
    "waits_for_a_dead_node",
    "waits_for_a_later_epoch",
    "waits_for_the_answer",
}
"""Bugs whose scenarios take long, once for each statement that notices them: `make slow`."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in BUGS]
)
def test_a_bug_is_noticed_by_what_it_declares_and_by_nothing_else(name: str) -> None:
    bug = BUGS[name]
    assert noticed_by(bug) == {bug.statement, *bug.also}


NEVER_ALONE = {
    "a_lost_object_can_be_made_again",
    "a_redirected_request_is_not_sent_on",
    "a_restarted_gcs_serves_again",
    "a_worker_gets_one_task_at_a_time",
    "acknowledged_rows_survive",
    "acknowledged_writes_survive",
    "bundles_fit_their_node",
    "commit_matches_prepare",
    "every_loadable_row_is_whole",
    "every_state_follows_the_chain",
    "every_task_that_fits_ends",
    "flushed_lineage_is_reachable",
    "infeasible_never_blocks_feasible",
    "lineage_of_the_referenced_is_kept",
    "no_circular_wait_through_memory",
    "no_free_while_reachable",
    "no_method_twice_in_one_incarnation",
    "nothing_fails_by_itself",
    "nothing_stays_frozen",
    "one_effect_per_request",
    "single_incarnation",
    "the_end_lies_behind_what_was_taken",
    "updates_in_order_per_publisher",
    "versions_never_go_back",
    "views_agree_at_rest",
}
"""Statements about a cause: what breaks one of these breaks another about an effect as well, a few steps later."""


def test_a_bug_is_noticed_by_one_statement_alone_for_all_but_these() -> None:
    kinds = {s.name: s for entry in ENTRIES for s in entry.build(None, {}).statements}
    decided = {name for name, s in kinds.items() if s.kind in DECIDED - {"sometimes"} and not s.known}
    alone = {bug.statement for bug in BUGS.values() if not decided.intersection(bug.also)}
    assert decided - alone == NEVER_ALONE
