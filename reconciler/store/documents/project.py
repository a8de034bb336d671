"""Find the project and read `reconciler.yaml` into Settings, and the lockfile into a Lock."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from reconciler.core.cautions import Caution
from reconciler.core.digest import Json
from reconciler.core.errors import DiskError, InvalidInput, LockfileError, Place, Problem, ProjectError
from reconciler.core.lock.lockfile import Lock
from reconciler.core.lock.lockfile import loads as loads_lock
from reconciler.core.lock.parts import joined_parts
from reconciler.core.money.cost import CURRENCY
from reconciler.core.provenance.settings import ProvenanceSettings
from reconciler.core.provider_types import ProviderType, ProviderTypes, UnusableType
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.specs.document import Document
from reconciler.core.specs.paths import BadPath, in_folder, project_path
from reconciler.core.specs.settings import (
    ASSETS_VARIABLE,
    MAX_ASSETS,
    Budget,
    Cascade,
    ProviderSettings,
    Settings,
    Timeouts,
)
from reconciler.core.suggest import did_you_mean
from reconciler.core.value import replace, value
from reconciler.store import disk
from reconciler.store.documents.lock_parts import LONGEST_HEADER, all_parts, is_header, unpacked_parts
from reconciler.store.documents.specs import checked_document, read_document
from reconciler.store.index.index import Index
from reconciler.store.worktree.lfs_pointer import LFS_POINTER_LIMIT, lfs_oid
from reconciler.store.yaml.source import BYTE_ORDER_MARK

if TYPE_CHECKING:  # few projects have a team
    from reconciler.core.team.settings import TeamSettings

PROJECT_FILE = "reconciler.yaml"
_OTHER_NAMES = ("reconciler.yml", "reconciler.YAML", "Reconciler.yaml", "reconciler.json")
LOCK_FILE = "assets.lock"
DERIVED_LOCK = "derived.lock"
_NO_SETTINGS: Mapping[str, Any] = {}
LOCK_BYTES = 1_400
"""Bytes of the lockfile for each asset that a project may have: twice as many as an entry has."""


@value
class Project:
    """The root of the project, and its settings."""

    root: Path
    settings: Settings
    document: Document
    cautions: tuple[Caution, ...] = ()

    @property
    def names_specs(self) -> bool:
        """Whether the file says where the specs are; a project that has just begun need not have any."""
        return isinstance(self.document.value, Mapping) and "specs" in self.document.value


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` with a reconciler.yaml."""
    folder = Path(os.path.abspath(start))
    if not folder.is_dir():
        raise ProjectError(f"{start} is not a folder" if folder.exists() else f"there is no folder {start}")
    for candidate in (folder, *folder.parents):
        if (candidate / PROJECT_FILE).is_file():
            return candidate
    hint = next((hint for folder in (folder, *folder.parents) if (hint := _other_name(folder))), "")
    raise ProjectError(f"no {PROJECT_FILE} in {folder} or above it", hint=hint or "`reconciler init` writes one")


def _other_name(folder: Path) -> str:
    """A hint if there is a project file under a name that is not read."""
    other = next((name for name in _OTHER_NAMES if (folder / name).is_file()), "")
    return f"rename {folder / other} to {PROJECT_FILE}" if other else ""


def read_project(root: Path, index: Index, types: ProviderTypes) -> Project:
    """The project at `root`; InvalidInput with every error in its file. `types` are those that a provider can have."""
    document, settings = _checked(read_document(root, PROJECT_FILE, "project", index), types)
    return Project(root, settings, document, _second_file(root, index))


def parse_project(root: Path, data: bytes, types: ProviderTypes) -> Project:
    """The project file of another version, from its bytes."""
    document, settings = _checked(checked_document(PROJECT_FILE, "project", data), types)
    return Project(root, settings, document)


def _checked(read: tuple[Document | None, tuple[Problem, ...]], types: ProviderTypes) -> tuple[Document, Settings]:
    document, problems = read
    if document is None or problems:
        raise InvalidInput((*problems, *(_unusable_types(document, types) if document is not None else ())))
    settings, wrong = _settings(document, types)
    if wrong:
        raise InvalidInput(tuple(wrong))
    return document, settings


