"""Turn the Sphinx roles of docstrings into Markdown before they are rendered."""

from __future__ import annotations

import re
from typing import Any

import griffe

# :class:`~package.module.Name` shows Name; :math:`x^2` shows its source.
_SHORT = re.compile(r":(?:[a-z]+:)?[a-z]+:`~[\w.]*?(\w+)`")
_ROLE = re.compile(r":(?:[a-z]+:)?[a-z]+:`([^`]+)`")
_BLOCK = re.compile(r"::$", re.MULTILINE)


def to_markdown(text: str) -> str:
    """Return a docstring with code spans instead of roles, and Markdown's literal blocks."""
    text = _SHORT.sub(r"`\1`", text)
    text = _ROLE.sub(r"`\1`", text)
    return _BLOCK.sub(":", text)


class Roles(griffe.Extension):
    """Rewrites every docstring that griffe finds."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)
