"""docs/reliability.md names tests that exist, and counts their cases rightly."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = re.findall(
    r"^\|[^|]+\|[^|]+\| ([\d,]+)[^|]*\|[^|]+\| ((?:`[^`]+`(?:, )?)+) \|$",
    (ROOT / "docs" / "reliability.md").read_text(),
    re.MULTILINE,
)


@pytest.mark.slow
def test_every_row_counts_the_cases_of_its_tests():
    tests = [re.findall(r"`([^`]+)`", cell) for _, cell in ROWS]
    files = sorted({f"tests/{test.split('::')[0]}" for row in tests for test in row})
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-n", "0", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    cases = Counter(line.removeprefix("tests/").split("[")[0] for line in done.stdout.splitlines())
    found = [sum(cases[test] for test in row) for row in tests]
    assert found == [int(count.replace(",", "")) for count, _ in ROWS]
    assert len(ROWS) > 10
