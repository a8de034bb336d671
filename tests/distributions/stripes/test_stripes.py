from stripes import Stripes

from reconciler.core.ports import Provider, Spool
from reconciler.testing.contract import ProviderContract


class TestStripes(ProviderContract):
    sizes = ("1:1", "64x48")
    formats = ("png", "jpeg", "webp")
    deterministic = True

    def provider(self, spool: Spool) -> Provider:
        return Stripes(spool)
