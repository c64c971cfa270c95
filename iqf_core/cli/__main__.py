"""``python -m iqf_core.cli`` is the program ``iqf``."""

from __future__ import annotations

from iqf_core.cli.main import main

if __name__ == "__main__":
    main()
