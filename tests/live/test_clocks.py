"""Clocks of several hosts from messages between them: whatever the skew, within the error that is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rayproof.live.clocks import Message, align

HOSTS = ("a", "b", "c", "d")
NS = st.integers(0, 10**12)
SKEWS = st.tuples(*[st.integers(-(10**15), 10**15)] * len(HOSTS))
SENT = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), NS, st.integers(0, 10**9)), max_size=60)


@given(SKEWS, SENT)
def test_no_clock_is_further_off_than_its_error_says(
    skews: tuple[int, ...], sent: list[tuple[int, int, int, int]]
) -> None:
    messages = [Message(HOSTS[i], at + skews[i], HOSTS[j], at + delay + skews[j]) for i, j, at, delay in sent]
    clocks = align(messages, HOSTS, "a")
    assert set(clocks) == set(HOSTS)
    for host, skew in zip(HOSTS, skews, strict=True):
        clock = clocks[host]
        assert not clock.drifts
        if clock.error_ns is not None:
            # Halves of odd widths are rounded down, once for each hop.
            assert abs(clock.offset_ns - (skew - skews[0])) <= clock.error_ns + len(HOSTS)


@given(SKEWS, SENT)
def test_nothing_arrives_before_it_was_sent_between_two_hosts(
    skews: tuple[int, ...], sent: list[tuple[int, int, int, int]]
) -> None:
    messages = [Message(HOSTS[i % 2], at + skews[i % 2], HOSTS[j % 2], at + d + skews[j % 2]) for i, j, at, d in sent]
    clocks = align(messages, HOSTS[:2], "a")
    for message in messages:
        received = message.received - clocks[message.receiver].offset_ns
        assert received >= message.sent - clocks[message.sender].offset_ns - 1


def test_the_shortest_round_trip_counts_and_ways_over_other_hosts_are_found() -> None:
    messages = [
        *(Message("a", 0, "b", 1_000 + 500), Message("b", 1_500, "a", 900)),
        *(Message("a", 5_000, "b", 6_000 + 10), Message("b", 6_020, "a", 5_030)),
        *(Message("b", 9_000, "c", 2_000 + 4), Message("c", 2_010, "b", 9_012)),
    ]
    clocks = align(messages, ["a", "b", "c"], "a")
    assert (clocks["b"].offset_ns, clocks["b"].error_ns) == (1_000, 10)
    assert (clocks["c"].offset_ns, clocks["c"].error_ns) == (1_000 - 6_999, 13)


def test_one_way_alone_moves_a_clock_no_further_than_it_must() -> None:
    early = align([Message("a", 100, "b", 40)], ["a", "b"], "a")["b"]
    assert (early.offset_ns, early.error_ns) == (-60, None), "it read 40 after 100 had passed"
    fine = align([Message("a", 100, "b", 140)], ["a", "b"], "a")["b"]
    assert (fine.offset_ns, fine.error_ns) == (0, None)


def test_bounds_that_cross_are_said_to() -> None:
    clock = align([Message("a", 0, "b", 10), Message("b", 1_000, "a", 900)], ["a", "b"], "a")["b"]
    assert clock.drifts and clock.error_ns == 45
