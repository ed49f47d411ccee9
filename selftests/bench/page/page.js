// SPDX-License-Identifier: GPL-2.0
// Draws what page.py has decided to draw, as wide as there is room, and again
// when that changes.
"use strict";

const charts = JSON.parse(document.getElementById("charts").textContent);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const STAGES = {
	"shunt": "#0072b2", "eBPF": "#d55e00", "netfilter": "#e69f00",
	"routes and neighbours": "#cc79a7", "TCP and UDP": "#56b4e9",
	"IP": "#009e73", "veth and cable": "#f0e442",
	"device queues": "#9a8c98", "scheduler and system calls": "#b9bec5",
	"processes": "#dadde1",
};
const LINES = ["#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const SYMBOLS = ["circle", "square", "triangle", "diamond", "cross", "star",
	"wye", "plus"];
const FONT = 12;

const unique = (values) => [...new Set(values)];
const short = d3.format("~s");

// The first series is dark, others are light or differently hatched.
function fill(row, series) {
	const first = series.indexOf(row.series) < 1;
	if (row.kind === "published")
		return first || !series.includes("server") ? "url(#hatch)" :
			"url(#hatch2)";
	return `var(--${row.kind}${first ? "" : "-2"})`;
}

function text(words, element = "span") {
	const node = document.createElement(element);
	node.textContent = words;
	return node;
}

function legend(entries) {
	const node = document.createElement("p");
	node.className = "legend";
	for (const [style, words, cls] of entries) {
		const entry = text(words), swatch = document.createElement("i");
		if (style)
			swatch.style.background = style;
		swatch.className = cls ?? "";
		entry.prepend(swatch);
		node.append(entry);
	}
	return node;
}

function widest(words) {
	const context = document.createElement("canvas").getContext("2d");
	context.font = `${FONT}px ${getComputedStyle(document.body).fontFamily}`;
	return Math.max(...words.map((w) => context.measureText(w).width));
}

const style = {fontSize: `${FONT}px`, fontFamily: "inherit",
	background: "none", color: "var(--text)"};

function bars(spec, width) {
	const {rows} = spec, labels = unique(rows.map((r) => r.label));
	const several = labels.some((l) =>
		rows.filter((r) => r.label === l).length > 1);
	const series = several ? unique(rows.map((r) => r.series)) : [""];
	const y = (r) => several ? r.series : "";
	const top = d3.max(rows, (r) => r.high ?? r.value ?? 0);
	const right = widest(rows.map((r) => r.text)) + 10;
	const height = labels.length * (series.length * 13 + 9) + 46;
	const spread = rows.filter((r) => r.low < r.high);
	const svg = Plot.plot({
		width, height, style, marginTop: 4, marginBottom: 40,
		marginLeft: Math.min(widest(labels) + 12, width * .45),
		marginRight: right,
		x: {domain: [0, Math.max(top, ...spec.rules.map((r) => r.at)) || 1],
			label: spec.axis, ticks: Math.max(2, width / 110),
			tickFormat: top >= 1000 ? short : undefined,
			labelAnchor: "right", labelArrow: "none"},
		fy: {domain: labels, label: null, padding: .18},
		y: {domain: series, axis: null, padding: .08},
		marks: [
			Plot.axisFy({anchor: "left", label: null}),
			Plot.gridX({stroke: "var(--line)", strokeOpacity: 1,
				ticks: Math.max(2, width / 110)}),
			Plot.barX(rows.filter((r) => r.value !== null), {
				fy: "label", y, x: "value",
				fill: (r) => fill(r, series), title: (r) =>
					`${r.label}, ${r.series}: ${r.text}`}),
			Plot.ruleY(spread, {fy: "label", y, x1: "low", x2: "high",
				stroke: "var(--text)", strokeWidth: 1.4,
				marker: "tick"}),
			Plot.ruleX(spec.rules, {x: "at", stroke: "var(--text)",
				strokeWidth: 1.2, strokeDasharray: (r) =>
					r.at === 1 ? "none" : "3,3"}),
			Plot.ruleX([0], {stroke: "var(--soft)"}),
			// In a column, where no line crosses them.
			Plot.text(rows, {fy: "label", y, text: "text",
				frameAnchor: "right", dx: right, textAnchor: "end",
				fill: "var(--text)"}),
		],
	});
	const entries = [];
	for (const s of several ? series : []) {
		const second = series.indexOf(s) > 0 ? "2" : "";
		const kinds = new Set(rows.filter((r) => r.series === s)
			.map((r) => r.kind === "published"));
		if (kinds.has(false))
			entries.push([`var(--own${second ? "-2" : ""})`, s]);
		if (kinds.has(true))
			entries.push(["", `${s}, published`, `hatch${second}`]);
	}
	if (!several && rows.some((r) => r.kind === "published"))
		entries.push(["", "published", "hatch"]);
	for (const rule of spec.rules.slice(1))
		entries.push(["", rule.label, "dash"]);
	if (spread.length)
		entries.push(["", "lowest to highest", "spread"]);
	return entries.length ? [svg, legend(entries)] : [svg];
}

