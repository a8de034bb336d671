"""Read `provenance:` of reconciler.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconciler.core.errors import Problem
from reconciler.core.provenance.settings import ProvenanceSettings, Terms
from reconciler.core.specs.document import Document


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
    terms = {name: Terms(**{"vendor": name, **each}) for name, each in given.get("terms", {}).items()}
    return ProvenanceSettings(mark, producer, terms), problems
