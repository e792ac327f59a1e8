"""The PDF of a document: right, readable by everybody, and the same bytes every time."""

import io
import json
import re
import subprocess
import sys
import threading
from typing import Any

import pytest
from pypdf import PdfReader

from payments_app.documents import pdf
from payments_app.domain.money import Money, currencies
from tests.documents.conftest import a_line, an_invoice


def read(content: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(content))


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in read(content).pages)


def test_an_invoice_says_who_what_when_and_how_much(invoice):
    text = text_of(pdf.render(invoice.document))

    for said in ("INV-000042", "Harbour & Pine Studio", "Ada Ltd", "1 Road", "Design work"):
        assert said in text
    for said in ("November 23, 2026", "December 23, 2026", "1.5", "$100.00", "$150.00"):
        assert said in text
    assert "Tax 20\xa0% on $150.00" in text
    assert "$180.00" in text
    assert "All amounts in US dollars (USD)." in text
    assert "Page 1 of 1" in text


def test_a_credit_note_names_its_invoice_and_its_tax(credit_note):
    text = text_of(pdf.render(credit_note))

    for said in ("Credit note", "CN-000007", "INV-000042", "$50.00", "$10.00", "$60.00"):
        assert said in text
    assert "Late delivery" in text


def test_a_receipt_names_payment_charge_and_invoice(receipt):
    text = text_of(pdf.render(receipt))

    for said in ("Receipt", "pay_1", "ch_1", "INV-000042", "November 25, 2026", "$180.00"):
        assert said in text


def test_a_receipt_without_a_known_charge_names_the_payment_alone(receipt):
    text = text_of(pdf.render({**receipt, "charge_id": ""}))

    assert "pay_1" in text
    assert "Charge" not in text


def test_rendering_twice_gives_identical_bytes(invoice, credit_note, receipt):
    for document in (invoice.document, credit_note, receipt):
        assert pdf.render(document) == pdf.render(document)


def test_another_process_renders_identical_bytes(invoice):
    script = (
        "import hashlib, json, sys; from payments_app.documents import pdf;"
        "print(hashlib.sha256(pdf.render(json.load(sys.stdin))).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps(invoice.document),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    }

    assert len(digests) == 1


def test_another_document_gives_other_bytes(invoice):
    other = {**invoice.document, "number": "INV-000043"}

    assert pdf.render(other) != pdf.render(invoice.document)


def test_a_hundred_lines_flow_over_pages_under_a_repeated_header():
    lines = [a_line(n, f"Item number {n}", "2", 1_000, "20") for n in range(1, 101)]

    content = pdf.render(an_invoice(lines).document)
    pages = [page.extract_text() for page in read(content).pages]

    assert len(pages) >= 3
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert "Description" in page
        assert "Unit price" in page
    for n in range(1, 101):
        assert len(re.findall(rf"Item number {n}\b", "\n".join(pages))) == 1
    assert "$2,400.00" in pages[-1]


def test_every_currency_can_be_printed():
    for code in sorted(currencies()):
        assert pdf.render(an_invoice(currency=code).document).startswith(b"%PDF-")


@pytest.mark.parametrize("code", ["USD", "EUR", "JPY", "KWD", "INR", "CHF", "TND"])
def test_amounts_carry_the_decimals_of_their_currency(code):
    text = text_of(pdf.render(an_invoice(currency=code).document))

    assert f"({code})" in text
    assert Money(18_000, code).format().split("\xa0")[-1] in text
    assert "\N{REPLACEMENT CHARACTER}" not in text


def test_markup_in_a_name_is_printed_and_not_obeyed():
    name = '<script>alert(1)</script> #{panic("x")} $x$ *b* @ref \\ // `raw` ]['

    document = an_invoice([a_line(description=name)], memo=name, name=name).document
    text = text_of(pdf.render(document)).replace("\n", "")

    assert "<script>alert(1)</script>" in text
    assert '#{panic("x")} $x$ *b* @ref' in text


@pytest.mark.parametrize(
    "name",
    [
        "شركة الاختبار المحدودة",
        "חברת בדיקה בע״מ",
        "株式会社テスト",
        "测试有限公司",
        "테스트 주식회사",
        "टेस्ट कंपनी",
        "บริษัท ทดสอบ",
        "Żółć Ωmega Ψηφιακή Привет",
        "Fun 🎉 Inc 😀",
        "Family 👩‍👩‍👧 👍🏽 ❤️",
    ],
)
def test_names_of_the_worlds_scripts_are_printed_without_gaps(name):
    text = text_of(pdf.render(an_invoice(name=name).document))

    assert "\N{REPLACEMENT CHARACTER}" not in text


@pytest.mark.parametrize(
    "name", ["\U00010330\U00010331", "\ue000", "\ufffe", "a\x00b", "\u202eevil", "x\u0301\u0332"]
)
def test_a_sign_that_no_font_has_never_stops_a_document(name):
    text = text_of(pdf.render(an_invoice(name=f"Ada {name}").document))

    assert "Ada" in text


def test_five_hundred_characters_without_a_space_are_broken_to_fit_their_column():
    long = "W" * 500
    text = text_of(pdf.render(an_invoice([a_line(description=long)], name=long[:200]).document))
    runs = [line.count("W") for line in text.splitlines()]

    assert sum(runs) == 700
    assert max(runs) < 50  # what a whole line of the page could hold


def test_a_reference_that_fits_can_be_copied_without_hidden_signs(invoice, receipt):
    reference = f"pay_{'0123456789abcdef' * 2}"

    assert reference in text_of(pdf.render({**receipt, "payment_id": reference}))


def test_the_largest_figures_fit_on_the_page():
    lines = [
        a_line(1, "Most", "999999999", 1, "99.999"),
        a_line(2, "Dearest", "0.001", 999_999_999_999, "0"),
        a_line(3, "Rest", "1", 997_000_000_000, "0"),
    ]
    text = text_of(pdf.render(an_invoice(lines, "KWD").document))

    for said in ("999,999,999", "KWD\xa0999,999,999.999", "99.999\xa0%"):
        assert said in text


def test_the_document_is_tagged_titled_and_archivable(invoice):
    reader = read(pdf.render(invoice.document))
    catalog: Any = reader.trailer["/Root"]
    metadata = catalog["/Metadata"].get_data().decode()

    assert catalog["/MarkInfo"]["/Marked"]
    assert catalog["/Lang"] == "en"
    assert "/StructTreeRoot" in catalog
    assert "pdfuaid:part" in metadata
    assert "pdfaid:part" in metadata
    assert reader.metadata is not None
    assert reader.metadata.title == "Invoice INV-000042"


def test_only_shipped_fonts_are_used(invoice):
    page: Any = read(pdf.render(invoice.document)).pages[0]
    fonts = page["/Resources"]["/Font"]

    names = {str(font.get_object()["/BaseFont"]) for font in fonts.values()}

    assert all("NotoSans" in name for name in names)


def test_many_threads_render_at_once_and_get_their_own_document():
    documents = [an_invoice(name=f"Customer {n}").document for n in range(8)]
    expected = [pdf.render(document) for document in documents]
    results: dict[int, bytes] = {}

    def work(n: int) -> None:
        results[n] = pdf.render(documents[n])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [results[n] for n in range(8)] == expected


def test_files_are_named_after_their_document(invoice, credit_note, receipt):
    assert pdf.file_name(invoice.document) == "INV-000042.pdf"
    assert pdf.file_name(credit_note) == "CN-000007.pdf"
    assert pdf.file_name(receipt) == "Receipt-INV-000042.pdf"
