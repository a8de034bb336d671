from easel_gateway import EASEL_API

from reconciler.testing.contract import RemoteProviderContract


class TestEasel(RemoteProviderContract):
    provider_type = dialect = "easel"
    apis = {"easel": EASEL_API}
    model = "easel-1"
    sizes = ("1:1", "16:9", "640x480")
    formats = ("png", "jpeg", "webp")
