"""With what a counterexample was found: fingerprints of the model and of the policy's source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rayproof import model, properties
from rayproof.policies import LoadedPolicy


@dataclass(frozen=True)
class Fingerprints:
    """Short hashes; equal ones mean that a recorded run can be carried out again."""

    model: str
    policy: str = ""
    """Empty for a policy of the model itself."""

    def as_parameters(self) -> dict[str, dict[str, str]]:
        """As they are kept in a trace, beside what the scenario was built with."""
        return {"found_with": {"model": self.model, "policy": self.policy}}


def fingerprints_of(policy: LoadedPolicy | None) -> Fingerprints:
    """Of the present model and a policy."""
    return Fingerprints(
        model_fingerprint(), "" if policy is None or policy.source is None else _hashed([policy.source])
    )


@cache
def model_fingerprint() -> str:
    """Of every source file of the model and of what is stated about it."""
    files = [path for package in (model, properties) for root in package.__path__ for path in Path(root).rglob("*.py")]
    return _hashed(sorted(files, key=str))


def _hashed(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
