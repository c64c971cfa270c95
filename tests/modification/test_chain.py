"""Chains: resolved from specifications, identified by everything that decides the result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from iqf_core.components.context import Context
from iqf_core.components.specification import parse_specification
from iqf_core.errors import ConfigurationError
from iqf_core.modification.chain import Chain
from iqf_core.plugins.manager import PluginManager

ChainOf = Callable[..., Chain]


def test_a_chain_holds_complete_parameters(chain_of: ChainOf) -> None:
    chain = chain_of("shift:by_dn=2", "mean", "shift:by_dn=3")
    assert chain.flat_params() == {
        "shift.by_dn": 2,
        "shift.note": "",
        "mean.radius_px": 2,
        "shift_2.by_dn": 3,
        "shift_2.note": "",
    }
    assert chain.flat_identity() == {"shift.by_dn": 0, "shift_2.by_dn": 0}
    assert chain.label == "shift:by_dn=2 mean:radius_px=2 shift:by_dn=3"


def test_every_mistake_is_said_at_once(manager: PluginManager) -> None:
    given = [parse_specification(text) for text in ("maen", "shift", "mean:radius=1")]
    with pytest.raises(ConfigurationError) as caught:
        Chain.resolve(given, manager.registry, "study.yaml: modifiers[0]")
    lines = [str(problem) for problem in caught.value.problems]
    assert len(lines) == 3
    assert "did you mean 'mean'" in lines[0]
    assert lines[1].startswith("study.yaml: modifiers[0][1]: modifier/shift: parameter 'by_dn'")
    assert "did you mean 'radius_px'" in lines[2]


def test_a_grid_is_no_chain(chain_of: ChainOf) -> None:
    with pytest.raises(ConfigurationError, match="several values"):
        chain_of("shift:by_dn=1|2")


def test_only_the_reference_is_one(chain_of: ChainOf) -> None:
    assert chain_of("none").is_reference
    assert chain_of("none").label == "none"
    assert not chain_of("none", "shift:by_dn=0").is_reference


def test_a_chain_survives_json_and_makes_the_same_modifiers(
    chain_of: ChainOf, manager: PluginManager
) -> None:
    chain = chain_of("shift:by_dn=2,note=x", "grain")
    again = Chain.from_json(json.loads(json.dumps(chain.to_json())))
    assert again == chain
    assert again.fingerprint() == chain.fingerprint()
    shift, grain = again.create(manager.registry, Context())
    assert (shift.params.by_dn, grain.random) == (2, True)


def test_the_fingerprint_follows_parameters_order_and_the_local_file(
    chain_of: ChainOf, modifier_file: Path
) -> None:
    fingerprints = {
        chain_of(*links).fingerprint()
        for links in (("mean", "grain"), ("grain", "mean"), ("mean:radius_px=3", "grain"))
    }
    assert len(fingerprints) == 3
    modifier_file.write_text(modifier_file.read_text() + "\n# another version\n")
    assert chain_of("mean", "grain").fingerprint() not in fingerprints
