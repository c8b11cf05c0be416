"""A model checker for what processes share: it runs the functions of ext/*.pxd themselves."""
