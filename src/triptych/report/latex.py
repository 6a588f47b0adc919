"""Tables as LaTeX, made to fit a page: groups of columns have one head, the caption says once on which data the columns
are, notes stand below the float and name its number."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from triptych.report.notes import Cell
from triptych.report.table import Table


def to_latex(tables: Sequence[Table]) -> str:
    """One table environment a printed table, then its notes."""
    return "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}.\n" + "\n".join(map(_latex, tables))


def _latex(table: Table) -> str:
    data, label = _data(table), f"tab:{table.key.replace('_', '-')}"
    sources = "; ".join(f"{who}: {name}" for who, name in data.values())
    caption = f"{table.title} ({sources})" if data else table.title
    body = [_tex_row([_tex_cell(row.name), *map(_tex_cell, row.cells)]) for row in table.rows]
    notes = [tex(text) for text in (*table.order, *table.missing)]
    notes += [rf"\textsuperscript{{{tex(mark)}}} {tex(text)}" for mark, text in table.notes]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{tex(caption)}}}",
            rf"\label{{{label}}}",
            r"\footnotesize\setlength{\tabcolsep}{3pt}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{l{'r' * len(table.heads)}}}",
            r"\toprule",
            *_heads(table, {head: who for head, (who, _) in data.items()}),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            *(
                [
                    r"\begingroup\footnotesize\sloppy",
                    rf"\noindent Notes to Table~\ref{{{label}}}.\par",
                    *(rf"{note}\par" for note in notes),
                    r"\endgroup",
                ]
                if notes
                else []
            ),
            "",
        ]
    )


def _data(table: Table) -> dict[str, tuple[str, str]]:
    """Of the paper's columns, ours and those kept: "ours, rendered objects" -> ("ours", "rendered objects"), of several
    the commonest; nothing where all columns have one head."""
    found = {}
    for kind in ("paper", "ours", "kept") if not table.common else ():
        all_of = [head.whose for head in table.heads if head.kind == kind and ", " in head.whose]
        if all_of:
            most = max(all_of, key=all_of.count)
            who, _, data = most.partition(", ")
            found[most] = who, data
    return found


def _heads(table: Table, short: Mapping[str, str]) -> list[str]:
    """Two rows: groups of columns over what tells those of a group apart. `short`: words for heads that the caption
    explains."""
    if table.common:
        over = [(table.common, sum(head.kind != "info" for head in table.heads))]
        over += [("", 1) for head in table.heads if head.kind == "info"]
        under = [head.metric for head in table.heads]
    else:
        over = [(metric, len(list(heads))) for metric, heads in groupby(table.heads, key=lambda head: head.metric)]
        shown = [replace(head, whose=short.get(head.whose, head.whose.removeprefix("ours, "))) for head in table.heads]
        under = [head.under for head in shown]
    groups = [rf"\multicolumn{{{n}}}{{c}}{{{_stacked(text, 14 * n)}}}" for text, n in over]
    return [_tex_row(["", *groups]), _tex_row([tex(table.first), *(_stacked(text, 14) for text in under)])]


def _stacked(text: str, width: int) -> str:
    """In lines of about `width` letters, one over the other."""
    lines = [tex(line) for line in textwrap.wrap(text, width)]
    return r"\shortstack{" + r" \\ ".join(lines) + "}" if len(lines) > 1 else "".join(lines)


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
    "\u00a0": "~", "√": r"$\surd$", "∞": r"$\infty$", "…": r"\dots{}",
}  # fmt: skip


def tex(text: str) -> str:
    """Plain text -> LaTeX."""
    return re.sub("|".join(map(re.escape, _TEX)), lambda match: _TEX[match.group()], text)
