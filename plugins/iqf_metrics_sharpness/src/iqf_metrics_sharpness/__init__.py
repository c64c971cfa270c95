"""Measurements for IQF: signal-to-noise ratio, edge response, MTF and NIIRS."""
