"""Which files are derived from which assets: the rules and bundles held against the specs. Pure; every problem found.

Nothing here is part of a recipe, and nothing of it can make an asset stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.core.derived.bundles import AtlasBundle, Bundle, IconsBundle, ManifestBundle, read_bundles
from reconciler.core.derived.key import FileKeys, FileRecipe
from reconciler.core.derived.operations import Operation, Slice
from reconciler.core.derived.rules import EXTENSIONS, Rule, read_rules
from reconciler.core.derived.template import ANY_KEY
from reconciler.core.digest import AssetId
from reconciler.core.errors import MAX_PROBLEMS, Problem
from reconciler.core.plan.selection import Selectable, matching, selectable_spec
from reconciler.core.specs.document import Document
from reconciler.core.specs.paths import BadPath, in_folder, project_path, suffix_format
from reconciler.core.specs.settings import Settings
from reconciler.core.specs.spec import Spec
from reconciler.core.value import field, value

FILES_PER_ASSET = 20
"""The most derived files of a project, for each asset that it may have."""
MATCHES = 2_000_000
"""The most patterns of all bundles, each counted once for every asset that it may select."""
_NO_RULES = "rules are written in _derive.yaml at the top of the specs"


@value
class DerivedWant:
    """One file that a rule makes of an asset. `path` has `${key8}` as zeros where `values` are given: the template is
    filled in when the key is known."""

    path: str
    keys: FileKeys = field(compare=False, repr=False)
    values: Mapping[str, str] | None = None


@value
class AssetSet:
    """The files of one asset and one rule."""

    asset: AssetId
    rule: Rule
    wants: tuple[DerivedWant, ...]

    @property
    def name(self) -> str:
        """The name of its block in derived.lock."""
        return f"{self.asset}~{self.rule.name}"

    @property
    def commit(self) -> bool:
        return self.rule.commit


@value
class Member:
    """One asset of a bundle. `operations` are those of a sprite; `name` is its key in the data files of an atlas."""

    asset: AssetId
    name: str
    operations: tuple[Operation, ...] = ()
    borders: Slice | None = None
    alt: str | None = None


@value
class BundleSet:
    """The files of one bundle at one density. Which they are is known when they are made. `formats` are those of the
    rule whose files a manifest lists, the fallback last."""

    bundle: Bundle
    members: tuple[Member, ...]
    density: int = 1
    formats: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its block in derived.lock."""
        return self.bundle.name if self.density == 1 else f"{self.bundle.name}@{self.density}x"

    @property
    def commit(self) -> bool:
        return self.bundle.commit

    @property
    def stem(self) -> str:
        """The path of the first page of an atlas, without its suffix."""
        assert isinstance(self.bundle.what, AtlasBundle)
        return self.bundle.what.stem if self.density == 1 else f"{self.bundle.what.stem}@{self.density}x"


DerivedSet = AssetSet | BundleSet


@value
class Derivation:
    """All sets of a project: those of assets in the order of ids, then the bundles. `rules` are all rules by name."""

    sets: tuple[DerivedSet, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict, repr=False)

    def asset_sets(self) -> Iterator[AssetSet]:
        return (each for each in self.sets if isinstance(each, AssetSet))


NOTHING = Derivation()


@value
class Derived:
    """What is derived, and every problem with it."""

    derivation: Derivation
    problems: tuple[Problem, ...] = ()


def derivation(
    settings: Settings,
    specs: Mapping[AssetId, Spec],
    rules_document: Document | None,
    bundles_document: Document | None,
    *,
    partial: bool = False,
) -> Derived:
    """Everything that is derived. `partial`: some assets have problems, and are missing here."""
    rules, wrong = read_rules(rules_document) if rules_document is not None else ({}, ())
    problems = list(wrong)
    known = rules if not wrong else dict.fromkeys(_names(rules_document))
    sets: list[DerivedSet] = []
    room = FILES_PER_ASSET * settings.asset_limit
    reader = _SetReader(settings, rules, known, rules_document)
    for spec in specs.values():
        if spec.derived is None or not spec.derived.rules:
            continue
        if len(problems) >= MAX_PROBLEMS:
            break
        for each in reader.sets(spec):
            room -= len(each.wants)
            sets.append(each)
        if room < 0:
            problems.append(_too_many(spec, FILES_PER_ASSET * settings.asset_limit))
            break
    problems += reader.problems
    if bundles_document is not None:
        bundles, wrong = read_bundles(bundles_document, specs=settings.specs)
        problems += wrong
        assets = [selectable_spec(spec) for spec in specs.values()]
        matches = 0
        for bundle in () if partial and problems else bundles.values():
            matches += len(bundle.what.patterns) * len(assets)
            if matches > MATCHES:
                fact = "the patterns of all bundles take too long to match"
                problems.append(bundles_document.problem(bundle.path("from"), fact, "select by tag:NAME"))
                break
            members = _BundleReader(bundle, bundles_document, specs, assets, rules=rules, known=known, partial=partial)
            sets += members.sets()
            problems += members.problems
    return Derived(Derivation(tuple(sets), rules), tuple(problems[:MAX_PROBLEMS]))