function lines(spec, width) {
	const {rows} = spec, labels = unique(rows.map((r) => r.label));
	let next = 0;
	const colours = Object.fromEntries(labels.map((l) => {
		const row = rows.find((r) => r.label === l);
		if (row.kind === "own" && !labels.slice(0, labels.indexOf(l)).some(
			(other) => rows.find((r) => r.label === other).kind === "own"))
			return [l, "var(--own)"];
		return [l, l === "base" ? "var(--baseline)" :
			LINES[next++ % LINES.length]];
	}));
	const symbols = Object.fromEntries(labels.map((l, i) =>
		[l, SYMBOLS[i % SYMBOLS.length]]));
	const at = unique(rows.map((r) => r.x));
	const log = !spec.order && d3.min(at) > 0 && d3.max(at) / d3.min(at) > 20;
	const top = d3.max(rows, (r) => r.high ?? r.value);
	const format = top >= 1000 ? short : undefined;
	const stroke = (r) => colours[r.label];
	const spread = rows.filter((r) => r.low < r.high);
	const svg = Plot.plot({
		width, height: Math.min(300, Math.max(220, width * .55)), style,
		marginLeft: 52, marginRight: 28, marginTop: 24, marginBottom: 42,
		x: spec.order ? {type: "point", domain: spec.order, label: null} :
			{type: log ? "log" : "linear", label: spec.across,
				labelArrow: "none", ticks: at, tickFormat: (v) =>
					v >= 10000 ? short(v) : d3.format(",")(v)},
		y: {domain: [0, top * 1.05], label: spec.axis, labelArrow: "none",
			tickFormat: format, ticks: 5},
		marks: [
			Plot.gridY({stroke: "var(--line)", strokeOpacity: 1, ticks: 5}),
			Plot.ruleY([0], {stroke: "var(--soft)"}),
			Plot.lineY(rows, {x: "x", y: "value", z: "label", stroke,
				strokeWidth: 1.8}),
			Plot.ruleX(spread, {x: "x", y1: "low", y2: "high", stroke,
				marker: "tick"}),
			Plot.dot(rows, {x: "x", y: "value", fill: stroke,
				symbol: (r) => symbols[r.label], r: 3.6,
				stroke: "var(--card)", strokeWidth: .8,
				title: (r) => `${r.label}, ${r.x}: ${r.text}`}),
		],
		symbol: {type: "identity"},
	});
	const node = legend([]);
	for (const label of labels) {
		const entry = text(` ${label}`);
		const mark = document.createElementNS(svg.namespaceURI, "svg");
		mark.setAttribute("width", 12);
		mark.setAttribute("height", 12);
		mark.setAttribute("viewBox", "-6 -6 12 12");
		mark.style.display = "inline-block";
		mark.style.verticalAlign = "-1px";
		d3.select(mark).append("path")
			.attr("d", d3.symbol(SYMBOL[symbols[label]], 48)())
			.attr("fill", colours[label]);
		entry.prepend(mark);
		node.append(entry);
	}
	return [svg, node];
}

const SYMBOL = {circle: d3.symbolCircle, square: d3.symbolSquare,
	triangle: d3.symbolTriangle, diamond: d3.symbolDiamond,
	cross: d3.symbolCross, star: d3.symbolStar, wye: d3.symbolWye,
	plus: d3.symbolPlus};

