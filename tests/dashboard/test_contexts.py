"""Contexts: what is decided before anything is printed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from assay import wording
from assay.dashboard.chips import status_chip, type_words
from assay.dashboard.contexts import results_page, verdict
from assay.dashboard.listing import missing
from assay.dashboard.moment import age, moment
from assay.dashboard.table import results_table
from assay.dashboard.traffic import ratio_box, sample
from assay.dashboard.trends import trends
from assay.model.audience import Attribute, Audience, Operator
from assay.model.lifecycle import Stage
from assay.model.plan import Correction, Plan
from assay.model.result import Action, DataQuality, Recommendation
from tests.dashboard.samples import GROWING, NOW, SKEWED, analysed, buttons, draft, even, headlines, looks

IN_NORWAY = Audience(Attribute("country", Operator.EQ, "NO"))
TITLES = {"b": "B: the second", "control": "Control"}


def test_every_stage_has_a_status_and_an_age() -> None:
    for stage in Stage:
        experiment = headlines(stage=stage)
        assert status_chip(experiment).text
        assert age(experiment, NOW)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"started_at": None}, "created 6 days ago"),
        ({"started_at": None, "created_at": None}, "not started"),
        ({}, "running for 6 days"),
        ({"started_at": NOW - timedelta(seconds=61)}, "running for 1 minute"),
        ({"stage": Stage.PAUSED}, "paused, started 6 days ago"),
        ({"ended_at": NOW - timedelta(hours=2)}, "ran 5 days, ended 2 hours ago"),
    ],
)
def test_age_in_words(changes: dict[str, object], words: str) -> None:
    assert age(headlines(**changes), NOW) == words


def test_a_time_is_written_for_people_and_machines() -> None:
    assert moment(NOW).text == "14 Mar 2026, 12:00:00 UTC"
    assert moment(NOW).iso.startswith("2026-03-14T12:00:00")


def test_several_treatments_are_called_a_b_n() -> None:
    assert type_words(headlines()) == "A/B/n test, 4 variants"
    assert type_words(buttons()) == "A/B test"


def test_a_draft_names_what_is_missing() -> None:
    assert "primary metric" in missing(draft(), NOW)
    assert missing(replace(buttons(), stage=Stage.DESIGN, planned_end=None), NOW) == "Ready to start."
    assert "first exposure" in missing(headlines(), NOW)


def test_a_sentence_is_parted_at_its_own_colon_not_at_the_name_s() -> None:
    words = Recommendation(action=Action.SHIP, sentence="Ship “A: one”: clicks is 2 % against 1 %, p = 0.01.")
    found = verdict(words)
    assert found.headline == "Ship “A: one”."
    assert found.detail.replace("\u00a0", " ") == "Clicks is 2 % against 1 %, p = 0.01."


def test_a_sentence_without_a_colon_stays_whole() -> None:
    found = verdict(Recommendation(action=Action.CONTINUE, sentence="Waiting for the first exposures.", reasons=("r",)))
    assert (found.headline, found.detail, found.reasons) == ("Waiting for the first exposures.", "", ("r",))


def test_the_sentence_is_not_said_again_as_a_reason() -> None:
    result = analysed(headlines(), even(headlines(), 6_000))
    found = verdict(result.recommendation)
    assert found.detail
    (left,) = found.reasons
    assert "stay valid" in left


def test_a_name_that_ends_its_own_sentence_gets_no_second_full_stop() -> None:
    words = Recommendation(action=Action.SHIP, sentence="Ship “It ends.”: clicks is 2 % against 1 %.")
    assert verdict(words).headline == "Ship “It ends.”"


def test_numbers_keep_their_signs() -> None:
    assert wording.unbroken("2 % and p = 0.1") == "2\u00a0% and p\u00a0=\u00a00.1"


def test_the_planned_sample() -> None:
    # 6,000 of 15,500 in six days: 38.7 %, and 9.5 days left at that pace.
    experiment = headlines(plan=Plan(required_per_variant=15_500))
    found = sample(analysed(experiment, even(experiment, 6_000)), TITLES)
    assert found is not None
    assert [round(bar.percent, 1) for bar in found.bars] == [38.7] * 4
    assert found.days_left == "about 9 days left at this pace"
    full = sample(analysed(experiment, even(experiment, 20_000)), TITLES)
    assert full is not None
    assert "are reached" in full.sentence
    assert [bar.percent for bar in full.bars] == [100] * 4
    assert full.days_left == ""
    far = sample(analysed(experiment, even(experiment, 2)), TITLES)
    assert far is not None
    assert "more than two years" in far.days_left


def test_no_planned_sample_no_progress() -> None:
    experiment = headlines(plan=Plan())
    assert sample(analysed(experiment, even(experiment, 100)), TITLES) is None


def test_the_ratio_box() -> None:
    box = ratio_box(analysed(headlines(), SKEWED), TITLES)
    assert box.mismatch
    assert "bound 0.001" in box.sentence
    assert [line.planned for line in box.lines] == ["25.0 %"] * 4
    empty = ratio_box(analysed(headlines(), even(headlines(), 0)), TITLES)
    assert "cannot be checked, because" in empty.sentence


@pytest.mark.parametrize(
    ("correction", "heading"),
    [(Correction.HOLM, "p (Holm)"), (Correction.NONE, "p"), (Correction.BENJAMINI_HOCHBERG, "p (Benjamini–Hochberg)")],
)
def test_the_heading_names_the_correction(correction: Correction, heading: str) -> None:
    experiment = headlines(plan=Plan(correction=correction))
    assert results_table(analysed(experiment, even(experiment, 900)), TITLES).p_heading == heading


def test_one_comparison_needs_no_correction() -> None:
    assert results_table(analysed(buttons(), even(buttons(), 900)), {}).p_heading == "p"


def test_a_guardrail_that_falls_is_better_and_one_that_rises_is_worse() -> None:
    experiment = headlines(metrics=headlines().metrics[3:])
    units = even(experiment, 3_000_000)
    (role,) = results_table(analysed(experiment, units), {}).roles
    rows = {row.variant: row for row in role.metrics[0].rows}
    assert "lower is better" in role.metrics[0].note
    assert rows["b"].lift.startswith("+")
    assert (rows["b"].tone, rows["b"].verdict) == ("worse", "Worse")
    assert (rows["c"].tone, rows["c"].verdict) == ("better", "Better")


def test_trends_show_one_version_and_need_two_looks() -> None:
    experiment = headlines()
    series = looks(experiment, GROWING)
    assert [item.variant for item in trends(series, series[-1], TITLES)] == ["b", "c", "d"]
    assert trends(series[-1:], series[-1], TITLES) == ()
    older = [replace(result, version=0) for result in series[:-1]]
    assert trends([*older, series[-1]], series[-1], TITLES) == ()


def test_the_page_of_a_silent_experiment_has_no_findings() -> None:
    page = results_page(headlines(), None, [], NOW)
    assert page.findings is None
    assert page.is_live
    assert not page.is_startable
    assert {variant.units for variant in page.variants} == {"–"}


def test_a_final_result_says_so() -> None:
    result = analysed(buttons(), even(buttons(), 4_010))
    page = results_page(buttons(), result, [result], NOW)
    assert page.findings is not None
    assert page.findings.final
    assert not page.is_live


def test_a_result_of_no_units_is_still_waiting() -> None:
    result = analysed(headlines(), even(headlines(), 0), quality=DataQuality())
    page = results_page(headlines(), result, [result], NOW)
    assert page.findings is None
    assert "first exposure" in page.missing


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "for everyone"),
        ({"traffic": 200_000}, "for 20.0 % of everyone"),
        ({"audience": IN_NORWAY}, "for the units that match the audience"),
        ({"audience": IN_NORWAY, "traffic": 5_000}, "for 0.50 % of the units that match the audience"),
    ],
)
def test_who_takes_part_in_words(changes: dict[str, object], words: str) -> None:
    assert results_page(headlines(**changes), None, [], NOW).audience == words
