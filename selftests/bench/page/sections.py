# SPDX-License-Identifier: GPL-2.0
"""What the page shows of one run, section by section.

Entry points: SECTIONS, in the order of the page; datapath_section, of all runs.
"""
import collections
import itertools

import results as res
from markup import esc, number, ratio, slug, table

WORDS = {
    "TCP_RR": "Requests on a connection that stays",
    "TCP_CRR": "Connections: opened, one request, closed",
    "TCP_STREAM": "A stream of data",
    "TCP_MAERTS": "A stream of data, the other way",
    "UDP_RR": "Requests by UDP",
    "UDP_STREAM": "A stream of datagrams",
}
SIDES = {
    "transmit": "Transmit: in a process that sends",
    "receive": "Receive: in the softirq that takes what is queued, from the "
               "card, or from the other end of a veth pair (so what pods "
               "have sent by one), and what is sent in answer",
    "process": "All the rest: processes, system calls, scheduler",
}
ENVIRONMENT = {
    "machine": "Machine", "kernel_version": "Kernel", "cpu": "Processor",
    "processors": "Processors", "memory_mib": "Memory, MiB",
    "command_line": "Kernel's command line", "mitigations": "Mitigations",
    "nic": "Network card", "offloads": "Offloads", "mtu": "MTU",
    "qdisc": "Queueing discipline", "congestion_control":
    "Congestion control", "netfilter": "Netfilter", "netperf": "netperf",
    "module": "Module", "commit": "Commit", "date": "Measured on",
}
GROWTH = {
    "memory": "memory for one more", "netdevs": "network devices for one more",
    "add": "adding one more", "remove": "removing one",
}
# A longer list of functions helps nobody.
HEAVIEST = 15


def kind_of(datapath):
    if datapath in res.BASELINES:
        return "baseline"
    return "own" if datapath.startswith("shunt") else "other"


def unit_of(row):
    """Files say "per ...", of which streams are so many Mbit."""
    if "STREAM" in row["test"] or "MAERTS" in row["test"]:
        if "bit" not in row["unit"]:
            return f"Mbit {row['unit']}".strip()
    return row["unit"]


def spread_words(row):
    spread = row.get("spread")
    if not spread or spread["runs"] == 1:
        return "–"
    return (f"{number(spread['min'])} to {number(spread['max'])} "
            f"({spread['runs']} runs)")


def bar_of(run, row, baseline):
    value = run.ratio(row, baseline)
    spread = row.get("spread")
    bar = {"label": row["datapath"], "series": f"IPv{row['family']}",
           "kind": kind_of(row["datapath"]), "value": value,
           "text": ratio(value)}
    if spread and spread["runs"] > 1 and value:
        bar["low"] = value * spread["min"] / row["rate"]
        bar["high"] = value * spread["max"] / row["rate"]
    return bar


def test_table(run, rows, caption):
    head = ["datapath", "IP", "rate", "of base", "of base-ct"]
    extra = [
        ("instructions", lambda r: number(r.get("instructions"))),
        ("cycles", lambda r: number(r.get("cycles"))),
        ("has to reach", lambda r: ratio(r.get("bar"))),
        ("lowest to highest", spread_words),
    ]
    extra = [(name, get) for name, get in extra
             if any(get(row) != "–" for row in rows)]
    return table([*head, *(name for name, _ in extra)],
                 [[r["datapath"], f"v{r['family']}", number(r["rate"]),
                   ratio(run.ratio(r, "base")), ratio(run.ratio(r, "base-ct")),
                   *(get(r) for _, get in extra)] for r in rows],
                 caption + (f"; rates: {unit_of(rows[0])}"
                            if unit_of(rows[0]) else ""))


def rate_words(run, test, group):
    """What 1 is."""
    rows = [run.find("base", group.setting, family, test,
                     processes=group.processes, mtu=group.mtu)
            for family in (4, 6)]
    rows = [row for row in rows if row]
    if not rows:
        return ""
    if all(row.get("instructions") for row in rows):
        unit = {"TCP_CRR": "instructions for a connection"}.get(
            test, "instructions for a request")
        values = [row["instructions"] for row in rows]
    else:
        unit = unit_of(rows[0])
        values = [row["rate"] for row in rows]
    words = [f"{number(value)} ({'IPv' + str(row['family'])})"
             for value, row in zip(values, rows)]
    words[0] = words[0].replace(" (", f" {unit} (")
    return f"1 is {', '.join(words)}."


