pytest_plugins = ["reconciler.testing.plugin"]
