"""What a run tells of itself: records, figures for Prometheus, OTLP, JSON logs, one closing line."""

import fcntl
import json
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from conftest import SEED, add, assert_complete
from program import SECRET, Toml
from sandbox import emulate
from watch import COLLECTOR_KEY as HEADER
from worlds import account


def figures(path):
    """name → labels → value, and name → type, as Prometheus' own parser reads them."""
    families = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
    values = {}
    for family in families:
        assert family.documentation, family
        for sample in family.samples:
            assert family.type == ("counter" if sample.name.endswith("_total") else "gauge"), sample
            key = frozenset(sample.labels.items())
            assert key not in values.setdefault(sample.name, {}), f"{sample} stands twice"
            values[sample.name][key] = sample.value
    return values


def of(values, name, **labels):
    return values[name][frozenset(labels.items())]


def test_figures_of_a_run_as_prometheus_reads_them(home):
    file = home.folder / "ticketlake.prom"
    with emulate("kf5", account("kf5", 150, SEED)) as emulator:
        add(home, "shop", emulator)
        home.source("gone", "kf5", "http://127.0.0.1:9", max_retries=0)
        done = home.sync("--metrics-file", str(file))
    assert done.code == 3
    values = figures(file)
    told = done.source("shop")
    for name, count in {
        "ticketlake_tickets_read_total": told["tickets"]["read"], "ticketlake_tickets_new_total": told["tickets"]["new"],
        "ticketlake_requests_total": told["requests"]["sent"], "ticketlake_response_bytes_total": told["requests"]["bytes"],
        "ticketlake_lake_files_written_total": told["lake"]["files_written"], "ticketlake_rescued_cells_total": told["rescued"]["cells"],
        "ticketlake_pages_total": told["paging"]["pages"], "ticketlake_source_duration_seconds": told["seconds"],
    }.items():
        assert of(values, name, source="shop", kind="kf5") == count, name
    outcomes = {labels: value for labels, value in values["ticketlake_source_outcome"].items() if ("source", "gone") in labels}
    assert len(outcomes) == 4 and sum(outcomes.values()) == 1 and outcomes[frozenset({("source", "gone"), ("kind", "kf5"), ("outcome", "incomplete")})] == 1
    assert of(values, "ticketlake_run_exit_code", command="sync") == 3
    assert of(values, "ticketlake_run_outcome", command="sync", outcome="incomplete") == 1
    began = datetime.fromisoformat(done.summary["started_at"]).timestamp()
    assert of(values, "ticketlake_source_last_complete_timestamp_seconds", source="shop", kind="kf5") == pytest.approx(began, abs=0.01)
    assert not any(("source", "gone") in labels for labels in values["ticketlake_source_last_complete_timestamp_seconds"])
    assert [path.name for path in home.folder.glob("*.prom*")] == ["ticketlake.prom"]


@pytest.mark.folder
def test_figures_of_runs_that_fail(home):
    file = home.folder / "ticketlake.prom"
    with emulate("udesk", account("udesk", 30, SEED)) as emulator:
        add(home, "shop", emulator)
        first = assert_complete(home.sync("--metrics-file", str(file)))
        began = datetime.fromisoformat(first.summary["started_at"]).timestamp()
        emulator.account.secret = "another"
        assert home.sync("--metrics-file", str(file)).code == 4
        values = figures(file)
        assert of(values, "ticketlake_run_exit_code", command="sync") == 4
        # An alarm on age goes on counting from the last complete run.
        assert of(values, "ticketlake_source_last_complete_timestamp_seconds", source="shop", kind="udesk") == pytest.approx(began, abs=0.01)
        with open(home.lake / "_ticketlake/lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert home.sync("--metrics-file", str(file)).code == 5
        assert of(figures(file), "ticketlake_run_exit_code", command="sync") == 5
        home.source("shop", "udesk", emulator.origin, colour="blue")
        assert home.run("backfill", "--since", "2024-01-01", "--metrics-file", str(file)).code == 2
        assert of(figures(file), "ticketlake_run_outcome", command="backfill", outcome="failed") == 1
        # Monitors that cannot be told do not change how the run ends.
        emulator.account.secret = SECRET
        add(home, "shop", emulator)
        done = home.sync("--metrics-file", str(home.folder / "no/such/folder.prom"))
        assert done.code == 0 and "--metrics-file" in done.err, done


class Collector:
    """Takes what comes over OTLP/HTTP."""

    def __init__(self):
        self.spans, self.metrics, self.headers, self.resources = [], {}, [], []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, body)
                collector.headers.append(dict(self.headers))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path, body):
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append({a.key: a.value.string_value for a in resource.resource.attributes})
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        else:
            assert path == "/v1/metrics", path
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        self.metrics[metric.name] = metric

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def attributes(holder):
    return {a.key: a.value.string_value or a.value.int_value for a in holder.attributes}