def test_charts(page, run, group, title):
    rows = in_order(run, run.of_group(group))
    with page.grid():
        for test in res.TESTS:
            some = [r for r in rows if r["test"] == test
                    and run.ratio(r, "base") is not None]
            if not some:
                continue
            rules = [{"at": 1, "label": "base"}]
            ct = [run.ratio(r, "base") for r in some
                  if r["datapath"] == "base-ct"]
            if ct:
                rules.append({"at": ct[0], "label": "base-ct"})
            page.chart(
                "bars", test,
                f"{WORDS[test]}. {rate_words(run, test, group)}",
                {"rows": [bar_of(run, r, "base") for r in some],
                 "rules": rules, "axis": "of base"},
                test_table(run, some, f"{test} {title}"),
                len(some),
                f"{test}, ratio to base: " + ", ".join(
                    f"{r['datapath']} IPv{r['family']} "
                    f"{ratio(run.ratio(r, 'base'))}" for r in some),
                f"{run.release} {title} {test}")


def group_title(group):
    words = {"nodes": "between two nodes", "local": "on one node"}.get(
        group.setting, f"setting {group.setting}")
    if group.processes > 1:
        words += f", {group.processes} processes"
    if group.mtu != 1500:
        words += f", MTU {group.mtu:,}"
    if group.encryption != "none":
        words += f", {group.encryption}"
    return words


def rate_section(page, run):
    for group in run.groups():
        title = group_title(group)
        page.heading(3, title[0].upper() + title[1:],
                     ident=slug(f"{run.release} {title}"))
        if group.setting == "local":
            page.words("Both pods on the same node; base is two processes "
                       "over lo.")
        if group.encryption != "none":
            page.words("Ratios are to base with the same encryption.")
        test_charts(page, run, group, title)


def missing_section(page, run):
    rows = run.data.get("missing", [])
    if not rows:
        return
    page.heading(3, "What was not measured",
                 ident=slug(f"{run.release} missing"))
    page.add(table(["datapath", "what", "why"],
                   [[r["datapath"], r["what"], r["why"]] for r in rows],
                   "What was asked for and is not there"))


def condition_section(page, run):
    """What should cost nothing is better read than drawn."""
    rows = [r for r in run.rows if r["setting"] in res.CONDITIONS
            and r["datapath"] not in res.BASELINES
            and r.get("ratio") is not None]
    if not rows:
        return
    page.heading(3, "When there is more on the node",
                 ident=slug(f"{run.release} conditions"))
    page.words("1.000 is no difference.")
    page.add('<dl class="conditions">')
    kinds = dict.fromkeys((r["setting"], r["datapath"]) for r in rows)
    for setting, datapath in sorted(kinds, key=lambda k: list(
            res.CONDITIONS).index(k[0])):
        some = [r for r in rows if (r["setting"], r["datapath"])
                == (setting, datapath)]
        tests = dict.fromkeys(r["test"] for r in some)
        words = "; ".join(
            f"{test} " + ", ".join(f"{r['ratio']:.3f} (IPv{r['family']})"
                                   for r in some if r["test"] == test)
            for test in sorted(tests, key=res.TESTS.index))
        bars = dict.fromkeys(r["bar"] for r in some if r.get("bar"))
        if bars:
            words += f". Has to reach {' or '.join(map(str, bars))}."
        page.add(f"<dt>{esc(datapath)} {esc(res.CONDITIONS[setting])}</dt>"
                 f"<dd>{esc(words)}</dd>")
    page.add("</dl>")


def in_order(run, rows):
    order = run.datapaths(rows)
    return sorted(rows, key=lambda r: (order.index(r["datapath"]),
                                       r["family"]))


def by_test(run, rows):
    """Group, test and family, with the rows of each."""
    def key(row):
        return res.TESTS.index(row["test"]), row["family"], run.group(row)

    for (_, family, group), some in itertools.groupby(sorted(rows, key=key),
                                                      key):
        some = list(some)
        yield group, some[0]["test"], family, some