function stack(spec, width) {
	const {rows, stages} = spec, labels = unique(rows.map((r) => r.label));
	const colour = (stage) => STAGES[stage] ?? LINES[
		stages.indexOf(stage) % LINES.length];
	const ink = (stage) => d3.lab(colour(stage)).l > 52 ? "#111" : "#fff";
	const left = Math.min(widest(labels) + 12, width * .4);
	const totals = d3.rollups(rows, (v) => d3.sum(v, (r) => r.value),
		(r) => r.label);
	const format = d3.format(",.0f");
	// They are set bold, which is wider.
	const right = 1.15 * widest(totals.map((t) => format(t[1]))) + 10;
	const room = (r) => r.value / spec.most * (width - left - right);
	const svg = Plot.plot({
		width, height: labels.length * 32 + 46, style,
		marginTop: 4, marginBottom: 40, marginLeft: left, marginRight: right,
		x: {domain: [0, spec.most], label: spec.axis, labelArrow: "none",
			ticks: Math.max(2, width / 120), tickFormat: short},
		y: {domain: labels, label: null, padding: .22, tickSize: 0},
		marks: [
			Plot.gridX({stroke: "var(--line)", strokeOpacity: 1,
				ticks: Math.max(2, width / 120)}),
			Plot.barX(rows, Plot.stackX({y: "label", x: "value",
				order: stages.map(String), z: "stage",
				fill: (r) => colour(r.stage), insetRight: .6,
				title: (r) => `${r.label}, ${r.stage}: ${r.text}`})),
			Plot.text(rows, Plot.stackX({y: "label", x: "value",
				order: stages.map(String), z: "stage",
				text: (r) => room(r) > widest([r.text]) + 4 ? r.text : "",
				fill: (r) => ink(r.stage), fontSize: 11})),
			Plot.text(totals, {y: "0", x: "1", text: (t) => format(t[1]),
				textAnchor: "start", dx: 5, fill: "var(--text)",
				fontWeight: 600}),
			Plot.ruleX([0], {stroke: "var(--soft)"}),
		],
	});
	const shown = new Set(rows.map((r) => r.stage));
	return [svg, legend(stages.filter((s) => shown.has(s))
		.map((s) => [colour(s), s]))];
}

function tree(folded, name) {
	const root = {name, value: 0, children: [], byName: new Map()};
	for (const line of folded) {
		const space = line.lastIndexOf(" ");
		const count = Number(line.slice(space + 1));
		let node = root;
		node.value += count;
		for (const frame of line.slice(0, space).split(";")) {
			let child = node.byName.get(frame);
			if (!child) {
				child = {name: frame, value: 0, children: [],
					byName: new Map()};
				node.byName.set(frame, child);
				node.children.push(child);
			}
			child.value += count;
			node = child;
		}
	}
	return root;
}

const NETWORK = new RegExp(["tcp", "udp", "sock", "inet", "^_*ip", "dev", "skb",
	"neigh", "fib", "napi", "netif", "^net", "gro", "veth", "qdisc", "xmit",
	"icmp", "^dst", "^rt"].join("|"));

function frameColour(frame) {
	const name = frame.data.name;
	let kind = "else";
	if (!frame.parent)
		kind = "else";
	else if (name.endsWith("_[shunt]"))
		kind = "own";
	else if (/bpf_|^tcx?_|^tcf_|htab_/.test(name))
		kind = "bpf";
	else if (/^_*(nf|nft|ipt|ip6t|xt)_|conntrack|_nat_/.test(name))
		kind = "nf";
	else if (NETWORK.test(name))
		kind = "net";
	return `var(--f-${kind})`;
}

function flame(spec, width) {
	const node = document.createElement("div");
	const found = text("", "p");
	const data = tree(spec.folded, spec.root);
	const name = (f) => `${f.data.name}: ` +
		`${d3.format(",")(f.value)} samples, ` +
		`${d3.format(".1%")(f.value / data.value)}`;
	found.className = "found";
	found.setAttribute("aria-live", "polite");
	d3.select(node).datum(data).call(flamegraph.default()
		.width(width).cellHeight(17).sort(true)
		.transitionDuration(still.matches ? 0 : 200)
		.setColorMapper(frameColour)
		.setLabelHandler(name)
		.setDetailsHandler((words) => {
			found.textContent = words ?? "";
		}));
	const svg = node.querySelector("svg");
	svg.setAttribute("viewBox", `0 0 ${width} ${svg.getAttribute("height")}`);
	return [node, found];
}

const draw = {bars, lines, stack, flame};

function redraw(figure, width) {
	const place = figure.querySelector(".plot");
	width ??= Math.floor(place.clientWidth);
	if (!width || Number(place.dataset.width) === width)
		return;
	place.dataset.width = width;
	const spec = charts[figure.id];
	place.replaceChildren(...draw[spec.kind](spec, width));
	// What is drawn is named once, and told in the table.
	for (const svg of place.querySelectorAll("svg"))
		svg.setAttribute("aria-hidden", "true");
}

const figures = document.querySelectorAll("figure[data-marks]");
// Two charts side by side on a sheet of A4, before it is laid out.
const PAPER = 310;
let printing = false;
addEventListener("beforeprint", () => {
	printing = true;
	figures.forEach((figure) => redraw(figure, PAPER));
});
addEventListener("afterprint", () => {
	printing = false;
	figures.forEach((figure) => redraw(figure));
});

const watch = new ResizeObserver((entries) => {
	for (const entry of printing ? [] : entries)
		requestAnimationFrame(() => redraw(entry.target.closest("figure")));
});
for (const figure of figures) {
	redraw(figure);
	watch.observe(figure.querySelector(".plot"));
}
