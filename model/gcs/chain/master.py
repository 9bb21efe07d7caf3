"""The master of a chain: it hears of failures and of new replicas, and makes every configuration.

Source: van Renesse and Schneider 2004, section 3 (the master detects failures, tells each replica its new neighbours,
tells clients who is head and tail) and 3.3 (extension); sealing before a change after Balakrishnan et al., "CORFU: A
Shared Log Design for Flash Clusters", NSDI 2012, section 3.3.

With `fail_stop` a word of death is believed, as in the paper. Without it the dead may only be slow: every member must
promise to serve the old epoch no more, or be found dead by the attempt to ask it, before the next one is in force.

Left out: a master that fails; a replica that can neither be reached nor be known to be dead, which needs leases.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.gcs.chain.events import Activated
from rayproof.model.gcs.chain.protocol import (
    Configuration,
    Join,
    Joined,
    Lookup,
    Ready,
    Seal,
    Sealed,
)
from rayproof.model.kernel import Context, Down, Message, Name, Process, Unhandled, Unreachable, constant


@dataclass(slots=True)
class ChainMaster(Process):
    """Decides who is in the chain, one change of epoch after the other."""

    configuration: Configuration
    """The one in force."""
    suspects: set[Name] = field(default_factory=set)
    """Declared dead, which is final."""
    joiners: tuple[Name, ...] = ()
    """Replicas that have asked to be added, first come first served."""
    growing: Name = ""
    """The one that is being added, until it serves."""
    is_ready: bool = False
    """Whether that one holds enough to become a member."""
    unsealed: set[Name] = field(default_factory=set)
    """Members whose promise is awaited; empty when no change is under way."""
    clients: tuple[Name, ...] = constant(())
    """Who is told of new configurations without asking."""
    fail_stop: bool = constant(True)
    """Whether a word of death can be believed."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Failures, promises, replicas that want to join, and clients that have lost their way."""
        match message:
            case Down(name):
                self.suspect(ctx, name)
            case Sealed(epoch):
                if epoch == self.configuration.epoch + 1:
                    self.promised(ctx, sender)
            case Unreachable(to):
                self.promised(ctx, to)
            case Join():
                if sender not in self.suspects:
                    self.joiners += (sender,)
                    self.grow(ctx)
            case Ready(epoch):
                if epoch == self.configuration.epoch and sender == self.configuration.joining:
                    self.is_ready = True
                    self.change(ctx)
            case Joined():
                self.finish_growth(ctx, sender)
            case Lookup():
                ctx.send(sender, self.configuration)
            case _:
                raise Unhandled(message)

    def suspect(self, ctx: Context, name: Name) -> None:
        """Count a replica out, for ever."""
        self.suspects.add(name)
        self.joiners = tuple(joiner for joiner in self.joiners if joiner != name)
        if name in (*self.configuration.chain, self.configuration.joining):
            self.change(ctx)
        self.finish_growth(ctx, name)

    def grow(self, ctx: Context) -> None:
        """Add replicas one at a time: the next starts when the last one serves."""
        if not self.growing and self.joiners:
            self.growing, *rest = self.joiners
            self.joiners = tuple(rest)
            self.is_ready = False
            self.change(ctx)

    def finish_growth(self, ctx: Context, name: Name) -> None:
        """The replica that was being added serves, or is dead."""
        if name == self.growing:
            self.growing = ""
            self.is_ready = False
            self.grow(ctx)

    # ---- changing the configuration ---------------------------------------------------------------------------------

    def change(self, ctx: Context) -> None:
        """Start a change of epoch, unless one is under way, which will take in what is new."""
        if self.fail_stop:
            self.activate(ctx)
        elif not self.unsealed:
            self.unsealed = set(self.configuration.chain)
            for replica in self.configuration.chain:
                ctx.send(replica, Seal(self.configuration.epoch + 1))

    def promised(self, ctx: Context, name: Name) -> None:
        """A member will not serve the old epoch again."""
        if name in self.unsealed:
            self.unsealed.discard(name)
            if not self.unsealed:
                self.activate(ctx)

    def activate(self, ctx: Context) -> None:
        """Put the next configuration in force and tell the members, the expelled and the clients."""
        before = self.configuration
        after = self.next_configuration()
        if not after.chain:
            return
        self.configuration = after
        ctx.observe(Activated(after.epoch))
        told = [*before.chain, *(name for name in (*after.chain, after.joining) if name and name not in before.chain)]
        for name in (*told, *self.clients):
            ctx.send(name, after)

    def next_configuration(self) -> Configuration:
        """The members that are not suspected, and a new one behind them once it is ready."""
        before = self.configuration
        growing = "" if self.growing in self.suspects else self.growing
        chain = tuple(name for name in before.chain if name not in self.suspects)
        if growing and growing not in chain and self.is_ready:
            chain += (growing,)
        return Configuration(before.epoch + 1, chain, "" if growing in chain else growing, before.shard)