def latency_section(page, run):
    rows = in_order(run, [r for r in run.rows if "latency" in r])
    if not rows:
        return
    page.heading(3, "Latency", ident=slug(f"{run.release} latency"))
    page.words("How long an operation takes: half of them at most P50, all "
               "but one in a thousand at most P99.9.")
    with page.grid():
        for group, test, family, some in by_test(run, rows):
            unit = {"us": "µs"}.get(some[0]["latency"]["unit"],
                                    some[0]["latency"]["unit"])
            points = [{"label": r["datapath"],
                       "kind": kind_of(r["datapath"]), "x": name.upper(),
                       "value": value, "text": number(value)} for r in some
                      for name, value in res.percentiles(
                          r["latency"]).items()]
            names = dict.fromkeys(p["x"] for p in points)
            page.chart(
                "lines", f"{test}, IPv{family}",
                f"{group_title(group)}, {unit}",
                {"rows": points, "axis": unit, "order": list(names)},
                table(["datapath", *names, "mean", "max"],
                      [[r["datapath"],
                        *(number(v) for v in
                          res.percentiles(r["latency"]).values()),
                        number(r["latency"].get("mean")),
                        number(r["latency"].get("max"))] for r in some],
                      f"Latency of {test}, {unit}"),
                len(points),
                ident=f"{run.release} latency {test} {family} "
                      f"{group_title(group)}")


def ends_of(rows):
    """Each its own machine, or both on one."""
    return [end for end in ("client", "server", "both")
            if any(end in r["cpu"] for r in rows)]


def cpu_bars(rows, get):
    return [{"label": r["datapath"], "series": end,
             "kind": kind_of(r["datapath"]), "value": get(r["cpu"][end]),
             "text": number(get(r["cpu"][end]), 2) + " %"}
            for r in rows for end in ends_of(rows) if end in r["cpu"]]


def cpu_section(page, run):
    rows = in_order(run, [r for r in run.rows if "cpu" in r])
    if not rows:
        return
    page.heading(3, "Processor time", ident=slug(f"{run.release} cpu"))
    page.words("Of the whole machine, as measured; each end for itself, unless "
               "both are on one machine.")
    with page.grid():
        for group, test, family, some in by_test(run, rows):
            bars = cpu_bars(some, lambda end: end["percent"])
            ends = ends_of(some)
            page.chart(
                "bars", f"{test}, IPv{family}", group_title(group) + ".",
                {"rows": bars, "rules": [], "axis": "% of the machine"},
                table(["datapath", *(f"{end}, %" for end in ends),
                       *(f"{end}, ns each" for end in ends)],
                      [[r["datapath"],
                        *(number(r["cpu"].get(end, {}).get(what), 2)
                          for what in ("percent", "ns_per_operation")
                          for end in ends)] for r in some],
                      f"Processor time of {test}"),
                len(bars), ident=f"{run.release} cpu {test} {family} "
                                 f"{group_title(group)}")


def curve_section(page, run):
    curves = run.data.get("curves", [])
    if not curves and "scale" not in run.data:
        return
    page.heading(3, "Scale", ident=slug(f"{run.release} scale"))
    axes = dict.fromkeys((c["axis"], c["value"], c.get("family"), c["unit"])
                         for c in curves)
    with page.grid():
        for axis, value, family, unit in axes:
            some = [c for c in curves
                    if (c["axis"], c["value"], c.get("family"), c["unit"])
                    == (axis, value, family, unit)]
            points = [{"label": c["datapath"],
                       "kind": kind_of(c["datapath"]), "x": p["at"],
                       "value": p["value"], "text": number(p["value"]),
                       **({"low": p["spread"]["min"],
                           "high": p["spread"]["max"]}
                          if "spread" in p else {})}
                      for c in some for p in c["points"]]
            at = sorted({p["x"] for p in points})
            what = GROWTH.get(value, value) + \
                (f", IPv{family}" if family else "")
            cells = {(p["label"], p["x"]): p["text"] for p in points}
            page.chart(
                "lines", f"{what} by {axis}", unit,
                {"rows": points, "axis": unit, "across": axis},
                table([axis, *(c["datapath"] for c in some)],
                      [[number(x) if x >= 1000 else f"{x:g}",
                        *(cells.get((c["datapath"], x), "–") for c in some)]
                       for x in at], f"{what} by {axis}, {unit}"),
                len(points), ident=f"{run.release} {what} by {axis}")
        if "scale" in run.data:
            two_processors(page, run)


