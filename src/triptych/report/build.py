"""results/, runs/, outputs/ and the published numbers -> reports/<profile>/: tables, figures, one HTML page.

Reads files only. The same files give the same bytes. What has not been run is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from triptych.pipeline.registry import STUDIES
from triptych.published import TABLES, Published
from triptych.published import load as load_published
from triptych.published.papers import load_papers, paper_of
from triptych.report import curves
from triptych.report.figures import DataSheet, Figure, Picture, data_sheets, stage_pictures, write_figures
from triptych.report.formats import to_csv, to_latex, to_markdown
from triptych.report.load import Inputs, histories, judged_on, read_inputs
from triptych.report.page import Page, PaperSection, StudySection, TableSection, honesty, render, what_was_run
from triptych.report.settings import settings_of
from triptych.report.studies import load_studies, study_csv, study_tables
from triptych.report.table import Table, build_tables


def build_report(root: Path, profile: str, out: Path) -> Path:
    """Write the report of the files under `root` into the folder `out` and return the path of its index.html.

    Of results/, only those of `profile` are used. Raises FileError for a file that cannot be read as what it
    should be; a missing file is no error: its row says "not run".
    """
    root, out = Path(root), Path(out)
    inputs = read_inputs(root, profile)
    published = {table: load_published(table) for table in TABLES}
    tables = {table: build_tables(published[table], inputs) for table in TABLES}
    for table in TABLES:
        _write_table(out / "tables", published[table], inputs, tables[table])
    studies = {key: printed for key, study in load_studies().items() if (printed := study_tables(key, study, inputs))}
    for key, printed in studies.items():
        _write_texts(out / "tables", key, study_csv(key, inputs), printed)

    printed = [(key, row) for key, found in {**tables, **studies}.items() for table in found for row in table.rows]
    names = {(key, row.system): row.name.text for key, row in printed}
    titles = {key: {c.metric: c.title for c in published[key].columns} for key in TABLES}
    titles |= {key: {metric: c.title for metric, c in study.columns.items()} for key, study in load_studies().items()}
    staged, sheets = stage_pictures(inputs, names, titles), data_sheets(root)
    drawn = {table: _charts(published[table], inputs, tables[table]) for table in TABLES}
    curved = {table: _curves(inputs, table, tables[table]) for table in TABLES}
    pictures = [*staged, *(s.picture for s in sheets if s.picture)]
    pictures += [p for charts in drawn.values() for p in charts.values()]
    pictures += [p for curves in curved.values() for _, p in curves]
    figures = write_figures(pictures, out / "figures")

    sections = {
        table: _section(published[table], inputs, tables[table], figures, staged, drawn[table], curved[table])
        for table in TABLES
    }
    index = out / "index.html"
    index.write_text(render(_page(profile, inputs, sections, studies, figures, staged, sheets)), encoding="utf-8")
    return index


def _write_table(folder: Path, published: Published, inputs: Inputs, tables: Sequence[Table]) -> None:
    systems = list(dict.fromkeys([*published.systems, *(row.system for t in tables for row in t.rows)]))
    _write_texts(folder, published.table, to_csv(published, inputs, systems), tables)


def _write_texts(folder: Path, name: str, csv: str, tables: Sequence[Table]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind, text in {"csv": csv, "md": to_markdown(tables), "tex": to_latex(tables)}.items():
        (folder / f"{name}.{kind}").write_text(text, encoding="utf-8")


def _charts(published: Published, inputs: Inputs, tables: Sequence[Table]) -> dict[str, Picture]:
    """A dot chart for every printed table in which something was run, of the metrics that the paper has
    too."""
    charts: dict[str, Picture] = {}
    drawn = set()
    ours, kept = (source.get(published.table, {}) for source in (inputs.results, inputs.kept))
    for view, table in zip(published.views or [None], tables):
        systems = {row.system: row.name.text for row in table.rows if row.ran or row.system in published.systems}
        wanted = view.metrics if view else [c.metric for c in published.columns]
        paper = {
            m: {s: (v.value, v.spread or 0.0) for s in systems if s in published.systems
                for metric, v in published.systems[s].values.items() if metric == m}
            for m in wanted
        }  # fmt: skip
        columns = [published.column(m) for m in wanted if paper[m]]
        content = tuple(c.metric for c in columns), tuple(systems)
        if not columns or content in drawn:  # another table has the same rows, and nothing more of the paper's
            continue
        drawn.add(content)
        series = {f"paper, {published.paper_data}": paper}
        for who, results in (("ours", ours), ("ours at paper scale", kept)):
            shown = {s: r for s, r in results.items() if s in systems}
            if shown:
                titles = list(dict.fromkeys(judged_on(result) for result in shown.values()))
                series[f"{who}, {' / '.join(titles)}"] = {
                    m: {s: (r["metrics"][m]["mean"], r["metrics"][m]["std"]) for s, r in shown.items()
                        if m in r["metrics"]}
                    for m in wanted
                }  # fmt: skip
        if len(series) > 1:
            png = curves.dot_chart(published, columns, systems, series)
            charts[table.key] = Picture("table", published.table, table.key, png)
    return charts


def _curves(inputs: Inputs, table: str, tables: Sequence[Table]) -> list[tuple[str, Picture]]:
    """Display name and loss curves of every system that left a history, in the order of the tables."""
    found = []
    for system, name in {row.system: row.name.text for t in tables for row in t.rows}.items():
        png = curves.loss_curves(histories(inputs, table, system))
        if png:
            found.append((name, Picture("curves", table, system, png)))
    return found


def _section(
    published: Published,
    inputs: Inputs,
    tables: Sequence[Table],
    figures: Mapping[str, Figure],
    staged: Sequence[Picture],
    charts: Mapping[str, Picture],
    curved: Sequence[tuple[str, Picture]],
) -> TableSection:
    results = inputs.results.get(published.table, {})
    order = [row.system for t in tables for row in t.rows]
    own = [p for p in staged if p.group == published.table]
    own.sort(key=lambda p: order.index(p.item) if p.item in order else len(order))
    shared, of_rows = settings_of(inputs, published.table)
    names = {row.system: row.name.text for t in tables for row in t.rows}
    return TableSection(
        published=published,
        tables=tables,
        charts={key: figures[p.file] for key, p in charts.items()},
        figures=[figures[p.file] for p in own],
        curves=[(name, figures[p.file]) for name, p in curved],
        ran=len(results),
        total=len(set(order)),
        data=", ".join(dict.fromkeys(judged_on(r) for r in results.values())) or "nothing run yet",
        what=what_was_run(published, inputs),
        shared=shared,
        own=[(name, of_rows[system]) for system, name in names.items() if system in of_rows],
    )


def _page(
    profile: str,
    inputs: Inputs,
    sections: Mapping[str, TableSection],
    studies: Mapping[str, Sequence[Table]],
    figures: Mapping[str, Figure],
    staged: Sequence[Picture],
    sheets: Sequence[DataSheet],
) -> Page:
    def study(key: str) -> StudySection:
        return StudySection(key, load_studies()[key], studies[key], [figures[p.file] for p in staged if p.group == key])

    def data(key: str | None) -> list[tuple[DataSheet, Figure | None]]:
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
    return Page(profile, papers, data(None))
