"""The results page: what it says of a winner, a mismatch, a fixed plan, and of nothing."""

from __future__ import annotations

from dataclasses import replace

from assay.dashboard.table import _verdict
from assay.http.edge import ASSIGN
from assay.model.metric import Hypothesis
from assay.model.plan import Plan
from assay.model.result import Interval, Posterior
from tests.charts.comparing import compared
from tests.dashboard.conftest import Get, pages
from tests.dashboard.markup import Node, read
from tests.dashboard.samples import analysed, even, headlines, reading_of


def body_rows(root: Node) -> list[Node]:
    """Rows of variants, not of metrics' names."""
    return [row for tbody in root.one("table", "results").all("tbody") for row in tbody.all("tr")[1:]]


async def test_one_row_per_metric_and_variant_control_first(page: Get) -> None:
    root = await page("/experiments/headlines")
    bodies = root.one("table", "results").all("tbody")
    assert [len(body.all("tr")) - 1 for body in bodies] == [4, 4, 4, 4]
    assert [body.all("tr")[0].text.split()[0] for body in bodies] == ["Primary", "Secondary", "Secondary", "Guardrail"]
    assert all("control" in body.all("tr")[1].text for body in bodies)
    assert all(row.all("th")[0].attributes["scope"] == "row" for row in body_rows(root))


async def test_each_row_has_a_cell_for_each_heading(page: Get) -> None:
    for key in ("headlines", "skewed", "young", "buttons"):
        table = (await page(f"/experiments/{key}")).one("table", "results")
        wide = len(table.one("thead").all("th"))
        for row in table.all("tr"):
            cells = [cell for cell in row.children if isinstance(cell, Node)]
            assert sum(int(cell.attributes.get("colspan", "1")) for cell in cells) == wide


async def test_the_winner_is_marked_in_the_primary_metric_alone(page: Get) -> None:
    root = await page("/experiments/headlines")
    (row,) = root.all("tr", "winner")
    assert row.text.startswith("They moved to the countryside")
    assert "Better" in row.text


async def test_cells_that_cannot_be_computed_say_why(page: Get) -> None:
    rows = [row.text for row in body_rows(await page("/experiments/headlines"))]
    empty = [text for text in rows if "cannot be computed, because no unit has a value yet" in text]
    relative = [text for text in rows if "because the control is 0, so nothing can be given relative to it" in text]
    assert len(empty) == 1
    assert len(relative) == 3
    assert all("Better , +0.4" in text for text in relative)


async def test_no_number_is_nan_none_or_infinite(page: Get) -> None:
    for key in ("headlines", "skewed", "young", "buttons", "silent", "draft"):
        words = (await page(f"/experiments/{key}")).one("main").text.lower().split()
        assert not {"nan", "none", "inf", "-inf", "null", "nan%"} & set(words)


async def test_a_mismatch_strikes_the_results_through_and_names_no_winner(page: Get) -> None:
    root = await page("/experiments/skewed")
    table = root.one("table", "results")
    assert "struck" in table.attributes["class"]
    assert "Not to be trusted" in table.one("caption").text
    assert "did not split as planned" in root.one(id=table.attributes["aria-describedby"]).text
    struck = {node.text for node in table.all("s")}
    values = [row.all("td")[1].text for row in body_rows(root)]
    assert all(value in struck or value.startswith("–") for value in values)
    assert root.all(class_="winner") == []
    assert "winner" not in [tag.text for tag in root.all(class_="tag")]
    assert root.all("figure") == []
    alarm = root.one("section", "alarm").text
    assert "seen 22.0 % (5,100), planned 25.0 %" in alarm
    assert "No verdict" in root.one("section", "verdict").text


async def test_without_a_mismatch_nothing_is_struck(page: Get) -> None:
    root = await page("/experiments/headlines")
    assert root.all("s") == root.all("section", "alarm") == []
    assert "The traffic split as planned" in root.one("section", "verdict").text


async def test_the_way_to_the_planned_sample_is_shown() -> None:
    experiment = headlines(plan=Plan(required_per_variant=15_500))
    async with pages(reading_of([(experiment, [analysed(experiment, even(experiment, 6_000))])])) as client:
        text = read((await client.get("/experiments/headlines")).text).one("section", "verdict").text
    assert "38.7 % of the planned 15,500 units per variant" in text
    assert "days left at this pace" in text


async def test_each_treatment_has_its_lift_over_time(page: Get) -> None:
    figures = (await page("/experiments/headlines")).all("figure")
    assert len(figures) == 3
    assert all("after 15 looks" in figure.one("svg", "trend").attributes["aria-label"] for figure in figures)
    assert (await page("/experiments/young")).all("figure") == []


async def test_variants_show_traffic_as_planned_and_seen_and_their_config(page: Get) -> None:
    items = (await page("/experiments/skewed")).one("ul", "variants").all("li")
    assert [[dd.text for dd in item.all("dd")] for item in items][2] == ["5,100", "25.0 %", "22.0 %"]
    assert "Variants for everyone" in (await page("/experiments/skewed")).text
    folded = items[0].one("details")
    assert "open" not in folded.attributes
    assert '"size": 2' in folded.text


async def test_it_says_how_to_read_the_numbers(page: Get) -> None:
    assert "stay valid however often you look" in (await page("/experiments/headlines")).one("div", "foot").text
    fixed = (await page("/experiments/buttons")).one("div", "foot").text
    assert "Fixed horizon" in fixed
    assert "one look, at the planned end" in fixed
    assert "Final result of" in fixed


async def test_what_was_not_counted_is_told(page: Get) -> None:
    text = (await page("/experiments/headlines")).one("div", "foot").text
    assert "7 units were seen in more than one variant" in text
    assert "12 events of exposed units came before their first exposure" in text


async def test_before_a_result_the_page_says_what_would_bring_one(page: Get) -> None:
    silent = (await page("/experiments/silent")).one("section", "empty").text
    assert f"http://assay.test{ASSIGN} \\ -H" in silent
    assert "within seconds of the first exposure" in silent
    draft = (await page("/experiments/draft")).one("section", "empty").text
    assert "a primary metric is needed" in draft
    assert "/draft/start" in draft


async def test_a_lift_without_an_interval_says_why() -> None:
    experiment = headlines()
    async with pages(reading_of([(experiment, [analysed(experiment, even(experiment, 60))])])) as client:
        root = read((await client.get("/experiments/headlines")).text)
    rows = [row for row in body_rows(root) if "no interval, because" in row.text]
    assert rows
    assert all(row.all("circle") for row in rows)


def test_hypotheses_with_a_margin_and_beliefs_have_their_own_words() -> None:
    plain = compared(0.01, (-0.02, None), better=None)
    asked = replace(plain, hypothesis=Hypothesis.NON_INFERIORITY, margin=0.05)
    assert _verdict(replace(asked, significant=True), "unclear") == "Not worse by 5.00 %"
    assert _verdict(replace(asked, significant=False), "unclear") == "Not shown: not worse by 5.00 %"
    assert _verdict(replace(asked, significant=False, better=False), "worse") == "Worse"
    assert _verdict(replace(plain, significant=True, better=None), "unclear") == "Different"
    posterior = Posterior(
        chance_to_beat=0.953,
        chance_to_be_best=0.953,
        expected_loss=0.001,
        interval=Interval(-0.01, 0.03, 0.95),
        relative_interval=Interval(-0.1, 0.3, 0.95),
        prior="flat",
        method="closed_form",
    )
    believed = replace(plain, significant=False, posterior=posterior)
    assert _verdict(believed, "unclear") == "No clear difference, 95.3 % chance to be better"
