"""The types of providers as the reader of `reconciler.yaml` sees them. `providers.registry` implements this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.traits import Traits
from reconciler.core.value import value


@value
class SettingProblem:
    """An error in one setting of a provider. `setting` is its name below `providers.NAME`."""

    setting: str
    fact: str
    hint: str = ""


@value
class UnusableType:
    """Why a type of provider cannot be used: it is unknown, or (`broken`) its plug-in does not load."""

    fact: str
    hint: str = ""
    broken: bool = False


class ProviderType(Protocol):
    """One type of provider, built in or of a plug-in."""

    @property
    def type(self) -> str:
        """The name, as in `type:` of `reconciler.yaml`."""
        ...

    @property
    def traits(self) -> Traits:
        """What may be assumed of it."""
        ...

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Environment variables that hold nothing but a key for it; the first is the default."""
        ...

    @property
    def concurrency(self) -> int:
        """The default number of requests at a time."""
        ...

    def problems(self, settings: ProviderSettings) -> tuple[SettingProblem, ...]:
        """Errors in the settings of one provider of this type."""
        ...


class ProviderTypes(Protocol):
    """All types of providers."""

    @property
    def built_in(self) -> Mapping[str, ProviderType]:
        """The types that come with this package, by name."""
        ...

    def find(self, type_: str) -> ProviderType | UnusableType:
        """A type by name. Looks among the installed distributions only if it is not built in."""
        ...
