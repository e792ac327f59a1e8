"""PDF documents by typst: tagged (PDF/UA-1), archivable (PDF/A-3a), the same bytes every time.

The data goes in as one JSON string, never as typst source, so that no name or description can be
read as markup. Fonts are the shipped ones alone, and the time inside is the document's own: bytes
can be kept by their hash, and rendering twice is a no-op.
"""

import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import Literal

import typst

from payments_app.documents import view
from payments_app.documents.frozen import Frozen
from payments_app.documents.glyphs import FONTS

TEMPLATES = Path(__file__).parent / "templates"
STANDARDS: list[Literal["a-3a", "ua-1"]] = ["a-3a", "ua-1"]

# A compiler keeps fonts and templates parsed (3 ms a page instead of 100), but works for one thread
# at a time: a second one gets "Already borrowed". Pages take milliseconds, so they wait in line.
_one_at_a_time = threading.Lock()


def render(document: Frozen) -> bytes:
    """The PDF of a frozen document."""
    data = json.dumps(view.of(document), ensure_ascii=False, sort_keys=True)
    with _one_at_a_time:
        result = _compiler().compile(
            format="pdf",
            sys_inputs={"document": data},
            pdf_standards=[*STANDARDS],
            timestamp=document["frozen_at"],
        )
    # A list of pages would come for images; one PDF is one piece.
    assert isinstance(result, bytes)
    return result


def file_name(document: Frozen) -> str:
    """How the reader's computer names it: ``INV-000042.pdf``, ``Receipt-INV-000042.pdf``."""
    prefix = "Receipt-" if document["kind"] == "receipt" else ""
    return f"{prefix}{document['number']}.pdf"


@lru_cache(maxsize=1)
def _compiler() -> typst.Compiler:
    # Made on first use, in the process that uses it: its threads would not survive a fork.
    return typst.Compiler(
        str(TEMPLATES / "document.typ"),
        root=str(TEMPLATES),
        font_paths=[str(FONTS)],
        ignore_system_fonts=True,
    )
