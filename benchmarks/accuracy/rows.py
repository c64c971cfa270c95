"""The rows of the table and their goals; a row without goals is there to be looked at."""

from __future__ import annotations

from .records import Row

INTERVALS = (0.55, 0.80)

SHARPNESS = (
    Row("rer gaussian", "RER, Gaussian, scenes and edges", "error", 0.005, 0.02),
    Row("rer shaped", "RER, sharpened, halo, motion, point", "error", 0.012, 0.03),
    Row("rer anisotropic", "RER, 2:1 anisotropic", "error", 0.008, 0.03),
    Row("rer optics", "RER, pillbox and Airy"),
    Row("rer other", "RER of other directions, scenes"),
    Row("fwhm", "FWHM, all systems", "error", 0.01, 0.04),
    Row("mtf_nyquist", "MTF at Nyquist, absolute", "absolute", 0.001, 0.012),
    Row("mtf50_freq", "MTF50 frequency", "error", 0.007, 0.03),
    Row("scenes", "RER, all scenes", no_value=0.0),
    Row("edges", "RER, all planted edges", no_value=0.05),
    Row("false", "value where none may be", "false", false_value=0.0),
    Row("sharpness intervals", "intervals of the RER", "coverage", coverage=INTERVALS),
    Row("modifiers", "RER after the modifier blur"),
)

PAIRS = (
    Row("pairs", "photograph pairs, extra blur", "error", 0.06, 0.30, 0.05),
    Row("pairs tuning", "  those to tune on"),
    Row("pairs held out", "  those held out"),
    Row("pairs noisy", "  with noise of 3 DN added to both"),
)

NOISE = (
    Row("noise synthetic", "noise sigma, synthetic", "error", 0.008, 0.03),
    Row("noise photographs", "noise sigma, photographs", "error", 0.015, 0.08),
    Row("noise photographs tuning", "  those to tune on"),
    Row("noise photographs held out", "  those held out"),
    Row("noise dependent", "noise sigma, signal-dependent", "error", 0.015, 0.07),
    Row("noise dependent tuning", "  on photographs to tune on"),
    Row("noise dependent held out", "  on photographs held out"),
    Row("noise dependent scenes", "  on scenes"),
    Row("noise types", "noise sigma, 16 bits and float, scenes"),
    Row("noise tiles", "noise sigma, 16-bit satellite tiles"),
    Row("noise model", "slope of the noise model, scenes"),
    Row("noise intervals", "intervals of the noise sigma", "coverage", coverage=INTERVALS),
    Row("snr", "SNR, all of the above", no_value=0.0),
    Row("areas", "noise sigma, method areas, scenes"),
    Row("areas photographs", "noise sigma, method areas, photographs"),
    Row("white flagged", "white noise flagged as coloured", "false"),
    Row("coloured missed", "coloured noise that is not flagged", "false"),
    Row("noise false", "noise told of images without any", "false", false_value=0.0),
    Row("noise modifiers", "noise sigma after the modifier gaussian_noise"),
)

COST = (
    Row("cost noise", "noise, in Gaussian blurs of the image", "cost", cost=20),
    Row("cost sharpness", "sharpness, over 0.3 s + 0.05 s/MP", "cost", cost=1),
    Row("repeatability", "numbers that differ the second time", "false", false_value=0.0),
)

PARTS = {"sharpness": SHARPNESS, "pairs": PAIRS, "noise": NOISE, "cost": COST}
