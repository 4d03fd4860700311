"""What charts look like outside a page: the same class names and custom properties that the pages style."""

from __future__ import annotations

STANDALONE_STYLE = """
.assay-chart{--chart-surface:#ffffff;--chart-ink:#1b2430;--chart-faint:#59636f;--chart-grid:#e3e7ec;
--chart-zero:#8a94a1;--chart-better:#0b7a4b;--chart-worse:#c0291f;--chart-unclear:#4a6382;
font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;background:var(--chart-surface)}
@media (prefers-color-scheme:dark){.assay-chart{--chart-surface:#12171e;--chart-ink:#e6ebf1;--chart-faint:#9aa6b4;
--chart-grid:#28313c;--chart-zero:#6d7988;--chart-better:#3ecf8e;--chart-worse:#ff8a80;--chart-unclear:#9db6d6}}
.assay-chart text{fill:var(--chart-ink);font-variant-numeric:tabular-nums}
.assay-chart .faint{fill:var(--chart-faint)}.assay-chart .heading{font-weight:600}
.assay-chart .small{font-size:12px}.assay-chart .strong{font-weight:600}
.assay-chart .grid{stroke:var(--chart-grid)}.assay-chart .zero{stroke:var(--chart-zero)}
.assay-chart .better{--tone:var(--chart-better)}.assay-chart .worse{--tone:var(--chart-worse)}
.assay-chart .unclear{--tone:var(--chart-unclear)}
.assay-chart .reach{stroke:var(--tone);stroke-width:8;stroke-opacity:.3}
.assay-chart .point{fill:var(--tone);stroke:var(--chart-surface);stroke-width:1.5}
.assay-chart .arrow{fill:var(--tone)}.assay-chart .toned{fill:var(--tone)}
.assay-chart .band{fill:var(--tone);fill-opacity:.18}
.assay-chart .line{fill:none;stroke:var(--tone);stroke-width:2;stroke-linejoin:round}
.assay-chart .halo{paint-order:stroke;stroke:var(--chart-surface);stroke-width:4px;stroke-linejoin:round}
"""
"""Style sheet for a chart that stands alone; follows the reader's light or dark setting."""
