"""What must happen some day in the control store: extensions, subscriptions, restarts.

Clients and subscribers ask again for ever, so a request that is never answered is a run without end. An audit, which
judges runs that have come to rest, does not see it. Answers of the chain are `rayproof.properties.statements.runs`.
"""

from __future__ import annotations

from rayproof.model.gcs.chain import Replica
from rayproof.model.gcs.followers import Follower
from rayproof.model.gcs.longpoll import Publisher
from rayproof.model.gcs.master import ChainMaster
from rayproof.model.gcs.pubsub import NodeTable
from rayproof.model.gcs.server import GcsClient, GcsServer
from rayproof.model.kernel import StateView, leads_to
from rayproof.properties.statements.chain import an_extension_completes, every_request_is_answered
from rayproof.properties.statements.pubsub import a_subscriber_catches_up
from rayproof.properties.statements.runs import writes_get_answers
from rayproof.properties.statements.server import a_restarted_gcs_serves_again


def _everybody_serves(view: StateView) -> bool:
    return bool(an_extension_completes.check(view))


@leads_to(ChainMaster, Replica, then=_everybody_serves, source="van Renesse and Schneider 2004, §3.3")
def extensions_complete(view: StateView) -> bool:
    """A replica that lives and is not a member becomes one."""
    return not an_extension_completes.check(view)


def _everybody_is_up_to_date(view: StateView) -> bool:
    return bool(a_subscriber_catches_up.check(view))


@leads_to(
    NodeTable,
    Publisher,
    Follower,
    then=_everybody_is_up_to_date,
    source="OSDI 2018 §4.2.1; bug benchmark S9",
)
def subscribers_catch_up(view: StateView) -> bool:
    """A subscriber whose copy is not the table has the table later."""
    return not a_subscriber_catches_up.check(view)


def _everybody_is_served(view: StateView) -> bool:
    return bool(a_restarted_gcs_serves_again.check(view))


@leads_to(GcsServer, GcsClient, then=_everybody_is_served, source="Ray 2.60 gcs_server.cc; Ray #66073")
def a_gcs_serves_some_day(view: StateView) -> bool:
    """A GCS that does not serve, or has not answered everybody, does so later, however often it restarts."""
    return not a_restarted_gcs_serves_again.check(view)


TWINS = {
    every_request_is_answered.name: writes_get_answers.name,
    an_extension_completes.name: extensions_complete.name,
    a_subscriber_catches_up.name: subscribers_catch_up.name,
    a_restarted_gcs_serves_again.name: a_gcs_serves_some_day.name,
}
"""Audits with the claim about runs that implies each: a run that rests where the audit fails breaks the claim too."""