def _second_file(root: Path, index: Index) -> tuple[Caution, ...]:
    """A caution if the project file has a namesake with the other suffix."""
    name = _OTHER_NAMES[0]
    try:
        seen = os.stat(root / name)
    except OSError:
        seen = None
    index.note_stat(name, seen)
    if seen is None:
        return ()
    return (Caution(f"is not read, since the project file is {PROJECT_FILE}", place=Place(name), hint="delete one"),)


def specs_folder_problem(project: Project) -> Problem | None:
    """The problem of a missing or unreadable specs folder: without it every asset would count as deleted."""
    name = project.settings.specs
    hint = "correct specs: in reconciler.yaml, or make the folder"
    try:
        if stat.S_ISDIR(os.stat(project.root / name).st_mode):
            return None
        fact = f'"{name}" is not a folder'
    except (FileNotFoundError, NotADirectoryError):
        fact = f'there is no folder "{name}"'
    except OSError as error:
        fact, hint = f'"{name}" cannot be read: {(error.strerror or "").lower()}', "check its permissions"
    return project.document.problem(("specs",), fact, hint)


def read_lock(root: Path, *, most: int = LOCK_BYTES * MAX_ASSETS) -> Lock:
    """`assets.lock`, or an empty lock where there is none yet. Both sides of a git conflict are read."""
    try:
        return parse_lock(root, lock_bytes(root, most=most))
    except DiskError as error:
        raise LockfileError(error.fact, hint=error.hint) from error


def lock_bytes(root: Path, *, most: int = LOCK_BYTES * MAX_ASSETS) -> bytes | None:
    """`assets.lock` as it is, with its parts if it has any; None: there is none yet. DiskError for what cannot be a
    lockfile of ours."""
    try:
        hint = f"if it is right, raise the environment variable {ASSETS_VARIABLE} (now it fits {most // LOCK_BYTES:,})"
        data = disk.plain_bytes(root / LOCK_FILE, most=most, hint=hint)
    except FileNotFoundError:
        return None
    return all_parts(root, most=most) if is_header(data) else data


def lock_digest(root: Path, *, most: int) -> bytes:
    """The digest of `lock_bytes`; `digest_of(None)`: there is none. A lockfile without parts is read in pieces."""
    with suppress(FileNotFoundError), disk.open_plain(root / LOCK_FILE) as stream:
        if os.fstat(stream.fileno()).st_size > LONGEST_HEADER:
            return hashlib.file_digest(stream, "sha256").digest()
    return digest_of(lock_bytes(root, most=most))


def digest_of(data: bytes | None) -> bytes:
    """The digest of the bytes of a lockfile."""
    return b"" if data is None else hashlib.sha256(data).digest()


def parse_lock(root: Path, data: bytes | None, *, file: str = LOCK_FILE) -> Lock:
    """What these bytes of a lockfile say; None: there is none yet. `file` names it in errors."""
    if data is None:
        return Lock()
    if (parts := unpacked_parts(data)) is not None:
        return joined_parts(
            {path: _parsed_lock(root, text, path) for path, text in parts.items()},
            lambda path: content_on_disk(root, path),
        )
    if is_header(data):
        raise LockfileError(f"{LOCK_FILE} is in parts, one for each spec, and only its header is here")
    return _parsed_lock(root, data, file)


def _parsed_lock(root: Path, data: bytes, file: str) -> Lock:
    try:
        text = data.removeprefix(BYTE_ORDER_MARK).decode("utf-8").replace("\r\n", "\n")  # editors and git on Windows
    except UnicodeDecodeError as error:
        raise LockfileError(f"{file} is not UTF-8 text", hint="restore it from git") from error
    return loads_lock(text, file=file, content_of=lambda output: content_on_disk(root, output))


def content_on_disk(root: Path, output: str) -> Any:
    """The content of an output; that of the image if the file is a Git LFS pointer to it."""
    path = root / output
    try:
        small = path.lstat().st_size <= LFS_POINTER_LIMIT
        pointed = lfs_oid(disk.plain_bytes(path, most=LFS_POINTER_LIMIT)) if small else None
        return pointed or disk.plain_hash(path)
    except (DiskError, OSError, ValueError):
        return None


