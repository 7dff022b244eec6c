"""Answers to whoever runs a server: what is set, from where, and what is wrong with it."""

from tl_core.operations.configuration import Setting, explain_settings

__all__ = ["Setting", "explain_settings"]
