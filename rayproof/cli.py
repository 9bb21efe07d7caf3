"""The command line. Exit codes: `rayproof.exits`. A command's module is loaded when the command is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rayproof import __version__
from rayproof.console import say
from rayproof.errors import UndeterminedError
from rayproof.exits import Exit, guarded
from rayproof.model.documents import printable
from rayproof.model.kernel import PolicyError

HOMES = {
    "check": "checking",
    "verify": "verifying",
    "replay": "traces",
    "show": "traces",
    "bugs": "bugs",
    "explore": "explore_graph",
    "bounds": "bounds",
    "scenarios": "lists",
    "statements": "lists",
    "policies": "lists",
    "traceability": "lists",
    "new-policy": "new_policy",
    "golden": "golden",
    "solve": "solving",
    "why": "solving",
    "gap": "solving",
    "worst": "solving",
    "record": "recording",
    "run": "recording",
    "compare-live": "compare_live",
    "reproduce": "reproduce",
    "conform": "conform",
    "doctor": "doctor",
}
"""Command -> the module of `rayproof.commands` whose `register` adds it."""


class OnDemand(Mapping[str, Any]):
    """The commands by name; the search engines and the solver, which some need, take a second to import."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            home = typer.Typer()
            import_module(f"rayproof.commands.{HOMES[name]}").register(home)
            self._loaded |= typer.main.get_group(home).commands
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(HOMES)

    def __len__(self) -> int:
        return len(HOMES)


class Commands(TyperGroup):
    """The commands; an option that takes one value and is given twice is refused rather than half dropped."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = OnDemand()  # type: ignore[assignment]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            self._require_once(ctx, name, command, list(rest))
        return name, command, rest

    def _require_once(self, ctx: Any, name: str | None, command: Any, rest: list[str]) -> None:
        with command.context_class(command, info_name=name, parent=ctx, **command.context_settings) as inner:
            given = list(command.make_parser(inner).parse_args(args=rest)[2])
            for param in given:
                single = not getattr(param, "is_flag", False) and not param.multiple
                if single and param.param_type_name == "option" and given.count(param) > 1:
                    inner.fail(f"{param.opts[0]} is given {given.count(param)} times; expected once")


app = typer.Typer(
    name="rayproof",
    cls=Commands,
    help="Check a Ray scheduling proposal before a line of C++ is written.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; every end is one of the exit codes, with a readable line where it is no answer."""
    sys.exit(guarded(run))


def run() -> int:
    """The exit code of the command in `sys.argv`; what goes wrong is left to the guard."""
    command = _command()
    try:
        # Not by way of the command's own main, which ends an interrupt without a word and a closed pipe as a violation.
        with command.make_context("rayproof", sys.argv[1:]) as context:
            command.invoke(context)
    except typer.Exit as left:
        return int(left.exit_code)
    except PolicyError as error:
        say(f"{error.rule}: {printable(str(error))}", error=True)
        return Exit.VIOLATED
    except UndeterminedError as error:
        say(f"undetermined: {printable(str(error))}", error=True)
        return Exit.UNDETERMINED
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        context = getattr(error, "ctx", None)
        if context is not None:
            say(context.get_usage(), error=True)
        if message():
            say(f"error: {printable(message())}", error=True)
        return Exit.BAD_INPUT
    return Exit.HOLDS


@cache
def _command() -> Any:
    """The commands, made of their signatures once."""
    return typer.main.get_command(app)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    if version:
        say(f"rayproof {__version__}")
        raise typer.Exit(0)


if __name__ == "__main__":
    main()
