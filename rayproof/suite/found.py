"""What becomes of a counterexample: minimised, saved, printed, and turned into a regression test."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from rayproof.counterexamples import OWN, file_as_typed, save, shown, to_trace
from rayproof.model.kernel import minimise
from rayproof.properties.suite.shared import Finding
from rayproof.suite.fingerprints import Fingerprints

REGRESSION = '''"""{sentence}

Found in {scenario} by `pytest properties/`; passes once the run recorded beside it breaks this no longer.
"""

from pathlib import Path

from rayproof.suite.regression import assert_fixed


def test_{name}() -> None:
    assert_fixed(Path(__file__).parent / "corpus" / "{file}")
'''


@dataclass(frozen=True)
class Reported:
    """A counterexample on disk and on paper."""

    trace: Path
    test: Path
    text: str


def report(finding: Finding, seed: int, out: Path, fingerprints: Fingerprints) -> Reported:
    """Save a finding under `out` and describe it."""
    violation = finding.violation
    if finding.driver != "explore":
        named = tuple(s for s in finding.scenario.statements if s.name == violation.statement)
        violation = minimise(finding.scenario, violation, named)
    trace = to_trace(finding.scenario, violation, finding.driver, seed, None)
    trace = replace(trace, parameters={**finding.parameters, **fingerprints.as_parameters()})
    shorter = Path(file_as_typed(out.resolve()))
    path = save(trace, shorter / "corpus")
    name = re.sub(r"\W+", "_", path.stem)
    test = shorter / f"test_{name}.py"
    # The sentence becomes a docstring.
    sentence = trace.sentence.rstrip(".").replace("\\", "\\\\").replace('"', "'") + "."
    test.write_text(
        REGRESSION.format(sentence=sentence, scenario=trace.scenario, name=name, file=path.name), encoding="utf-8"
    )
    text = shown(trace, path, OWN, found=True).text
    return Reported(path, test, f"{text}  regression test: pytest {test}\n")
