"""The next commands for a step that is in conflict or held."""

from __future__ import annotations

from reconciler.core.candidates import mismatch_hint, redrawn_hint
from reconciler.core.plan import actions as do
from reconciler.core.plan.policy import OTHER_CURRENCY
from reconciler.core.text import one_line

_WIDTH = 300


def conflict_hint(action: do.Conflict, name: str) -> str:
    """The commands that settle a conflict. `name` is the asset in them."""
    if isinstance(action.reason, do.NotAFile):
        return "move it away, or give the asset another output"
    if isinstance(action.reason, do.Untracked):
        return f"`reconciler adopt {name}` locks it as it is; `reconciler apply --replace {name}` generates a new one"
    return (
        f"`reconciler adopt {name}` locks the file, `reconciler restore {name}` brings the locked image back, "
        f"`reconciler apply --replace {name}` generates a new one"
    )


def hold_hint(action: do.Hold, name: str) -> str:
    """The ways on from a step that is held; "" if there is no command."""
    match action.reason:
        case do.WasRefused():
            return "change the prompt, or run `reconciler apply --retry-refused`"
        case do.WasMismatched():
            return mismatch_hint(name)
        case do.WasFailed():
            return "it may have been charged; change the spec, or request it again: `reconciler apply --retry-failed`"
        case do.WasRejected(locked=locked):
            return _rejected_hint(action, name, locked=locked)
        case do.OutputLost():
            copies = (
                "`git lfs pull`, `reconciler pull`, a colleague's copy; `reconciler store verify` lists damaged images"
            )
            another = "make" if _is_free(action) else "pay for"
            return f"fetch it ({copies}), or {another} a new one: `reconciler apply --regenerate-missing`"
        case do.RedrawnDifferently():
            return redrawn_hint(name)
        case do.MadeByHand():
            return _kept_hint(name, "generates a new one")
        case do.RealImage():
            return _kept_hint(name, "draws a draft")
        case do.SourceFailed(failure=failure):
            return one_line(failure.hint, _WIDTH)
        case do.UpstreamChanged():
            return f"`reconciler apply --cascade` generates it again, `reconciler adopt {name}` locks it as it is"
        case do.OverBudget() if isinstance(action.otherwise, do.Generate) and action.otherwise.cost is None:
            return "give its model a price under models: in reconciler.yaml, or limit --max-images instead"
        case do.OverBudget(limit=limit) if isinstance(action.otherwise, do.Generate) and OTHER_CURRENCY in limit:
            return f"write budget: in {action.otherwise.cost.currency}" if action.otherwise.cost else ""
        case do.OverBudget():
            return "raise --max-cost, --max-images or budget: in reconciler.yaml"
        case _:
            return ""


def _rejected_hint(action: do.Hold, name: str, *, locked: bool) -> str:
    if action.consent is None:
        return f"`reconciler apply --replace {name}` generates a new one, `reconciler adopt {name}` locks another file"
    others = f"`reconciler choose {name}` lists the other candidates; " if locked else ""
    another = "make another image" if _is_free(action) else "pay for another image"
    return f"{others}change the spec or raise take:, or {another}: `reconciler apply --replace-rejected`"


def _is_free(action: do.Hold) -> bool:
    """Whether the request that needs consent is one to a provider that charges nothing."""
    cost = action.otherwise.cost if isinstance(action.otherwise, do.Generate) else None
    return cost is not None and cost.free


def _kept_hint(name: str, replacement: str) -> str:
    return f"`reconciler adopt {name}` keeps it for the new spec, `reconciler apply --replace {name}` {replacement}"
