"""The unmodified reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iqf_core.api import Modifier

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_core.imaging.image import Image


class Unmodified(Modifier):
    """Leave every image as it is: the point of a study that all others are compared with."""

    def is_identity(self) -> bool:
        """Return True: there is nothing to set."""
        return True

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return `image` itself."""
        return image
