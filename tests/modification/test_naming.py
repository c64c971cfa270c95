"""Names of copies and of the images in them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from iqf_core.modification.chain import Chain, Link
from iqf_core.modification.naming import copy_name, new_image_names, with_fingerprint

ChainOf = Callable[..., Chain]


def test_a_chain_appends_its_modifiers_with_their_shown_parameters(chain_of: ChainOf) -> None:
    chain = chain_of("shift:by_dn=1.5", "mean")
    assert copy_name("airports", chain) == "airports#shift-by_dn=1.5#mean-radius_px=2"


def test_parameters_that_differ_from_their_default_show(chain_of: ChainOf) -> None:
    assert copy_name("a", chain_of("shift:by_dn=2,note=x")) == "a#shift-by_dn=2,note=x"


@pytest.mark.parametrize(
    ("given", "spelled"), [("0.1", "0.1"), ("1e-7", "1e-07"), ("3.0", "3"), ("-2", "-2")]
)
def test_numbers_have_their_shortest_form(chain_of: ChainOf, given: str, spelled: str) -> None:
    assert copy_name("a", chain_of(f"shift:by_dn={given}")) == f"a#shift-by_dn={spelled}"


def test_what_is_added_has_only_safe_characters(chain_of: ChainOf) -> None:
    name = copy_name("d", chain_of("shift:by_dn=1,note='/a path/ü#,=:~ '", "grain"), seed=7)
    assert re.fullmatch(r"[A-Za-z0-9._+,=@~#-]+", name)
    other = copy_name("d", chain_of("shift:by_dn=1,note='/a path/ö#,=:~ '", "grain"), seed=7)
    assert name != other


def test_the_seed_shows_when_it_matters(chain_of: ChainOf) -> None:
    assert copy_name("d", chain_of("grain"), seed=0) == "d#grain-sigma_dn=4"
    assert copy_name("d", chain_of("grain"), seed=3) == "d#grain-sigma_dn=4@seed=3"
    assert copy_name("d", chain_of("mean"), seed=3) == "d#mean-radius_px=2"


def test_a_long_name_ends_in_a_hash_and_stays_distinct() -> None:
    def long(value: int) -> str:
        link = Link("blur", "d", {"sigma_px": value}, shown=("sigma_px",))
        return copy_name("ü" * 80, Chain((link,) * 20))

    assert len(long(1).encode()) <= 200
    assert re.search(r"~[0-9a-f]{8}$", long(1))
    assert long(1) != long(2)
    assert len(with_fingerprint(long(1), "f" * 32).encode()) <= 200


def test_lossy_images_become_png_and_equal_stems_keep_both_endings() -> None:
    wanted = {"a.jpg": ".png", "a.png": ".png", "b.jpg": ".png", "s/a.jpg": ".png", "t.TIF": ".tif"}
    assert new_image_names(wanted) == {
        "a.jpg": "a.jpg.png",
        "a.png": "a.png",
        "b.jpg": "b.png",
        "s/a.jpg": "s/a.png",
        "t.TIF": "t.TIF",
    }


def test_no_two_images_ever_get_one_name() -> None:
    given = ["a.jpg", "a.png", "a.jpeg", "A.JPG", "a.jpg.png", "a.jpg.jpg"]
    names = new_image_names(dict.fromkeys(given, ".png"))
    assert len({name.lower() for name in names.values()}) == len(given)
    assert names["a.png"] == "a.png"
    assert names["a.jpg.png"] == "a.jpg.png"
