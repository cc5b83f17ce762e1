/*
 * The figures, ready to be shown: numbers as text, and for each function its
 * buffers with their classes, and the live bytes of each class at each step.
 */
const data = JSON.parse(document.getElementById('data').textContent);
const classes = ['activations', 'gradients', 'workspace', 'io', 'parameters',
	'optimizer'];
const grouped = new Intl.NumberFormat('en-US');
const plans = data.plans.map(derive);

function $(id) { return document.getElementById(id); }

/* An element: attributes, then children that are elements or text. */
function make(tag, attributes, ...children) {
	const e = document.createElement(tag);
	for (const name in attributes)
		e.setAttribute(name, attributes[name]);
	e.append(...children);
	return e;
}

function count(n) { return grouped.format(n); }

function precise(x) {
	return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
}

function bytes(n) {
	if (n < 1024)
		return n + ' B';
	let x = n / 1024, unit = 0;
	for (; x >= 1000 && unit < 3; unit++)
		x /= 1024;
	return precise(x) + ' ' + ['KiB', 'MiB', 'GiB', 'TiB'][unit];
}

function flops(n) {
	let unit = 0;
	for (; n >= 1000 && unit < 4; unit++)
		n /= 1000;
	return (unit ? precise(n) : n) + ' ' +
		['', 'k', 'M', 'G', 'T'][unit] + 'flop';
}

function percent(part, whole) {
	return whole ? precise(100 * part / whole) + ' %' : '-';
}

/* With places where a line may end. */
function breakable(text) {
	return text.replace(/([a-z])(?=[A-Z])|([/_.])(?=[^/_.])/g, '$&\u200b');
}

function derive(plan) {
	const n = plan.steps.length;
	plan.live = classes.map(() => new Float64Array(n + 1));
	plan.writers = plan.buffers.map(() => []);
	plan.buffers.forEach((b, i) => {
		b.index = i;
		/* A name that the compiler made says nothing. */
		b.title = /^_\d+$/.test(b.name) && b.node
			? b.op + ' ' + b.node : b.name;
		b.kind = classes.indexOf(b.class);
		if (!b.windows || !b.windows.length)
			b.windows = [{first: b.first, last: b.last, low: 0,
				high: b.bytes}];
		for (const w of b.windows) {
			plan.live[b.kind][w.first] += w.high - w.low;
			plan.live[b.kind][w.last + 1] -= w.high - w.low;
		}
	});
	for (const live of plan.live)
		for (let i = 1; i <= n; i++)
			live[i] += live[i - 1];
	plan.steps.forEach((s, i) => {
		s.index = i;
		s.writes.forEach(b => plan.writers[b].push(i));
		s.label = s.fused.length ? 'Fused: ' + s.fused.join(', ') : s.op;
		s.marks = marks(plan, s);
		s.text = (i + ' ' + s.node + ' ' + s.label + ' ' +
			s.marks.map(m => m.text).join(' ')).toLowerCase();
	});
	/* The order in which the arrow keys visit them. */
	plan.order = plan.buffers.map(b => b.index).sort((i, j) =>
		plan.buffers[i].first - plan.buffers[j].first ||
		plan.buffers[i].offset - plan.buffers[j].offset || i - j);
	return plan;
}

function marks(plan, step) {
	const list = [];
	if (step.index === plan.peak_step && plan.lower_bound_bytes)
		list.push({kind: 'peak', text: 'peak'});
	if (step.recomputes.length)
		list.push({kind: 'again', text: 'recomputed: ' +
			[...new Set(step.recomputes)].join(', ')});
	if (step.in_place)
		list.push({kind: '', text: 'in place'});
	if (step.view)
		list.push({kind: '', text: 'view'});
	return list;
}

/* What is known of a buffer, as pairs. */
function describe(plan, b) {
	const by = plan.writers[b.index], steps = b.last - b.first + 1;
	const node = b.op ? (b.node ? b.node + ' (' + b.op + ')' : b.op)
	                  : 'given by the caller';
	const list = [['ONNX node', node], ['class', b.class],
		['bytes', count(b.bytes) + (b.bytes < 1024 ? ''
			: ' (' + bytes(b.bytes) + ')')],
		['offset', count(b.offset)],
		['lifetime', 'steps ' + b.first + ' to ' + b.last +
			' (' + steps + ')']];
	if (by.length > 1)
		list.push(['written', 'at steps ' + by.slice(0, 6).join(', ') +
			(by.length > 6 ? ', \u2026' : '')]);
	if (b.parts.length)
		list.push(['parts', b.parts.slice(0, 6).map(p => p.name)
			.join(', ') + (b.parts.length > 6 ? ', \u2026' : '')]);
	return list;
}
