"""IQF: an image-quality framework for Earth observation.

The names a plugin author needs stand in :mod:`iqf_core.api`; light plugin modules import only
:mod:`iqf_core.plugin`.
"""

__version__ = "0.1.0"
