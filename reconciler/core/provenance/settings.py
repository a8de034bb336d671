"""`provenance:` of reconciler.yaml: the mark of derived files, and terms that differ from the table."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.value import field, value

SIGNING_KEY_VARIABLE = "RECONCILER_C2PA_KEY"
"""The environment variable with the path of the private key that signs C2PA manifests."""


@value
class Terms:
    """The terms of one vendor. `says` is its statement on the rights to images in a few words; `read` is the day on
    which the page was read, ISO 8601. `watermark` is what the vendor states about its images and nobody can read here.
    """

    vendor: str
    url: str = ""
    says: str = ""
    read: str = ""
    watermark: str = ""


@value
class ProvenanceSettings:
    """`mark` is `iptc` (IPTC's DigitalSourceType in XMP), `iptc+cn` (also the label of GB 45438-2025), `c2pa` (also a
    signed manifest, in the files of rules) or `none`. `producer` is the name or code that the label states;
    `certificate` the file with the certificates of the signer. `terms` are the project's own, by model or provider."""

    mark: str = "iptc"
    producer: str = ""
    certificate: str = ""
    terms: Mapping[str, Terms] = field(default_factory=dict)
