"""The notebooks run from top to bottom on a small lake, their pictures show every character, and what is committed is a whole run."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from program import ROOT, run

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
TICKETS = 1500
# A page with larger ones is slow to read on the web.
BYTES = 400_000


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """→ the notebooks as they come out of a run, by name. Side by side: most of the time is starting up."""
    folder = tmp_path_factory.mktemp("notebooks")
    made = run("demo", "--tickets", str(TICKETS), "--dir", str(folder / "demo"))
    assert made.code == 0, made
    env = {**os.environ, "TICKETLAKE_LAKE": str(folder / "demo/lake"), "PYTHONDONTWRITEBYTECODE": "1"}
    # A machine's first import makes matplotlib's cache of fonts, and says so.
    subprocess.run([sys.executable, "-c", "import matplotlib.pyplot"], check=True, capture_output=True)

    async def execute(name):
        notebook = nbformat.read(FOLDER / name, as_version=4)
        client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(FOLDER)}})
        await client.async_execute(env=env)
        return notebook

    async def all_of_them():
        return await asyncio.gather(*map(execute, NOTEBOOKS))

    return dict(zip(NOTEBOOKS, asyncio.run(all_of_them())))


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def pictures(notebook):
    return [output for output in outputs(notebook) if "image/png" in output.get("data", {})]


def test_there_are_four():
    assert [name[0] for name in NOTEBOOKS] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_from_top_to_bottom(executed, name):
    # A character that the font lacks, or anything else that a reader should not meet, is told on stderr.
    told = [output.text for output in outputs(executed[name]) if output.output_type == "stream" and output.name == "stderr"]
    assert not told, told
    assert len(pictures(executed[name])) >= 3
    text = "".join(cell.source for cell in executed[name].cells)
    assert re.search("[\u4e00-\u9fff]", text), "no Chinese labels"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_is_committed_is_a_whole_run(executed, name):
    path = FOLDER / name
    committed = nbformat.read(path, as_version=4)
    nbformat.validate(committed)
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    renew = "run `make demo notebooks`"
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), renew
    assert all(output.output_type != "error" and output.get("name") != "stderr" for output in outputs(committed)), renew
    kinds = [[output.output_type for output in cell.outputs] for cell in code]
    assert kinds == [[output.output_type for output in cell.outputs] for cell in executed[name].cells if cell.cell_type == "code"], renew
    assert path.stat().st_size < BYTES
    assert str(Path.home()) not in path.read_text(encoding="utf-8") and sys.prefix not in path.read_text(encoding="utf-8")
