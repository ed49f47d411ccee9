# SPDX-License-Identifier: GPL-2.0
"""The parts of a page: words, tables, charts. Knows nothing of benchmarks.

Entry points: Page, table, number, ratio, esc, slug.
"""
import html
import re

esc = html.escape


def number(value, digits=3):
    """With as many digits as tell something."""
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.{digits}f}"


def ratio(value):
    return "–" if value is None else f"{value:.3f}"


def table(head, rows, caption):
    """The first column names the row, the others are numbers."""
    def cells(tag, row):
        first, *others = row
        scope = ' scope="row"' if tag == "td" else ' scope="col"'
        return f"<th{scope}>{esc(str(first))}</th>" + "".join(
            f"<{tag}{scope if tag == 'th' else ''}>{esc(str(cell))}</{tag}>"
            for cell in others)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (f'<div class="scroll" tabindex="0" role="region" '
            f'aria-label="{esc(caption)}"><table><caption>{esc(caption)}'
            f"</caption><thead><tr>{cells('th', head)}</tr></thead>"
            f"<tbody>{body}</tbody></table></div>")


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


class Page:
    """What has been said so far, and what page.js is to draw."""

    def __init__(self):
        self.parts = []
        self.charts = {}
        self.headings = []

    def add(self, text):
        self.parts.append(text)

    def heading(self, level, text, short=None, ident=None):
        ident = ident or slug(text)
        if level == 2:
            self.headings.append((ident, short or text))
        self.add(f'<h{level} id="{esc(ident)}">{esc(text)}</h{level}>')

    def words(self, text, tag="p", cls=""):
        cls = f' class="{cls}"' if cls else ""
        self.add(f"<{tag}{cls}>{esc(text)}</{tag}>")

    def chart(self, kind, title, about, data, behind, marks, summary="",
              ident=None):
        ident = slug(ident or title)
        while ident in self.charts:
            ident += "-x"
        self.charts[ident] = {"kind": kind, **data}
        self.add(
            f'<figure id="{ident}" class="{kind}" data-marks="{marks}">'
            f"<figcaption><h4>{esc(title)}</h4><p>{esc(about)}</p>"
            f'</figcaption><div class="plot" role="img" '
            f'aria-label="{esc(summary or title + ". " + about)}"></div>'
            f"<details><summary>The numbers</summary>{behind}</details>"
            "</figure>")

    def grid(self):
        return Grid(self)


class Grid:
    """Charts side by side, where there is room."""

    def __init__(self, page):
        self.page = page

    def __enter__(self):
        self.page.add('<div class="grid">')

    def __exit__(self, *_):
        self.page.add("</div>")
