"""Strategies, one file each. The compiled ones are built here from their configuration."""
