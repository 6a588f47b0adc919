"""Tables as LaTeX: heads, captions and notes; and that a page holds them, where there is a LaTeX to ask."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from triptych.published import TABLES, load
from triptych.report.latex import tex, to_latex
from triptych.report.load import read_inputs
from triptych.report.notes import Cell
from triptych.report.studies import load_studies, study_tables
from triptych.report.table import Head, Row, Table, build_tables

ROOT = Path(__file__).parents[2]
DOCUMENT = r"""\documentclass[a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=2.5cm]{geometry}
\usepackage{booktabs,graphicx}
\begin{document}
%s
\end{document}
"""


def table(*heads, notes=()):
    row = Row("a", Cell("A & B", marks=("1",) if notes else ()), tuple(Cell(str(k)) for k in range(len(heads))), True)
    return Table("my_table", "A title", heads, (row,), notes, (), ())


def test_signs_are_escaped():
    assert tex("50 % of a_b & β ± ρ → {x} a − σ ↓ × 2 ↔ θ² …") == (
        r"50 \% of a\_b \& $\beta$ $\pm$ $\rho$ $\to$ \{x\} "
        r"a $-$ $\sigma$ $\downarrow$ $\times$ 2 $\leftrightarrow$ $\theta$$^2$ \dots{}"
    )


def test_the_caption_says_once_which_data_the_columns_are_of():
    text = to_latex([
        table(
            Head("accuracy (%)", "paper, CIFAR-10", "paper"),
            Head("accuracy (%)", "ours, rendered fruit, skin", "ours", "3"),
            Head("accuracy (%)", "ours, gained by training", "ours"),
            Head("cost", "", "info"),
        )
    ])  # fmt: skip
    assert r"\caption{A title (paper: CIFAR-10; ours: rendered fruit, skin)}" in text
    over, under = re.search(r"\\toprule\n(.*)\n(.*)\n", text).groups()
    assert over == r" & \multicolumn{3}{c}{accuracy (\%)} & \multicolumn{1}{c}{cost} \\"
    assert under == r"system & paper & ours (n~=~3) & \shortstack{gained by \\ training} &  \\"


def test_notes_stand_below_the_float_and_name_its_number():
    text = to_latex([table(Head("a", "ours, x", "ours"), notes=(("1", "Said in a_b."),))])
    inside, below = text.split(r"\end{table}")
    assert r"\label{tab:my-table}" in inside and "Said" not in inside and r"A \& B\textsuperscript{1}" in inside
    assert r"Notes to Table~\ref{tab:my-table}." in below and r"Said in a\_b." in below
    assert "Notes" not in to_latex([table(Head("a", "ours, x", "ours"))])


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no LaTeX here")
def test_every_table_of_the_results_in_git_fits_a_page(tmp_path):
    inputs = read_inputs(ROOT, "laptop")
    tables = [t for key in TABLES for t in build_tables(load(key), inputs)]
    tables += [t for key, study in load_studies().items() for t in study_tables(key, study, inputs)]
    (tmp_path / "all.tex").write_text(DOCUMENT % (r"\clearpage" + "\n").join(to_latex([t]) for t in tables))
    latex = ["pdflatex", "-interaction=nonstopmode", "all.tex"]
    run = subprocess.run(latex, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:]
    assert not re.findall(r"Overfull.*|.*Float too large.*", run.stdout)
