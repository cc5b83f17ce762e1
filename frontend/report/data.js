/*
 * The figures, ready to be shown: numbers as text, and for each function its
 * buffers with their classes, and the live bytes of each class at each step.
 */
const data = JSON.parse(document.getElementById('data').textContent);
const classes = ['activations', 'gradients', 'workspace', 'io', 'parameters',
	'optimizer'];
const grouped = new Intl.NumberFormat('en-US');
const plans = data.plans.map(plan => derive(plan, null));

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

/* A name that the compiler made says nothing. */
function titleOf(b) {
	return /^_\d+$/.test(b.name) && b.node ? b.op + ' ' + b.node : b.name;
}

/*
 * Time is drawn in columns: one for a step, none for a view, which does nothing,
 * and as many for a loop as it has steps. at[i]: the first column of step i.
 */
function placeColumns(plan) {
	plan.at = [0];
	plan.columns = [];
	plan.steps.forEach((s, i) => {
		const inner = s.inner ? s.inner.columns : s.view ? [] : [null];
		inner.forEach(c => plan.columns.push(c ? c.row : s));
		if (s.inner && !inner.length)
			plan.columns.push(s);
		plan.at.push(plan.columns.length);
	});
	if (!plan.columns.length)
		plan.columns = plan.steps.slice(0, 1);
}

/* In the columns of the plan, which begin at `from`. */
function placeBuffer(plan, b, from) {
	b.kind = classes.indexOf(b.class);
	b.title = titleOf(b);
	if (!b.windows || !b.windows.length)
		b.windows = [{first: b.first, last: b.last, low: 0,
			high: b.bytes}];
	for (const w of b.windows) {
		w.from = from + plan.at[w.first];
		w.to = from + (plan.at[w.last + 1] ?? plan.at[w.last]);
	}
	b.from = b.windows[0].from;
	b.to = b.windows[b.windows.length - 1].to;
}

/* Those of a loop lie in its workspace. */
function placeLoop(plan, s) {
	const inner = s.inner, base = plan.buffers[s.workspace];
	if (base)
		base.holdsLoop = true;
	inner.buffers.forEach((b, k) => {
		b.loop = s;
		b.offset += base ? base.offset : 0;
		placeBuffer(inner, b, plan.at[s.index]);
		b.index = plan.all.length;
		plan.all.push(b);
	});
	inner.steps.forEach(t => {
		t.column = plan.at[s.index] + inner.at[t.index];
	});
}

function describeStep(plan, s, i, loop) {
	s.index = i;
	s.loop = loop;
	s.number = loop ? loop.index + '.' + i : String(i);
	const what = s.fused.length ? s.fused.join(', ') : s.op;
	s.label = s.parts ? 'Loop over ' + count(s.parts) + ' parts: ' + what
	        : s.fused.length ? 'Fused: ' + what : what;
	s.row = s;
	s.marks = marks(plan, s);
	s.text = (s.number + ' ' + s.node + ' ' + s.label + ' ' +
		s.marks.map(m => m.text).join(' ')).toLowerCase();
}

function addLive(plan, n) {
	plan.live = classes.map(() => new Float64Array(n + 1));
	for (const b of plan.buffers)
		for (const w of b.windows) {
			plan.live[b.kind][w.first] += w.high - w.low;
			plan.live[b.kind][w.last + 1] -= w.high - w.low;
		}
	for (const live of plan.live)
		for (let i = 1; i <= n; i++)
			live[i] += live[i - 1];
}

/* Also of a loop's steps, which are `loop`'s. */
function derive(plan, loop) {
	plan.writers = plan.buffers.map(() => []);
	plan.steps.forEach((s, i) => {
		describeStep(plan, s, i, loop);
		s.writes.forEach(b => plan.writers[b].push(i));
		if (s.parts)
			s.inner = derive({steps: s.steps, buffers: s.buffers,
				peak_step: -1}, s);
	});
	placeColumns(plan);
	if (loop)
		return plan;
	plan.all = plan.buffers.slice();
	plan.buffers.forEach((b, i) => {
		b.index = i;
		placeBuffer(plan, b, 0);
	});
	plan.steps.forEach((s, i) => {
		s.column = plan.at[i];
		if (s.inner)
			placeLoop(plan, s);
	});
	plan.rows = plan.steps.flatMap(s => s.inner ? [s, ...s.inner.steps] : [s]);
	plan.rows.forEach((s, i) => { s.rank = i; });
	addLive(plan, plan.steps.length);
	/* The order in which the arrow keys visit them. */
	plan.order = plan.all.map(b => b.index).sort((i, j) =>
		plan.all[i].from - plan.all[j].from ||
		plan.all[i].offset - plan.all[j].offset || i - j);
	return plan;
}

function marks(plan, step) {
	const list = [];
	if (step.index === plan.peak_step && plan.lower_bound_bytes)
		list.push({kind: 'peak', text: 'peak'});
	if (step.recomputes.length)
		list.push({kind: 'again', text: 'recomputed: ' +
			[...new Set(step.recomputes)].join(', ')});
	if (step.loop)
		list.push({kind: '', text: 'in the loop of step ' +
			step.loop.index});
	if (step.in_place)
		list.push({kind: '', text: 'in place'});
	if (step.view)
		list.push({kind: '', text: 'view'});
	return list;
}

function lifetime(b) {
	const steps = b.last - b.first + 1;
	return b.loop ? 'steps ' + b.loop.index + '.' + b.first + ' to ' +
		b.loop.index + '.' + b.last + ', in each of ' +
		count(b.loop.parts) + ' parts'
		: 'steps ' + b.first + ' to ' + b.last + ' (' + steps + ')';
}

/* What is known of a buffer, as pairs. */
function describe(plan, b) {
	const by = (b.loop ? b.loop.inner.writers[b.loop.inner.buffers.indexOf(b)]
		: plan.writers[b.index]);
	const node = b.op ? (b.node ? b.node + ' (' + b.op + ')' : b.op)
	                  : 'given by the caller';
	const list = [['ONNX node', node], ['class', b.class],
		['bytes', count(b.bytes) + (b.bytes < 1024 ? ''
			: ' (' + bytes(b.bytes) + ')')],
		['offset', count(b.offset)],
		['lifetime', lifetime(b)]];
	if (b.title !== b.name)
		list.unshift(['value', b.name]);
	if (by.length > 1)
		list.push(['written', 'at steps ' + by.slice(0, 6).join(', ') +
			(by.length > 6 ? ', \u2026' : '')]);
	if (b.parts.length)
		list.push(['parts', b.parts.slice(0, 6).map(p => p.name)
			.join(', ') + (b.parts.length > 6 ? ', \u2026' : '')]);
	return list;
}