def two_processors(page, run):
    rows = run.data["scale"]
    bars = [{"label": r["datapath"], "series": f"{name} pair"
             f"{'s' if name == 'two' else ''}",
             "kind": kind_of(r["datapath"]), "value": r[name],
             "text": number(r[name]),
             **({"low": r[f"{name}_spread"]["min"],
                 "high": r[f"{name}_spread"]["max"]}
                if f"{name}_spread" in r else {})}
            for r in rows for name in ("one", "two")]
    gain = ", ".join(f"{r['datapath']} {r['ratio']:.2f}" for r in rows)
    page.chart(
        "bars", "A second processor",
        f"TCP_RR of one pair of processes, and of two at once: {gain} times "
        "as much.",
        {"rows": bars, "rules": [], "axis": run.data.get("unit", "")},
        table(["datapath", "one", "two", "times"],
              [[r["datapath"], number(r["one"]), number(r["two"]),
                f"{r['ratio']:.2f}"]
               for r in rows], "One pair of processes and two"),
        len(bars), ident=f"{run.release} two processors")


def memory_section(page, run):
    memory = run.data.get("memory")
    if not memory:
        return
    page.heading(3, "Memory", ident=slug(f"{run.release} memory"))
    bars = [{"label": kind, "series": "KiB", "kind": kind_of(kind),
             "value": kib, "text": number(kib)}
            for kind, kib in memory.items()]
    with page.grid():
        page.chart(
            "bars", "What a device costs the kernel",
            "KiB for a device with an address of each family, the mean of "
            "1,000; routes of pod and node included. A veth pair is two "
            "devices; a dummy is what any device costs.",
            {"rows": bars, "rules": [], "axis": "KiB"},
            table(["device", "KiB"],
                  [[kind, number(kib)] for kind, kib in memory.items()],
                  "Memory of a device"),
            len(bars), ident=f"{run.release} memory")


def stage_section(page, run):
    profiles = run.data.get("stages", [])
    if not profiles:
        return
    page.heading(3, "Where the instructions go",
                 ident=slug(f"{run.release} stages"))
    page.words("Each sampled stack counts for the innermost function that "
               "belongs to a stage, so that memory counts for who asked for "
               "it. The bars have one scale.")
    kinds = dict.fromkeys((p["setting"], p["family"], p["test"], p["unit"])
                          for p in profiles)
    for kind in kinds:
        some = [p for p in profiles if (p["setting"], p["family"], p["test"],
                                        p["unit"]) == kind]
        setting, family, test, unit = kind
        page.words(f"{test}, IPv{family}, "
                   f"{group_title(res.Group(setting, 1, 1500, 'none'))}; "
                   f"{unit}, of both ends together.", cls="what")
        stage_charts(page, run, some, kind)


def way_section(page, run):
    """What a datapath is, its own columns say; the others should be alike."""
    ways = run.data.get("places", [])
    if not ways:
        return
    page.heading(3, "Where packets are meanwhile",
                 ident=slug(f"{run.release} places"))
    page.words("From one process to the other and back. Queues are what takes "
               "packets out of them, until a function tells where these go; "
               "scheduler stands for all that is no packet's.")
    kinds = dict.fromkeys((w["setting"], w["family"], w["test"], w["unit"])
                          for w in ways)
    for kind in kinds:
        some = [w for w in ways if (w["setting"], w["family"], w["test"],
                                    w["unit"]) == kind]
        cells = {(w["datapath"], part["place"]): part["value"]
                 for w in some for part in w["parts"]}
        places = [p for p in res.PLACES
                  if any((w["datapath"], p) in cells for w in some)]
        setting, family, test, unit = kind
        page.add(table(["datapath", *places, "all"], [
            [w["datapath"],
             *(number(cells.get((w["datapath"], p), 0), 1) for p in places),
             number(sum(part["value"] for part in w["parts"]), 1)]
            for w in some],
            f"{test}, IPv{family}, "
            f"{group_title(res.Group(setting, 1, 1500, 'none'))}; {unit}"))


def stage_charts(page, run, profiles, kind):
    stages = dict.fromkeys(part["stage"] for p in profiles
                           for part in p["parts"])
    most = max(sum(part["value"] for part in p["parts"]
                   if part["side"] == side)
               for p in profiles for side in SIDES)
    with page.grid():
        for side, about in SIDES.items():
            rows = [{"label": p["datapath"], "stage": part["stage"],
                     "value": part["value"], "text": number(part["value"])}
                    for p in profiles for part in p["parts"]
                    if part["side"] == side]
            if not rows:
                continue
            cells = {(r["label"], r["stage"]): r["value"] for r in rows}
            names = [p["datapath"] for p in profiles]
            shown = [s for s in stages
                     if any((name, s) in cells for name in names)]
            page.chart(
                "stack", *about.split(": "),
                {"rows": rows, "axis": kind[3], "most": most,
                 "stages": list(stages)},
                table(["stage", *names],
                      [*([s, *(number(cells.get((name, s), 0), 1)
                               for name in names)] for s in shown),
                       ["all", *(number(sum(r["value"] for r in rows
                                            if r["label"] == name), 1)
                                 for name in names)]],
                      f"{kind[3]}, {side}"),
                len(rows),
                ident=f"{run.release} stages {'-'.join(map(str, kind[:3]))} "
                      f"{side}")


