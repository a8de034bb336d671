"""The Python API: `from reconciler import Project`. Importing it loads nothing; its methods load what they need."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal
    from pathlib import Path
    from types import ModuleType

    from reconciler.project.api_results import ApplyResult, AssetState, CheckResult, DeriveResult, PlanResult


def _calls() -> ModuleType:
    from reconciler.project import api_calls  # noqa: PLC0415 - importing the API must take no time

    return api_calls


class OpenedProject:
    """A project on the disk. Each method reads it as it is then; nothing is kept between two calls.

    Errors are subclasses of `reconciler.core.errors.ReconcilerError`.
    """

    __slots__ = ("_environ", "_root")

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._root = root
        self._environ = environ

    @classmethod
    def open(cls, path: str | Path = ".", *, environ: Mapping[str, str] | None = None) -> OpenedProject:
        """The project at or above `path`. `environ` has the keys of providers; the default is that of the process."""
        known = dict(os.environ) if environ is None else environ
        return cls(_calls().project_root(path, known), known)

    @property
    def root(self) -> Path:
        """The folder with reconciler.yaml."""
        return self._root

    @property
    def assets(self) -> tuple[AssetState, ...]:
        """Every asset with its output and its state, by id."""
        found: tuple[AssetState, ...] = _calls().assets(self._root, self._environ)
        return found

    def plan(self, *ids: str, exclude: tuple[str, ...] = ()) -> PlanResult:
        """The steps of an apply. `ids` are ids, globs, `tag:NAME`, spec files, folders or outputs; none is all."""
        found: PlanResult = _calls().planned(self._root, self._environ, ids, exclude)
        return found

    def check(self, *ids: str, strict: bool = False) -> CheckResult:
        """Whether everything is up to date. `strict` hashes every file again."""
        found: CheckResult = _calls().checked(self._root, self._environ, ids, strict=strict)
        return found

    def derive(self, *ids: str) -> DeriveResult:
        """Make the derived files that are missing or changed. Costs nothing."""
        found: DeriveResult = _calls().derived(self._root, self._environ, ids)
        return found

    def apply(self, *ids: str, budget: Decimal | str | int, consent: Callable[[PlanResult], bool]) -> ApplyResult:
        """Generate the images that are missing or changed, for at most `budget` in the currency of the project.

        `consent` gets the plan before anything is sent; if it does not return True, nothing is done and ConsentNeeded
        is raised. It is not called if there is nothing to do.
        """
        found: ApplyResult = _calls().applied(self._root, self._environ, ids, budget=budget, consent=consent)
        return found

    def __repr__(self) -> str:
        return f"Project.open({str(self._root)!r})"
