"""Templates: every one is recognised, read back without a rejection, and made of made-up numbers."""

import numpy as np
import pytest

from engine.market import intake
from engine.market.intake.templates import templates

TEMPLATES = templates()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.file)
def test_every_template_reads_back(template, tmp_path):
    assert intake.recognise(template.content, name=template.file) == template.kind
    path = tmp_path / template.file
    path.write_bytes(template.content)
    read = intake.read_any(path)
    assert read.kind == template.kind and read.rejected.empty and len(read.data) > 0


def test_wide_and_long_templates_hold_the_same_surfaces():
    wide, long = (intake.read_surfaces(t.content).data for t in TEMPLATES[:2])
    assert wide.digest == long.digest and wide.vix is not None and wide.rate[0] == 0.02


def test_both_quote_templates_hold_the_same_quotes():
    generic, optionmetrics = (intake.read_quotes(t.content).data.table for t in TEMPLATES if t.kind == "quotes")
    for column in ("date", "expiry", "strike", "is_call", "bid", "ask", "spot", "iv"):
        np.testing.assert_array_equal(generic[column], optionmetrics[column])


def test_names_are_distinct_and_every_kind_has_one():
    assert len({t.file for t in TEMPLATES}) == len(TEMPLATES)
    assert {t.kind for t in TEMPLATES} == set(intake.KINDS)
