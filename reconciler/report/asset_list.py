"""Ids, outputs and states of assets, as text and as JSON. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconciler.core.plan.plan import Step
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.report.formats import Printed, document
from reconciler.report.plan_text import describe
from reconciler.report.show import state_json

_ID_WIDTH = 40


@value
class AssetListFacts:
    """The selected steps, by id."""

    steps: Sequence[Step]
    now: datetime


def asset_list_text(facts: AssetListFacts) -> Printed:
    """One line for each asset: id, output, state."""
    ids = min(_ID_WIDTH, max((len(printable(step.asset)) for step in facts.steps), default=0))
    outputs = min(_ID_WIDTH, max((len(printable(step.output)) for step in facts.steps), default=0))
    return Printed(
        tuple(
            f"{printable(step.asset):<{ids}}  {printable(step.output):<{outputs}}  {describe(step, facts.now).reason}"
            for step in facts.steps
        )
    )


def asset_list_json(facts: AssetListFacts) -> Printed:
    """A list of objects with `asset`, `output` and `state`."""
    listed = [
        {"asset": step.asset, "output": step.output, "state": state_json(step, facts.now)} for step in facts.steps
    ]
    return document({"assets": listed})