def test_traces_and_metrics_over_otlp(home):
    with emulate("kf5", account("kf5", 150, SEED)) as emulator, Collector() as collector:
        add(home, "shop", emulator)
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.origin, "OTEL_SERVICE_NAME": "tickets", "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={HEADER}"}
        done = assert_complete(home.sync(env=env))
        assert home.sync("-q", env={**env, "OTEL_SDK_DISABLED": "true"}).code == 0
        sent = len(collector.headers)
        assert home.sync(env={**env, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}).code == 0
        assert len(collector.headers) == sent
    by_name = {}
    for span in collector.spans:
        by_name.setdefault(span.name, []).append(span)
    (run,), (source,) = by_name["run"], by_name["source"]
    assert attributes(run)["run_id"] == done.summary["run_id"] and attributes(run)["command"] == "sync"
    assert attributes(source)["source"] == "shop" and attributes(source)["outcome"] == "complete"
    assert source.parent_span_id == run.span_id and all(page.parent_span_id == source.span_id for page in by_name["page"])
    assert any("created" in attributes(page)["window"] for page in by_name["page"])
    assert {span.trace_id for span in collector.spans} == {run.trace_id}
    assert all(span.end_time_unix_nano > span.start_time_unix_nano for span in collector.spans)
    assert collector.resources[0]["service.name"] == "tickets"
    read = collector.metrics["ticketlake_tickets_read"].sum
    assert read.is_monotonic and [(attributes(point), point.as_double) for point in read.data_points] == [({"source": "shop", "kind": "kf5"}, 150)]
    assert "ticketlake_run_duration_seconds" in collector.metrics
    assert all(headers.get("x-key") == HEADER for headers in collector.headers)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "not an address", "hanging"])
def test_a_collector_that_is_away_holds_nobody_up(home, endpoint):
    with emulate("udesk", account("udesk", 20, SEED)) as emulator, Collector() as collector:
        if endpoint == "hanging":
            release = threading.Event()
            collector.take = lambda *_: release.wait(60)
            endpoint = collector.origin
        add(home, "shop", emulator)
        began = time.monotonic()
        done = home.sync("-vv", env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={HEADER}"})
        took = time.monotonic() - began
        if endpoint == collector.origin:
            release.set()
    assert assert_complete(done) and took < 20, took
    assert "OTEL_EXPORTER_OTLP_" in done.err, done


def test_log_lines_tell_run_source_and_window(home):
    with emulate("kf5", account("kf5", 250, SEED), {"http500": 1.0}, spoilt_at_most=1) as emulator:
        add(home, "shop", emulator, page_size=20)
        done = home.run("--log-format", "json", "-v", "--progress", "plain", "sync", "--json")
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert lines and all(line["run_id"] == done.summary["run_id"] and line["command"] == "sync" for line in lines)
    assert any("tickets" in line["message"] and line.get("source") == "shop" for line in lines), lines
    again = [line for line in lines if line["message"] == "asking again"]
    assert again and all(line["source"] == "shop" for line in again)
    assert any("created" in line.get("window", "") for line in again), again
    assert lines[-1]["level"] == "INFO" and lines[-1]["outcome"] == "complete"
    assert lines[-1]["message"].startswith("Complete: everything the sources hold is in the lake; 250 added"), lines[-1]


def test_records_of_runs(home):
    with emulate("udesk", account("udesk", 60, SEED)) as emulator:
        add(home, "shop", emulator)
        first = assert_complete(home.sync())
        emulator.quirks.break_page = 1
        add(home, "shop", emulator, max_retries=0)
        second = home.sync("--full")
        assert second.code == 3
    listed = json.loads(home.run("runs", "--json").out)["runs"]
    assert [run["run_id"] for run in listed] == [second.summary["run_id"], first.summary["run_id"]]
    text = home.run("runs").out
    assert all(word in text for word in (first.summary["run_id"], "incomplete", second.source("shop")["error"][:40])), text
    assert json.loads(home.run("runs", "--limit", "1", "--json").out)["runs"] == [second.summary]
    assert json.loads(home.run("runs", "show", "last", "--json").out) == second.summary
    assert json.loads(home.run("runs", "show", first.summary["run_id"], "--json").out) == first.summary
    shown = home.run("runs", "show", first.summary["run_id"])
    assert shown.code == 0 and "Complete:" in shown.out and "60" in shown.out, shown
    missing = home.run("runs", "show", "2001")
    assert missing.code == 2 and "2001" in missing.err
    several = home.run("runs", "show", "20")
    assert several.code == 2 and first.summary["run_id"] in several.err
    status = json.loads(home.run("status", "--json").out)["sources"][0]
    assert status["complete_at"] == first.summary["started_at"] and 0 <= status["seconds_ago"] < 600
    assert status["last_run"]["outcome"] == "incomplete" and status["bytes"] > 0
    assert "ago" in home.run("status").out


def test_runs_of_a_lake_without_any(home):
    home.source("shop", "udesk", "http://127.0.0.1:9", secret=Toml('{ env = "NOT_SET_ANYWHERE" }'))
    none = home.run("runs")
    assert none.code == 2 and "there is no lake" in none.err and str(home.lake) in none.err, none
    assert "there is no lake" in json.loads(home.run("runs", "--json").out)["error"]
