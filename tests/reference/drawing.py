"""Draws small systems and statements about them, from a seed."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from tests.reference.systems import LABELS, Action, Book, Claim, Predicate, System, takes_links

FIELDS = ("x", "y", "kept")
CHANNELS = ("", "", "u", "v")
TIMERS = ("t", "s")
TIMER_KINDS = ("program", "program", "patient", "eager", "periodic", "ticks")
FAULTS = (
    "crash",
    "crash",
    "crash",
    "restart",
    "cut",
    "lose",
    "duplicate",
    "truncate",
    "lose_reply",
    "early_timeout",
    "suspect",
    "fail_write",
    "half_write",
)


CARELESS = ("loop", "next", "pop", "union", "difference", "frozen", "mapping", "middle")


class Draw:
    """Draws one system."""

    def __init__(self, seed: int, careless: bool) -> None:
        self.random = Random(seed)
        self.careless = careless
        pick = self.random
        self.slots = ("a", "b", "c", "d")[: pick.choice((1, 2, 2, 2, 3, 3))]
        self.kinds = tuple(pick.choice(("Alpha", "Beta", "Gamma")) for _ in self.slots)
        self.faults: dict[str, int] = {}
        for kind in pick.sample(FAULTS, pick.choice((0, 1, 1, 2, 2, 3))):
            self.faults[kind] = pick.choice((1, 1, 1, 2))
        if "restart" in self.faults or "truncate" in self.faults:
            self.faults.setdefault("crash", 1)

    def chance(self, share: float) -> bool:
        """True so often."""
        return self.random.random() < share

    def system(self) -> System:
        """The system."""
        pick = self.random
        names = [*self.slots]
        units: tuple[tuple[str, tuple[str, ...]], ...] = ()
        if len(self.slots) > 1 and self.chance(0.4):
            units = (("node", tuple(sorted(pick.sample(self.slots, 2)))),)
            names.append("node")
        crashable: tuple[str, ...] = ()
        recoverable: tuple[str, ...] = ()
        if "crash" in self.faults:
            crashable = tuple(pick.sample(names, min(len(names), pick.choice((1, 1, 2)))))
            if self.chance(0.4):
                recoverable = (pick.choice(crashable),)
        pairs = [(one, other) for one in self.slots for other in self.slots if one < other]
        cuttable = tuple(pick.sample(pairs, pick.choice((1, len(pairs))))) if "cut" in self.faults and pairs else ()
        watchers: tuple[tuple[str, tuple[str, ...]], ...] = ()
        if "suspect" in self.faults or ("crash" in self.faults and self.chance(0.5)):
            watchers = tuple(
                (slot, tuple(pick.sample(self.slots, pick.choice((1, len(self.slots))))))
                for slot in pick.sample(self.slots, pick.choice((1, len(self.slots))))
            )
        return System(
            actors=tuple((slot, kind, self._book()) for slot, kind in zip(self.slots, self.kinds, strict=True)),
            links=tuple(self._link() for _ in range(pick.choice((0, 1, 1, 2, 3)))),
            claims=tuple(self._claim() for _ in range(pick.choice((3, 4, 5)))),
            faults=tuple(self.faults.items()),
            units=units,
            crashable=crashable,
            recoverable=recoverable,
            services=tuple(slot for slot in self.slots if self.chance(0.3)),
            watchers=watchers,
            cuttable=cuttable,
            heals=self.chance(0.6),
            rounds=pick.choice((0, 1, 2)),
            max_incarnations=pick.choice((2, 2, 3)),
            busy=((pick.choice(self.kinds), pick.choice((5, 10, 150))),) if self.chance(0.5) else (),
            jitter_us=pick.choice((0, 0, 50)),
        )

    # ---- processes -----------------------------------------------------------------------------------

    def _book(self) -> Book:
        pick = self.random
        first = [self._action("start") for _ in range(pick.choice((0, 1, 2, 2)))]
        if self.careless:
            first.insert(0, ("fill",))
        rules = [("start", (*first, self._arm()) if self.chance(0.6) else tuple(first))]
        if "crash" in self.faults:
            rules.append(("restart", tuple(self._action("restart") for _ in range(pick.choice((0, 1, 2))))))
        for occasion in pick.sample(LABELS, pick.choice((2, 3, 3))):
            acts = tuple(self._action("receive") for _ in range(pick.choice((1, 1, 2, 3))))
            rules.append((occasion, acts))
        for timer in TIMERS:
            if self.chance(0.8):
                fires = [self._action("fire") for _ in range(pick.choice((1, 1, 2, 3)))]
                if self.chance(0.4):
                    fires.append(("arm", timer, pick.choice(TIMER_KINDS), 1))
                rules.append((timer, tuple(fires)))
        if self.faults and self.chance(0.6):
            rules.append(("unreachable", tuple(self._action("receive") for _ in range(pick.choice((1, 2))))))
        if self.faults and self.chance(0.6):
            rules.append(("down", tuple(self._action("receive") for _ in range(pick.choice((1, 2))))))
        return tuple(rules)

    def _action(self, where: str, depth: int = 0) -> Action:
        pick = self.random
        options: list[tuple[int, Any]] = [
            (3, lambda: ("add", pick.choice(FIELDS))),
            (2, lambda: ("set", pick.choice(FIELDS), pick.randrange(3))),
            (1, lambda: ("set", "flag", self.chance(0.5))),
            (1, lambda: ("set", "y", self.chance(0.5))),
            (2, lambda: ("take", pick.choice(FIELDS))),
            (1, lambda: ("log",)),
            (1, lambda: ("note",)),
            (1, lambda: ("file",)),
            (1, lambda: ("gather",)),
            (1, lambda: ("forget",)),
            (1, lambda: ("shelve",)),
            (1, lambda: ("sum", pick.choice(FIELDS))),
            (1, lambda: ("recall", "x")),
            (9, lambda: ("send", self._address(), pick.choice(LABELS), pick.choice(CHANNELS))),
            (4 if {"crash", "cut"} & self.faults.keys() else 1, self._both),
            (6 if where == "start" else 2, lambda: self._arm()),
            (1, lambda: ("disarm", pick.choice(TIMERS))),
            (2, lambda: ("observe", pick.choice(("e", "f", "dull")))),
        ]
        if self.careless:
            options += [
                (3, lambda: ("fill",)),
                (3, lambda: ("careless", pick.choice(CARELESS), pick.choice(FIELDS))),
            ]
        if where == "receive":
            options += [
                (4, lambda: ("answer", pick.choice(LABELS), pick.choice(CHANNELS))),
                (2, lambda: ("serve", pick.choice(LABELS), pick.choice(CHANNELS))),
                (1, lambda: ("pass", self._address(), pick.choice(CHANNELS))),
            ]
        if where == "fire":
            options.append((3, self._arm))
        if where != "start":
            options.append((2, lambda: ("choose", pick.choice(FIELDS), 2, self.chance(0.6))))
            for fault in ("fail_write", "half_write", "lose_reply"):
                if fault in self.faults:
                    options.append((3, lambda fault=fault: ("risk", fault, pick.choice(FIELDS))))
            if self.chance(0.02):
                options.append((3, lambda: ("fail",)))
            if self.chance(0.02):
                options.append((3, lambda: ("blunder", "legal_answer")))
        if depth < 2 and where != "start":
            options.append(
                (
                    8,
                    lambda: (
                        "if",
                        pick.choice(("x", "y", "kept")),
                        pick.randrange(2),
                        *(self._action(where, depth + 1) for _ in range(pick.choice((1, 2)))),
                    ),
                )
            )
        weights = [weight for weight, _ in options]
        chosen: Action = pick.choices([make for _, make in options], weights)[0]()
        return chosen

    def _both(self) -> Action:
        return ("both", self._address(), *self.random.sample(LABELS, 2))

    def _arm(self) -> Action:
        return ("arm", self.random.choice(TIMERS), self.random.choice(TIMER_KINDS), self.random.choice((1, 1, 2)))

    def _address(self) -> str:
        address = self.random.choice(self.slots)
        return f"{address}#1" if "crash" in self.faults and self.chance(0.1) else address

    def _link(self) -> tuple[tuple[str, Any], ...]:
        pick = self.random
        options: dict[str, Any] = {}
        if self.chance(0.6):
            options["receiver"] = pick.choice((*self.slots, "[ab]"))
        if self.chance(0.3):
            options["sender"] = pick.choice(self.slots)
        if self.chance(0.4):
            options["channel"] = pick.choice(("", "u", "v"))
        options["kind"] = pick.choice(("fifo", "fifo", "latest", "immediate"))
        options["capacity"] = pick.choice((3, 4, 64))
        for fault, option in (("lose", "lossy"), ("duplicate", "duplicating"), ("lose_reply", "reply")):
            if fault in self.faults and self.chance(0.8):
                options[option] = True
        if self.chance(0.2):
            options["unreachable"] = False
        return tuple(options.items())

    # ---- statements ----------------------------------------------------------------------------------

    def _claim(self) -> Claim:
        pick = self.random
        kind = pick.choice(
            ("always", "always", "always", "step", "step", "audit", "sometimes", "eventually", "leads_to", "progress",
             "refines")
        )  # fmt: skip
        some = pick.sample(("Alpha", "Beta", "Gamma", "Actor"), pick.choice((1, 2)))
        reads = tuple(sorted({*some, pick.choice(self.kinds)}))
        if kind == "progress":
            return Claim(kind, (), ("step", self._text()))
        if kind == "refines":
            what = pick.choice(reads)
            name = pick.choice(FIELDS)
            start = (0,) * sum(what in ("Actor", one) for one in self.kinds)
            return Claim(kind, reads, ("abstract", what, name, start, pick.choice(("grows", "small", "any"))))
        each = kind in ("always", "audit") and self.chance(0.4)
        links = None
        if not each and self.chance(0.7 if kind == "step" else 0.4) and takes_links(kind):
            links = (pick.choice(("*", *self.slots)), pick.choice(("*", *self.slots)))
        monitors: tuple[str, ...] = ()
        if kind in ("always", "audit", "sometimes") and not each and self.chance(0.3):
            monitors = (pick.choice(("Tally", "Last")),)
        if each:
            one = pick.choice(reads)
            return Claim(kind, (one,), self._of_process(one), each=True, known=self._known(kind))
        if kind == "step":
            return Claim(kind, reads, self._of_step(reads, links), links=links)
        holds = self._of_view(reads, links, monitors)
        then = self._of_view(reads, links, ()) if kind == "leads_to" else ()
        if kind == "eventually" and self.chance(0.7):
            holds = ("not", holds)
        if kind == "leads_to" and self.chance(0.5):
            then = ("not", then)
        return Claim(kind, reads, holds, then, links, monitors, known=self._known(kind))

    def _text(self) -> str:
        pick = self.random
        slot = pick.choice(self.slots)
        return pick.choice(
            (slot, f"{slot} ->", f"-> {slot}", f"{slot}: timer t", "timer s", "->", "tick", "comes back")
        )

    def _known(self, kind: str) -> str:
        return "#1" if kind in ("always", "audit") and self.chance(0.05) else ""

    def _held_once(self, kind: str) -> bool:
        return (len(self.kinds) if kind == "Actor" else self.kinds.count(kind)) == 1

    def _of_process(self, kind: str) -> Predicate:
        pick = self.random
        if self.chance(0.1):
            return ("equal", kind, "x", pick.choice(("y", "kept")))
        if self.chance(0.1):
            return ("never", kind, "flag", True)
        if self.chance(0.03):
            return ("write", kind, pick.choice(("x", "log", "seen", "table", "kept")))
        return ("never", kind, pick.choice(FIELDS), pick.choice((1, 2)))

    def _of_view(
        self, reads: tuple[str, ...], links: tuple[str, str] | None, monitors: tuple[str, ...], depth: int = 0
    ) -> Predicate:
        pick = self.random
        kind = pick.choice(reads)
        if self.chance(0.02):
            kind = pick.choice(("Alpha", "Beta", "Gamma", "Actor"))
        if self.chance(0.02):
            links = ("*", "*")
        one = kind if self._held_once(kind) or self.chance(0.05) else ""
        options: list[Any] = [
            lambda: self._of_process(kind),
            lambda: self._of_process(kind),
            lambda: ("is", one, pick.choice(FIELDS), pick.randrange(3)) if one else self._of_process(kind),
            lambda: ("alive", kind, 1),
            lambda: ("first", kind),
            lambda: ("nobody dead",),
        ]
        if links is not None:
            options += 9 * [self._of_messages]
        for monitor in monitors:
            options += 6 * [
                (lambda: ("tally", pick.choice((0, 1, 2))))
                if monitor == "Tally"
                else (lambda: ("last", pick.choice("ef"), pick.randrange(3)))
            ]
        if depth < 2:
            for name, share in (("or", 3), ("and", 1)):
                options += share * [
                    lambda name=name: (
                        name,
                        self._of_view(reads, links, monitors, depth + 1),
                        self._of_view(reads, links, monitors, depth + 1),
                    )
                ]
            options.append(lambda: ("not", self._of_view(reads, links, monitors, depth + 1)))
        made: Predicate = pick.choice(options)()
        return made

    def _of_messages(self) -> Predicate:
        pick = self.random
        options: list[Predicate] = [
            ("in flight", pick.choice((0, 1, 2))),
            ("no message", pick.choice((*LABELS, "Unreachable", "Down"))),
            ("in order", pick.choice(LABELS), pick.choice(LABELS)),
        ]
        return pick.choice(options)

    def _of_step(self, reads: tuple[str, ...], links: tuple[str, str] | None) -> Predicate:
        pick = self.random
        kind = pick.choice(reads)
        options: list[Any] = [
            lambda: ("before", self._of_view(reads, links, ())),
            lambda: ("after", self._of_view(reads, links, ())),
            lambda: ("keeps", self._of_view(reads, links, ())),
            lambda: ("grows", kind, pick.choice(FIELDS)),
            lambda: ("no step", pick.choice(("tick", "timer t", "early", "comes back", "a -> b", "FAULT"))),
            lambda: ("no choice", 1),
            lambda: ("no fault",),
            lambda: ("changed needs", kind, pick.choice(FIELDS), self._of_view(reads, links, ())),
        ]
        if links is not None:
            options += 4 * [
                lambda: (pick.choice(("before", "keeps")), self._of_messages()),
                lambda: ("changed needs", kind, pick.choice(FIELDS), ("not", self._of_messages())),
            ]
        made: Predicate = pick.choice(options)()
        return made


def twins(system: System) -> System:
    """The same with two actors of one class that nothing tells apart but their names."""
    (one, kind, book), (other, *_) = system.actors
    swapped = {one: other, other: one, f"{one}#1": f"{other}#1", f"{other}#1": f"{one}#1"}

    def swap(part: Any) -> Any:
        if type(part) is tuple:
            return tuple(map(swap, part))
        return swapped.get(part, part) if type(part) is str else part

    both = (one, other)
    return replace(
        system,
        actors=((one, kind, book), (other, kind, swap(book))),
        links=tuple(tuple(o for o in options if o[0] not in ("sender", "receiver")) for options in system.links),
        claims=tuple(replace(claim, links=claim.links and ("*", "*")) for claim in system.claims),
        units=(),
        crashable=both if system.crashable else (),
        recoverable=both if system.recoverable else (),
        services=both if system.services else (),
        watchers=tuple((slot, both) for slot in both) if system.watchers else (),
        cuttable=(),
    )


def draw(seed: int, *, careless: bool = False) -> System:
    """The system of a seed; `careless`: its processes may depend on orders that nobody promises."""
    made = Draw(seed, careless)
    system = made.system()
    return twins(system) if len(system.actors) == 2 and made.chance(0.2) else system
