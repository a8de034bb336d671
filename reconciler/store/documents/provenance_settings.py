"""Read `provenance:` of reconciler.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconciler.core.errors import Problem
from reconciler.core.provenance.settings import ProvenanceSettings, Terms
from reconciler.core.specs.document import Document
from reconciler.core.specs.paths import BadPath, project_path


def provenance_settings(document: Document) -> tuple[ProvenanceSettings, list[Problem]]:
    """The settings, and what is wrong with them beyond the schema."""
    given = cast(Mapping[str, Any], cast(Mapping[str, Any], document.value).get("provenance") or {})
    problems: list[Problem] = []
    mark, producer = str(given.get("mark", "iptc")), str(given.get("producer", ""))
    if mark == "iptc+cn" and not producer:
        fact = "iptc+cn states who produced a file, and there is no producer"
        problems.append(
            document.problem(("provenance", "mark"), fact, "write producer: and your name or code beside it")
        )
    certificate = project_path(str(given["certificate"])) if "certificate" in given else ""
    if isinstance(certificate, BadPath):
        problems.append(document.problem(("provenance", "certificate"), certificate.fact, certificate.hint))
        certificate = ""
    elif mark == "c2pa" and not certificate:
        fact = "c2pa signs files, and there is no certificate of the signer"
        problems.append(
            document.problem(("provenance", "mark"), fact, "write certificate: and the path of a PEM file beside it")
        )
    terms = {name: Terms(**{"vendor": name, **each}) for name, each in given.get("terms", {}).items()}
    return ProvenanceSettings(mark, producer, certificate, terms), problems
