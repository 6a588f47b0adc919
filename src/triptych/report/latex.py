"""Tables as LaTeX, made to fit a page: groups of columns have one head, notes stand below the float."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from triptych.report.notes import Cell
from triptych.report.table import Table


def to_latex(tables: Sequence[Table]) -> str:
    """One table environment a printed table, then its notes."""
    return "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}.\n" + "\n".join(map(_latex, tables))


def _latex(table: Table) -> str:
    body = [_tex_row([_tex_cell(row.name), *map(_tex_cell, row.cells)]) for row in table.rows]
    notes = [tex(text) for text in (*table.order, *table.missing)]
    notes += [rf"\textsuperscript{{{tex(mark)}}} {tex(text)}" for mark, text in table.notes]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{tex(table.title)}}}",
            rf"\label{{tab:{table.key.replace('_', '-')}}}",
            r"\footnotesize\setlength{\tabcolsep}{3pt}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{l{'r' * len(table.heads)}}}",
            r"\toprule",
            *_heads(table),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            *(
                [r"\begingroup\footnotesize\noindent", *(rf"{note}\par" for note in notes), r"\endgroup"]
                if notes
                else []
            ),
            "",
        ]
    )


def _heads(table: Table) -> list[str]:
    """Two rows: groups of columns over what tells those of a group apart."""
    if table.common:
        over = [(table.common, sum(head.kind != "info" for head in table.heads))]
        over += [("", 1) for head in table.heads if head.kind == "info"]
        under = [head.metric for head in table.heads]
    else:
        over = [(metric, len(list(heads))) for metric, heads in groupby(table.heads, key=lambda head: head.metric)]
        under = [head.under for head in table.heads]
    groups = [rf"\multicolumn{{{n}}}{{c}}{{{_stacked(text, 24 * n)}}}" for text, n in over]
    return [_tex_row(["", *groups]), _tex_row([tex(table.first), *(_stacked(text, 16) for text in under)])]


def _stacked(text: str, width: int) -> str:
    """In lines of about `width` letters, one over the other."""
    import textwrap

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
