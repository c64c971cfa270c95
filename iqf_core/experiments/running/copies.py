"""The degraded copies that the runs of a plan need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.errors import IQFError
from iqf_core.experiments.plan import Plan, Run
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.modification.manifest import Manifest
    from iqf_core.plugins.manager import PluginManager


@dataclass(frozen=True)
class RunDataset:
    """A dataset as one run uses it.

    Attributes
    ----------
    path
        The folder that the script gets.
    manifest
        How it was made; None for an unmodified source.
    """

    path: Path
    manifest: Manifest | None = None


@dataclass
class Copies:
    """What was made, and what could not be.

    Attributes
    ----------
    made
        (role, fingerprint of the chain) -> the dataset.
    failed
        Fingerprint of a chain -> why a copy for it could not be made.
    """

    made: dict[tuple[str, str], RunDataset] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def of(self, run: Run, roles: Iterable[str]) -> dict[str, RunDataset]:
        """Return the datasets of `run` by role."""
        chain = run.chain.fingerprint()
        return {role: self.made[role, chain] for role in roles}


def make_copies(
    plan: Plan, runs: Iterable[Run], manager: PluginManager, *, workers: int | None, quiet: bool
) -> Copies:
    """Make (or find) the degraded copies for `runs`.

    A copy that cannot be made is recorded, not raised: other runs do not need it.
    """
    from iqf_core.modification.engine import modify_dataset

    settings = plan.settings
    chains = {run.chain.fingerprint(): run.chain for run in runs}
    copies = Copies()
    total = len(chains) * len(settings.apply_to)
    with progress("Degraded copies", total, quiet=quiet or total == 0) as bar:
        for key, chain in chains.items():
            for role, dataset in plan.datasets.items():
                if role not in settings.apply_to:
                    copies.made[role, key] = RunDataset(dataset.path)
                    continue
                try:
                    copy = modify_dataset(
                        dataset,
                        chain,
                        manager=manager,
                        seed=settings.seed,
                        out=settings.copies,
                        workers=workers,
                        on_error=settings.on_error,
                        peak=settings.peak,
                        quiet=True,
                    )
                except IQFError as error:
                    copies.failed[key] = f"{role} dataset, {chain.label}: {error}"
                    bar.advance()
                    continue
                copies.made[role, key] = RunDataset(copy.path, copy.manifest)
                bar.advance()
    return copies
