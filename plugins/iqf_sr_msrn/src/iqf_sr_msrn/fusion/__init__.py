"""Several frames of one scene, fused."""
