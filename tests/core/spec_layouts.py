"""One project written in many ways: the same assets in other files, layers, words and styles of YAML."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from random import Random
from typing import Any

from hypothesis import strategies as st

from reconciler.core.digest import ContentHash, Json
from reconciler.core.specs.expand import Expansion
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.specs.spec import AssetReference, Reference
from tests.builders import PROVIDERS, bytes_of, expanded

Fields = dict[str, Any]
WORDS = ["fox", "café", "16:9", "no", "it's", "a#b", '"quoted"', "end.", "dawn,", "- dash", "żółw", "{x}", "100%"]
_PLAIN = re.compile(r"[A-Za-z][A-Za-z]*( [A-Za-z]+)*")
_LONG = {"prompt", "prompt_prefix", "prompt_suffix", "description"}
_ADDED_UP = {"prompt_prefix", "prompt_suffix", "references", "params"}
"""Fields of which an asset may have those of two layers: a default for the one asset would be felt by the other."""
_WORDS_OF_YAML = {"no", "true", "null", "yes", "on"}

assets = st.fixed_dictionaries(
    {
        "prompt": st.lists(st.sampled_from(WORDS), min_size=2, max_size=6).map(lambda words: "a " + " ".join(words)),
        "model": st.sampled_from(["m-1", "m 2"]),
        "size": st.sampled_from(["16:9", "1:1", "1536x864"]),
        "image_size": st.sampled_from(["1K", "2K"]),
        "quality": st.sampled_from(["low", "high"]),
        "params": st.sampled_from([{"seed": 7}, {"seed": 7, "steps": {"a": [1, 2.5], "b": True}}, {"n": "7"}]),
        "references": st.lists(st.sampled_from(["refs/coast.png", "refs/sea.png"]), min_size=1, max_size=2),
    }
)
"""What two assets of a project say. Each says everything, so that no layer of the other's is felt."""


def picture_of(reference: Reference) -> ContentHash:
    return bytes_of("first" if isinstance(reference, AssetReference) else reference.path)


