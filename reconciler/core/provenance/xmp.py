"""Write the XMP packet that marks a generated picture, and read the few properties of any packet that say its origin.

A packet comes from a stranger: it is read up to a size, without a document type, and to a depth.
"""

from __future__ import annotations

from xml.parsers import expat

from reconciler.core.derived.web_text import markup
from reconciler.core.provenance.source_type import VOCABULARY
from reconciler.core.value import replace, value

MOST_XMP = 256 << 10
"""The most bytes of a packet that are read."""
_MOST_TEXT = 4096
"""The most characters of a property that are kept."""
_MOST_DEPTH = 64
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_AIGC = "http://www.tc260.org.cn/ns/AIGC/1.0/"
_FIELDS = {
    f"{_IPTC} DigitalSourceType": "source_type",
    f"{_AIGC} AIGC": "label",
    "http://ns.adobe.com/photoshop/1.0/ Credit": "credit",
}
"""Properties by namespace and name, and where their text goes."""


@value
class XmpOrigin:
    """What a packet says of the origin of its picture. `source_type` is a term of IPTC, or any other text; `label` is
    the JSON of GB 45438. `problem`: why the packet cannot be read."""

    source_type: str = ""
    label: str = ""
    credit: str = ""
    problem: str = ""


def xmp_packet(term: str, label: str = "") -> str:
    """The packet that marks a picture with a term of IPTC, and with a label of GB 45438 if there is one."""
    also = f' xmlns:TC260="{_AIGC}" TC260:AIGC="{markup(label)}"' if label else ""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about=""'
        f' xmlns:Iptc4xmpExt="{_IPTC}" Iptc4xmpExt:DigitalSourceType="{VOCABULARY}{markup(term)}"{also}/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )


def read_xmp(packet: bytes) -> XmpOrigin:
    """The origin that a packet states. Never raises."""
    if len(packet) > MOST_XMP:
        return XmpOrigin(problem=f"its XMP has more than {MOST_XMP // 1024} KiB")
    reader = _Reader()
    try:
        reader.parser.Parse(packet.strip(b"\0 \t\r\n"), True)
    except (expat.ExpatError, _RefusedError, UnicodeError, LookupError) as error:
        fact = str(error) if isinstance(error, _RefusedError) else "its XMP is not well formed"
        return replace(reader.found(), problem=fact)
    return reader.found()


class _RefusedError(Exception):
    """The packet has what no packet needs."""


class _Reader:
    """Collects the properties of `rdf:Description` elements, written as attributes, as text or as a resource."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._path: list[str] = []
        self._values: dict[str, str] = {}
        self._field = ""

    def found(self) -> XmpOrigin:
        source = self._values.get("source_type", "").strip()
        scheme, _, term = source.partition("://cv.iptc.org/newscodes/digitalsourcetype/")
        known = term and scheme in ("http", "https")
        return XmpOrigin(term if known else source, self._values.get("label", ""), self._values.get("credit", ""))

    def _doctype(self, *_: object) -> None:
        raise _RefusedError("its XMP has a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._path) == _MOST_DEPTH:
            raise _RefusedError("its XMP is nested too deep")
        inside = self._path[-2:]
        self._path.append(name)
        if name == f"{_RDF} Description" and inside[-1:] == [f"{_RDF} RDF"]:
            for key, text in attributes.items():
                self._put(_FIELDS.get(key, ""), text)
        elif inside == [f"{_RDF} RDF", f"{_RDF} Description"]:
            self._field = _FIELDS.get(name, "")
            self._put(self._field, attributes.get(f"{_RDF} resource", ""))

    def _end(self, name: str) -> None:
        self._path.pop()
        if name in _FIELDS:
            self._field = ""

    def _text(self, text: str) -> None:
        if self._field and len(self._path) >= 4:
            self._put(self._field, text)

    def _put(self, field: str, text: str) -> None:
        if field and text:
            self._values[field] = (self._values.get(field, "") + text)[:_MOST_TEXT]
