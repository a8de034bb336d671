from reconciler.testing.contract import ProviderContract


class TestStripes(ProviderContract):
    provider_type = "stripes"
    sizes = ("1:1", "64x48")
    formats = ("png", "jpeg", "webp")
