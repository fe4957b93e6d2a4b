"""See what a Vision Transformer attends to in a video.

    >>> import vitvideo
    >>> result = vitvideo.attention("dog.mp4", frames=slice(50, 100), model="dino_vits16", layer=-1)
    >>> result.attention.shape  # frames, heads, rows, cols
    (50, 6, 32, 56)

Thin over the program ``vitvideo``, which is run as a process of its own: what can be computed, and by which options, is
what ``vitvideo --help`` says.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._api import *
else:
    # The command passes here on its way to the program, which starts quicker than NumPy loads: what the package offers
    # is loaded when it is first asked for.

    def __getattr__(name):
        if name.startswith("_") and name not in ("__all__", "__version__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        api = import_module("._api", __name__)
        if name != "__all__" and name not in api.__all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(api, name)

    def __dir__():
        return [*globals(), *__getattr__("__all__")]
