# SPDX-License-Identifier: GPL-2.0
"""Reading results of the benchmark: the files that schema.json describes.

Entry points: read, check, Results. What a file leaves out is filled in with the
schema's defaults, so that the rest of the code need not ask.
"""
import collections
import glob
import json
import os
import re

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TESTS = ["TCP_RR", "TCP_CRR", "TCP_STREAM", "TCP_MAERTS", "UDP_RR",
         "UDP_STREAM"]
# Baselines first: what the others are compared with.
BASELINES = ["base", "base-ct", "base-shunt"]
# Between nodes under a condition, and compared with something else than base.
CONDITIONS = {
    "pods": "beside 1,000 other pods, as ratio to one pod",
    "routes": "among 10,000 routes, as ratio to few, less what they cost "
              "the host itself",
    "flows": "while another pod has a connection by way of the host (a port "
             "mapping), as ratio to the same without",
    "ruleset": "with a rule of NAT on the node",
    "punted": "when all packets take the stack's path, as ratio to veth",
}
# On a packet's way from one process to the other, and what is no packet's.
PLACES = ["pod stack out", "datapath out", "uplink", "datapath in",
          "pod stack in", "queues", "scheduler", "user"]
QUANTILES = {"p50": .5, "p90": .9, "p99": .99, "p99.9": .999}
# What distinguishes groups of results that may be compared with each other.
Group = collections.namedtuple("Group",
                               "setting processes mtu encryption")


def documented(pattern="figures-*.json"):
    """Those of the last time: the newest kernel first, and what has none last.
    """
    names = glob.glob(os.path.join(os.path.dirname(os.path.dirname(BENCH)),
                                   "Documentation", pattern))
    return sorted(names, key=lambda name: [
        -int(n) for n in re.findall(r"\d+", os.path.basename(name))] or [0])


def whole():
    """What the whole benchmark has measured, each with its page beside it."""
    return documented("report-*.json")


def is_plain(row):
    """Measured as if there were no other ways."""
    return (row.get("processes", 1), row.get("mtu", 1500),
            row.get("encryption", "none")) == (1, 1500, "none")


class BadResults(Exception):
    """Nothing can be told of the file, with where and why."""


def check(path):
    import jsonschema  # by who checks alone

    with open(os.path.join(BENCH, "schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    with open(path, encoding="utf-8") as file:
        try:
            data = json.load(file)
        except json.JSONDecodeError as error:
            raise BadResults(f"{path}: {error}") from error
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft7Validator(schema).iter_errors(data))
    if error:
        where = "/".join(map(str, error.absolute_path)) or "the file"
        raise BadResults(f"{path}: {where}: {error.message}")
    for row in data.get("results", []):
        histogram = row.get("latency", {}).get("histogram", [])
        bounds = [bound for bound, _ in histogram]
        if bounds != sorted(set(bounds)):
            raise BadResults(f"{path}: a histogram is not by bound")
    return data


def percentiles(latency):
    """Those that are given, or else those of the histogram."""
    if "p50" in latency:
        return {name: latency[name] for name in QUANTILES if name in latency}
    total = sum(count for _, count in latency["histogram"])
    found, below = {}, 0
    for bound, count in latency["histogram"]:
        below += count
        for name, quantile in QUANTILES.items():
            if name not in found and below >= quantile * total:
                found[name] = bound
    return found


def describe(datapath):
    """What the file of the datapath says it is."""
    path = os.path.join(BENCH, "datapaths", datapath + ".sh")
    try:
        with open(path, encoding="utf-8") as file:
            head = re.match(r"(?:# (?:SPDX|shellcheck).*\n|#\n)*((?:# .*\n)+)",
                            file.read())
    except FileNotFoundError:
        return ""
    words = " ".join(line[2:] for line in head[1].splitlines()) if head else ""
    return words.replace(" To be sourced.", "")


class Results:
    """One file."""

    def __init__(self, data):
        self.data = data
        self.release = data["release"]
        self.way = data.get("way", "deterministic" if "scale" not in data
                            else "one-machine")
        self.environment = data.get("environment", {})
        self.rows = [{"mtu": 1500, "processes": 1, "encryption": "none",
                      "unit": data.get("unit", ""), **row}
                     for row in data.get("results", [])]
        self.by_key = {self.key(row): row for row in self.rows}

    @staticmethod
    def key(row):
        return (row["datapath"], row["setting"], row["family"], row["test"],
                row["processes"], row["mtu"], row["encryption"])

    @staticmethod
    def group(row):
        return Group(row["setting"], row["processes"], row["mtu"],
                     row["encryption"])

    def groups(self):
        """Of results that are compared with base: plain ones first."""
        found = dict.fromkeys(self.group(row) for row in self.rows
                              if row["setting"] not in CONDITIONS)
        return sorted(found, key=lambda g: (
            g.encryption != "none", g.setting != "nodes", g.setting,
            g.processes, g.mtu))

    def of_group(self, group):
        return [row for row in self.rows if self.group(row) == group]

    def ratio(self, row, baseline):
        """To the same of BASELINE, encrypted in the same way."""
        base = self.by_key.get((baseline, *self.key(row)[1:]))
        return row["rate"] / base["rate"] if base and base["rate"] else None

    def find(self, *key, processes=1, mtu=1500, encryption="none"):
        return self.by_key.get((*key, processes, mtu, encryption))

    def datapaths(self, rows):
        """In the order of charts: baselines, then the fastest first."""
        ratios = collections.defaultdict(list)
        for row in rows:
            ratios[row["datapath"]].append(self.ratio(row, "base") or 0)
        return sorted(ratios, key=lambda d: (
            BASELINES.index(d) if d in BASELINES else len(BASELINES),
            -sum(ratios[d]) / len(ratios[d])))


def read(path):
    return Results(check(path))
