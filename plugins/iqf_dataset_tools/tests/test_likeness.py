"""Near neighbours among many hashes."""

from __future__ import annotations

import time

import cv2
import numpy as np
from broken_datasets import scene
from iqf_dataset_tools.duplicates import near_duplicates
from iqf_dataset_tools.images import ImageFacts
from iqf_dataset_tools.likeness import MOST_BITS, Thumbnail, near_pairs, perceptual_hash

from iqf_core.api import Window


def test_every_near_pair_is_found_and_no_other() -> None:
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**63, 300).astype(np.uint64)
    flips = [np.bitwise_or.reduce(np.uint64(1) << rng.choice(64, bits, False).astype(np.uint64))
             for bits in range(1, 9)]  # fmt: skip
    hashes = np.unique(np.concatenate([hashes, *(hashes[:20] ^ flip for flip in flips)]))
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None, :])
    expected = {(a, b) for a, b in zip(*np.nonzero(apart <= MOST_BITS), strict=True) if a < b}
    found = {
        (min(pair), max(pair))
        for firsts, seconds in near_pairs(hashes)
        for pair in zip(firsts.tolist(), seconds.tolist(), strict=True)
    }
    assert len(expected) >= 80
    assert found == expected


def test_fifty_thousand_hashes_take_seconds() -> None:
    hashes = np.random.default_rng(2).integers(0, 2**63, 50_000).astype(np.uint64)
    begun = time.process_time()
    assert sum(len(firsts) for firsts, _ in near_pairs(hashes)) < 100
    assert time.process_time() - begun < 10


def hash_of(pixels: np.ndarray, window: int = 1000) -> int | None:
    height, width = pixels.shape[:2]
    thumbnail = Thumbnail(height, width)
    for row in range(0, height, window):
        for col in range(0, width, window):
            part = pixels[row : row + window, col : col + window]
            valid = np.ones(part.shape[:2], bool)
            thumbnail.add(Window(row, col, *part.shape[:2]), part, valid)
    return perceptual_hash(thumbnail.grey())


def test_hashes_survive_what_does_not_change_the_picture() -> None:
    picture = scene(1, 300, 400)
    whole = hash_of(picture)
    assert whole is not None
    assert hash_of(picture, window=64) == whole
    coded = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], -1)
    small = cv2.resize(picture, (200, 150), interpolation=cv2.INTER_AREA)
    for other in (coded, small, picture // 2 + 30):
        assert (whole ^ (hash_of(other) or 0)).bit_count() <= MOST_BITS
    strangers = [
        (whole ^ (hash_of(scene(seed, 300, 400)) or 0)).bit_count() for seed in range(2, 40)
    ]
    assert min(strangers) > MOST_BITS


def test_a_picture_of_one_tone_has_no_hash() -> None:
    assert hash_of(np.full((50, 60, 3), 77, np.uint8)) is None
    assert hash_of(np.arange(25, dtype=np.uint8).reshape(5, 5, 1)) is not None


def test_near_duplicates_among_many_images_take_seconds() -> None:
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 2**63, 20_000).astype(np.uint64)
    hashes[10_000:10_100] = hashes[:100] ^ np.uint64(0b1010)
    hashes[15_000:] = hashes[0]  # thousands that look the same
    thumbnail = "AP8A" * 64
    facts = {
        ("train" if n < 10_000 else "val", f"{n}.png"): ImageFacts(
            f"{n}.png", digest=str(n), likeness=int(value), thumbnail=thumbnail
        )
        for n, value in enumerate(hashes)
    }
    begun = time.process_time()
    found = near_duplicates(facts)
    assert time.process_time() - begun < 10
    assert len(found) == 100 + 5_000
    assert {each.file for each in found} >= {f"val/{n}.png" for n in range(10_000, 10_100)}
