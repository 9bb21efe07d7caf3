"""Where the larger sets of real input are: recordings and KubeRay samples that the project does not ship.

They are looked for in the directory that the environment variable `RAYPROOF_SHARED_DATA` names, by default in
`../shared/data` beside the project. Tests that need them skip, with the reason, where they are not.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
EXAMPLES = PROJECT / "examples"
SHARED_DATA = Path(os.environ.get("RAYPROOF_SHARED_DATA", PROJECT.parent / "shared" / "data"))


def shared_files(folder: str, pattern: str) -> list[Path]:
    """The files of one folder of the shared data, by name; none where there is no such folder."""
    return sorted((SHARED_DATA / folder).glob(pattern))


def needs_shared_data(folder: str) -> pytest.MarkDecorator:
    """Skips a test where a folder of the shared data is missing."""
    return pytest.mark.skipif(
        not (SHARED_DATA / folder).is_dir(),
        reason=f"no shared data '{folder}' (looked for it through RAYPROOF_SHARED_DATA, else ../shared/data)",
    )
