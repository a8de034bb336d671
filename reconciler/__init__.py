"""Make the images that YAML specs describe, and only those that are missing or changed."""

__version__ = "0.2.0"
__all__ = ["Project", "__version__"]

TYPE_CHECKING = False
if TYPE_CHECKING:  # a command loads none of it
    from reconciler.project.api import OpenedProject as Project


def __getattr__(name: str) -> object:
    """`from reconciler import Project`, loaded when it is asked for."""
    if name == "Project":
        from reconciler.project.api import OpenedProject  # noqa: PLC0415 - see above

        return OpenedProject
    raise AttributeError(f"module 'reconciler' has no attribute {name!r}")
