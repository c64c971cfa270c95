"""The library behind most coders, imported when one is made; what to do when it is not there."""

from __future__ import annotations

from typing import Any

from iqf_core.api import PluginError

INSTALL = "pip install 'iqf-modifiers-basic[codecs]'"


def library(*codecs: str) -> Any:
    """Return the module ``imagecodecs`` when it has all of `codecs`.

    Parameters
    ----------
    *codecs
        Names of its codec classes (``"JPEG2K"``).

    Raises
    ------
    PluginError
        If imagecodecs is not installed, or was built without one of them; says what to install.
    """
    try:
        import imagecodecs
    except ImportError as error:
        raise PluginError(
            f"this coder needs the library imagecodecs, which cannot be imported ({error}); "
            f"install it: {INSTALL}"
        ) from None
    for name in codecs:
        if not getattr(getattr(imagecodecs, name, None), "available", False):
            raise PluginError(
                f"the installed imagecodecs {imagecodecs.__version__} was built without {name}; "
                f"install its wheel, which has it: {INSTALL}"
            )
    return imagecodecs
