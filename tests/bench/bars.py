"""The bars that the figures are held to. Nothing fails here: a bar is printed beside its figure."""

import statistics
from dataclasses import dataclass

# Bytes of the lake by day that ea752c4 wrote of the same tickets (desk.SEED, desk.NOW), measured with its own binary.
BYTES_BEFORE = {100_000: 26_907_611}


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
    return statistics.median(one[of][key] / one[to][key] for one in rounds if of in one and to in one)


def at_most(what, value, limit, form="{:.2f}", unit="×"):
    return Bar(what, form.format(value) + unit, "≤ " + form.format(limit) + unit, value <= limit)


def bars(results):
    """All bars for which there are figures."""
    judges = {"full": of_full, "scattered_ids": of_scattered_ids, "month": of_month, "night": of_night, "rate": of_rate}
    return [bar for name, judge in judges.items() for case in results.get(name, []) for bar in judge(case)]


def peak(what, case, run):
    return at_most(f"{what}, peak memory", run["peak_mb"], 64 if case["tickets"] <= 100_000 else 80, "{:.0f}", " MB")


def of_full(case):
    rounds, what = case["rounds"], f"full sync of {case['tickets']:,} tickets"
    if "duckdb" in rounds[0]:
        yield at_most(f"{what}, CPU to DuckDB's bare conversion", ratio(rounds, "ticketlake", "duckdb"), 0.8)
    if "dlt" in rounds[-1]:
        yield at_most(f"{what}, CPU to dlt", ratio(rounds, "ticketlake", "dlt"), 1 / 12, "{:.3f}")
    yield peak(what, case, {"peak_mb": median([one["ticketlake"] for one in rounds], "peak_mb")})
    if before := BYTES_BEFORE.get(case["tickets"]):
        yield at_most(f"{what}, bytes to those of ea752c4", case["lake_bytes"] / before, 0.9)
    yield at_most("the same again, nothing changed, CPU to the first", ratio(rounds, "unchanged", "ticketlake"), 1)
    yield at_most("the same again, files written", max(one["unchanged"]["files_written"] for one in rounds), 0, "{:.0f}", "")


def of_scattered_ids(case):
    yield peak(f"full sync of {case['tickets']:,} tickets with ids in random order", case, case["sync"])


def of_month(case):
    what = f"{case['tickets']:,} tickets by month"
    yield at_most(f"full sync of {what}, peak memory", case["sync"]["peak_mb"], 160, "{:.0f}", " MB")
    if "file_bytes" in case:
        yield at_most(f"{what}, bytes to DuckDB's Zstandard file", case["lake_bytes"] / case["file_bytes"], 1.05)
    for question, one in case.get("questions", {}).items():
        yield at_most(f"{what}, {question} ({1000 * one['lake_s']:.0f} ms), to DuckDB's best file", one["lake_s"] / one["file_s"], 1.3)


def of_night(case):
    yield at_most(f"{case['of'] // 100:,} of {case['of']:,} tickets changed, requests to the fewest", case["requests"] / case["fewest"], 1.25)


def of_rate(case):
    yield Bar("600 requests a minute, share that is used", f"{case['share']:.1%}", "≥ 97 %", case["share"] >= 0.97)
