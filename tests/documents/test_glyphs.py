"""What the shipped fonts cannot print is replaced before typst would refuse the whole document."""

import json

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from payments_app.documents import pdf, view
from payments_app.documents.glyphs import REPLACEMENT, covered, printable
from payments_app.domain.money import Money, currencies
from tests.documents.conftest import an_invoice


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_text_at_all_can_be_rendered(text):
    assert pdf.render(an_invoice(name=f"x{text}", memo=text).document).startswith(b"%PDF-")


@settings(max_examples=40, deadline=None)
@given(st.text(st.sampled_from([chr(point) for point in sorted(covered())]), max_size=60))
def test_every_sign_that_we_call_printable_is(text):
    assert pdf.render(an_invoice(name=f"x{text}").document).startswith(b"%PDF-")


def test_without_the_replacement_typst_refuses_the_document():
    """The control: if this ever passes, ``printable`` is no longer needed."""
    data = view.of(an_invoice().document)
    data["customer"]["name"] = "\U00010330"

    with pytest.raises(typst.TypstError, match="could not be displayed"):
        pdf._compiler().compile(
            format="pdf",
            sys_inputs={"document": json.dumps(data)},
            pdf_standards=[*pdf.STANDARDS],
            timestamp=0,
        )


def test_every_sign_of_every_currency_is_covered():
    signs = {sign for code in currencies() for sign in Money(123_456_789, code).format()}

    assert {sign for sign in signs if ord(sign) not in covered()} == set()


def test_unknown_signs_are_replaced_and_the_rest_is_kept():
    assert printable("Ada \U00010330 Ltd") == f"Ada {REPLACEMENT} Ltd"


def test_invisible_modifiers_and_direction_overrides_are_left_out():
    assert printable("\u202eInc\u2069 ❤\ufe0f") == "Inc ❤"


def test_control_characters_become_spaces_and_line_breaks_stay():
    assert printable("a\x00b\tc\nd") == "a b c\nd"


def test_decomposed_accents_are_composed():
    assert printable("e\u0301") == "é"


def test_covering_fonts_hold_no_private_use_signs():
    assert not covered() & set(range(0xE000, 0xF900))
