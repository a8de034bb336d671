"""Fill a template with the values of one request. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from reconciler.core.ports import ImageRequest
from reconciler.core.seed import recipe_seed
from reconciler.core.value import value
from reconciler.providers.requests.prepared import PreparedRequest

_REFERENCE = re.compile(r"reference ([1-9][0-9]*)")


@value
class RunnableTemplate:
    """A template as the provider uses it: the nodes, the inputs to fill, the titles, and the output node."""

    nodes: Mapping[str, Mapping[str, Any]]
    fill: tuple[tuple[str, str, str], ...]
    titles: Mapping[str, str]
    output: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """The classes of the nodes, each once, in order."""
        return tuple(sorted({str(node["class_type"]) for node in self.nodes.values()}))

    @property
    def sources(self) -> frozenset[str]:
        """The fields of the recipe that are filled in."""
        return frozenset(source for _, _, source in self.fill)

    def title_of(self, kind: str) -> str:
        """The title of a node of this class."""
        return next((self.titles[name] for name, node in self.nodes.items() if node["class_type"] == kind), kind)


NO_TEMPLATE = RunnableTemplate({}, (), {}, "1")
"""For a job of an earlier run, whose workflow is not at hand. The output of every template has the number 1."""


def runnable_template(text: str) -> RunnableTemplate:
    """The template in the text that `core.workflows` writes."""
    found = json.loads(text)
    fill = tuple((str(node), str(name), str(source)) for node, name, source in found["fill"])
    return RunnableTemplate(found["nodes"], fill, found["titles"], found["output"])


def filled(
    template: RunnableTemplate, request: ImageRequest, size: tuple[int, int], files: Mapping[str, str]
) -> dict[str, Any]:
    """The workflow to run. `files` are the names of the images on the server, by the field that names them."""
    nodes = {
        name: {"class_type": node["class_type"], "inputs": dict(node["inputs"])}
        for name, node in template.nodes.items()
    }
    for name, input_, source in template.fill:
        nodes[name]["inputs"][input_] = _value(source, request, size, files)
    return nodes


def _value(source: str, request: ImageRequest, size: tuple[int, int], files: Mapping[str, str]) -> Any:
    recipe = request.recipe
    if source in files:
        return files[source]
    match source:
        case "prompt":
            return recipe.prompt
        case "model":
            return recipe.model
        case "width":
            return size[0]
        case "height":
            return size[1]
        case "seed":
            own = recipe.params.get("seed")
            return own if isinstance(own, int) and not isinstance(own, bool) else recipe_seed(request.key)
        case _:
            return recipe.params.get(source.removeprefix("params."))


def pictures_of(template: RunnableTemplate, ready: PreparedRequest) -> dict[str, Any]:
    """The images to upload, by the field that names them."""
    found: dict[str, Any] = {}
    for source in sorted(template.sources):
        number = _REFERENCE.fullmatch(source)
        if number is not None and int(number[1]) <= len(ready.references):
            found[source] = ready.references[int(number[1]) - 1]
        elif source == "mask" and ready.mask is not None:
            found[source] = ready.mask
    return found
