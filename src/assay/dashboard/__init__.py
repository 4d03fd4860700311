"""The pages: Jinja2, SVG and a little JavaScript."""
