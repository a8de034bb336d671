"""Read the fields that say what the image file is: its path, its format, its size and its background."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.core.digest import AssetId, Json
from reconciler.core.images.sniff import FORMATS
from reconciler.core.specs.asset_layers import AssetLayers
from reconciler.core.specs.layers import LayeredField, Substitution
from reconciler.core.specs.paths import BadPath, bad_suffix, in_folder, project_path, suffix_format
from reconciler.core.specs.sizes import BadSize


def read_format(asset: AssetLayers) -> str:
    """The format that a layer names, or ""."""
    each = asset.field("format")
    if each is None:
        return ""
    text = asset.whole_text(each)
    if text is None:
        return ""
    normal = "jpeg" if text == "jpg" else text
    if normal not in FORMATS:
        asset.report(each, f'"{text}" is not an image format', f"write {', '.join(FORMATS)}")
    return normal


def read_output(asset: AssetLayers, identity: AssetId, variables: Mapping[str, Json], format_: str) -> str:
    """The path of the image: the one that a layer names, or one made of the id and the format."""
    flat = identity.replace("#", "/")
    written = asset.field("output")
    if written is not None:
        return _written_output(asset, written, {"id": flat, "name": flat.rpartition("/")[2], **variables}, format_)
    suffix = "jpg" if asset.value("format", "") == "jpg" else format_ or "png"
    path = project_path(f"{asset.settings.outputs}/{flat}.{suffix}")
    if isinstance(path, BadPath):
        asset.report_asset(path.fact, path.hint)
        return ""
    return path


def _written_output(asset: AssetLayers, written: LayeredField, variables: Mapping[str, Json], format_: str) -> str:
    filled = Substitution(variables, size=asset.filled.size)
    text = filled.text(written)
    asset.filled.used |= filled.used
    asset.filled.size = filled.size
    if filled.problems:
        asset.problems.extend(filled.problems)
        return ""
    path = project_path(text)
    if isinstance(path, BadPath):
        asset.report(written, path.fact, path.hint)
        return ""
    found = suffix_format(path)
    wrong = bad_suffix(path) if found is None else None
    if in_folder(path, asset.settings.specs):
        asset.report(written, f'"{path}" lies in the folder of the specs', "keep pictures in a folder of their own")
    if wrong is not None:
        asset.report(written, wrong.fact, wrong.hint)
    elif format_ and found != format_ and format_ in FORMATS:
        asset.report(written, f'"{path}" is named {found}, and the format is {format_}', "make them agree")
    return path


def read_size(asset: AssetLayers, name: str, normal: Callable[[str], str | BadSize]) -> str:
    """`size` or `image_size` in the form in which they are compared."""
    if name not in asset.strongest:
        return ""
    before = len(asset.filled.problems)
    size = normal(asset.text(name))
    if isinstance(size, str):
        return size
    if len(asset.filled.problems) == before:  # else one of its variables is wrong, and the size is unknown
        asset.report(asset.strongest[name].field(name), size.fact, size.hint)
    return ""


def read_background(asset: AssetLayers) -> str:
    """The background; `auto` is the same as none."""
    text = asset.text("background")
    return "" if text == "auto" else text
