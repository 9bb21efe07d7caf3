"""The part of the recorder that runs inside a user's processes: driver, workers, actors.

It needs the standard library and Ray, nothing else: on a cluster that runs already it is shipped to the workers alone.
`internals` is the only module that knows private names of Ray.
"""

import importlib.util
import os
import sys


class _Finder:
    """Finds `ray` as it would be found anyway, and starts the probe when its module has been executed."""

    busy = False

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name != "ray" or _Finder.busy:
            return None
        _Finder.busy = True
        try:
            spec = importlib.util.find_spec("ray")
        finally:
            _Finder.busy = False
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module):  # type: ignore[no-untyped-def]
            execute(module)
            activate()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def when_ray_is_imported() -> None:
    """Start the probe as soon as somebody imports Ray; nothing happens in processes that never do."""
    sys.meta_path.insert(0, _Finder())


def activate() -> None:
    """Start the probe now; on a running cluster, Ray calls this in each worker before its first task."""
    from rayproof_probe import acts, internals

    try:
        acts.start(os.environ["RAYPROOF_PROBE_DIR"])
    except internals.UnsupportedRayError as error:
        print(f"rayproof: {error}", file=sys.stderr, flush=True)
        os._exit(2)
