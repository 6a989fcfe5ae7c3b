"""Sphinx's configuration: `make docs`."""

from importlib import metadata

project = "neo-emulator"
release = metadata.version("neo-emulator")
extensions = ["myst_parser"]
exclude_patterns = ["build"]
html_theme = "furo"
html_title = "neo-emulator"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_theme_options = {"top_of_page_buttons": []}
html_show_copyright = False
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links to files of the repository that are no pages
