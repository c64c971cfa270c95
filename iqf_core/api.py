"""The plugin author's one import: a lazy façade over the core.

``from iqf_core.api import Modifier, Params, parameter, Image`` is all that a component module
needs; a name is imported from its home when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqf_core.cli.state import print_columns as print_columns
    from iqf_core.cli.state import print_json as print_json
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
    from iqf_core.components.network import Network as Network
    from iqf_core.components.parameters import Params as Params
    from iqf_core.components.parameters import parameter as parameter
    from iqf_core.components.parameters import validate as validate
    from iqf_core.components.specification import Grid as Grid
    from iqf_core.components.specification import Specification as Specification
    from iqf_core.components.specification import format_specification as format_specification
    from iqf_core.components.specification import parse_specification as parse_specification
    from iqf_core.components.specification import specification_from_yaml as specification_from_yaml
    from iqf_core.components.trainer import Command as Command
    from iqf_core.components.trainer import Trainer as Trainer
    from iqf_core.datasets.annotations import Annotation as Annotation
    from iqf_core.datasets.annotations import Annotations as Annotations
    from iqf_core.datasets.annotations import ImageRecord as ImageRecord
    from iqf_core.datasets.atomic import partial_folder as partial_folder
    from iqf_core.datasets.dataset import Dataset as Dataset
    from iqf_core.datasets.dataset import open_dataset as open_dataset
    from iqf_core.datasets.following import link_or_copy as link_or_copy
    from iqf_core.datasets.formats.mask_resampling import read_mask as read_mask
    from iqf_core.datasets.layout import Layout as Layout
    from iqf_core.datasets.layout import find_layout as find_layout
    from iqf_core.datasets.run_length import RunLengthMask as RunLengthMask
    from iqf_core.datasets.run_length import parse_run_length as parse_run_length
    from iqf_core.datasets.shapes import Placement as Placement
    from iqf_core.datasets.shapes import pixel_shape as pixel_shape
    from iqf_core.datasets.shapes import polygons_of as polygons_of
    from iqf_core.datasets.untrusted import ImageNames as ImageNames
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
    from iqf_core.execution.local import LocalExecutor as LocalExecutor
    from iqf_core.execution.spreading import Spread as Spread
    from iqf_core.experiments.results.results import Results as Results
    from iqf_core.experiments.study import Study as Study
    from iqf_core.files import atomic_write_bytes as atomic_write_bytes
    from iqf_core.files import atomic_write_text as atomic_write_text
    from iqf_core.files import content_hash as content_hash
    from iqf_core.html.charts import ChartLevel as ChartLevel
    from iqf_core.html.charts import ChartMark as ChartMark
    from iqf_core.html.charts import ChartPoint as ChartPoint
    from iqf_core.html.charts import ChartSeries as ChartSeries
    from iqf_core.html.charts import bar_chart as bar_chart
    from iqf_core.html.charts import histogram_chart as histogram_chart
    from iqf_core.html.charts import html_legend as html_legend
    from iqf_core.html.charts import xy_chart as xy_chart
    from iqf_core.html.fragments import Html as Html
    from iqf_core.html.fragments import html_details as html_details
    from iqf_core.html.fragments import html_facts as html_facts
    from iqf_core.html.fragments import html_figures as html_figures
    from iqf_core.html.fragments import html_grid as html_grid
    from iqf_core.html.fragments import html_note as html_note
    from iqf_core.html.fragments import html_tag as html_tag
    from iqf_core.html.images import html_image as html_image
    from iqf_core.html.images import image_data_uri as image_data_uri
    from iqf_core.html.page import HtmlPage as HtmlPage
    from iqf_core.html.tables import HtmlCell as HtmlCell
    from iqf_core.html.tables import HtmlColumn as HtmlColumn
    from iqf_core.html.tables import html_table as html_table
    from iqf_core.imaging.conversion import to_dtype as to_dtype
    from iqf_core.imaging.georeference import Georeference as Georeference
    from iqf_core.imaging.header import ImageHeader as ImageHeader
    from iqf_core.imaging.header import is_image_name as is_image_name
    from iqf_core.imaging.header import read_header as read_header
    from iqf_core.imaging.image import Image as Image
    from iqf_core.imaging.image import ImageMetadata as ImageMetadata
    from iqf_core.imaging.preview import preview as preview
    from iqf_core.imaging.reading import ImageReader as ImageReader
    from iqf_core.imaging.reading import open_image as open_image
    from iqf_core.imaging.reading import read_image as read_image
    from iqf_core.imaging.windows import Window as Window
    from iqf_core.imaging.writing import ImageWriter as ImageWriter
    from iqf_core.imaging.writing import write_image as write_image
    from iqf_core.measurement.engine import measure_dataset as measure_dataset
    from iqf_core.measurement.predictions import measure_predictions as measure_predictions
    from iqf_core.modification.chain import Chain as Chain
    from iqf_core.modification.images import ModifiedReader as ModifiedReader
    from iqf_core.modification.images import modify_whole as modify_whole
    from iqf_core.plugin import Component as Component
    from iqf_core.plugin import hookimpl as hookimpl
    from iqf_core.plugins.manager import PluginManager as PluginManager
    from iqf_core.progress import progress as progress
    from iqf_core.yaml12 import load_yaml as load_yaml

_HOMES: dict[str, str] = {
    "print_columns": "cli.state",
    "print_json": "cli.state",
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
    "Network": "components.network",
    "Params": "components.parameters",
    "parameter": "components.parameters",
    "validate": "components.parameters",
    "Grid": "components.specification",
    "Specification": "components.specification",
    "format_specification": "components.specification",
    "parse_specification": "components.specification",
    "specification_from_yaml": "components.specification",
    "Command": "components.trainer",
    "Trainer": "components.trainer",
    "Annotation": "datasets.annotations",
    "Annotations": "datasets.annotations",
    "ImageRecord": "datasets.annotations",
    "partial_folder": "datasets.atomic",
    "Dataset": "datasets.dataset",
    "open_dataset": "datasets.dataset",
    "link_or_copy": "datasets.following",
    "read_mask": "datasets.formats.mask_resampling",
    "Layout": "datasets.layout",
    "find_layout": "datasets.layout",
    "RunLengthMask": "datasets.run_length",
    "parse_run_length": "datasets.run_length",
    "Placement": "datasets.shapes",
    "pixel_shape": "datasets.shapes",
    "polygons_of": "datasets.shapes",
    "ImageNames": "datasets.untrusted",
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
    "LocalExecutor": "execution.local",
    "Spread": "execution.spreading",
    "Results": "experiments.results.results",
    "Study": "experiments.study",
    "content_hash": "files",
    "atomic_write_bytes": "files",
    "atomic_write_text": "files",
    "ChartLevel": "html.charts",
    "ChartMark": "html.charts",
    "ChartPoint": "html.charts",
    "ChartSeries": "html.charts",
    "bar_chart": "html.charts",
    "histogram_chart": "html.charts",
    "html_legend": "html.charts",
    "xy_chart": "html.charts",
    "Html": "html.fragments",
    "html_details": "html.fragments",
    "html_facts": "html.fragments",
    "html_figures": "html.fragments",
    "html_grid": "html.fragments",
    "html_note": "html.fragments",
    "html_tag": "html.fragments",
    "html_image": "html.images",
    "image_data_uri": "html.images",
    "HtmlPage": "html.page",
    "HtmlCell": "html.tables",
    "HtmlColumn": "html.tables",
    "html_table": "html.tables",
    "to_dtype": "imaging.conversion",
    "Georeference": "imaging.georeference",
    "ImageHeader": "imaging.header",
    "read_header": "imaging.header",
    "is_image_name": "imaging.header",
    "Image": "imaging.image",
    "ImageMetadata": "imaging.image",
    "preview": "imaging.preview",
    "ImageReader": "imaging.reading",
    "open_image": "imaging.reading",
    "read_image": "imaging.reading",
    "Window": "imaging.windows",
    "ImageWriter": "imaging.writing",
    "write_image": "imaging.writing",
    "measure_dataset": "measurement.engine",
    "measure_predictions": "measurement.predictions",
    "Chain": "modification.chain",
    "modify_whole": "modification.images",
    "ModifiedReader": "modification.images",
    "Component": "plugin",
    "hookimpl": "plugin",
    "PluginManager": "plugins.manager",
    "progress": "progress",
    "load_yaml": "yaml12",
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
