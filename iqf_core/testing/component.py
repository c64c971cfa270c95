"""What the suites of all kinds of component share."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import Any, ClassVar, get_args

import pytest
from pydantic import ValidationError

from iqf_core.components.base import BaseComponent
from iqf_core.components.context import Context
from iqf_core.components.modifier import DTYPES
from iqf_core.components.parameters import Params, example_values, field_extra, validate
from iqf_core.components.specification import format_specification
from iqf_core.errors import ConfigurationError
from iqf_core.plugins.manager import PluginManager
from iqf_core.plugins.registry import Registry
from iqf_core.testing.images import BAND_COUNTS

#: Modules a plugin's light module must not import: ``iqf plugins list --load`` would pay for them.
HEAVY_MODULES = (
    "cv2",
    "matplotlib",
    "mlflow",
    "numpy",
    "pandas",
    "pydantic",
    "rasterio",
    "rich",
    "scipy",
    "sqlalchemy",
    "torch",
)

_REPORT = "import importlib, json, sys; importlib.import_module(sys.argv[1]); " + (
    "print(json.dumps(sorted(set(sys.argv[2:]) & set(sys.modules))))"
)


class ComponentConformance:
    """Parameters, laziness, and life in another process.

    Attributes
    ----------
    component
        The component: its name, when an installed plugin declares it, or its class (of a module
        that other processes can import too, as workers do).
    parameter_sets
        Parameters to try it with; by default one set, the examples of its required parameters.
    """

    kind: ClassVar[str] = ""
    component: ClassVar[Any] = None
    parameter_sets: ClassVar[Sequence[Mapping[str, Any]]] = ()

    @pytest.fixture
    def registry(self) -> Registry:
        """The registry the component is looked up in; override it to bring another."""
        return PluginManager().registry

    @pytest.fixture
    def component_class(self, registry: Registry) -> Any:
        """The component's class."""
        if isinstance(self.component, str):
            return registry.load(self.kind, self.component)
        assert isinstance(self.component, type), "set `component` to a name or a class"
        assert issubclass(self.component, BaseComponent)
        assert self.component.kind == self.kind
        return self.component

    @pytest.fixture
    def context(self, registry: Registry) -> Context:
        """The context every instance is made in."""
        return Context(registry=registry, seed=1, source_hash="a synthetic image")

    @pytest.fixture
    def make(self, component_class: Any, context: Context) -> Callable[[Mapping[str, Any]], Any]:
        """Make an instance from parameter values."""

        def make(values: Mapping[str, Any]) -> Any:
            return component_class.create(self.validated(component_class, values), context)

        return make

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run every test that asks for ``values`` once for each parameter set."""
        if "values" in metafunc.fixturenames:
            sets: list[Mapping[str, Any] | None] = list(self.parameter_sets) or [None]
            metafunc.parametrize("given", sets, ids=map(_set_name, sets))

    @pytest.fixture
    def given(self) -> Mapping[str, Any] | None:
        """One of the parameter sets, None for the examples."""
        return None

    @pytest.fixture
    def values(self, component_class: Any, given: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """One set of parameter values."""
        return example_values(component_class.Params) if given is None else given

    @pytest.fixture
    def first_values(self, component_class: Any) -> Mapping[str, Any]:
        """The first set of parameter values, for what need not be tried with all."""
        return next(iter(self.parameter_sets), None) or example_values(component_class.Params)

    def validated(self, component_class: Any, values: Mapping[str, Any]) -> Params:
        """Validate `values` as the framework does."""
        return validate(component_class.Params, values, f"{self.kind}/{component_class.__name__}")

    def test_every_parameter_is_documented(self, component_class: Any) -> None:
        for name, parameter in component_class.Params.model_fields.items():
            assert parameter.description, f"{name}: say what it does in `description`"
            if _is_numeric(parameter.annotation):
                assert field_extra(parameter, "unit") is not None, (
                    f'{name}: name its `unit`, or say unit="" when it has none'
                )

    def test_every_declared_example_is_valid(self, component_class: Any) -> None:
        for name, parameter in component_class.Params.model_fields.items():
            example = field_extra(parameter, "example")
            if example is not None:
                assert _accepts(component_class.Params, name, example), (
                    f"{name}: its example {example!r} is refused"
                )

    def test_parameter_sets_are_valid_and_read_back(
        self, component_class: Any, values: Mapping[str, Any]
    ) -> None:
        params = self.validated(component_class, values)
        recorded = json.loads(params.model_dump_json())
        assert self.validated(component_class, recorded) == params

    def test_an_unknown_parameter_is_refused(
        self, component_class: Any, values: Mapping[str, Any]
    ) -> None:
        with pytest.raises(ConfigurationError, match="no_such_parameter"):
            self.validated(component_class, {**values, "no_such_parameter": 1})

    def test_declaring_it_imports_nothing_heavy(
        self, component_class: Any, registry: Registry
    ) -> None:
        target = f"{component_class.__module__}:{component_class.__qualname__}"
        owners = {
            entry.plugin
            for entry in registry.entries(self.kind)
            if entry.component.target == target
        }
        modules = [plugin.module for plugin in PluginManager().plugins if plugin.name in owners]
        for module in modules:  # none for a class in a file of its own
            assert _imported_by(module) == [], f"{module}: import them in the component's module"


def _set_name(values: Mapping[str, Any] | None) -> str:
    if values is None:
        return "examples"
    return format_specification("", values).removeprefix(":") or "defaults"


def _imported_by(module: str) -> list[str]:
    """Return the heavy modules that importing `module` in a fresh interpreter brings."""
    answer = subprocess.run(
        [sys.executable, "-c", _REPORT, module, *HEAVY_MODULES],
        capture_output=True,
        text=True,
        check=True,
    )
    return list(json.loads(answer.stdout))


def _accepts(model: type[Params], name: str, value: Any) -> bool:
    """Return whether `model` finds nothing wrong with one parameter, whatever others lack."""
    try:
        model.model_validate({name: value})
    except ValidationError as error:
        return all(item["loc"][:1] != (name,) for item in error.errors())
    return True


def _is_numeric(annotation: Any) -> bool:
    choices = get_args(annotation) or (annotation,)
    return any(choice in (int, float) for choice in choices)


def taken_by(component: Any) -> list[tuple[str, int]]:
    """Return the data types and band counts, of those the suites try, that a component takes."""
    return [
        (dtype, bands)
        for dtype, bands in product(DTYPES, BAND_COUNTS)
        if component.supports(dtype, bands) is None
    ]


def in_spawned_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return ``function(*arguments)`` as a freshly spawned process computes it."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, *arguments).result()
