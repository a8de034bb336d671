"""Put the prompt of an asset together from its prefixes, its own text and its suffixes."""

from __future__ import annotations

from reconciler.core.specs.asset_layers import AssetLayers
from reconciler.core.specs.layers import LayeredField, every

_NO_SPACE_BEFORE = (",", ".", ";", ":", "!", "?", ")")


def read_prompt(asset: AssetLayers) -> str:
    """Prefixes, the prompt and suffixes, a space between; styles stand between the asset and its defaults."""
    if "prompt_prefix" not in asset.strongest and "prompt_suffix" not in asset.strongest:
        return asset.text("prompt")
    prompt = asset.field("prompt")
    own = () if prompt is None else (prompt,)
    pieces = [*reversed(_around(asset, "prompt_prefix")), *own, *_around(asset, "prompt_suffix")]
    if len(pieces) == 1:
        return asset.filled.text(pieces[0])
    text = ""
    for piece in (asset.filled.text(piece).strip() for piece in pieces):
        glue = " " if text and piece and not piece.startswith(_NO_SPACE_BEFORE) else ""
        text += glue + piece
    return text


def _around(asset: AssetLayers, name: str) -> list[LayeredField]:
    """The texts of the styles, and outside of them that of the asset or of its nearest default. `{add: …}` is added to
    what the layer above has: the nearer a layer, the nearer its text is to the prompt."""
    found = [_added(each) or each for each in every(asset.styles, name)]
    for layer in reversed(asset.base):
        if name in layer.fields:
            each = layer.field(name)
            added = _added(each)
            found.append(added or each)
            if added is None:
                break
    return found


def _added(each: LayeredField) -> LayeredField | None:
    """The text of `{add: …}`; None for any other value."""
    return each.below("add", each.value["add"]) if isinstance(each.value, dict) else None
