"""Run-length encoded masks as COCO stores them: columns first, runs of zeros and ones in turn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

#: 5 bits a character: more characters than this in one number exceed any image.
_MAX_CHARACTERS = 8


@dataclass(frozen=True)
class RunLengthMask:
    """A binary mask, run-length encoded.

    Attributes
    ----------
    height, width
        Size in pixels.
    counts
        Lengths of the runs down the columns, beginning with zeros; they sum to height x width.
    """

    height: int
    width: int
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.height < 0 or self.width < 0 or any(count < 0 for count in self.counts):
            raise ValueError("sizes and runs must not be negative")
        total = sum(self.counts)
        if total != self.height * self.width:
            raise ValueError(
                f"its runs cover {total} pixels, its size {self.height} x {self.width} has "
                f"{self.height * self.width}"
            )

    @classmethod
    def from_mask(cls, mask: NDArray[np.generic]) -> RunLengthMask:
        """Encode an (H, W) mask; what is not zero belongs to the object."""
        height, width = mask.shape
        flat = (mask != 0).ravel(order="F")
        if flat.size == 0:
            return cls(height, width, ())
        edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        runs = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
        return cls(height, width, (0, *runs) if flat[0] else tuple(runs))

    @classmethod
    def from_compressed(cls, height: int, width: int, text: str) -> RunLengthMask:
        """Decode COCO's compressed form.

        Each number is written in groups of 5 bits, least first, a sixth bit saying that more
        follow, in the characters from ``0`` (48) on; from the fourth number on it is the difference
        to the one before the last. (``rleToString`` in ``maskApi.c`` of the COCO API.)

        Raises
        ------
        ValueError
            If `text` is not such a string, or its runs do not cover the mask.
        """
        counts: list[int] = []
        value = shift = 0
        for character in text:
            code = ord(character) - 48
            if not 0 <= code < 64:
                raise ValueError(f"character {character!r} does not belong into compressed RLE")
            if shift >= 5 * _MAX_CHARACTERS:
                raise ValueError("a run is longer than any image")
            value |= (code & 0x1F) << shift
            shift += 5
            if code & 0x20:
                continue
            if code & 0x10:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
        if shift:
            raise ValueError("compressed RLE ends within a number")
        return cls(height, width, tuple(counts))

    def compressed(self) -> str:
        """Return COCO's compressed form of the runs."""
        characters: list[str] = []
        for index, count in enumerate(self.counts):
            value = count - self.counts[index - 2] if index > 2 else count
            more = True
            while more:
                code = value & 0x1F
                value >>= 5
                more = value != (-1 if code & 0x10 else 0)
                characters.append(chr((code | 0x20 if more else code) + 48))
        return "".join(characters)

    def decode(self) -> NDArray[np.uint8]:
        """Return the mask: uint8 of shape (H, W), 1 inside the object."""
        values = np.zeros(len(self.counts), np.uint8)
        values[1::2] = 1
        flat = np.repeat(values, self.counts)
        return flat.reshape((self.height, self.width), order="F")

    def cut(self, row: int, col: int, height: int, width: int) -> RunLengthMask:
        """Return the part that begins at pixel (`row`, `col`); only its columns are unfolded.

        Raises
        ------
        ValueError
            If the part reaches beyond the mask.
        """
        if min(row, col) < 0 or row + height > self.height or col + width > self.width:
            raise ValueError(f"the part reaches beyond the mask of {self.height} x {self.width}")
        ends = np.cumsum(self.counts, dtype=np.int64)
        first, last = col * self.height, (col + width) * self.height
        begin = int(np.searchsorted(ends, first, side="right"))
        end = int(np.searchsorted(ends, last, side="left"))
        clipped = np.clip(ends[begin : end + 1], first, last)
        runs = np.diff(clipped, prepend=first)
        values = (np.arange(begin, begin + len(runs)) % 2).astype(np.uint8)
        columns = np.repeat(values, runs).reshape((self.height, width), order="F")
        return RunLengthMask.from_mask(columns[row : row + height])

    @property
    def area(self) -> int:
        """Number of pixels inside the object."""
        return sum(self.counts[1::2])

    def box(self) -> tuple[float, float, float, float]:
        """Return the (x, y, width, height) that encloses the object; zeros when it is empty."""
        if not self.area:
            return (0.0, 0.0, 0.0, 0.0)
        starts = list(accumulate(self.counts, initial=0))
        columns: list[int] = []
        rows: list[int] = []
        for index in range(1, len(self.counts), 2):
            first, last = starts[index], starts[index + 1] - 1
            if last < first:
                continue
            columns += [first // self.height, last // self.height]
            if columns[-1] > columns[-2]:
                rows += [0, self.height - 1]
            else:
                rows += [first % self.height, last % self.height]
        x, y = min(columns), min(rows)
        return (float(x), float(y), float(max(columns) - x + 1), float(max(rows) - y + 1))


def parse_run_length(size: tuple[int, int], counts: Sequence[int] | str) -> RunLengthMask:
    """Build the mask of `size` (height, width) from either form of `counts`."""
    if isinstance(counts, str):
        return RunLengthMask.from_compressed(*size, counts)
    return RunLengthMask(*size, tuple(counts))
