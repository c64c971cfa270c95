"""Modified copies of datasets: made once, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from iqf_core.datasets.dataset import Dataset, open_dataset
from iqf_core.errors import ConfigurationError, DatasetError
from iqf_core.files import hash_json
from iqf_core.modification.batch import Item, Job, Outcome, make_modifiers
from iqf_core.modification.checking import Preview, check_support, image_change, preview
from iqf_core.modification.copying import (
    cannot_write,
    find_copy,
    locked,
    partial_folder,
    require_whole,
)
from iqf_core.modification.following import (
    below,
    make_folders,
    write_annotations,
    write_companions,
    write_updated_properties,
)
from iqf_core.modification.manifest import (
    ImageEntry,
    Manifest,
    SkippedFile,
    read_manifest,
    totals,
    write_manifest,
)
from iqf_core.modification.naming import copy_name
from iqf_core.modification.work import Work
from iqf_core.progress import progress

if TYPE_CHECKING:
    from iqf_core.components.dataset_format import ImageChange
    from iqf_core.components.executor import Executor
    from iqf_core.components.modifier import Modifier
    from iqf_core.modification.chain import Chain
    from iqf_core.plugins.manager import PluginManager

OnError = Literal["fail", "skip"]

#: Raise it when the engine itself makes other copies of the same dataset with the same chain.
ENGINE_VERSION = 1

_MOST_NAMED = 10


@dataclass(frozen=True)
class ModifiedDataset:
    """A copy of a dataset.

    Attributes
    ----------
    path
        Its folder.
    manifest
        What it is made of.
    reused
        Whether it was there already.
    """

    path: Path
    manifest: Manifest
    reused: bool


def modify_dataset(
    dataset: Dataset,
    chain: Chain,
    *,
    manager: PluginManager,
    seed: int = 0,
    out: Path | None = None,
    workers: int | None = 1,
    executor: Executor | None = None,
    on_error: OnError = "fail",
    peak: float | None = None,
    cog: bool = False,
    quiet: bool = False,
) -> ModifiedDataset:
    """Make a copy of `dataset` with every image modified, or find the one that is there.

    Parameters
    ----------
    dataset
        The source; it is not changed.
    chain
        The modifiers.
    manager
        Where components come from, here and in workers.
    seed
        Of all randomness; two seeds make two copies when a modifier is random, else one.
    out
        The folder that will hold the copy; by default the one that holds the dataset.
    workers
        Processes to use; None for one per usable core. Small work is done in this one.
    executor
        Where images are modified, instead of `workers` processes of its own.
    on_error
        What an unreadable image does: ``"fail"`` (no copy is made), or ``"skip"`` (it is left out
        and named in the manifest).
    peak
        The value of full scale, in DN, of images that do not say it.
    cog
        Write every image as Cloud Optimized GeoTIFF, with overviews.
    quiet
        Show no progress.

    Returns
    -------
    ModifiedDataset
        The copy. The same source, chain and seed is never computed twice, and processes that ask
        for it at once produce it once.

    Raises
    ------
    DatasetError
        If images are unreadable, or the copy cannot be written. Nothing is left behind.
    UnsupportedImageError
        If a modifier does not take the images; said before any is decoded.
    ConfigurationError
        If the peak of images is not known.
    """
    if peak is not None and peak != dataset.peak:
        dataset = open_dataset(dataset.path, registry=manager.registry, peak=peak)
    folder = _folder(dataset, out)
    making = _Making(dataset, chain, manager, seed, folder, on_error, cog=cog, quiet=quiet)
    found = making.find()
    if found is not None:
        return found
    with ExitStack() as stack:
        stack.enter_context(locked(making.folder, making.name, quiet=quiet))
        found = making.find()
        if found is not None:
            return found
        if executor is None and workers != 1:
            from iqf_core.execution.local import LocalExecutor

            # Its processes start when there is work for them.
            executor = stack.enter_context(LocalExecutor(LocalExecutor.Params(workers=workers)))
        return making.make(executor)


def copy_path(
    dataset: Dataset,
    chain: Chain,
    *,
    seed: int = 0,
    out: Path | None = None,
    cog: bool = False,
) -> Path:
    """Return where the copy is, or would be made."""
    folder = _folder(dataset, out)
    fingerprint = copy_fingerprint(dataset.fingerprint(), chain, seed, cog=cog)
    return find_copy(folder, copy_name(dataset.name, chain, seed), fingerprint)[0]


def copy_fingerprint(source: str, chain: Chain, seed: int, *, cog: bool = False) -> str:
    """Return the hash of everything that decides a copy's content."""
    return hash_json(
        {
            "source": source,
            "chain": chain.fingerprint(),
            "seed": seed if chain.random else None,
            "engine": ENGINE_VERSION,
            **({"container": "cog"} if cog else {}),
        }
    )


