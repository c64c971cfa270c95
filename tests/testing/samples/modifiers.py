"""Modifiers that each break one promise, and one that keeps them all; not collected as tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import ConfigDict

from iqf_core.api import Modifier, Params, parameter
from iqf_core.testing import ModifierConformance


class Grey(Modifier):
    """A modifier of 8-bit images, to keep the test short."""

    dtypes = ("uint8",)

    class Params(Params):
        amount: int = parameter(description="how much", unit="DN", example=3)

    def keep(self, image, pixels):
        pixels = np.where(image.valid[:, :, None], pixels, image.pixels)
        return image.with_pixels(pixels.astype(image.pixels.dtype))


class Sound(Grey):
    """Inverted brightness plus noise from the context."""

    random = True

    def modify(self, image, state, context):
        noise = context.standard_normal(image.shape) * self.params.amount
        return self.keep(image, np.clip(np.rint(image.peak - image.pixels + noise), 0, 255))


class ChangesItsInput(Grey):
    def modify(self, image, state, context):
        image.pixels[0, 0] = 7
        return image


class ForgetsItsHalo(Grey):
    def modify(self, image, state, context):
        left = np.concatenate([image.pixels[:, :1], image.pixels[:, :-1]], axis=1)
        return self.keep(image, left)


class NoiseByWindow(Grey):
    random = True

    def modify(self, image, state, context):
        noise = context.rng().standard_normal(image.shape) * self.params.amount
        return self.keep(image, np.clip(image.pixels + noise, 0, 255))


class DrawsItsOwnNumbers(Grey):
    random = True

    def modify(self, image, state, context):
        noise = np.random.default_rng().standard_normal(image.shape) * self.params.amount
        return self.keep(image, np.clip(image.pixels + noise, 0, 255))


class SaysRandomButIsNot(Grey):
    random = True

    def modify(self, image, state, context):
        return self.keep(image, image.peak - image.pixels)


class IgnoresThePosition(Sound):
    def modify(self, image, state, context):
        return super().modify(image, state, replace(context, position=0))


class LosesTheMask(Grey):
    def modify(self, image, state, context):
        return replace(image, mask=None)


class OverwritesNodata(Grey):
    def modify(self, image, state, context):
        return image.with_pixels(np.full_like(image.pixels, 9))


class LooksUnderTheMask(Grey):
    scope = "global"

    def modify(self, image, state, context):
        return self.keep(image, np.full_like(image.pixels, image.pixels.mean()))


class ReturnsAnotherType(Grey):
    def modify(self, image, state, context):
        return image.with_pixels(image.pixels.astype(np.float32))


class ExceedsThePeak(Grey):
    dtypes = ("uint16",)

    def modify(self, image, state, context):
        return self.keep(image, image.pixels + np.uint16(5000))


class HidesItsGeometry(Grey):
    scope = "global"

    def modify(self, image, state, context):
        return image.with_pixels(image.pixels[::2], mask=None)


class TakesNoTinyImage(Grey):
    def modify(self, image, state, context):
        assert image.width > 4
        return image


class IdentityIsNone(Grey):
    identity = {"amount": 0}

    def modify(self, image, state, context):
        return self.keep(image, np.minimum(image.pixels, 254) + np.uint8(1))


class Undocumented(Sound):
    class Params(Params):
        amount: int = parameter(3, description="", unit="DN")


class HasNoUnit(Sound):
    class Params(Params):
        amount: float | None = parameter(3, description="how much")


class WrongExample(Sound):
    class Params(Params):
        amount: int = parameter(3, description="how much", unit="DN", ge=1, example=0)


class TakesAnyParameter(Sound):
    class Params(Params):
        model_config = ConfigDict(extra="ignore")
        amount: int = parameter(3, description="how much", unit="DN")


class GivesNoReason(Sound):
    def supports(self, dtype, bands):
        return None if dtype == "uint8" and bands == 3 else ""


class DeclaresTooMuch(Sound):
    dtypes = ("uint8", "uint16")

    def supports(self, dtype, bands):
        return None if dtype == "uint8" else "8 bits only"


def _suite(component):
    members = {"component": component, "parameter_sets": ({"amount": 3},)}
    return type(f"Test{component.__name__}", (ModifierConformance,), members)


globals().update(
    {
        f"Test{value.__name__}": _suite(value)
        for value in list(globals().values())
        if isinstance(value, type) and issubclass(value, Grey) and value is not Grey
    }
)
