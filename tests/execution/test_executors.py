"""The contract suite on the core's executors."""

from __future__ import annotations

from iqf_core.components.executor import Executor
from iqf_core.execution.local import LocalExecutor
from iqf_core.execution.serial import SerialExecutor
from iqf_core.testing.executor import ExecutorConformance


class TestLocalExecutor(ExecutorConformance):
    def make_executor(self, workers: int) -> Executor:
        return LocalExecutor(LocalExecutor.Params(workers=workers))


class TestSerialExecutor(ExecutorConformance):
    concurrent = False

    def make_executor(self, workers: int) -> Executor:
        return SerialExecutor()
