"""results/, runs/, outputs/ and the published numbers -> reports/<profile>/: tables, figures, one HTML page.

Reads files only. The same files give the same bytes. What has not been run is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from triptych.pipeline.registry import STUDIES
from triptych.published import TABLES, Published
from triptych.published import load as load_published
from triptych.published.claims import load_claims
from triptych.published.papers import load_papers, paper_of
from triptych.report import keep
from triptych.report.charts import curves, dot_charts
from triptych.report.curves import Chart
from triptych.report.figures import DataSheet, Figure, Terms, data_sheets, stage_pictures, write_figures
from triptych.report.foot import foot
from triptych.report.formats import to_csv, to_long_csv, to_markdown
from triptych.report.latex import to_latex
from triptych.report.load import Inputs, judged_on, read_inputs
from triptych.report.outcomes import outcomes, study_sentences
from triptych.report.page import Page, PaperSection, StudySection, TableSection, honesty, render, what_was_run
from triptych.report.plots import plot_tables
from triptych.report.readme import to_readme
from triptych.report.sentences import table_sentences
from triptych.report.settings import told_of_rows
from triptych.report.studies import load_studies, study_csv, study_tables
from triptych.report.table import Table, build_tables, heading, names_of


def build_report(root: Path, profile: str, out: Path) -> Path:
    """Write the report of the files under `root` into the folder `out` and return the path of its index.html.

    Of results/, only those of `profile` are used. Raises FileError for a file that cannot be read as what it
    should be; a missing file is no error: its row says "not run".
    """
    root, out = Path(root), Path(out)
    inputs = read_inputs(root, profile)
    inputs.costs.update(keep.kept_costs(inputs, out))
    keep.tell_cards(inputs, out)
    published = {table: load_published(table) for table in TABLES}
    tables = {table: build_tables(published[table], inputs) for table in TABLES}
    # what may be damaged is read before anything is written: no report is half old, half new
    load_papers(), load_claims()
    pictures = stage_pictures(inputs, terms(published))
    sheets = data_sheets(inputs.root)
    pictures += [sheet.picture for sheet in sheets if sheet.picture]
    curved = _curves(inputs, out, tables)
    studies = {key: printed for key, study in load_studies().items() if (printed := study_tables(key, study, inputs))}
    csvs = {
        table: to_csv(published[table], inputs, list(dict.fromkeys([*published[table].systems, *names_of(printed)])))
        for table, printed in tables.items()
    }
    csvs |= {key: study_csv(key, inputs) for key in studies}
    for key, printed in (tables | studies).items():
        texts = {"csv": csvs[key], "md": to_markdown(printed), "tex": to_latex(printed)}
        _write(out / "tables", {f"{key}.{kind}": text for kind, text in texts.items()})
    _write(out / "tables", {"results_long.csv": to_long_csv(inputs)})
    _write(out / "plots", plot_tables(inputs))

    made = write_figures(pictures, out / "figures")
    figures = made | keep.kept_figures(inputs, out, made)  # what the report before this one had of other rows
    charts = {table: dot_charts(published[table], inputs, tables[table]) for table in TABLES}
    drawn = {c.file: c.svg for of in (*charts.values(), *curved.values()) for c in of.values()}
    _write(out / "figures", drawn)
    keep.remember(inputs, out, figures, {c.file: (t, s) for t, of in curved.items() for s, c in of.items()})
    for file in (out / "figures").iterdir():
        if file.suffix in {".webp", ".png", ".svg"} and file.name not in {*figures, *drawn}:
            file.unlink()

    sections = {
        table: _section(published[table], inputs, tables[table], figures, charts[table], curved[table])
        for table in TABLES
    }
    page = _page(inputs, sections, studies, figures, sheets)
    _write(out, {"README.md": to_readme(page), "index.html": render(page)})
    return out / "index.html"


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")


def terms(published: Mapping[str, Published]) -> dict[str, Terms]:
    """How the rows and metrics of each table and study are called."""
    found = {
        table: Terms({s: row.name for s, row in of.systems.items()}, of.titles, {c.metric: c.unit for c in of.columns})
        for table, of in published.items()
    }
    for key, study in load_studies().items():
        titles = {m: c.title for m, c in study.columns.items()}
        found[key] = Terms(study.rows, titles, {m: c.unit for m, c in study.columns.items()})
    return found


def _curves(inputs: Inputs, out: Path, tables: Mapping[str, Sequence[Table]]) -> dict[str, dict[str, Chart]]:
    """Table -> system -> curves: of what ran here, else of the report before this one."""
    names = {table: names_of(printed) for table, printed in tables.items()}
    found = {table: curves(inputs, table, of) for table, of in names.items()}
    made = [chart.file for of in found.values() for chart in of.values()]
    for (table, system), svg in keep.kept_charts(inputs, out, made).items():
        if system in names.get(table, {}):
            found[table][system] = Chart(f"curves-{table}-{system}", names[table][system], svg)
    return {
        table: {system: found[table][system] for system in of if system in found[table]} for table, of in names.items()
    }


def _section(
    published: Published,
    inputs: Inputs,
    tables: Sequence[Table],
    figures: Mapping[str, Figure],
    charts: Mapping[str, Chart],
    curved: Mapping[str, Chart],
) -> TableSection:
    results = inputs.results.get(published.table, {})
    order = list(names_of(tables))
    own = [f for f in figures.values() if f.picture.group == published.table]
    own.sort(key=lambda f: order.index(f.picture.item) if f.picture.item in order else len(order))
    return TableSection(
        published=published,
        tables=tables,
        charts=charts,
        overview=_overview(own),
        figures=[f for f in own if f not in _overview(own)],
        curves=list(curved.values()),
        ran=len(results),
        total=len(order),
        data=", ".join(dict.fromkeys(judged_on(r) for r in results.values())) or "nothing run yet",
        what=what_was_run(published, inputs),
        came_out=table_sentences(published, results),
        settings=told_of_rows(inputs, published.table, tables, published.titles, {}),
    )


def _overview(figures: Sequence[Figure]) -> list[Figure]:
    """What stands outside the fold: sheets of several rows; without one the pictures themselves, if they are few."""
    sheets = [figure for figure in figures if not figure.picture.row]
    return sheets or (list(figures) if len(figures) <= 3 else list(figures[-1:]))


def _page(
    inputs: Inputs,
    sections: Mapping[str, TableSection],
    studies: Mapping[str, Sequence[Table]],
    figures: Mapping[str, Figure],
    sheets: list[DataSheet],
) -> Page:
    shown = {sheet.name for sheet in sheets}
    for picture in (f.picture for f in figures.values() if f.picture.group == "data"):
        if picture.item not in shown:  # of the report before this one
            sheets = [*sheets, DataSheet(picture.item, picture.caption, {}, [], picture)]

    def study(key: str) -> StudySection:
        mine = [figure for figure in figures.values() if figure.picture.group == key]
        about = load_studies()[key]
        titles = {metric: heading(column) for metric, column in about.columns.items()}
        settings = told_of_rows(inputs, key, studies[key], titles, about.rows)
        return StudySection(key, about, studies[key], mine, settings, study_sentences(inputs, key))

    def data(key: str | None) -> list:
        mine = [s for s in sheets if paper_of(s.name) == key]
        return [(s, figures[s.picture.file] if s.picture else None) for s in mine]

    papers = [
        PaperSection(
            paper=paper,
            tables=[sections[table] for table in paper.tables],
            studies=[study(key) for key in studies if STUDIES[key].paper == paper.key],
            sheets=data(paper.key),
            honesty=[honesty(sections[table].published, inputs) for table in paper.tables],
        )
        for paper in load_papers().values()
    ]
    kept = dict.fromkeys(result["profile"] for rows in inputs.kept.values() for result in rows.values())
    return Page(inputs.profile, papers, data(None), foot(inputs), outcomes(inputs), ", ".join(kept))
