# SPDX-License-Identifier: GPL-2.0
"""The page of the benchmark: one file that needs nothing else.

Entry point: make. What is drawn is decided in Python, and stands in a table
behind each chart; page.js draws what it is given, with the libraries that
package-lock.json names.
"""
import json
import os
import string
import subprocess

import results as res
from markup import Page, esc
from published import published_section
from sections import SECTIONS, datapath_section, kind_of

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = {
    "d3": "d3/dist/d3.min.js",
    "@observablehq/plot": "@observablehq/plot/dist/plot.umd.min.js",
    "d3-flame-graph": "d3-flame-graph/dist/d3-flamegraph.umd.min.js",
}
WAYS = {
    "deterministic":
        "Counted in a deterministic guest: each instruction takes one "
        "nanosecond, one processor, two nodes joined by a cable. A rate is "
        "one per 1e9 instructions of both ends together. It repeats on any "
        "machine, and does not see caches, contention or memory.",
    "one-machine":
        "By the wall clock, both ends on one machine, whose numbers are its "
        "own: what counts is how they compare.",
    "two-machines":
        "By the wall clock, between two machines.",
}


def tiles(page, run):
    """The answer, before all charts."""
    shown = []
    for test in ("TCP_RR", "TCP_CRR", "TCP_STREAM", "UDP_RR"):
        row = run.find("shunt", "nodes", 4, test)
        value = row and run.ratio(row, "base")
        if not value:
            continue
        rest = sorted((r for r in run.of_group(run.group(row))
                       if r["test"] == test and r["family"] == 4 and
                       kind_of(r["datapath"]) == "other"),
                      key=lambda r: -r["rate"])
        # The fastest and the slowest of the others, however many.
        rest = [run.find("base-ct", "nodes", 4, test), *rest[:1],
                *rest[1:][-1:]]
        others = [f"{r['datapath']} {100 * run.ratio(r, 'base'):.1f}\u00a0%"
                  for r in rest if r]
        shown.append(f'<div class="tile"><span>{test}</span>'
                     f"<b>{100 * value:.1f}\u00a0%</b>"
                     f"<small>{esc(', '.join(others))}</small></div>")
    if not shown:
        return
    what = "per instruction" if run.way == "deterministic" else "by rate"
    page.words(f"What two pods on two nodes get of what two hosts without pods "
               f"and without netfilter get, {what}, with shunt on Linux "
               f"{run.release}, IPv4; below it, what the fastest and the "
               "slowest of the others get:", cls="lede")
    page.add(f'<div class="tiles">{"".join(shown)}</div>')


def run_title(run, runs):
    title = f"Linux {run.release}"
    if "scale" in run.data and not run.rows:
        title += ", two processors"
    elif not run.rows and run.data.get("stages"):
        title += ", profile"
    elif sum(r.release == run.release for r in runs) > 1:
        title += f", {run.way.replace('-', ' ')}"
    return title


PROFILE = {"stages", "places", "flames", "curves"}


def merge(runs):
    """Where the instructions go belongs to what was measured on that kernel."""
    kept = []
    for run in runs:
        home = next((r for r in kept if (r.release, r.way) ==
                     (run.release, run.way) and not run.rows), None)
        if home and set(run.data) & PROFILE and \
                not set(run.data) & set(home.data) & PROFILE:
            for what in PROFILE:
                if what in run.data:
                    home.data[what] = run.data[what]
            commands = home.environment.setdefault("commands", [])
            commands += run.environment.get("commands", [])
        else:
            kept.append(run)
    return kept


def libraries():
    try:
        done = subprocess.run([os.path.join(HERE, "libraries")], check=True,
                              stdout=subprocess.PIPE, text=True)
    except subprocess.CalledProcessError as error:
        raise res.BadResults("no libraries to draw charts with") from error
    where = done.stdout.strip()
    parts = []
    for name, path in LIBRARIES.items():
        with open(os.path.join(where, name, "LICENSE"),
                  encoding="utf-8") as file:
            licence = file.read().replace("*/", "* /")
        with open(os.path.join(where, path), encoding="utf-8") as file:
            code = file.read().replace("</script", "<\\/script")
        parts.append(f"<script>\n/* {name}\n\n{licence}*/\n{code}\n</script>")
    return "\n".join(parts)


def make(paths):
    runs = merge([res.read(path) for path in paths])
    page = Page()
    first = next((r for r in runs if r.rows), None)
    if first:
        tiles(page, first)
    for run in runs:
        title = run_title(run, runs)
        page.add("<section>")
        page.heading(2, title)
        page.words(WAYS[run.way], cls="way")
        for section in SECTIONS:
            section(page, run)
        page.add("</section>")
    page.add("<section>")
    published_section(page, runs)
    page.add("</section><section>")
    datapath_section(page, runs)
    page.add("</section>")

    def source(name):
        with open(os.path.join(HERE, name), encoding="utf-8") as file:
            return file.read()

    # No end tag can stand in what is data.
    data = json.dumps(page.charts, separators=(",", ":"),
                      ensure_ascii=False).replace("<", "\\u003c")
    return string.Template(source("page.html")).substitute(
        style=source("page.css"), script=source("page.js"), data=data,
        libraries=libraries(), body="\n".join(page.parts),
        contents="".join(f'<a href="#{esc(ident)}">{esc(name)}</a>'
                         for ident, name in page.headings))
