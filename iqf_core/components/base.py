"""The base of every component class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from iqf_core.components.parameters import Params as ParamsModel

if TYPE_CHECKING:
    from iqf_core.components.context import Context


class BaseComponent:
    """What all components share: a parameter model, a version, and how they are made.

    A subclass declares its parameters as a nested ``class Params(iqf_core.api.Params)`` and finds
    the validated values in ``self.params``.

    Attributes
    ----------
    version
        Raise it when the same parameters give another result: it enters the fingerprint of
        everything made with the component.
    """

    kind: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    Params: ClassVar[type[ParamsModel]] = ParamsModel

    def __init__(self, params: Any = None) -> None:
        self.params: Any = self.Params() if params is None else params

    @classmethod
    def create(cls, params: ParamsModel, context: Context) -> Self:
        """Build the component from validated parameters.

        Override it to prepare what is costly to make (load weights, open a device); it runs again
        in every worker process. Never use the network here.
        """
        return cls(params)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.params!r})"
