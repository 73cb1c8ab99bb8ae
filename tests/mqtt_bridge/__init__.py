"""Tests of mqtt_bridge."""