def _names(document: Document | None) -> Iterable[str]:
    return document.value if document is not None and isinstance(document.value, dict) else ()


def _too_many(spec: Spec, most: int) -> Problem:
    origin = spec.origins["derive"][-1]
    hint = "derive fewer, or raise limits: {assets: …} in reconciler.yaml"
    return origin.document.problem(origin.path, f"with this asset more than {most:,} files are derived", hint)


class _SetReader:
    """Reads the sets of assets. The operations of a rule are shared by all assets with one focus."""

    def __init__(
        self,
        settings: Settings,
        rules: Mapping[str, Rule],
        known: Mapping[str, object],
        document: Document | None,
    ) -> None:
        self.problems: list[Problem] = []
        self._settings = settings
        self._rules = rules
        self._known = known
        self._document = document
        self._recipes: dict[tuple[str, tuple[int, int] | None], list[tuple[dict[str, str], FileKeys]]] = {}
        self._told: set[str] = set()

    def sets(self, spec: Spec) -> Iterator[AssetSet]:
        assert spec.derived is not None
        for name in spec.derived.rules:
            rule = self._rules.get(name)
            if rule is None:
                if name not in self._known:
                    self._unknown(spec, name)
            elif rule.output is None:
                self._report(spec, name, f"the rule {name} has no output", "write output: in the rule")
            else:
                wants = tuple(self._wants(spec, rule))
                if wants:
                    yield AssetSet(spec.id, rule, wants)

    def _wants(self, spec: Spec, rule: Rule) -> Iterator[DerivedWant]:
        assert rule.output is not None
        assert spec.derived is not None
        flat = spec.id.replace("#", "/")
        names = {"id": flat, "name": flat.rpartition("/")[2], "rule": rule.name, "key8": ANY_KEY}
        later = rule.output.uses("key8")
        for values, keys in self._files(rule, spec.derived.focus):
            filled = names | values
            path = rule.output.filled(filled)
            if not self._fits(spec, rule, path, values["format"]):
                return
            yield DerivedWant(path, keys, filled if later else None)

    def _files(self, rule: Rule, focus: tuple[int, int] | None) -> list[tuple[dict[str, str], FileKeys]]:
        known = self._recipes.get((rule.name, focus))
        if known is None:
            known = self._recipes[rule.name, focus] = [
                (
                    {
                        "width": str(variant.width),
                        "at": "" if variant.density == 1 else f"@{variant.density}x",
                        "density": str(variant.density),
                        "format": encoding.format,
                        "ext": EXTENSIONS[encoding.format],
                    },
                    FileKeys(FileRecipe(rule.focused(variant, focus), encoding)),
                )
                for variant in rule.variants
                for encoding in rule.encodings
            ]
        return known

    def _fits(self, spec: Spec, rule: Rule, path: str, format_: str) -> bool:
        """Whether a file may be made there. A wrong rule is reported once, with the first asset."""
        if rule.name in self._told:
            return False
        found = project_path(path)
        if isinstance(found, BadPath):
            self._wrong_output(spec, rule, found.fact, found.hint)
        elif found != path:
            self._wrong_output(spec, rule, f'"{path}" is not in normal form', f'write "{found}"')
        elif in_folder(path, self._settings.specs):
            self._wrong_output(spec, rule, f'"{path}" lies in the folder of the specs', "choose another folder")
        elif suffix_format(path) != format_:
            self._wrong_output(spec, rule, f'"{path}" is not named as {format_}', "end it in .${ext}")
        return rule.name not in self._told

    def _wrong_output(self, spec: Spec, rule: Rule, fact: str, hint: str) -> None:
        self._told.add(rule.name)
        assert self._document is not None
        problem = self._document.problem((rule.name, "output"), f"{fact} (for {spec.id})", hint)
        self.problems.append(problem)

    def _unknown(self, spec: Spec, name: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            origin = spec.origins["derive"][-1]
            path = (*origin.path, _index(origin.value, name))
            fact = f'no rule is called "{name}"'
            self.problems.append(origin.document.unknown(path, fact, name, tuple(self._known), _NO_RULES))

    def _report(self, spec: Spec, name: str, fact: str, hint: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            origin = spec.origins["derive"][-1]
            self.problems.append(origin.document.problem((*origin.path, _index(origin.value, name)), fact, hint))


def _index(written: object, name: str) -> int:
    return written.index(name) if isinstance(written, list) and name in written else 0


class _BundleReader:
    """Reads the members of one bundle."""

    def __init__(
        self,
        bundle: Bundle,
        document: Document,
        specs: Mapping[AssetId, Spec],
        assets: list[Selectable],
        *,
        rules: Mapping[str, Rule],
        known: Mapping[str, object],
        partial: bool,
    ) -> None:
        self.problems: list[Problem] = []
        self._bundle = bundle
        self._document = document
        self._specs = specs
        self._assets = assets
        self._rules = rules
        self._known = known
        self._partial = partial

    def sets(self) -> Iterator[BundleSet]:
        chosen = self._chosen()
        match self._bundle.what:
            case AtlasBundle() as atlas:
                yield from self._atlas(atlas, chosen)
            case IconsBundle():
                if len(chosen) > 1:
                    self._report("from", f"selects {len(chosen)} assets, and icons are made of one", "write its id")
                yield from (BundleSet(self._bundle, (Member(one, one),)) for one in chosen[:1])
            case ManifestBundle() as manifest:
                yield from self._manifest(manifest, chosen)

    def _chosen(self) -> list[AssetId]:
        found: dict[AssetId, None] = {}
        for index, pattern in enumerate(self._bundle.what.patterns):
            matched = matching(pattern, self._assets)
            if not matched and not self._partial:
                path = self._bundle.path("from") if len(self._bundle.what.patterns) == 1 else (
                    self._bundle.path("from", index)
                )  # fmt: skip
                ids = tuple(one.asset for one in self._assets)
                self.problems.append(self._document.unknown(path, f'"{pattern}" selects no asset', pattern, ids))
            found |= dict.fromkeys(sorted(matched))
        return sorted(found)

    def _rule(self, name: str) -> Rule | None:
        rule = self._rules.get(name)
        if rule is None and name not in self._known:
            path = self._bundle.path("use")
            fact = f'no rule is called "{name}"'
            self.problems.append(self._document.unknown(path, fact, name, tuple(self._known), _NO_RULES))
        return rule

    def _atlas(self, atlas: AtlasBundle, chosen: list[AssetId]) -> Iterator[BundleSet]:
        rule = self._rule(atlas.use) if atlas.use else Rule("", (), (), None)
        if rule is None:
            return
        if any(variant.width for variant in rule.variants):
            hint = "sprites have densities: write size: and densities: in the rule"
            self._report("use", f"the rule {rule.name} has widths, and an atlas has none", hint)
            return
        names: dict[str, AssetId] = {}
        for asset in chosen:
            name = _sprite_name(asset)
            if names.setdefault(name, asset) != asset:
                fact = f'"{name}" would be the name of two sprites, {names[name]} and {asset}'
                self._report("from", fact, "rename one of the assets, or leave it out")
        if self.problems:
            return
        for density, variant in {each.density: each for each in rule.variants}.items() or [(1, None)]:
            members = []
            for asset in chosen:
                derived = self._specs[asset].derived
                focus = derived.focus if derived is not None else None
                borders = derived.borders if derived is not None else None
                scaled = Slice(*(side * density for side in borders)) if borders is not None else None
                operations = rule.focused(variant, focus) if variant is not None else ()
                members.append(Member(asset, _sprite_name(asset), operations, scaled))
            yield BundleSet(self._bundle, tuple(members), density)

    def _manifest(self, manifest: ManifestBundle, chosen: list[AssetId]) -> Iterator[BundleSet]:
        rule = self._rule(manifest.use)
        if rule is None:
            return
        members = []
        for asset in chosen:
            derived = self._specs[asset].derived
            if derived is None or rule.name not in derived.rules:
                fact = f"{asset} does not derive {rule.name}, whose files are listed"
                self._report("from", fact, f"write derive: [{rule.name}] in it, or leave it out")
                continue
            if manifest.require_alt and derived.alt is None:
                place = self._specs[asset].place("")
                fact = f"{asset} has no alt, and the manifest {self._bundle.name} requires one"
                hint = 'describe the image, or write alt: "" for decoration'
                self.problems.append(Problem(place, "alt", fact, hint, asset=asset))
            members.append(Member(asset, asset, alt=derived.alt))
        if not self.problems:
            formats = tuple(one.format for one in rule.encodings)
            yield BundleSet(self._bundle, tuple(members), formats=formats)

    def _report(self, name: str, fact: str, hint: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(self._document.problem(self._bundle.path(name), fact, hint))


def _sprite_name(asset: AssetId) -> str:
    """The key of a sprite in the data files: the last part of its id."""
    return asset.replace("#", "/").rpartition("/")[2]
