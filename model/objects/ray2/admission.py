"""Which pulls a node may have under way: gets before waits before task arguments, within a budget of memory.

Source: Ray 2.60 `object_manager/pull_manager.cc`, `UpdatePullsBasedOnAvailableMemory`, `ActivateNextBundlePullRequest`
and `DeactivateUntilMarginAvailable`. A bundle is what one get, one wait or one task needs, and is admitted as a whole.

Left out: time-outs and retries of single objects; they do not change what is admitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class PullClass(StrEnum):
    """Why a bundle is pulled; the order of the members is the order of admission."""

    GET = "get"
    WAIT = "wait"
    TASK_ARGS = "task_args"


@dataclass(frozen=True, slots=True, order=True)
class Bundle:
    """One request. `number` grows with arrival; `objects` are pulled together or not at all."""

    number: int
    kind: PullClass
    objects: tuple[str, ...]


class _Quota:
    """The memory left while bundles come and go; an object shared by bundles counts once."""

    def __init__(self, bundles: Iterable[Bundle], sizes: Mapping[str, int], budget: int) -> None:
        self.active: dict[int, Bundle] = {}
        self._sizes = sizes
        self._users: dict[str, int] = {}
        self.left = budget
        for bundle in bundles:
            self.activate(bundle)

    def extra(self, bundle: Bundle) -> int:
        """Units that a bundle would add."""
        return sum(self._sizes[name] for name in dict.fromkeys(bundle.objects) if not self._users.get(name))

    def activate(self, bundle: Bundle) -> None:
        self.left -= self.extra(bundle)
        self.active[bundle.number] = bundle
        for name in bundle.objects:
            self._users[name] = self._users.get(name, 0) + 1

    def drop_newest(self, kind: PullClass) -> bool:
        """Take the newest active bundle of a class out; False when there is none."""
        found = [bundle for bundle in self.active.values() if bundle.kind is kind]
        if not found:
            return False
        newest = max(found)
        del self.active[newest.number]
        for name in newest.objects:
            self._users[name] -= 1
        self.left += self.extra(newest)
        return True

    def make_room(self, wanted: int, victims: tuple[PullClass, ...], keep: int) -> None:
        """Take out newest bundles of the victim classes until `wanted` units are left or `keep` bundles remain."""
        for kind in victims:
            while self.left < wanted and len(self.active) > keep and self.drop_newest(kind):
                pass


def admit(
    bundles: Iterable[Bundle], active: Iterable[int], sizes: Mapping[str, int], available: int
) -> tuple[Bundle, ...]:
    """The bundles that are active from now on, in the order of their numbers.

    `active`: numbers of those active so far. `sizes`: units of each object whose size and place are known; a bundle
    with any other object stays out and holds nobody up. `available`: units that pulls may take, with what has been
    pulled already counted as available, since the active bundles answer for it.
    """
    known = sorted(bundle for bundle in bundles if all(name in sizes for name in bundle.objects))
    before = set(active)
    quota = _Quota((bundle for bundle in known if bundle.number in before), sizes, available)
    for kind, victims in (
        (PullClass.GET, (PullClass.TASK_ARGS, PullClass.WAIT)),
        (PullClass.WAIT, (PullClass.TASK_ARGS,)),
        (PullClass.TASK_ARGS, ()),
    ):
        for bundle in known:
            if bundle.kind is not kind or bundle.number in quota.active:
                continue
            quota.make_room(quota.extra(bundle), victims, keep=0)
            fits = not quota.active or quota.extra(bundle) <= quota.left
            if kind is not PullClass.GET and not fits:
                break
            quota.activate(bundle)
    quota.make_room(0, (PullClass.TASK_ARGS, PullClass.WAIT), keep=1)
    return tuple(quota.active[number] for number in sorted(quota.active))
