"""What the figures should reach, and whether they do. Nothing fails here: a bar is printed beside its figure."""

import os
import statistics
from dataclasses import dataclass


@dataclass
class Bar:
    what: str
    figure: str
    bar: str
    met: bool

    def shown(self):
        return {"what": self.what, "figure": self.figure, "bar": self.bar, "met": self.met}


def median(rounds, key):
    return statistics.median(one[key] for one in rounds)


def ratio(rounds, of, to, key="cpu_s"):
    """The median of the ratios of each round: what slows the machine down slows both."""
    return statistics.median(one[of][key] / one[to][key] for one in rounds)


def at_most(what, value, limit, form="{:.2f}", unit=""):
    return Bar(what, form.format(value) + unit, "≤ " + form.format(limit) + unit, value <= limit)


def bars(results):
    """All bars for which there are figures."""
    return [bar for judge in (of_full, of_incremental, of_concurrency, of_rate, of_latency, of_queries, of_start, of_sandbox) for bar in judge(results)]


def of_full(results):
    peaks = {}
    for case in results.get("full", []):
        rounds, size = case["rounds"], f"{case['tickets']:,} tickets"
        if "duckdb" in rounds[0]:
            yield at_most(f"full sync of {size}, CPU to DuckDB's bare conversion", ratio(rounds, "ticketlake", "duckdb"), 0.4, unit="×")
        if "dlt" in rounds[0]:
            yield at_most(f"full sync of {size}, CPU to dlt", ratio(rounds, "ticketlake", "dlt"), 0.05, "{:.3f}", "×")
        yield at_most(f"full sync of {size}, wall time to CPU over the cores left", statistics.median(map(waited, rounds)), 1.2, unit="×")
        peaks[case["tickets"]] = peak = median([one["ticketlake"] for one in rounds], "peak_mb")
        if case["tickets"] <= 100_000:
            yield at_most(f"full sync of {size}, peak memory", peak, 64, "{:.0f}", " MB")
        elif 100_000 in peaks:
            yield at_most(f"full sync of {size}, peak memory to that of 100,000", peak / peaks[100_000], 1.25, unit="×")
        yield at_most(f"second full read of {size}, CPU to the first", ratio(rounds, "unchanged", "ticketlake"), 0.5, unit="×")
        written = max(one["unchanged"]["files_written"] for one in rounds)
        yield at_most(f"second full read of {size}, files written", written, 0, "{:.0f}")


def waited(one):
    """Wall time of a sync over the time that its CPU seconds need on the cores that the server leaves."""
    run = one["ticketlake"]
    left = os.cpu_count() - run["server_cpu_s"] / run["wall_s"]
    return run["wall_s"] / (run["cpu_s"] / max(left, 1))


def of_incremental(results):
    for case in results.get("incremental", []):
        size = f"{case['changed']:,} of {case['tickets']:,} tickets changed"
        yield at_most(f"{size}, CPU to the full run", case["incremental"]["cpu_s"] / case["full"]["cpu_s"], 0.03, "{:.3f}", "×")
        yield at_most(f"{size}, requests to the fewest", case["incremental"]["requests"] / case["ideal_requests"], 1.2, unit="×")


def of_concurrency(results):
    for case in results.get("concurrency", []):
        runs = case["by_concurrency"]
        yield at_most("concurrency 16, peak memory to that of 4", runs["16"]["peak_mb"] / runs["4"]["peak_mb"], 1.25, unit="×")


def of_rate(results):
    for case in results.get("rate", []):
        share = case["share"]
        yield Bar("600 requests a minute, share that is used", f"{share:.1%}", "≥ 97 %", share >= 0.97)
        yield at_most("600 requests a minute, requests refused", case["refused"], 0, "{:.0f}")


def of_latency(results):
    for case in results.get("latency", []):
        for number, run in case["by_concurrency"].items():
            yield at_most(f"200 ms latency, concurrency {number}, time to ideal", run["ratio"], 1.15, unit="×")


def of_queries(results):
    for case in results.get("queries", []):
        for partition, figures in case["by_partition"].items():
            where = f"{case['tickets']:,} tickets by {partition}"
            for question, one in figures["questions"].items():
                what = f"{where}, {question} ({1000 * one['lake_s']:.0f} ms), to DuckDB's best file"
                yield at_most(what, one["ratio"], 1.3, unit="×")
            yield at_most(f"{where}, bytes to DuckDB's Zstandard file", figures["size_ratio"], 1.0, unit="×")
            if partition == "month":
                most = 64 if case["tickets"] <= 100_000 else 80
                yield at_most(f"{where}, peak memory of a full sync", figures["sync"]["peak_mb"], most, "{:.0f}", " MB")


def of_start(results):
    for case in results.get("start", []):
        yield at_most("`ticketlake --help`, CPU", case["help_cpu_ms"], 10, "{:.1f}", " ms")
        yield at_most("size of the binary", case["binary_mb"], 40, "{:.1f}", " MB")


def of_sandbox(results):
    for case in results.get("sandbox", []):
        pages = case["per_cpu_s"]
        yield Bar("pages that the sandbox gives per second of CPU", f"{pages:,}", "≥ 5,000", pages >= 5000)
