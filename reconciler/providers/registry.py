"""The types of providers: those that are built in, and those of other distributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from reconciler.core.errors import ProjectError
from reconciler.core.provider_types import UnusableType
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.suggest import nearest_word
from reconciler.core.text import one_line
from reconciler.providers.bfl import BFL
from reconciler.providers.comfyui.declaration import COMFYUI
from reconciler.providers.command.declaration import COMMAND_WORKER
from reconciler.providers.declaration import Declaration, Dialect, ProviderFactory
from reconciler.providers.draft.declaration import DRAFT
from reconciler.providers.fal import FAL
from reconciler.providers.gemini import GEMINI
from reconciler.providers.gravitex import GRAVITEX
from reconciler.providers.openai import OPENAI
from reconciler.providers.ray_pool.declaration import RAY
from reconciler.providers.replicate import REPLICATE

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "reconciler.providers"
"""The entry-point group of plug-ins: the name is the type, the object a Dialect or a ProviderFactory."""
_BUILT_IN: tuple[Declaration, ...] = (
    DRAFT,
    GRAVITEX,
    GEMINI,
    OPENAI,
    FAL,
    REPLICATE,
    BFL,
    COMMAND_WORKER,
    COMFYUI,
    RAY,
)
PLACEHOLDERS = DRAFT.type
"""The name of the built-in provider that draws placeholders."""


class Registry:
    """A core.provider_types.ProviderTypes. Plug-ins are found, and their modules imported, when first needed."""

    built_in: Mapping[str, Declaration]

    def __init__(self, built_in: tuple[Declaration, ...]) -> None:
        self.built_in = {each.type: each for each in built_in}
        self._loaded: dict[str, Declaration] = {}

    def find(self, type_: str) -> Declaration | UnusableType:
        """A type by name. The installed distributions are searched only if it is not built in."""
        known = self.built_in.get(type_) or self._loaded.get(type_)
        if known is not None:
            return known
        entries = _entry_points()
        named = [entry for entry in entries if entry.name == type_]
        if not named:
            names = (*self.built_in, *sorted({entry.name for entry in entries} - self.built_in.keys()))
            return UnusableType(
                f'"{one_line(type_)}" is not one of {", ".join(map(one_line, names))}', nearest_word(type_, names)
            )
        if len(named) > 1:
            owners = " and ".join(sorted(map(_owner, named)))
            return UnusableType(f'"{type_}" is a plug-in of {owners}', "uninstall all but one of them", broken=True)
        loaded = _load(named[0])
        if not isinstance(loaded, UnusableType):
            self._loaded[type_] = loaded
        return loaded

    def declared(self, settings: ProviderSettings) -> Declaration:
        """The type of a configured provider. ProjectError if it cannot be used any more."""
        found = self.find(settings.type)
        if isinstance(found, UnusableType):
            raise ProjectError(f"providers.{settings.name}.type: {found.fact}", hint=found.hint)
        return found

    def installed(self) -> Iterator[tuple[str, Declaration | UnusableType]]:
        """Every plug-in by the name of its type, in order. Imports them all."""
        for name in sorted({entry.name for entry in _entry_points()}):
            if name in self.built_in:
                yield name, UnusableType(f'"{name}" is built in and cannot be replaced by a plug-in', broken=True)
            else:
                yield name, self.find(name)


REGISTRY = Registry(_BUILT_IN)


def has_listed_models(settings: ProviderSettings) -> bool:
    """Whether the built-in table describes the models of a provider: those of built-in types at their own servers, but
    for those that run the models of anyone."""
    declared = REGISTRY.built_in.get(settings.type)
    return declared is not None and not settings.base_url and not (isinstance(declared, Dialect) and declared.jobs)


def _entry_points() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - for plug-ins only: it costs start-up time

    return tuple(entry_points(group=GROUP))


def _load(entry: EntryPoint) -> Declaration | UnusableType:
    where = f'the plug-in "{entry.name}" of {_owner(entry)}'
    hint = "upgrade or reinstall that distribution"
    try:
        found = entry.load()
    except Exception as error:  # noqa: BLE001 - a module of a stranger may raise anything when it is imported
        return UnusableType(
            f"{where} does not load: {one_line(f'{type(error).__name__}: {error}', 200)}", hint, broken=True
        )
    if not isinstance(found, Dialect | ProviderFactory):
        return UnusableType(
            f"{where} is a {type(found).__name__}, not a Dialect or a ProviderFactory", hint, broken=True
        )
    if found.type != entry.name:
        return UnusableType(f'{where} declares the type "{one_line(found.type)}"', hint, broken=True)
    return found


def _owner(entry: EntryPoint) -> str:
    """The distribution of an entry point, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
