"""The recipes, tried as far as this machine has what they are for."""

import shlex
import shutil
import stat
import subprocess

import pytest
import yaml

from conftest import SEED, add
from program import BINARY, environment, run
from sandbox import emulate
from worlds import account

PLATFORMS = ["systemd", "cron", "kubernetes", "container", "github-actions"]
NEEDS_A_PERSON = {2, 4, 6}


@pytest.fixture
def recipe(tmp_path):
    def write(platform):
        done = run("recipe", platform, "--dir", str(tmp_path / platform))
        assert done.code == 0, done
        files = {path.name: path for path in (tmp_path / platform).iterdir()}
        assert sorted(done.out.split()) == sorted(str(path) for path in files.values())
        return files

    return write


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_recipe_is_printed_and_written_and_replaces_nothing(tmp_path, platform):
    printed = run("recipe", platform)
    assert printed.code == 0 and "secret" in printed.out.lower() and "exit code" in printed.out.lower(), printed
    written = run("recipe", platform, "--dir", str(tmp_path))
    assert written.code == 0
    for path in tmp_path.iterdir():
        assert path.read_text(encoding="utf-8") in printed.out
    again = run("recipe", platform, "--dir", str(tmp_path))
    assert again.code == 2 and "already" in again.err


def test_systemd(recipe):
    files = recipe("systemd")
    service = files["ticketlake.service"]
    text = service.read_text(encoding="utf-8")
    command = text.split("ExecStart=", 1)[1].split("\nRestart", 1)[0].replace("\\\n", " ")
    arguments = shlex.split(command)
    assert run(*arguments[1:], "--help").code == 0, "an option that the program does not have"
    assert not {int(code) for code in text.split("RestartPreventExitStatus=")[1].split("\n")[0].split()} ^ NEEDS_A_PERSON
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here; apt-get install systemd")
    service.write_text(text.replace("/usr/local/bin/ticketlake", str(BINARY)), encoding="utf-8")
    checked = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, files.values())], capture_output=True, text=True)
    about = [line for line in checked.stderr.splitlines() if "ticketlake" in line]
    assert checked.returncode == 0 and not about, checked.stderr
    security = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=40", str(service)], capture_output=True, text=True)
    assert security.returncode == 0, security.stdout[-600:] + security.stderr


@pytest.mark.parametrize("codes, attempts, said", [([0], 1, False), ([3, 0], 2, False), ([5, 1, 3, 3], 4, True), ([4], 1, True), ([3, 2], 2, True), ([130], 1, True)])
def test_the_script_that_cron_runs(recipe, tmp_path, codes, attempts, said):
    files = recipe("cron")
    script = files["ticketlake-nightly"]
    assert stat.S_IMODE(script.stat().st_mode) & 0o100, "it cannot be run"
    fields = [line for line in files["ticketlake.cron"].read_text().splitlines() if line and not line.startswith("#") and "=" not in line]
    assert [line.split()[:6] for line in fields] == [["0", "3", "*", "*", "*", "ticketlake"]] and fields[0].endswith("/usr/local/bin/ticketlake-nightly")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$@\" >> {tmp_path}/asked\nset -- {' '.join(map(str, codes))}\nshift $(($(wc -l < {tmp_path}/asked) - 1))\nexit $1\n")
    program.chmod(0o755)
    env = {"TICKETLAKE": str(program), "TICKETLAKE_STATE": str(tmp_path), "TICKETLAKE_PAUSE": "0"}
    done = subprocess.run([str(script)], env=environment(env), capture_output=True, text=True)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert (done.returncode, len(asked), bool(done.stdout + done.stderr)) == (codes[-1], attempts, said), done
    assert run(*asked[0].replace("--json", "").split(), "--help").code == 0, "an option that the program does not have"


def test_the_script_runs_the_program_itself(recipe, home):
    script = recipe("cron")["ticketlake-nightly"]
    text = script.read_text(encoding="utf-8").replace("/etc/ticketlake/ticketlake.toml", str(home.config))
    script.write_text(text, encoding="utf-8")
    with emulate("udesk", account("udesk", 20, SEED)) as emulator:
        add(home, "shop", emulator)
        home.write()
        env = {"TICKETLAKE": str(BINARY), "TICKETLAKE_STATE": str(home.folder), "TICKETLAKE_PAUSE": "0"}
        done = subprocess.run([str(script)], env=environment(env), capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), done
    assert '"outcome":"complete"' in (home.folder / "last.json").read_text() and (home.folder / "ticketlake.prom").exists()


def test_kubernetes(recipe, home):
    parts = {part["kind"]: part for part in yaml.safe_load_all(recipe("kubernetes")["cronjob.yaml"].read_text(encoding="utf-8"))}
    job = parts["CronJob"]["spec"]["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert set(job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"]) == NEEDS_A_PERSON
    assert pod["restartPolicy"] == "Never" and parts["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"
    assert pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert all("value" not in variable for variable in container.get("env", [])), "a secret in the open"
    assert run(*container["args"], "--help").code == 0, "an option that the program does not have"
    home.config.write_text(parts["ConfigMap"]["data"]["ticketlake.toml"], encoding="utf-8")
    loaded = home.run("status", "--lake", str(home.lake), "--json", write=False)
    assert loaded.code == 2 and "there is no lake" in loaded.out, loaded


def test_container(recipe):
    lines = [line for line in recipe("container")["Dockerfile"].read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    last = lines[max(at for at, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "distroless" in last[0] and "nonroot" in last[0] and any(line.startswith("USER") and "0:0" not in line for line in last)
    assert any(line.startswith("ENTRYPOINT [") for line in last) and not any("ARG" in line or "PASSWORD" in line for line in lines)


@pytest.mark.folder
def test_the_program_needs_no_root_that_can_be_written(home):
    """As in the container: nothing but the lake can be written, no home, no TMPDIR."""
    with emulate("udesk", account("udesk", 20, SEED)) as emulator:
        add(home, "shop", emulator)
        home.write()
        home.lake.mkdir()
        before = {path for path in home.folder.rglob("*") if home.lake not in path.parents}
        env = {key: value for key, value in environment({"TMPDIR": "/nonexistent", "HOME": "/nonexistent"}).items()}
        done = subprocess.run([str(BINARY), "--config", str(home.config), "sync", "-q"], env=env, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done
    assert {path for path in home.folder.rglob("*") if home.lake not in path.parents} == before


def test_github_actions(recipe):
    text = recipe("github-actions")["tickets.yml"].read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow[True]["schedule"][0]["cron"] and workflow["permissions"] == {"contents": "read"}
    step = workflow["jobs"]["sync"]["steps"][-1]
    secrets = [name for name, value in step["env"].items() if "secrets." in value]
    assert len(secrets) >= 3 and all("${{" in step["env"][name] for name in secrets) and "${{" not in step["run"]
    for codes, wanted in (([0], 0), ([3, 3, 0], 0), ([3, 4], 4), ([1, 1, 1], 1)):
        fake = "ticketlake() { n=$((${n:-0} + 1)); set -- " + " ".join(map(str, codes)) + "; shift $((n - 1)); return $1; }; sleep() { :; }\n"
        done = subprocess.run(["bash", "-e", "-c", fake + step["run"]], capture_output=True, text=True)
        assert done.returncode == wanted, (codes, done)
