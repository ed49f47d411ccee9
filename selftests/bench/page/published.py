# SPDX-License-Identifier: GPL-2.0
"""What others published, redrawn beside what was measured here.

Entry point: published_section.
"""
import json
import os

import results as res
from markup import esc, number, ratio, table
from sections import WORDS, bar_of, cpu_bars, in_order, unit_of


def count_values(rows):
    return sum(row["value"] is not None for row in rows)


def published_rows(published, entry, own):
    """Ours first, then what was published, as ratios to each one's own."""
    base = entry["values"][0]
    rows = list(own)
    for name, value in zip(published["columns"], entry["values"]):
        rows.append({"label": name, "series": "published",
                     "kind": "published",
                     "value": value / base if value else None,
                     "text": ratio(value / base) if value else "unstable"})
    return rows


def own_for(run, entry):
    """Our rows of the same test, and what they are compared with."""
    rows = [r for r in run.rows if (r["test"], r["processes"], r["setting"],
                                    r["family"], r["mtu"], r["encryption"])
            == (entry["test"], entry["processes"], "nodes", 4, 1500, "none")]
    baseline = "base-ct" if any(r["datapath"] == "base-ct" for r in rows) \
        else "base"
    return in_order(run, rows), baseline


def published_section(page, runs):
    run = next((r for r in runs if r.way == "two-machines" and r.rows),
               next((r for r in runs if r.rows), None))
    if not run:
        return
    with open(os.path.join(res.BENCH, "published.json"),
              encoding="utf-8") as file:
        published = json.load(file)
    page.heading(2, "Beside what others published", "Published")
    page.add(
        f"<p>Hatched: <cite>{esc(published['source'])}</cite>, on "
        f"{esc(published['setup'])}. {esc(published['reading'])} Each bar is a "
        "ratio to its own baseline: theirs to node to node on their machines, "
        f"ours to the one named, on Linux {esc(run.release)}, IPv4. Ratios can "
        "be compared; rates of different machines cannot.</p>")
    if run.way == "deterministic":
        page.words("Ours count instructions. That is what decides a test which "
                   "the processor limits, and says nothing about one that the "
                   "wire limits, such as 32 streams on 100 Gbit/s.")
    with page.grid():
        for entry in published["rates"]:
            published_rates(page, run, published, entry)
    published_cpu(page, run, published)
    published_encryption(page, published)


def published_rates(page, run, published, entry):
    rows, baseline = own_for(run, entry)
    own = [{**bar_of(run, r, baseline), "series": "ours"} for r in rows]
    bars = published_rows(published, entry, own)
    n = entry["processes"]
    name = f"{entry['test']}, {n} process{'es' if n > 1 else ''}"
    against = f"Ours: of {baseline}. " if rows else \
        "Not measured in this file. "
    if rows and baseline == "base":
        against = ("Ours: of base, which has no connection tracking; theirs "
                   "had, so theirs look better than beside ours. ")
    page.chart(
        "bars", name, f"{WORDS[entry['test']]}. {against}",
        {"rows": bars, "rules": [{"at": 1, "label": "baseline"}],
         "axis": "of the baseline"},
        table(["datapath", "ratio", "rate", "unit"],
              [*([r["datapath"], b["text"], number(r["rate"]), unit_of(r)]
                 for r, b in zip(rows, own)),
               *([f"{b['label']} (published)", b["text"], number(v),
                  entry["unit"]] for b, v in
                 zip(bars[len(own):], entry["values"]))], name),
        count_values(bars), ident=f"published {name}")


def published_cpu(page, run, published):
    page.heading(3, "Processor time that was published",
                 ident="published-cpu")
    measured = [r for r in run.rows if any(
        "scaled" in end for end in r.get("cpu", {}).values())]
    page.words("Of the whole machine, each end, scaled to a fixed rate."
               + ("" if measured else " No file given here has measured it: a "
                  "guest with one processor has no two ends to compare."))
    with page.grid():
        for entry in published["cpu"]:
            own = [r for r in measured if (r["test"], r["processes"],
                                           r["setting"], r["family"]) ==
                   (entry["test"], entry["processes"], "nodes", 4)
                   and all(end["scaled"]["rate"] == entry["rate"]
                           for end in r["cpu"].values() if "scaled" in end)]
            bars = cpu_bars(own, lambda end: end["scaled"]["percent"])
            bars += [{"label": name, "series": end, "kind": "published",
                      "value": value, "text":
                      "unstable" if value is None else number(value, 2) + " %"}
                     for name, pair in zip(published["columns"],
                                           zip(entry["client"],
                                               entry["server"]))
                     for end, value in zip(("client", "server"), pair)]
            n = entry["processes"]
            name = f"{entry['test']}, {n} process{'es' if n > 1 else ''}"
            page.chart(
                "bars", name, f"At {entry['at']}.",
                {"rows": bars, "rules": [], "axis": "% of the machine"},
                table(["datapath", "end", "of the machine"],
                      [[b["label"], b["series"], b["text"]] for b in bars],
                      f"Processor time of {name} at {entry['at']}"),
                count_values(bars), ident=f"published cpu {name}")


def published_encryption(page, published):
    page.heading(3, "Encryption that was published",
                 ident="published-encryption")
    page.words("One stream, Gbit/s. There is no plain stream beside it at MTU "
               "9,000, so there is nothing to take a ratio to.")
    page.add(table(["datapath", "MTU 9,000", "MTU 1,500"],
                   [[e["what"], f"{e['9000']:.2f}", f"{e['1500']:.2f}"]
                    for e in published["encryption"]],
                   "Encrypted streams, published"))
