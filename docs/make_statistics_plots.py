"""Writes docs/images/statistics: the plots of the statistics guide, drawn as SVG from the functions they are about.

The same every time: what is random comes from `random.Random` with a fixed seed. Run it after a change of a plot.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.charts.svg import chart, element, number, words
from assay.stats import (
    Design,
    Interval,
    Outcome,
    ShareMeasure,
    error_of_repeated_looks,
    exaggeration,
    haybittle_peto_boundaries,
    hwang_shih_decani_spending,
    kim_demets_spending,
    obrien_fleming_spending,
    pocock_spending,
    power,
    proportion_sequence,
    share_posterior,
    spending_boundaries,
    squared_radius,
    tuned_rho_squared,
    two_proportion_z,
)
from assay.stats.planning.stopping import ever_beyond

IMAGES = Path(__file__).parent / "images" / "statistics"
WIDTH, HEIGHT = 760.0, 380.0
LEFT, RIGHT, TOP, BOTTOM = 68.0, 32.0, 62.0, 48.0
DASHES = (None, "8 4", "2 4", "10 4 2 4", "5 2")
STYLE = """
.assay-chart{--s0:#0b5cad;--s1:#b4430c;--s2:#0b7a4b;--s3:#7a3fb0;--s4:#59636f}
@media (prefers-color-scheme:dark){.assay-chart{--s0:#7ab8ff;--s1:#ffab70;--s2:#3ecf8e;--s3:#d2a8ff;--s4:#9aa6b4}}
.assay-chart .s0{--tone:var(--s0)}.assay-chart .s1{--tone:var(--s1)}.assay-chart .s2{--tone:var(--s2)}
.assay-chart .s3{--tone:var(--s3)}.assay-chart .s4{--tone:var(--s4)}
"""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line with its name; with `until` a band between both. marks: a dot at every point."""

    name: str
    points: Points
    until: Points | None = None
    marks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A stretch with its round numbers; logarithmic where told."""

    title: str
    low: float
    high: float
    ticks: Sequence[float]
    label: Callable[[float], str] = number
    logarithmic: bool = False

    def position(self, value: float) -> float:
        """From 0 (low) to 1 (high); beyond the ends it is held there."""
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(value)
        return min(1.0, max(0.0, (at - low) / (high - low)))


def percent(value: float) -> str:
    """0.05 → 5 %."""
    return f"{number(value * 100)} %".replace("-", "−")


def whole(value: float) -> str:
    """20000 → 20,000."""
    return f"{value:,.0f}"


def plot(title: str, across: Axis, up: Axis, series: Sequence[Series], *, level: float | None = None) -> str:
    """Lines and bands over two axes, named at the top. level: a value to mark with a stronger line."""

    def at(point: tuple[float, float]) -> tuple[float, float]:
        x = LEFT + across.position(point[0]) * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - up.position(point[1]) * (HEIGHT - TOP - BOTTOM)

    parts = [element("style", STYLE), element("text", words(title), x=LEFT, y=20, class_="heading")]
    parts += _grid(across, up, at, level)
    x = LEFT
    for i, item in enumerate(series):
        parts.append(element("g", *_drawn(item, at, DASHES[i]), class_=f"s{i}"))
        key = element("line", x1=x, x2=x + 26, y1=39, y2=39, class_="line", stroke_dasharray=DASHES[i])
        parts.append(element("g", key, class_=f"s{i}") + element("text", words(item.name), x=x + 32, y=43))
        x += 32 + 6.8 * len(item.name) + 22
    return chart(*parts, label=title, width=WIDTH, height=HEIGHT, kind="plot", standalone=True) + "\n"


def _grid(
    across: Axis, up: Axis, at: Callable[[tuple[float, float]], tuple[float, float]], level: float | None
) -> list[str]:
    found = []
    for tick in up.ticks:
        x, y = at((across.low, tick))
        found.append(element("line", x1=x, x2=WIDTH - RIGHT, y1=y, y2=y, class_="zero" if tick == level else "grid"))
        found.append(element("text", words(up.label(tick)), x=x - 8, y=y + 4, text_anchor="end", class_="faint small"))
    for tick in across.ticks:
        x, y = at((tick, up.low))
        found.append(element("line", x1=x, x2=x, y1=y, y2=y + 5, class_="zero"))
        label = words(across.label(tick))
        found.append(element("text", label, x=x, y=y + 19, text_anchor="middle", class_="faint small"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    found.append(element("text", words(across.title), x=middle, y=HEIGHT - 10, text_anchor="middle", class_="faint"))
    y = (TOP + HEIGHT - BOTTOM) / 2
    turned = f"rotate(-90 14 {number(y)})"
    found.append(element("text", words(up.title), x=14, y=y, text_anchor="middle", transform=turned, class_="faint"))
    return found


def _drawn(item: Series, at: Callable[[tuple[float, float]], tuple[float, float]], dash: str | None) -> list[str]:
    def path(points: Points) -> str:
        return " ".join(f"{number(x)},{number(y)}" for x, y in map(at, points))

    found = []
    if item.until is not None:
        found.append(element("polygon", points=f"{path(item.points)} {path(list(item.until)[::-1])}", class_="band"))
        found.append(element("polyline", points=path(item.until), class_="line", stroke_dasharray=dash))
    found.append(element("polyline", points=path(item.points), class_="line", stroke_dasharray=dash))
    if item.marks:
        found += [element("circle", cx=x, cy=y, r=4, class_="point") for x, y in map(at, item.points)]
    return found


def bounds(outcome: Outcome) -> tuple[float, float]:
    """The interval of a two-sided outcome; as wide as can be where there is none yet."""
    found = outcome.interval
    if isinstance(found, Interval) and found.lower is not None and found.upper is not None:
        return found.lower, found.upper
    return -1.0, 1.0


def watched() -> str:
    """One A/A experiment at 5 %, looked at every 250 units."""
    draw = random.Random(24)
    x_t = x_c = 0
    looks, fixed, anytime = [], [], []
    for n in range(1, 10_001):
        x_t += draw.random() < 0.05
        x_c += draw.random() < 0.05
        if n % 125 == 0 and n >= 1000:
            looks.append(2.0 * n)
            fixed.append(bounds(two_proportion_z((x_t, n), (x_c, n), pooled=False)))
            anytime.append(bounds(proportion_sequence((x_t, n), (x_c, n), tuning_units=20_000)))

    def band(name: str, found: Sequence[tuple[float, float]]) -> Series:
        lower, upper = zip(*found, strict=True)
        return Series(
            name=name, points=list(zip(looks, lower, strict=True)), until=list(zip(looks, upper, strict=True))
        )

    across = Axis(
        title="units so far, both arms", low=2000, high=20_000, ticks=(2000, 5000, 10_000, 15_000, 20_000), label=whole
    )
    up = Axis(
        title="difference of shares",
        low=-0.03,
        high=0.03,
        ticks=(-0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03),
        label=percent,
    )
    series = [band("confidence sequence, 95 %", anytime), band("fixed interval at every look, 95 %", fixed)]
    return plot("Two arms without a difference, watched", across, up, series, level=0.0)


def boundaries() -> str:
    """z that rejects, at five looks."""
    information = (0.2, 0.4, 0.6, 0.8, 1.0)
    found = [
        ("O'Brien–Fleming", spending_boundaries(information, spending=obrien_fleming_spending())),
        ("Pocock", spending_boundaries(information, spending=pocock_spending())),
        ("Kim–DeMets 3", spending_boundaries(information, spending=kim_demets_spending(3))),
        ("H–S–D −4", spending_boundaries(information, spending=hwang_shih_decani_spending(-4))),
        ("Haybittle–Peto", haybittle_peto_boundaries(information)),
    ]
    series = [
        Series(name=name, points=[(t, z) for t, z in zip(information, item.efficacy, strict=True) if z], marks=True)
        for name, item in found
    ]
    across = Axis(title="share of the planned units", low=0.15, high=1.0, ticks=information, label=percent)
    up = Axis(title="z needed", low=1.5, high=5, ticks=(1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5))
    return plot("How far out z must be at each of five looks, α = 5 % in all", across, up, series)


def posteriors() -> str:
    """Densities of two shares."""

    def density(name: str, converted: int, n: int) -> Series:
        known = share_posterior((converted, n))
        log_beta = math.lgamma(known.a) + math.lgamma(known.b) - math.lgamma(known.a + known.b)
        grid = [0.035 + 0.0003 * i for i in range(131)]
        logs = [(known.a - 1) * math.log(p) + (known.b - 1) * math.log1p(-p) - log_beta for p in grid]
        line = [(p, math.exp(log)) for p, log in zip(grid, logs, strict=True)]
        return Series(name=name, points=line, until=[(p, 0.0) for p, _ in line])

    across = Axis(title="share that converts", low=0.035, high=0.074, ticks=(0.04, 0.05, 0.06, 0.07), label=percent)
    up = Axis(title="density", low=0, high=140, ticks=(0, 20, 40, 60, 80, 100, 120, 140))
    series = [density("control: 200 of 4,000", 200, 4000), density("treatment: 240 of 4,000", 240, 4000)]
    return plot("What is known of two shares after the data, uniform priors", across, up, series)


def powers() -> str:
    """Power by units per variant for four effects."""
    design = Design(measured=ShareMeasure(baseline=0.05))
    sizes = [round(1000 * 10 ** (i / 30)) for i in range(73)]
    series = [
        Series(name=f"+{number(effect * 100)} %", points=[(n, power(design, n, effect)) for n in sizes])
        for effect in (0.2, 0.1, 0.05, 0.03)
    ]
    ticks = (1000, 3000, 10_000, 30_000, 100_000, 250_000)
    across = Axis(title="units per variant", low=1000, high=250_000, ticks=ticks, label=whole, logarithmic=True)
    up = Axis(title="chance to find it", low=0, high=1, ticks=(0, 0.2, 0.4, 0.6, 0.8, 1), label=percent)
    return plot("Power for a share of 5 % by effect, α = 5 %, two-sided", across, up, series, level=0.8)


def anytime_error(looks: int, alpha: float = 0.05) -> float:
    """The chance that a confidence sequence tuned to the last of equally spaced looks excludes 0 at any of them."""
    rho_squared = tuned_rho_squared(1_000_000, alpha)
    fractions = [(i + 1) / looks for i in range(looks)]
    radii = [squared_radius(1_000_000 * t * rho_squared, alpha) or math.inf for t in fractions]
    return 2 * ever_beyond(fractions, [math.sqrt(c) for c in radii], 0.0)[-1]


def false_alarms() -> str:
    """Ever significant without any effect, by the number of looks."""
    numbers = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 63, 80, 100]
    series = [
        Series(name="p < 0.05 at any look", points=[(k, error_of_repeated_looks(k)) for k in numbers], marks=True),
        Series(
            name="confidence sequence excludes 0 at any look",
            points=[(k, anytime_error(k)) for k in numbers],
            marks=True,
        ),
    ]
    ticks = (1, 2, 5, 10, 20, 50, 100)
    across = Axis(title="looks, equally spaced", low=1, high=100, ticks=ticks, label=whole, logarithmic=True)
    up = Axis(title="share of A/A experiments", low=0, high=0.4, ticks=(0, 0.05, 0.1, 0.2, 0.3, 0.4), label=percent)
    return plot("False alarms by the number of looks, α = 5 %", across, up, series, level=0.05)


def winners() -> str:
    """How far significant estimates overstate the effect, by power."""
    distances = [0.41 + 0.05 * i for i in range(80)]
    found = [exaggeration(d, 1.0) for d in distances]
    series = [
        Series(name="estimate over truth, among significant results", points=[(e.power, e.exaggeration) for e in found])
    ]
    across = Axis(title="power", low=0.05, high=1, ticks=(0.05, 0.2, 0.4, 0.6, 0.8, 1), label=percent)
    up = Axis(title="times the true effect", low=1, high=6, ticks=(1, 2, 3, 4, 5, 6))
    return plot("How much winners overstate", across, up, series)


PLOTS: dict[str, Callable[[], str]] = {
    "watched": watched,
    "boundaries": boundaries,
    "posteriors": posteriors,
    "power": powers,
    "false-alarms": false_alarms,
    "winners": winners,
}
"""File name → what draws it."""


def main() -> None:
    """Draw every plot."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, draw in PLOTS.items():
        (IMAGES / f"{name}.svg").write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
