"""Runs every notebook from top to bottom and keeps what it shows. The lake is `.demo/lake`, or what TICKETLAKE_LAKE names."""

from pathlib import Path

import matplotlib.pyplot  # noqa: F401  A machine's first import makes a cache of fonts and says so: here, not in a notebook.
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
# Of what a run leaves, only this is the same on every machine.
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}


def run(path):
    """The notebook with its outputs; the first error ends it. Outputs are read as they come from the kernel, pictures are PNG."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, record_timing=False, resources={"metadata": {"path": str(FOLDER)}}).execute()
    return notebook


def main():
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = run(path)
        notebook.metadata = METADATA
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
