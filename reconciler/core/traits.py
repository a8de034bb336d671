"""The properties of a type of provider on which the rest of the program relies. Each type declares its own."""

from __future__ import annotations

from reconciler.core.value import value


@value
class Traits:
    """The defaults describe a paid API over the network.

    - `placeholder`: its images stand in for real ones, and are replaced once another provider is configured.
    - `free`: no call costs money, so none needs consent, a budget, a journal record or a lane.
    - `local`: it works on this machine and opens no connection.
    - `needs_key`: it sends a key that the environment must hold.
    - `needs_model`: a spec must name a model.
    - `resumable`: the result of a request that was cut off can be fetched later, at no further cost.
    - `deterministic`: the same request gives the same bytes.
    - `needs_workflow`: a spec must name a workflow file; for any other provider but a placeholder's, that is an error.
    """

    placeholder: bool = False
    free: bool = False
    local: bool = False
    needs_key: bool = True
    needs_model: bool = True
    resumable: bool = False
    deterministic: bool = False
    needs_workflow: bool = False