class Writer:
    """Writes YAML, each time another. Of one seed, since hundreds of draws for one file would be slow."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def file(self, value: Mapping[str, Json]) -> str:
        return self._comment() + self._block(value, "") + self._comment()

    def _pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def _comment(self) -> str:
        return str(self._pick("", "", "# a comment: [with, {signs\n", "\n\n"))

    def _block(self, value: Mapping[str, Json], indent: str) -> str:
        lines = []
        for key in self.random.sample(list(value), len(value)):
            item = value[key]
            comment = indent + "# why: {not\n" if self._pick(True, False, False) else ""
            if isinstance(item, dict) and item and self._pick(True, False):
                lines.append(f"{comment}{indent}{self._text(key)}:\n{self._block(item, indent + '  ')}")
            elif isinstance(item, list) and item and self._pick(True, False):
                rows = "".join(f"{indent}- {self._flow(one)}\n" for one in item)
                lines.append(f"{comment}{indent}{self._text(key)}:\n{rows}")
            elif key in _LONG and isinstance(item, str) and item and "\n" not in item and self._pick(True, False):
                way = self._pick("|2", ">2", "|2-", ">2+")
                lines.append(f"{comment}{indent}{self._text(key)}: {way}\n{indent}  {item}\n")
            else:
                lines.append(f"{comment}{indent}{self._text(key)}: {self._flow(item)} {self._pick('', '# why')}\n")
        return "".join(lines)

    def _flow(self, value: Json) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self._text(key)}: {self._flow(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self._flow(item) for item in value) + "]"
        return self._text(value) if isinstance(value, str) else json.dumps(value)

    def _text(self, text: str) -> str:
        ways = [json.dumps(text), json.dumps(text, ensure_ascii=False)]
        if "\n" not in text:
            ways.append("'" + text.replace("'", "''") + "'")
        if _PLAIN.fullmatch(text) and not _WORDS_OF_YAML & {text.lower()}:
            ways.append(text)
        return str(self._pick(*ways))


class Layout:
    """Where each asset's fields are written. `read` gives the assets and `names` their ids, in order."""

    def __init__(self, draw: Any, wanted: list[Fields]) -> None:
        self.draw = draw
        self.files: dict[str, Fields] = {}
        self.styles: Fields = {}
        self.project: Fields = {}
        self.names: list[str] = []
        together = draw(st.booleans())
        for number, fields in enumerate(wanted):
            self._place(number, dict(fields), together=together)

    def read(self) -> Expansion:
        writer = Writer(self.draw(st.integers(0, 2**32)))
        files = {name: writer.file(value) for name, value in self.files.items()}
        if self.styles:
            files["_styles.yaml"] = writer.file(self.styles)
        provider = self.draw(st.sampled_from(["gravitex", "gemini", "local"]))
        local = ProviderSettings("local", "openai", base_url=self.draw(st.sampled_from(["", "http://127.0.0.1:1"])))
        project = writer.file({"specs": "specs", "defaults": self.project})
        return expanded(files, project=project, provider=provider, providers={**PROVIDERS, "local": local})

    def _place(self, number: int, fields: Fields, *, together: bool) -> None:
        folder = self.draw(st.sampled_from(["", "", "x/", "x/y/"])) if not together else "z/"
        name = self.draw(st.sampled_from(["one", "two", "three"])) + str(number)
        own: Fields = {}
        shared: Fields = {}
        style: Fields = {}
        nearby: Fields = {}
        layers = {"own": own, "style": style}
        if together:
            file = self.files.setdefault("z/all.yaml", {"assets": {}})
            file["assets"][name] = own
            self.names.append(f"z/all#{name}")
        elif self.draw(st.booleans()):
            folder = f"{folder}d{number}/"
            self.files[f"{folder}{name}.yaml"] = {"defaults": shared, "assets": {"k": own}}
            self.files[f"{folder}_defaults.yaml"] = nearby
            layers |= {"file": shared, "folder": nearby}
            self.names.append(f"{folder}{name}#k")
        else:
            self.files[f"{folder}{name}.yaml"] = own
            self.names.append(folder + name)
        if number == 0:
            layers["project"] = self.project
            self.project["vars"] = {"unused": "x"}
        elif "{asset}" in fields["references"]:
            first = {"asset": self.names[0]}
            fields["references"] = [first if one == "{asset}" else one for one in fields["references"]]
        self._words(fields, layers)
        for field, value in fields.items():
            may = [name for name in sorted(layers) if name != "project" or field not in _ADDED_UP]
            layers[self.draw(st.sampled_from(may))][field] = value
        if style:
            self.styles[f"s{number}"] = style
            own["style"] = self.draw(st.sampled_from([f"s{number}", [f"s{number}"]]))
        own["output"] = f"{self.draw(st.sampled_from(['a', 'b', 'c']))}/{number}.png"
        for field, value in {"format": "png", "take": 1, "background": "auto", "freeze": False, "tags": ["t"]}.items():
            if self.draw(st.booleans()):
                own[field] = value
        for field, value in {"license": "CC0-1.0", "source": "https://x.example/ü", "credit": "by Ada"}.items():
            if self.draw(st.booleans()):
                layers[self.draw(st.sampled_from(sorted(layers)))][field] = value
        own["description"] = self.draw(st.sampled_from(["", "words for people"]))

    def _words(self, fields: Fields, layers: Mapping[str, Fields]) -> None:
        """The prompt in other words: other white space, other code points, some in a variable, an affix, a layer."""
        words = fields["prompt"].split(" ")
        at = self.draw(st.integers(0, len(words) - 1))
        if self.draw(st.booleans()):
            layers["own"]["vars"] = {"v": words[at]}
            words[at] = "${v}"
        gap = self.draw(st.sampled_from([" ", "  ", "\n", " \t "]))
        form: Any = self.draw(st.sampled_from(["NFC", "NFD"]))
        for name, cut in (("prompt_suffix", len(words) - 1), ("prompt_prefix", 1)):
            if len(words) > 2 and self.draw(st.booleans()):
                piece, words = (words[cut:], words[:cut]) if name == "prompt_suffix" else (words[:cut], words[cut:])
                fields[name] = gap.join(piece)
        fields["prompt"] = unicodedata.normalize(form, gap.join(words))


@st.composite
def rewritten(draw: st.DrawFn) -> tuple[list[Fields], Layout]:
    """Two assets as they are meant, and one way to write them. The second may refer to the first."""
    wanted = [draw(assets), draw(assets)]
    if draw(st.booleans()):
        wanted[1] = {**wanted[1], "references": ["refs/sea.png", "{asset}"]}
    return wanted, Layout(draw, wanted)
