"""Check all assets together: references, cycles and colliding outputs; and sort them into working order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from unicodedata import normalize

from reconciler.core.digest import AssetId
from reconciler.core.errors import Problem, first_problems, unknown_name
from reconciler.core.specs.paths import same_file_key
from reconciler.core.specs.spec import AssetReference, FileReference, Spec
from reconciler.core.suggest import differ_in_form

_SHOWN = 12
"""The most assets of a cycle that its problem names."""


def whole_problems(
    specs: Mapping[AssetId, Spec], broken: Iterable[str] = (), *, partial: bool = False
) -> tuple[Problem, ...]:
    """Unknown references, cycles and colliding outputs.

    `broken` are the ids of files that could not be read. If an asset is missing because of a problem of its
    own (`partial`), a reference into an existing file is not reported.
    """
    files = {identity.partition("#")[0] for identity in specs} | set(broken) if partial else ()
    tied = [identity for identity, spec in specs.items() if spec.upstreams()]
    unknown = (problem for up, problem in _unknown(specs, tied, set(broken)) if up.partition("#")[0] not in files)
    return tuple(first_problems(itertools.chain(unknown, _cycles(specs, tied), _collisions(specs))))


def work_order(specs: Mapping[AssetId, Spec]) -> tuple[AssetId, ...]:
    """Every asset after all its upstreams, otherwise by id. The graph must have no cycle."""
    if not any(spec.references or spec.turns or spec.mask for spec in specs.values()):
        return tuple(specs)
    done: dict[AssetId, None] = {}
    for start in specs:
        stack = [start]
        while stack:
            current = stack[-1]
            waiting = [up for up in specs[current].upstreams() if up not in done and up in specs]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            done[current] = None
            stack.pop()
    return tuple(done)


def _unknown(
    specs: Mapping[AssetId, Spec], tied: Iterable[AssetId], broken: set[str]
) -> Iterable[tuple[AssetId, Problem]]:
    names = {*specs, *broken}
    for identity in tied:
        for up in specs[identity].upstreams():
            if up not in specs:
                problem = specs[identity].picture_problem(AssetReference(up), f'no asset is called "{up}"')
                yield up, unknown_name(problem, up, names)


def _cycles(specs: Mapping[AssetId, Spec], tied: Iterable[AssetId]) -> Iterable[Problem]:
    """One problem for each cycle, at the asset of its lowest id, with the whole path."""
    finished: set[AssetId] = set()
    for start in tied:
        trail: list[AssetId] = []
        on_trail: set[AssetId] = set()
        stack: list[tuple[AssetId, bool]] = [(start, True)]
        while stack:
            current, entering = stack.pop()
            if not entering:
                trail.pop()
                on_trail.discard(current)
                finished.add(current)
            elif current in on_trail:
                cycle = trail[trail.index(current) :]
                first = min(range(len(cycle)), key=lambda at: cycle[at])
                path = _listed([*cycle[first:], *cycle[:first], cycle[first]])
                after = AssetReference(cycle[(first + 1) % len(cycle)])
                fact = f"assets refer to each other in a cycle: {path}"
                yield specs[cycle[first]].picture_problem(after, fact, "remove one of these references")
            elif current not in finished:
                trail.append(current)
                on_trail.add(current)
                stack.append((current, False))
                stack.extend((up, True) for up in reversed(specs[current].upstreams()) if up in specs)


def _listed(cycle: list[AssetId]) -> str:
    """The path of a cycle; the middle of a long one is left out."""
    shown = cycle if len(cycle) <= _SHOWN else [*cycle[: _SHOWN - 2], f"… {len(cycle) - _SHOWN + 1} more …", cycle[-1]]
    return " → ".join(shown)


def _folders(path: str) -> Iterator[str]:
    """Every folder above a path, the nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _same_looks(specs: Mapping[AssetId, Spec]) -> Iterable[Problem]:
    """Ids that look the same: many editors and file systems cannot tell the two files apart."""
    first: dict[str, Spec] = {}
    for identity, spec in specs.items():
        if not identity.isascii():
            other = first.setdefault(normalize("NFC", identity), spec)
            if other is not spec:
                fact = f'the id "{identity}" differs from that of {other.file} in its Unicode form only (NFC, NFD)'
                yield Problem(spec.place("id"), "", fact, "rename one of them")


def _collisions(specs: Mapping[AssetId, Spec]) -> Iterable[Problem]:
    first: dict[str, Spec] = {}
    for spec in specs.values():
        key = same_file_key(spec.output)
        other = first.setdefault(key, spec)
        if other is not spec:
            same = "" if other.output == spec.output else f' (as "{other.output}": some file systems see one file)'
            if differ_in_form(spec.output, other.output):
                same = " (the names differ in their Unicode form only, NFC and NFD: some file systems see one file)"
            fact = f'"{spec.output}" is also the output of {other.id}{same}'
            yield Problem(spec.place("output"), "output", fact, "give each asset an output of its own")
    yield from _same_looks(specs)
    above = {folder for key in first for folder in _folders(key)}
    for spec in specs.values() if not above.isdisjoint(first) else ():
        for folder in _folders(same_file_key(spec.output)):
            if folder in first:
                fact = f'"{spec.output}" lies below "{first[folder].output}", which is the output of {first[folder].id}'
                yield Problem(spec.place("output"), "output", fact, "give each asset an output of its own")
    inputs = {
        same_file_key(reference.path): spec
        for spec in specs.values()
        for reference in spec.pictures()
        if isinstance(reference, FileReference)
    }
    for key in inputs.keys() & first.keys():
        fact = f'"{first[key].output}" is a file that {inputs[key].id} refers to'
        hint = f"refer to it as {{asset: {first[key].id}}}, or choose another output"
        yield Problem(first[key].place("output"), "output", fact, hint)
