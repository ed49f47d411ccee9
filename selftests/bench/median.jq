# SPDX-License-Identifier: GPL-2.0
#
# What "machine" has sampled, as schema.json has it. Needs $release, $way, and
# files as $here, $there (environments) and $published.
include "ratio";

def median: sort | if length % 2 == 1 then .[(length - 1) / 2]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;

def is_stream: test("STREAM|MAERTS");

def unit: {TCP_RR: "requests/s", UDP_RR: "requests/s",
	TCP_CRR: "connections/s"}[.] // "Mbit/s";

# Buckets have the same bounds always. Microseconds of nanoseconds.
def merge:
	(map(.histogram[]) | group_by(.[0]) |
		map([.[0][0] / 1000, (map(.[1]) | add)])) as $histogram |
	{unit: "us", min: (map(.min) | min / 1000),
	mean: ((map(.mean) | add) / length / 1000),
	max: (map(.max) | max / 1000), $histogram};

# A machine's, as its environment says.
def processors_of: if .end == "there" then $there else $here end |
	.[0].processors;

# Of an end, in all rounds.
def processors($name): . as $samples |
	[.[] | . as $sample | .ends[] | select(.end == $name) |
		{percent: (100 * .busy / .all), rate: $sample.rate,
		ns: (.busy / .all * 1e9 * processors_of)}] |
	(map(.percent) | median) as $percent |
	(first($published[0].cpu[] | select(.test == $samples[0].test and
		.processes == $samples[0].processes).rate) // null) as $at |
	{percent: $percent} +
	(if $samples[0].test | is_stream then {} else
		{ns_per_operation: ([.[] | .ns / .rate] | median)} end) +
	(if $at then {scaled: {rate: $at,
		percent: ([.[] | .percent / .rate * $at] | median)}} else {} end);

# Both ends are one machine's, or each has its own.
def all_processors:
	if any(.[].ends[]; .end == "there") then
		{client: processors("here"), server: processors("there")}
	else {both: processors("here")} end;

def cycles:
	[.[] | select(all(.ends[]; .cycles)) |
		(.ends | map(.cycles) | add) / (.rate * .us / 1e6)] |
	if length > 0 then {cycles: median} else {} end;

def result: .[0] as $one |
	{datapath: $one.datapath, setting: "nodes", family: $one.family,
	test: $one.test, mtu: 1500, processes: $one.processes,
	encryption: "none", unit: ($one.test | unit),
	rate: (map(.rate) | median),
	spread: {runs: length, min: (map(.rate) | min),
		max: (map(.rate) | max), values: map(.rate)},
	cpu: all_processors} +
	(if $one.test | is_stream then {} else cycles end) +
	(if $one.latency then {latency: (map(.latency) | merge)} else {} end);

{kernel: "host", $release, $way,
environment: ($here[0] + if $there[0] then {peer: $there[0]} else {} end),
results: (group_by([.datapath, .family, .test, .processes]) | map(result) |
	with_ratios)}
