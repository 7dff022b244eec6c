"""A run as one HTML file that needs no network: for stakeholders, for printing, for keeping."""

from tl_core.report.build import report_html, write_report

__all__ = ["report_html", "write_report"]
