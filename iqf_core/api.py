"""The plugin author's one import: a lazy façade over the core.

``from iqf_core.api import Modifier, Params, parameter, Image`` is all that a component module
needs; a name is imported from its home when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_core.components.base import BaseComponent as BaseComponent
    from iqf_core.components.context import Context as Context
    from iqf_core.components.dataset_format import DatasetFormat as DatasetFormat
    from iqf_core.components.dataset_format import Finding as Finding
    from iqf_core.components.dataset_format import ImageChange as ImageChange
    from iqf_core.components.executor import Executor as Executor
    from iqf_core.components.executor import Resources as Resources
    from iqf_core.components.executor import Task as Task
    from iqf_core.components.loss import Loss as Loss
    from iqf_core.components.metric import ImageInput as ImageInput
    from iqf_core.components.metric import Metric as Metric
    from iqf_core.components.metric import Output as Output
    from iqf_core.components.metric import PairInput as PairInput
    from iqf_core.components.metric import PredictionsInput as PredictionsInput
    from iqf_core.components.metric import Value as Value
    from iqf_core.components.modifier import Encoded as Encoded
    from iqf_core.components.modifier import Geometry as Geometry
    from iqf_core.components.modifier import Modifier as Modifier
    from iqf_core.components.parameters import Params as Params
    from iqf_core.components.parameters import parameter as parameter
    from iqf_core.components.trainer import Command as Command
    from iqf_core.components.trainer import Trainer as Trainer
    from iqf_core.datasets.annotations import Annotation as Annotation
    from iqf_core.datasets.annotations import Annotations as Annotations
    from iqf_core.datasets.annotations import ImageRecord as ImageRecord
    from iqf_core.datasets.dataset import Dataset as Dataset
    from iqf_core.datasets.dataset import open_dataset as open_dataset
    from iqf_core.errors import ConfigurationError as ConfigurationError
    from iqf_core.errors import DatasetError as DatasetError
    from iqf_core.errors import ExecutionError as ExecutionError
    from iqf_core.errors import ImageError as ImageError
    from iqf_core.errors import IQFError as IQFError
    from iqf_core.errors import LeftOutError as LeftOutError
    from iqf_core.errors import PluginError as PluginError
    from iqf_core.errors import TaskTimeoutError as TaskTimeoutError
    from iqf_core.errors import TrackingError as TrackingError
    from iqf_core.errors import UnknownComponentError as UnknownComponentError
    from iqf_core.errors import UnsupportedImageError as UnsupportedImageError
    from iqf_core.experiments.results.results import Results as Results
    from iqf_core.experiments.study import Study as Study
    from iqf_core.imaging.conversion import to_dtype as to_dtype
    from iqf_core.imaging.georeference import Georeference as Georeference
    from iqf_core.imaging.image import Image as Image
    from iqf_core.imaging.image import ImageMetadata as ImageMetadata
    from iqf_core.imaging.reading import ImageReader as ImageReader
    from iqf_core.imaging.reading import open_image as open_image
    from iqf_core.imaging.reading import read_image as read_image
    from iqf_core.imaging.windows import Window as Window
    from iqf_core.imaging.writing import ImageWriter as ImageWriter
    from iqf_core.imaging.writing import write_image as write_image
    from iqf_core.measurement.engine import measure_dataset as measure_dataset
    from iqf_core.modification.images import ModifiedReader as ModifiedReader
    from iqf_core.plugin import Component as Component
    from iqf_core.plugin import hookimpl as hookimpl
    from iqf_core.plugins.manager import PluginManager as PluginManager
    from iqf_core.progress import progress as progress

_HOMES: dict[str, str] = {
    "BaseComponent": "components.base",
    "Context": "components.context",
    "DatasetFormat": "components.dataset_format",
    "Finding": "components.dataset_format",
    "ImageChange": "components.dataset_format",
    "Executor": "components.executor",
    "Resources": "components.executor",
    "Task": "components.executor",
    "Loss": "components.loss",
    "ImageInput": "components.metric",
    "Metric": "components.metric",
    "Output": "components.metric",
    "PairInput": "components.metric",
    "PredictionsInput": "components.metric",
    "Value": "components.metric",
    "Encoded": "components.modifier",
    "Geometry": "components.modifier",
    "Modifier": "components.modifier",
    "Params": "components.parameters",
    "parameter": "components.parameters",
    "Command": "components.trainer",
    "Trainer": "components.trainer",
    "Annotation": "datasets.annotations",
    "Annotations": "datasets.annotations",
    "ImageRecord": "datasets.annotations",
    "Dataset": "datasets.dataset",
    "open_dataset": "datasets.dataset",
    "ConfigurationError": "errors",
    "DatasetError": "errors",
    "ExecutionError": "errors",
    "IQFError": "errors",
    "ImageError": "errors",
    "LeftOutError": "errors",
    "PluginError": "errors",
    "TaskTimeoutError": "errors",
    "TrackingError": "errors",
    "UnknownComponentError": "errors",
    "UnsupportedImageError": "errors",
    "Results": "experiments.results.results",
    "Study": "experiments.study",
    "to_dtype": "imaging.conversion",
    "Georeference": "imaging.georeference",
    "Image": "imaging.image",
    "ImageMetadata": "imaging.image",
    "ImageReader": "imaging.reading",
    "open_image": "imaging.reading",
    "read_image": "imaging.reading",
    "Window": "imaging.windows",
    "ImageWriter": "imaging.writing",
    "write_image": "imaging.writing",
    "measure_dataset": "measurement.engine",
    "ModifiedReader": "modification.images",
    "Component": "plugin",
    "hookimpl": "plugin",
    "PluginManager": "plugins.manager",
    "progress": "progress",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - static checkers read the imports above


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"iqf_core.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
