"""The origin of images as JSON: our own document, and SPDX 3.0 with its AI profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.provenance.record import FileOrigin, ProvenanceFacts
from reconciler.report.formats import Printed, list_document
from reconciler.report.provenance.facts import origin_json, seen_json

_CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_NO_DATE = "1970-01-01T00:00:00Z"
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}


def provenance_json(facts: ProvenanceFacts) -> Printed:
    """One object for each file."""
    files = []
    for one in facts.files:
        seen = (facts.seen or {}).get(one.path)
        files.append(origin_json(one) | ({"seen": seen_json(seen)} if seen is not None else {}))
    return list_document({"provenance": 1}, "files", files)


def provenance_spdx(facts: ProvenanceFacts) -> Printed:
    """An SPDX document: a File for each image, an AIPackage for each model, and how they belong together.

    It is dated by the newest image, so that the same images give the same document.
    """
    return list_document({"@context": _CONTEXT}, "@graph", _elements(facts))


def _elements(facts: ProvenanceFacts) -> Iterator[dict[str, Any]]:
    dates = [one.made.at for one in facts.files if one.made is not None]
    creator = "urn:image-reconciler:agent"
    yield {
        "type": "CreationInfo",
        "@id": "_:creation",
        "specVersion": "3.0.1",
        "created": max((at for at in dates if _is_date(at)), default=_NO_DATE),
        "createdBy": [creator],
    }
    yield _element("SoftwareAgent", creator, "image-reconciler")
    files = {one.path: f"urn:sha256:{one.content.partition(':')[2]}:{number}" for number, one in enumerate(facts.files)}
    models = {one.model: "" for one in facts.files if one.model}
    models = {name: f"urn:image-reconciler:model:{number}" for number, name in enumerate(models)}
    for name, identity in models.items():
        yield _element("ai_AIPackage", identity, name) | {"software_primaryPurpose": "model"}
    yield from (_file(one, files[one.path]) for one in facts.files)
    relations = [*_relations(facts, files, models)]
    licences: dict[str, str] = {}
    for one in facts.files:
        if one.rights.license:
            licences.setdefault(one.rights.license, f"urn:image-reconciler:license:{len(licences)}")
    for text, identity in licences.items():
        yield _element("simplelicensing_SimpleLicensingText", identity, "") | {"simplelicensing_licenseText": text}
        covered = [files[one.path] for one in facts.files if one.rights.license == text]
        relations += [(start, "hasDeclaredLicense", identity) for start in covered]
    for number, (start, kind, end) in enumerate(relations):
        identity = f"urn:image-reconciler:relation:{number}"
        yield _element("Relationship", identity, "") | {"from": start, "relationshipType": kind, "to": [end]}
    yield _element("SpdxDocument", "urn:image-reconciler:document", "images") | {
        "profileConformance": ["core", "software", "ai", "simpleLicensing"],
        "rootElement": list(files.values()) or [creator],
    }


def _relations(facts: ProvenanceFacts, files: dict[str, str], models: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """A model generates its images, and an image is the ancestor of the files that are derived from it."""
    images = {one.assets[0]: files[one.path] for one in facts.files if not one.derived and one.assets}
    for one in facts.files:
        if not one.derived and one.model:
            yield models[one.model], "generates", files[one.path]
        for asset in one.assets if one.derived else ():
            if asset in images:
                yield images[asset], "ancestorOf", files[one.path]
        for used in one.used if not one.derived else ():
            if used.asset in images:
                yield images[used.asset], "ancestorOf", files[one.path]


def _file(one: FileOrigin, identity: str) -> dict[str, Any]:
    found = _element("software_File", identity, one.path) | {
        "software_primaryPurpose": "file",
        "verifiedUsing": [
            {"type": "Hash", "algorithm": "sha256", "hashValue": one.content.partition(":")[2]},
        ],
        "comment": f"digitalSourceType: {one.term}" if one.term else "not generated",
    }
    if one.path.rpartition(".")[2].lower() in _TYPES:
        found["contentType"] = _TYPES[one.path.rpartition(".")[2].lower()]
    if one.rights.credit:
        found["software_attributionText"] = [one.rights.credit]
    if one.rights.source:
        found["software_copyrightText"] = f"source: {one.rights.source}"
    if one.made is not None and _is_date(one.made.at):
        found["builtTime"] = one.made.at
    return found


def _element(type_: str, identity: str, name: str) -> dict[str, Any]:
    found = {"type": type_, "spdxId": identity, "creationInfo": "_:creation"}
    return found | ({"name": name} if name else {})


def _is_date(text: str) -> bool:
    """`2026-11-22T16:00:00Z`, as the lockfile has it. It may say anything."""
    return len(text) == 20 and text[:4].isdigit() and text[4] == "-" and text[10] == "T" and text.endswith("Z")
