from a1111_gateway import A1111_API

from reconciler.testing.contract import RemoteProviderContract


class TestA1111(RemoteProviderContract):
    provider_type = dialect = "a1111"
    apis = {"a1111": A1111_API}
    sizes = ("1:1", "16:9", "640x480")
    references = 1
