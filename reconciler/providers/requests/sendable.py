"""Everything that a request of a dialect needs before it is sent: key, server, images, and the request itself."""

from __future__ import annotations

from reconciler.core.outcome import Rejected, Stop
from reconciler.core.ports import ImageRequest, References
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import value
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.origins import BadBase, Base
from reconciler.providers.http.request import WireRequest
from reconciler.providers.keys import base_of
from reconciler.providers.models.table import ModelTable
from reconciler.providers.requests.build import build_wire_request
from reconciler.providers.requests.prepared import prepare
from reconciler.providers.secret import Key, NoKey


@value
class SendableRequest:
    """A request without its key, the server that it goes to, and the key."""

    wire: WireRequest
    base: Base
    key: Key


def sendable(
    request: ImageRequest,
    dialect: Dialect,
    settings: ProviderSettings,
    *,
    key: Key | NoKey,
    references: References,
    models: ModelTable,
) -> SendableRequest | Rejected:
    """The request, or why it cannot be sent. Blocking: reads its images."""
    if isinstance(key, NoKey):
        return Rejected(str(key), Stop.BAD_KEY)
    base = base_of(settings)
    if isinstance(base, BadBase):
        return Rejected(f"providers.{settings.name}: {base.why}")
    ready = prepare(request, references)
    if isinstance(ready, Rejected):
        return ready
    wire = build_wire_request(dialect, ready, settings, base, models)
    return wire if isinstance(wire, Rejected) else SendableRequest(wire, base, key)