def _settings(document: Document, types: ProviderTypes) -> tuple[Settings, list[Problem]]:
    body = cast(Mapping[str, Any], document.value)
    problems: list[Problem] = []
    folders = {}
    for name, default in (("specs", "specs"), ("outputs", "assets")):
        path = project_path(str(body.get(name, default)))
        if isinstance(path, BadPath):
            problems.append(document.problem((name,), path.fact, path.hint))
        folders[name] = path if isinstance(path, str) else default
    if in_folder(folders["outputs"], folders["specs"]) and not problems:
        fact = f'"{folders["outputs"]}" lies in the folder of the specs'
        problems.append(document.problem(("outputs",), fact, "keep pictures in a folder of their own"))
    providers = _providers(document, types, problems)
    chosen = str(body.get("provider", "draft"))
    if chosen not in providers and chosen not in _configured(document):
        found = types.find(chosen)
        if not isinstance(found, UnusableType):
            providers[chosen] = configured(chosen, found)
            for wrong in found.problems(providers[chosen]):
                fact = f"providers.{chosen}.{wrong.setting} {wrong.fact}"
                problems.append(document.problem(("provider",), fact, wrong.hint))
        elif found.broken:
            problems.append(document.problem(("provider",), found.fact, found.hint))
        else:
            fact = f'no provider is called "{chosen}"'
            problems.append(document.problem(("provider",), fact, did_you_mean(chosen, providers)))
    return Settings(
        specs=folders["specs"],
        outputs=folders["outputs"],
        provider=chosen,
        defaults=cast(Mapping[str, Json], body.get("defaults", {})),
        providers=providers,
        models=cast(Mapping[str, Json], body.get("models", {})),
        budget=_budget(document, cast(Mapping[str, Any], body.get("budget", {})), problems),
        cascade=Cascade(body.get("cascade", "ask")),
        asset_limit=int(body.get("limits", {}).get("assets", 10_000)),
        review=_review(document, problems),
        provenance=_provenance(document, problems),
        team=_team(document, problems),
    ), problems


def _review(document: Document, problems: list[Problem]) -> ReviewRules:
    """The rules under `review:`. Appends to `problems`."""
    if not isinstance(document.value, Mapping) or "review" not in document.value:
        return ReviewRules()
    from reconciler.store.documents.review_rules import review_rules  # noqa: PLC0415 - few projects have the field

    rules, wrong = review_rules(document)
    problems += wrong
    return rules


def _provenance(document: Document, problems: list[Problem]) -> ProvenanceSettings:
    """The settings under `provenance:`. Appends to `problems`."""
    if not isinstance(document.value, Mapping) or "provenance" not in document.value:
        return ProvenanceSettings()
    from reconciler.store.documents.provenance_settings import (  # noqa: PLC0415 - few projects have the field
        provenance_settings,
    )

    settings, wrong = provenance_settings(document)
    problems += wrong
    return settings


def _team(document: Document, problems: list[Problem]) -> TeamSettings | None:
    """The settings under `team:`. Appends to `problems`."""
    if not isinstance(document.value, Mapping) or "team" not in document.value:
        return None
    from reconciler.store.documents.team_settings import team_settings  # noqa: PLC0415 - few projects have the field

    settings, wrong = team_settings(document)
    problems += wrong
    return settings


def default_providers(types: ProviderTypes) -> dict[str, ProviderSettings]:
    """The providers of a project that configures none: each built-in type that needs no settings, under its name."""
    made = {name: (configured(name, type_), type_) for name, type_ in types.built_in.items()}
    return {name: settings for name, (settings, type_) in made.items() if not type_.problems(settings)}


