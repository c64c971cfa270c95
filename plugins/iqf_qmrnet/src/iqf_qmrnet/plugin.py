"""What this distribution brings; the code behind it is imported on first use."""

from __future__ import annotations

IQF_CONTRACT = 1
