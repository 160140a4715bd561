"""The recipe for Airflow in README.md, run by Airflow itself: a first reading by windows, in a lake of its own.

    TICKETLAKE_BIN=… python tests/interop/dag.py

It stands apart from the other tests because Airflow is large. Needs jq, as the recipe does.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("TICKETLAKE_BIN", ROOT / "target/debug/ticketlake")).resolve()
TICKETS = 400
CONFIG = """
[lake]
path = "lake"

[[source]]
name = "support"
kind = "kf5"
base_url = "{address}"
email = "agent@example.com"
password = {{ env = "SUPPORT_PASSWORD" }}
rate = "unlimited"
"""


def recipe():
    """The file of the DAG as a reader copies it."""
    found = re.findall(r"^In Airflow:\n\n```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(found) == 1, "README.md has one recipe for Airflow"
    return found[0]


def environment(home):
    tools = home / "bin"
    tools.mkdir()
    (tools / "ticketlake").symlink_to(BINARY)
    return {
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "TICKETLAKE_CONFIG": str(home / "ticketlake.toml"),
        "SUPPORT_PASSWORD": "sandbox",
        "NO_PROXY": "*",
    }


def main():
    assert shutil.which("jq"), "the recipe needs jq: install it"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "dags").mkdir()
        file = home / "dags" / "first_reading.py"
        file.write_text(recipe(), encoding="utf-8")
        os.environ.update(environment(home))
        command = [BINARY, "sandbox", "--tickets", str(TICKETS), "--rate", "unlimited", "--latency", "0ms", "--plain"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as desk:
            try:
                address = desk.stdout.readline().split()[1]
                (home / "ticketlake.toml").write_text(CONFIG.format(address=address), encoding="utf-8")
                subprocess.run(["airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL)
                perform(file)
                compare(home)
            finally:
                desk.terminate()


def perform(file):
    """Airflow finds the DAG without a fault, and each of its tasks succeeds."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(file.parent))
    assert not bag.import_errors, bag.import_errors
    dag = bag.get_dag("first_reading")
    assert set(dag.task_ids) == {"plan", "windows", "read", "finish"}, dag.task_ids
    run = dag.test()
    states = {(one.task_id, one.map_index): str(one.state) for one in run.get_task_instances()}
    read = [state for (task, _), state in states.items() if task == "read"]
    assert len(read) > 1 and set(states.values()) == {"success"}, states
    print(f"Airflow ran the recipe: {len(read)} windows")


def compare(home):
    """The lake holds every ticket, and a run says so."""
    told = subprocess.run([BINARY, "verify", "--against-source", "--json", "-q"], stdout=subprocess.PIPE, text=True)
    assert told.returncode == 0, told.stdout
    status = json.loads(subprocess.run([BINARY, "status", "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    rows = [source["rows"] for source in status["sources"]]
    assert rows == [TICKETS], rows
    print(f"the lake holds all {TICKETS} tickets")


main()