def parse_folded(lines):
    for line in lines:
        stack, count = line.rsplit(" ", 1)
        yield stack.split(";"), int(count)


def heaviest(lines):
    """Functions by their own samples."""
    own = collections.Counter()
    for stack, count in parse_folded(lines):
        own[stack[-1]] += count
    return own.most_common(HEAVIEST)


def count_frames(lines):
    """With the root, that is drawn too."""
    return 1 + len({tuple(stack[:n + 1]) for stack, _ in parse_folded(lines)
                    for n in range(len(stack))})


def flame_section(page, run):
    flames = run.data.get("flames", [])
    if not flames:
        return
    page.heading(3, "Flame graphs", ident=slug(f"{run.release} flames"))
    page.words("A frame is as wide as the part of the samples that it was in. "
               "Choose one to see what it calls, and the lowest one to return. "
               "Stacks that are rarer than one in a thousand end where they "
               "meet others.")
    page.add('<p class="legend">' + "".join(
        f'<span><i class="{cls}"></i>{esc(name)}</span>' for cls, name in (
            ("f-own", "shunt"), ("f-bpf", "eBPF"),
            ("f-nf", "netfilter"), ("f-net", "network"),
            ("f-else", "all else"))) + "</p>")
    with page.grid():
        for flame in flames:
            flame_chart(page, run, flame)


def flame_chart(page, run, flame):
    total = sum(count for _, count in parse_folded(flame["folded"]))
    each = flame.get("per_sample")
    about = f"{flame['test']}, IPv{flame['family']}, {total:,} " \
            f"{flame['unit']}"
    if each:
        about += f", {number(total * each)} instructions for an operation"
    name = f"{flame['datapath']}, {flame['side']}"
    page.chart(
        "flame", name, about + ".",
        {"folded": flame["folded"], "root": name},
        table(["function", "samples", "of all"],
              [[function, number(count), f"{100 * count / total:.1f} %"]
               for function, count in heaviest(flame["folded"])],
              f"The {HEAVIEST} functions that most samples lie in"),
        count_frames(flame["folded"]),
        ident=f"{run.release} flame {name} {flame['test']} {flame['family']} "
              f"{flame['setting']}")


def environment_list(environment):
    items = []
    for key, name in ENVIRONMENT.items():
        if key not in environment:
            continue
        value = environment[key]
        if isinstance(value, dict):
            value = "; ".join(f"{k}: {v}" for k, v in value.items()) or "none"
        items.append(f"<dt>{name}</dt><dd>{esc(str(value))}</dd>")
    return f"<dl>{''.join(items)}</dl>"


def environment_section(page, run):
    page.heading(3, "How it was measured",
                 ident=slug(f"{run.release} environment"))
    environment = {"machine": None, **run.environment}
    if not environment["machine"]:
        del environment["machine"]
    if environment:
        page.add(environment_list(environment))
    if "peer" in environment:
        page.words("The other end:")
        page.add(environment_list(environment["peer"]))
    if "commands" in environment:
        page.words("The commands, in a copy of the tree at that commit:")
        page.add("<pre tabindex=0>" + esc("\n".join(environment["commands"]))
                 + "</pre>")
    else:
        page.words("The file of these results names no machine and no "
                   "command.")


def datapath_section(page, runs):
    names = dict.fromkeys(
        row["datapath"] for run in runs
        for what in ("results", "scale", "curves", "stages", "flames")
        for row in run.data.get(what, []))
    page.heading(2, "The datapaths", "Datapaths")
    page.add("<dl>")
    for name in sorted(names, key=lambda d: (
            res.BASELINES.index(d) if d in res.BASELINES else 9, d)):
        words = res.describe(name) or "Not one of this tree."
        page.add(f"<dt>{esc(name)}</dt><dd>{esc(words)}</dd>")
    page.add("</dl>")


SECTIONS = [rate_section, condition_section, latency_section, cpu_section,
            curve_section, memory_section, stage_section, way_section,
            flame_section, missing_section, environment_section]
