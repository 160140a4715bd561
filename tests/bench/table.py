"""The figures as Markdown, for the terminal and for the README."""

import re

from bars import median, ratio

BEGIN, END = "<!-- figures of `make bench` -->", "<!-- end of figures -->"
RIVALS = {
    "ticketlake": "**ticketlake**: fetch, type, labels, partition, upsert, proof",
    "unchanged": "ticketlake again, nothing changed",
    "duckdb": "DuckDB: local JSON lines → Parquet by date, no fetching",
    "dlt": "dlt: REST source → Parquet, append only",
}


def markdown(report):
    settings = report["settings"]
    parts = [f"{report['machine']}, {settings['rounds']} rounds, medians; {report['at'][:10]}, {report['version']}."]
    parts += [compared(case) for case in report["results"].get("full", [])]
    lines = ["| what | figure | bar | |", "|---|---:|---:|---|"]
    lines += [f"| {bar['what']} | {bar['figure']} | {bar['bar']} | {'met' if bar['met'] else 'not met'} |" for bar in report["bars"]]
    return "\n\n".join([*parts, "\n".join(lines)]) + "\n"


def compared(case):
    rounds = case["rounds"]
    lines = [f"| {case['tickets']:,} tickets, {case['json_bytes'] / 1e6:,.0f} MB of JSON | CPU s | wall s | peak MB | CPU to ticketlake |", "|---|---:|---:|---:|---:|"]
    for key, name in RIVALS.items():
        runs = [one[key] for one in rounds if key in one]
        if runs:
            to = ratio(rounds, key, "ticketlake")
            lines.append(f"| {name} | {median(runs, 'cpu_s'):.2f} | {median(runs, 'wall_s'):.2f} | {median(runs, 'peak_mb'):.0f} | {to:.2f}× |")
    return "\n".join(lines)


def into(readme, text):
    """Puts the text between the two marks of a README."""
    old = readme.read_text(encoding="utf-8")
    new, times = re.subn(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}\n{text}{END}", old, flags=re.DOTALL)
    if times != 1:
        raise SystemExit(f"{readme}: the marks `{BEGIN}` and `{END}` must stand in it once")
    readme.write_text(new, encoding="utf-8")
