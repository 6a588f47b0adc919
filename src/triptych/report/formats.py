"""Tables as CSV (raw fractions, for programs), Markdown and LaTeX (as printed)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from triptych.published import Published
from triptych.report.load import Inputs
from triptych.report.table import Cell, Table

_SUPERSCRIPT = str.maketrans("0123456789R±", "⁰¹²³⁴⁵⁶⁷⁸⁹ᴿ⁺")


def to_csv(published: Published, inputs: Inputs, systems: Sequence[str]) -> str:
    """One row a system; for each metric the paper's number and ours as fractions, unrounded."""
    metrics = [column.metric for column in published.columns]
    ours, kept = (source.get(published.table, {}) for source in (inputs.results, inputs.kept))
    rows = []
    for system in systems:
        row = published.systems.get(system)
        cells: dict[str, object] = {"system": system, "name": row.name if row else system}
        for metric in metrics:
            number = row.values.get(metric) if row else None
            parts = {"paper": "value", "paper_spread": "spread", "paper_recalled": "recalled"}
            cells |= {f"{metric}/{part}": getattr(number, name, None) for part, name in parts.items()}
            for prefix, source in (("", ours), ("kept_", kept)):
                found = source.get(system, {}).get("metrics", {}).get(metric, {})
                cells |= {f"{metric}/{prefix}{key}": found.get(key) for key in ("mean", "std", "n")}
        cells |= {"status": "run" if system in ours else "not run"}
        cells |= {"data": _data(ours.get(system)), "kept_data": _data(kept.get(system))}
        cost = inputs.costs.get((published.table, system))
        cells |= {"seconds": round(cost.seconds, 1) if cost else None, "devices": cost and " + ".join(cost.devices)}
        rows.append(cells)
    return pd.DataFrame(rows, dtype=object).to_csv(index=False, lineterminator="\n")


def to_markdown(tables: Sequence[Table]) -> str:
    return "\n".join(_markdown(table) for table in tables)


def to_latex(tables: Sequence[Table]) -> str:
    """One table environment a printed table; needs the package booktabs."""
    return "\n".join(_latex(table) for table in tables)


def _data(result: dict | None) -> str:
    return "; ".join(f"{role}: {text}" for role, text in result["data"].items()) if result else ""


def _markdown(table: Table) -> str:
    heads = ["system", *(f"{h.metric}: {h.whose}" if h.whose else h.metric for h in table.heads)]
    lines = [f"## {table.title}", "", _bar(heads), _bar(["---"] + ["---:"] * len(table.heads))]
    lines += [_bar([_md_cell(row.name), *map(_md_cell, row.cells)]) for row in table.rows]
    lines += [""] + [f"{text}\n" for text in (*table.order, *table.missing)]
    lines += [f"{mark.translate(_SUPERSCRIPT)} {text}\n" for mark, text in table.notes]
    return "\n".join(lines)


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _md_cell(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.bold else cell.text
    return text + " ".join(mark.translate(_SUPERSCRIPT) for mark in cell.marks)


def _latex(table: Table) -> str:
    heads = ["system", *(h.metric for h in table.heads)]
    whose = ["", *(h.whose for h in table.heads)]
    body = [_tex_row([_tex_cell(row.name), *map(_tex_cell, row.cells)]) for row in table.rows]
    notes = [tex(text) for text in (*table.order, *table.missing)]
    notes += [rf"\textsuperscript{{{tex(mark)}}} {tex(text)}" for mark, text in table.notes]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{tex(table.title)}}}",
            rf"\begin{{tabular}}{{l{'r' * len(table.heads)}}}",
            r"\toprule",
            _tex_row([tex(head) for head in heads]),
            _tex_row([tex(text) for text in whose]),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par\footnotesize {note}" for note in notes),
            r"\end{table}",
            "",
        ]
    )


def _tex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _tex_cell(cell: Cell) -> str:
    text = rf"\textbf{{{tex(cell.text)}}}" if cell.bold else tex(cell.text)
    return text + (rf"\textsuperscript{{{tex(','.join(cell.marks))}}}" if cell.marks else "")


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "→": r"$\to$",
    "β": r"$\beta$", "ρ": r"$\rho$", "×": r"$\times$", "–": "--", "≥": r"$\geq$", "≤": r"$\leq$",
    "σ": r"$\sigma$", "λ": r"$\lambda$", "θ": r"$\theta$", "μ": r"$\mu$", "γ": r"$\gamma$", "α": r"$\alpha$",
    "−": r"$-$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "↔": r"$\leftrightarrow$",
    "·": r"$\cdot$", "°": r"$^\circ$", "²": r"$^2$", "³": r"$^3$", "½": r"$\frac{1}{2}$", "≈": r"$\approx$",
    "√": r"$\surd$", "∞": r"$\infty$", "…": r"\dots{}",
}  # fmt: skip


def tex(text: str) -> str:
    """Plain text -> LaTeX."""
    return re.sub("|".join(map(re.escape, _TEX)), lambda match: _TEX[match.group()], text)