def _folder(dataset: Dataset, out: Path | None) -> Path:
    folder = dataset.path.parent if out is None else Path(out).absolute()
    if dataset.kind != "image" and folder.resolve().is_relative_to(dataset.path.resolve()):
        raise ConfigurationError(
            f"{folder}: lies in the dataset {dataset.path}, whose copies would be part of it; "
            "choose another folder with --out"
        )
    return folder


class _Making:
    """One copy: found, or made step by step."""

    def __init__(
        self,
        dataset: Dataset,
        chain: Chain,
        manager: PluginManager,
        seed: int,
        folder: Path,
        on_error: OnError,
        *,
        cog: bool,
        quiet: bool,
    ) -> None:
        self.dataset, self.chain, self.manager = dataset, chain, manager
        self.seed, self.folder, self.on_error = seed, folder, on_error
        self.cog, self.quiet = cog, quiet
        self.name = copy_name(dataset.name, chain, seed)
        with progress(f"Reading {dataset.name}", len(dataset), quiet=quiet) as bar:
            self.source_fingerprint = dataset.fingerprint(bar)
        self.fingerprint = copy_fingerprint(self.source_fingerprint, chain, seed, cog=cog)

    def find(self) -> ModifiedDataset | None:
        """Return the copy if it is there, and whole."""
        path, manifest = find_copy(self.folder, self.name, self.fingerprint)
        if manifest is None:
            return None
        require_whole(path, manifest)
        unreadable = {each.name: each.reason for each in manifest.skipped if not each.left_out}
        if unreadable and self.on_error == "fail":
            raise self._unreadable(unreadable)
        return ModifiedDataset(path, manifest, reused=True)

    def make(self, executor: Executor | None) -> ModifiedDataset:
        """Make the copy; the lock of its name is held."""
        path, _ = find_copy(self.folder, self.name, self.fingerprint)
        modifiers = make_modifiers(self.chain, self.manager.registry, self.seed)
        title = f"Modifying {self.dataset.name}: {self.chain.label}"
        with progress("Looking at the images", len(self.dataset), quiet=self.quiet) as bar:
            found = preview(self.dataset, bar, cog=self.cog)
        check_support(found, self.chain, modifiers)
        if found.unreadable and self.on_error == "fail":
            raise self._unreadable(found.unreadable)
        with partial_folder(self.folder, self.name, path) as partial:
            try:
                images = partial / below(self.dataset)
                make_folders(images, found.names.values())
                work_job = self._job(images, path)
                with progress(title, len(found.names), quiet=self.quiet) as bar:
                    work = Work(work_job, self._items(found), modifiers, found.samples, bar)
                    outcomes = self._collect(work, executor)
                manifest = self._finish(partial, path, found, outcomes, modifiers)
            except OSError as error:
                raise cannot_write(self.folder, error) from error
        return ModifiedDataset(path, manifest, reused=False)

    def _job(self, images: Path, path: Path) -> Job:
        stated = self.dataset.properties
        return Job(
            source=str(self.dataset.images_folder),
            target=str(images),
            copy=str(path),
            peak=stated.peak if self.dataset.peak is None else self.dataset.peak,
            nodata=stated.nodata,
            gsd_m=stated.gsd_m,
            bands=stated.bands,
            chain=self.chain.to_json(),
            seed=self.seed,
            link=self.chain.is_reference and not self.cog,
            settings=self.manager.settings(),
            cog=self.cog,
            properties=stated.model_dump(mode="json", exclude_none=True),
        )

    def _items(self, found: Preview) -> list[Item]:
        return [Item(old, new, self.dataset.image_hash(old)) for old, new in found.names.items()]

    def _collect(self, work: Work, executor: Executor | None) -> list[Outcome]:
        outcomes = []
        for outcome in work.outcomes(executor):
            if outcome.unreadable and self.on_error == "fail":
                raise self._unreadable(self._more_unreadable(outcome))
            outcomes.append(outcome)
        return sorted(outcomes, key=lambda outcome: outcome.old_name)

    def _more_unreadable(self, first: Outcome) -> dict[str, str]:
        """Look which other images are cut off too: the user mends them all at once."""
        from iqf_core.errors import ImageError

        reasons = {first.old_name: first.unreadable}
        for name in self.dataset.image_names:
            if len(reasons) > _MOST_NAMED:
                break
            try:
                self.dataset.open_image(name).close()
            except ImageError as error:
                reasons.setdefault(name, error.reason)
        return reasons

    def _unreadable(self, reasons: Mapping[str, str]) -> DatasetError:
        named = [f"{name}: {reason}" for name, reason in sorted(reasons.items())]
        more = len(named) - _MOST_NAMED
        lines = "\n  ".join([*named[:_MOST_NAMED], *([f"… and {more} more"] if more > 0 else [])])
        return DatasetError(
            f"{self.dataset.path}: images cannot be read, and none is left out unless you say "
            f"--on-error skip (in a study, on_error: skip)\n  {lines}"
        )

    def _none_left(self, reasons: Mapping[str, str]) -> DatasetError:
        name, reason = min(reasons.items())
        return DatasetError(
            f"{self.dataset.path}: {self.chain.label} leaves out every image, such as {name}: "
            f"{reason}"
        )

    def _finish(
        self,
        partial: Path,
        path: Path,
        found: Preview,
        outcomes: Sequence[Outcome],
        modifiers: Sequence[Modifier],
    ) -> Manifest:
        """Let everything else follow the images, and write the manifest."""
        made = [o for o in outcomes if not (o.unreadable or o.left_out)]
        unreadable = {
            **found.unreadable,
            **{o.old_name: o.unreadable for o in outcomes if o.unreadable},
        }
        left_out = {o.old_name: o.left_out for o in outcomes if o.left_out}
        if not made:
            raise self._none_left(left_out) if left_out else self._unreadable(unreadable)
        skipped = [SkippedFile(name=n, reason=r) for n, r in unreadable.items()]
        skipped += [SkippedFile(name=n, reason=r, left_out=True) for n, r in left_out.items()]
        skipped.sort(key=lambda each: each.name)
        changes: dict[str, ImageChange] = {
            outcome.old_name: image_change(
                found.headers[outcome.old_name], outcome.new_name, modifiers
            )
            for outcome in made
        }
        linked = {name for name, change in changes.items() if name == change.new_name}
        if not self.chain.is_reference or self.cog:
            linked = set()
        write_annotations(self.dataset, partial, changes)
        write_companions(self.dataset, partial, path, changes, linked)
        write_updated_properties(
            self.dataset,
            partial,
            list(changes.values()),
            made,
            unmodified=self.chain.is_reference,
        )
        manifest = self._manifest(found, made, skipped)
        write_manifest(partial, manifest)
        return manifest

    def _manifest(
        self, found: Preview, made: Sequence[Outcome], skipped: Sequence[SkippedFile]
    ) -> Manifest:
        before = None if self.dataset.kind == "image" else read_manifest(self.dataset.path)
        entries = [
            ImageEntry(
                old_name=outcome.old_name,
                new_name=outcome.new_name,
                old_shape=found.headers[outcome.old_name].shape,
                shape=outcome.shape,
                dtype=outcome.dtype,
                file_bytes=outcome.file_bytes,
                source_hash=outcome.source_hash,
                nbytes=outcome.nbytes,
                bpppc=outcome.bpppc,
                ratio=outcome.ratio,
                notes=outcome.notes,
            )
            for outcome in made
        ]
        return Manifest(
            source=self.dataset.name,
            source_fingerprint=self.source_fingerprint,
            source_folder=str(self.dataset.path),
            chain=self.chain.to_json(),
            label=self.chain.label,
            seed=self.seed,
            peak=self.dataset.peak,
            versions=self._versions(),
            fingerprint=self.fingerprint,
            history=[*before.history, before.step()] if before else [],
            image_folder=below(self.dataset),
            images=entries,
            skipped=list(skipped),
            totals=totals(entries, len(skipped)),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _versions(self) -> dict[str, str]:
        """Return the versions of the core and of what the chain needs."""
        from iqf_core.plugins.discovery import CORE

        needed = {CORE, *(link.distribution for link in self.chain.links)}
        return {
            name: version for name, version in self.manager.versions().items() if name in needed
        }
