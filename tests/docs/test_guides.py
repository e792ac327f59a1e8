"""What the guides say is what the code does: every block is run, every shown answer compared."""

from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.docs.blocks import READ, RUN, Reader, blocks

GUIDES = sorted((ROOT / "docs/guide").glob("*.md"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_every_block_of_the_guide_does_what_the_page_says(
    guide: Path, database_url: str, tmp_path: Path
):
    Reader(guide, database_url, tmp_path).run()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_no_block_of_the_guide_escapes_by_its_language(guide: Path):
    assert [one.place for one in blocks(guide) if one.language not in (*RUN, *READ)] == []


def test_a_false_answer_on_a_page_is_noticed(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("```python\none = 1\n```\nand\n```pycon\n>>> one + one\n3\n```\n")

    with pytest.raises(AssertionError, match=r"Expected:\n\s+3\nGot:\n\s+2"):
        Reader(page, "postgresql://nowhere/app", tmp_path).run()
