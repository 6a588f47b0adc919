"""The measured rows as a page."""

from __future__ import annotations

from typing import Any

LEVEL = 0.03  # a ratio so near to 1 is called equal


def page(found: dict[str, Any]) -> str:
    """Markdown of the JSON that `python benchmarks/speed` writes."""
    machine, rows = found["machine"], found["rows"]
    lines = ["# Speed", "", *about(found), "", *table(rows), "", "## In words", ""]
    lines += [f"- {sentence(row, machine['cores'])}" for row in rows]
    if missing := found["missing"]:
        lines += ["", "Not measured: " + "; ".join(f"`{name}` ({why})" for name, why in missing.items()) + "."]
    lines += ["", "## Growth", "", "Medians; memory is what the work took beyond what was there before.", ""]
    for curve in found["growth"]:
        lines += grown(curve)
    return "\n".join([*lines, f"Commit {machine['commit'] or 'unknown'}. `make bench` writes this page anew.", ""])


def about(found: dict[str, Any]) -> list[str]:
    m, loads = found["machine"], [found["machine"]["load"], *(row["load"] for row in found["rows"])]
    amx = ", AMX" if m["amx"] else ", no AMX"
    threads = f"{m['threads']} thread{'s' * (m['threads'] != 1)}"
    where = f"{m['gpu'] or m['cpu']} ({m['cores']} cores, {m['instructions']}{amx})"
    versions = f"torch {m['torch']}, Python {m['python']}, NumPy {m['numpy']}, scikit-learn {m['scikit-learn']}"
    return [
        f"Measured on {where}, {threads}; {versions}. The machine's load, by the minute, was "
        f"{min(loads)} to {max(loads)}: above 1, other work ran beside the measurement. Compare by the ratio; the "
        "times belong to the machine.",
        "",
        "The two ways of a row take turns in one process. A row has the median of n rounds, with the quartiles in "
        "brackets. A ratio above 1 means that this project is faster. Steps, metric and SVM are timed by their time on "
        "the processor, stages by the clock. The matrix rate is that of a product of 2048 × 2048 float32 matrices: "
        f"{found['matrix_rate'] / 1e9:.0f} billion operations a second; a share says how much of it the products and "
        "convolutions of a step use.",
    ]


def table(rows: list[dict[str, Any]]) -> list[str]:
    head = "| row | here | other | unit | ratio | n | peak memory, MB | share of the matrix rate | load |"
    lines = [head, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        spread = row["quartiles"]
        here, other, ratio = (
            f"{short(row[k])} [{', '.join(map(short, spread[k]))}]" for k in ("ours", "other", "ratio")
        )
        peaks = pair(row["peak_mb"], lambda mb: f"{mb:,.0f}")
        share = pair(row.get("share"), lambda s: f"{100 * s:.0f} %")
        more = f"{row['unit']} | {ratio} | {row['n']} | {peaks} | {share} | {row['load']:.0f}"
        lines.append(f"| `{row['name']}` | {here} | {other} | {more} |")
    return lines


def pair(values: dict[str, float | None] | None, text: Any) -> str:
    """Ours and the other's; a dash where neither is known."""
    if values is None or None in values.values():
        return "–"
    return f"{text(values['ours'])}, {text(values['other'])}"


def sentence(row: dict[str, Any], cores: int) -> str:
    """What a row says, from its numbers alone."""
    ratio, (low, high) = row["ratio"], row["quartiles"]["ratio"]
    if abs(ratio - 1) <= LEVEL or low < 1 < high:
        said = "as fast as"
    elif ratio > 1:
        said = f"{short(ratio)} times as fast as"
    else:
        said = f"slower, {short(1 / ratio)} times the time of"
    note = f" ({row['note']})" if "note" in row else ""
    if row.get("clock") and row["load"] > cores:
        note += f" (by the clock, under a load of {row['load']:.0f} on {cores} cores: measure again on a quiet machine)"
    return f"`{row['name']}`: {row['what']}, is {said} {row['other_is']}{note}."


def grown(curve: dict[str, Any]) -> list[str]:
    """A small table, and by which power of the size the time grows between the first point and the last."""
    lines = [f"| {curve['name']}: {curve['what']} | ms | peak memory, MB |", "| --- | --- | --- |"]
    for point in curve["points"]:
        peak = "–" if point["peak_mb"] is None else f"{point['peak_mb']:,.0f}"
        lines.append(f"| {point['size']:,} | {short(point['ms'])} | {peak} |")
    first, last = curve["points"][0], curve["points"][-1]
    if first is last:
        return [*lines, ""]
    size, time = last["size"] / first["size"], last["ms"] / first["ms"]
    return [*lines, "", f"{short(size)} times the size takes {short(time)} times the time.", ""]


def short(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
