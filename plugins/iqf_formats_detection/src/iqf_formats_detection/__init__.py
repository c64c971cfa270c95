"""Annotation formats of object detection."""