def _providers(document: Document, types: ProviderTypes, problems: list[Problem]) -> dict[str, ProviderSettings]:
    """The providers by name, those that are built in among them. Appends to `problems`."""
    providers = default_providers(types)
    problems += _unusable_types(document, types)
    for name, given in _configured(document).items():
        if name in types.built_in and given.get("type", name) != name:  # `draft` must never be one that asks for money
            fact = f'"{name}" is the provider that is built in under this name'
            problems.append(document.problem(("providers", name, "type"), fact, "give it another name"))
            continue
        type_ = types.find(given.get("type", name))
        if isinstance(type_, UnusableType):
            continue
        settings = configured(name, type_, given)
        for wrong in type_.problems(settings):
            problems.append(document.problem(("providers", name, wrong.setting), wrong.fact, wrong.hint))
        providers[name] = settings
    if any(one.worker for one in providers.values()):
        from reconciler.store.documents.pools import join_pools  # noqa: PLC0415 - few projects have a pool

        problems += join_pools(document, providers)
    return providers


def _unusable_types(document: Document, types: ProviderTypes) -> Iterator[Problem]:
    """Configured providers whose type is missing or cannot be used. The schema may not have been checked."""
    for name, given in _configured(document).items():
        type_ = given.get("type", name)
        found = types.find(type_) if isinstance(type_, str) else None
        if not isinstance(found, UnusableType):
            continue
        if "type" in given or found.broken:
            path = ("providers", name, "type") if "type" in given else ("providers", name)
            yield document.problem(path, found.fact, found.hint)
        else:
            hint = "write type: openai for a server that speaks OpenAI's API, or gravitex, gemini, draft"
            yield document.problem(("providers", name), "has no type", hint)


def _configured(document: Document) -> dict[str, Mapping[str, Any]]:
    """The mappings under `providers:`."""
    body = document.value if isinstance(document.value, Mapping) else {}
    given = body.get("providers", {})
    if not isinstance(given, Mapping):
        return {}
    return {str(name): each for name, each in given.items() if isinstance(each, Mapping)}


def configured(name: str, type_: ProviderType, given: Mapping[str, Any] = _NO_SETTINGS) -> ProviderSettings:
    """A provider of this type under this name, with the settings given under `providers:`; all others by default."""
    base = ProviderSettings(name, type_.type, concurrency=type_.concurrency)
    charges, deterministic = bool(given.get("charges", False)), bool(given.get("deterministic", False))
    traits = replace(type_.traits, deterministic=True) if deterministic else type_.traits
    home_key = next(iter(type_.key_variables), "") if not given.get("base_url") else ""
    return ProviderSettings(
        name,
        type_.type,
        base_url=str(given.get("base_url", "")).rstrip("/"),
        api_key_env=str(given.get("api_key_env", home_key)),
        concurrency=int(given.get("actors", given.get("concurrency", base.concurrency))),
        requests_per_minute=int(given.get("requests_per_minute", base.requests_per_minute)),
        reference_encoding=str(given.get("reference_encoding", base.reference_encoding)),
        endpoint=str(given.get("endpoint", "")),
        timeouts=Timeouts(**{key: float(value) for key, value in given.get("timeouts", {}).items()}),
        body_limit=int(given.get("body_limit_mib", 64)) * 1024 * 1024,
        trust_env=bool(given.get("trust_env", False)),
        command=tuple(given.get("command", ())),
        worker=str(given.get("worker", "")),
        address=str(given.get("address", "")),
        resources={str(key): float(value) for key, value in given.get("resources", {}).items()},
        charges=charges,
        deterministic=deterministic,
        batch_size=int(given.get("batch_size", base.batch_size)),
        traits=replace(traits, free=False, local=False) if charges else traits,
    )


def _budget(document: Document, given: Mapping[str, Any], problems: list[Problem]) -> Budget:
    amounts: dict[str, Decimal | None] = {}
    for name in ("per_run", "per_asset", "total", "per_month"):
        amounts[name] = None
        if name in given:
            amounts[name] = _amount(given[name])
            if amounts[name] is None:
                problems.append(document.problem(("budget", name), f'"{given[name]}" is not an amount', "write 5.00"))
    currency = str(given.get("currency", "USD"))
    if CURRENCY.fullmatch(currency) is None:
        problems.append(document.problem(("budget", "currency"), "is not three capital letters", "write USD"))
    return Budget(
        amounts["per_run"],
        amounts["per_asset"],
        given.get("images"),
        currency,
        total=amounts["total"],
        per_month=amounts["per_month"],
    )


def _amount(given: object) -> Decimal | None:
    """An amount of money that can be a limit; None for anything else."""
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < 10**12 else None
