/*
 * The arena over time, and the live bytes below it, on two canvases with one
 * time axis. A canvas and not elements: thousands of buffers stay quick. Which
 * buffer is under the pointer is looked up in the array of rectangles.
 */
const picture = {
	plan: null, from: 0, to: 1,     /* the columns in view: from <= x < to */
	rects: [],                      /* of the buffers in view, as drawn */
	picked: -1, column: -1,         /* a buffer, a column; -1: none */
	only: -1,                       /* a class; -1: all */
	colour: {},
};

function readColours() {
	const style = getComputedStyle(document.documentElement);
	for (const name of [...classes, 'card', 'ink', 'soft', 'grid', 'free',
		'accent', 'again'])
		picture.colour[name] =
			style.getPropertyValue('--' + name).trim();
}

/* A canvas of its size on the page, in the screen's own pixels. */
function clear(canvas) {
	const box = canvas.getBoundingClientRect();
	const scale = window.devicePixelRatio || 1;
	canvas.width = Math.round(box.width * scale);
	canvas.height = Math.round(box.height * scale);
	const c = canvas.getContext('2d');
	c.scale(scale, scale);
	c.font = '12px ' + getComputedStyle(document.body).fontFamily;
	return {c, width: box.width, height: box.height};
}

/* The area inside the axes. */
function frame(width, height, below) {
	const left = width < 600 ? 58 : 76;
	return {left, top: 22, width: width - left - 8,
		height: height - 22 - below};
}

function xOf(f, column) {
	const p = picture;
	return f.left + (column - p.from) / (p.to - p.from) * f.width;
}

/* About n round numbers from 0 to top; of bytes: multiples of a power of two. */
function ticks(top, n, binary) {
	const least = Math.max(top / n, 1);
	let step = Math.pow(2, Math.ceil(Math.log2(least)));
	if (!binary) {
		const ten = Math.pow(10, Math.floor(Math.log10(least)));
		step = ten * [1, 2, 5, 10].find(m => m * ten >= least);
	}
	const list = [];
	for (let x = 0; x <= top; x += step)
		list.push(x);
	return list;
}

function drawBytesAxis(c, f, top, n) {
	c.textAlign = 'right';
	c.textBaseline = 'middle';
	for (const x of ticks(top, n, true)) {
		const y = Math.round(f.top + f.height * (1 - x / top)) + .5;
		c.strokeStyle = picture.colour.grid;
		c.beginPath();
		c.moveTo(f.left, y);
		c.lineTo(f.left + f.width, y);
		c.stroke();
		c.fillStyle = picture.colour.soft;
		c.fillText(x ? bytes(x).replace(/\.0+ /, ' ') : '0', f.left - 6, y);
	}
}

/* The step that a column is of, or belongs to as one of its loop. */
function stepOf(column) {
	const s = picture.plan.columns[column];
	return s && s.loop ? s.loop : s;
}

/* Numbers of steps, round ones, as far as they have room. */
function drawStepsAxis(c, f, below) {
	const p = picture, y = f.top + f.height + below;
	const first = stepOf(p.from), last = stepOf(p.to - 1);
	if (!first)
		return;
	let end = -Infinity;
	c.textAlign = 'center';
	c.textBaseline = 'top';
	c.fillStyle = p.colour.soft;
	const span = Math.max(last.index - first.index, 1);
	const [, each] = ticks(span, Math.max(2, f.width / 70), false);
	for (let step = Math.ceil(first.index / each) * each;
	     step <= last.index; step += each) {
		const s = p.plan.steps[step];
		const x = Math.max(xOf(f, s.column + .5), f.left + 14);
		const text = (end > 0 ? '' : 'step ') + step;
		const half = c.measureText(text).width / 2;
		if (x - half < end + 8 || x > f.left + f.width)
			continue;
		c.fillText(text, x, y);
		end = x + half;
	}
}

/* Below the arena: which columns compute something again, and the loops. */
function drawStrips(c, f) {
	const p = picture, y = f.top + f.height;
	for (let k = p.from; k < p.to; k++) {
		if (!p.plan.columns[k] || !p.plan.columns[k].recomputes.length)
			continue;
		const x = xOf(f, k);
		c.fillStyle = p.colour.again;
		c.fillRect(x, y + 3, Math.max(xOf(f, k + 1) - x - .5, 1.5), 6);
	}
	c.textAlign = 'center';
	c.textBaseline = 'middle';
	for (const s of p.plan.steps.filter(t => t.inner)) {
		const x0 = Math.max(xOf(f, s.column), f.left);
		const x1 = Math.min(xOf(f, p.plan.at[s.index + 1]),
			f.left + f.width);
		if (x1 - x0 < 4)
			continue;
		c.strokeStyle = p.colour.soft;
		c.beginPath();
		c.moveTo(x0 + 1.5, y + 11);
		c.lineTo(x0 + 1.5, y + 15.5);
		c.lineTo(x1 - 1.5, y + 15.5);
		c.lineTo(x1 - 1.5, y + 11);
		c.stroke();
		const text = '\u00d7 ' + s.parts;
		const wide = c.measureText(text).width + 6;
		if (x1 - x0 < wide + 10)
			continue;
		c.fillStyle = p.colour.card;
		c.fillRect((x0 + x1 - wide) / 2, y + 11, wide, 9);
		c.fillStyle = p.colour.soft;
		c.fillText(text, (x0 + x1) / 2, y + 16);
	}
}

function drawMarks(c, f, label) {
	const p = picture, peak = p.plan.peak_step;
	const middle = (p.plan.at[peak] + Math.max(p.plan.at[peak + 1],
		p.plan.at[peak] + 1)) / 2;
	const at = (column, colour, dash) => {
		if (column < p.from || column > p.to)
			return;
		const x = Math.round(xOf(f, column)) + .5;
		c.strokeStyle = colour;
		c.setLineDash(dash);
		c.beginPath();
		c.moveTo(x, f.top - 4);
		c.lineTo(x, f.top + f.height);
		c.stroke();
		c.setLineDash([]);
	};
	if (p.column >= 0)
		at(p.column + .5, p.colour.accent, []);
	at(middle, p.colour.ink, [5, 3]);
	if (!(middle >= p.from && middle <= p.to))
		return;
	const half = c.measureText(label).width / 2;
	c.textAlign = 'center';
	c.textBaseline = 'bottom';
	c.fillStyle = p.colour.ink;
	c.fillText(label, Math.min(Math.max(xOf(f, middle), f.left + half),
		f.left + f.width - half), f.top - 5);
}

/* What the buffer takes in one of its windows. */
function rectangle(f, b, w) {
	const top = Math.max(picture.plan.arena_bytes, 1);
	const x0 = xOf(f, Math.max(w.from, picture.from));
	const x1 = xOf(f, Math.min(w.to, picture.to));
	const y0 = f.top + f.height * (1 - (b.offset + w.high) / top);
	const y1 = f.top + f.height * (1 - (b.offset + w.low) / top);
	return {b, x: x0, y: y0, w: Math.max(x1 - x0, 1),
		h: Math.max(y1 - y0, 1)};
}

/* The name, shortened in the middle to the width; '' if too little is left. */
function fitted(c, name, width) {
	if (c.measureText(name).width <= width)
		return name;
	for (let n = name.length - 1; n >= 7; n--) {
		const head = Math.ceil(n / 2), tail = n - head;
		const text = name.slice(0, head) + '\u2026' +
			name.slice(name.length - tail);
		if (c.measureText(text).width <= width)
			return text;
	}
	return '';
}

function drawName(c, r) {
	if (r.w < 40 || r.h < 15 || r.b.holdsLoop)
		return;
	c.fillStyle = '#101418';
	c.fillText(fitted(c, r.b.title, r.w - 8), r.x + 4,
		r.y + Math.min(r.h / 2, 12));
}

function drawRect(c, r) {
	const p = picture, dim = p.only >= 0 && p.only !== r.b.kind;
	c.globalAlpha = dim ? .15 : 1;
	c.fillStyle = p.colour[r.b.class];
	c.fillRect(r.x, r.y, r.w, r.h);
	if (r.w > 3 && r.h > 3) {
		c.strokeStyle = p.colour.card;
		c.strokeRect(r.x + .5, r.y + .5, r.w - 1, r.h - 1);
	}
	if (!dim)
		drawName(c, r);
	c.globalAlpha = 1;
}

function drawArena() {
	const p = picture, {c, width, height} = clear($('arena'));
	const f = p.frame = frame(width, height, 42);
	c.fillStyle = p.colour.free;
	c.fillRect(f.left, f.top, f.width, f.height);
	drawBytesAxis(c, f, Math.max(p.plan.arena_bytes, 1), f.height / 40);
	c.textAlign = 'left';
	c.textBaseline = 'middle';
	const inView = w => w.from < p.to && Math.max(w.to, w.from + .01) > p.from;
	const shown = p.plan.all.filter(b => b.bytes && inView(b));
	p.rects = shown.flatMap(b => b.windows.filter(inView)
		.map(w => rectangle(f, b, w)));
	p.rects.forEach(r => drawRect(c, r));
	c.lineWidth = 2.5;
	c.strokeStyle = p.colour.ink;
	for (const r of p.rects.filter(q => q.b.index === p.picked))
		c.strokeRect(r.x, r.y, r.w, r.h);
	c.lineWidth = 1;
	drawStrips(c, f);
	drawStepsAxis(c, f, 22);
	drawMarks(c, f, 'peak: step ' + p.plan.peak_step);
	$('arena').dataset.rectangles = shown.filter(b => !b.loop).length;
	$('arena').dataset.inner = shown.filter(b => b.loop).length;
}

/* Each class on top of the sum of those before it. */
function drawLive() {
	const p = picture, {c, width, height} = clear($('live'));
	const f = frame(width, height, 24), top = p.plan.lower_bound_bytes || 1;
	const below = new Float64Array(p.to - p.from);
	const y = x => f.top + f.height * (1 - x / top);
	drawBytesAxis(c, f, top, f.height / 24);
	classes.forEach((name, k) => {
		const live = p.plan.live[k];
		c.beginPath();
		for (let i = 0; i < below.length; i++) {
			c.lineTo(xOf(f, p.from + i), y(below[i]));
			c.lineTo(xOf(f, p.from + i + 1), y(below[i]));
		}
		for (let i = below.length - 1; i >= 0; i--) {
			below[i] += live[(stepOf(p.from + i) || {index: 0}).index];
			c.lineTo(xOf(f, p.from + i + 1), y(below[i]));
			c.lineTo(xOf(f, p.from + i), y(below[i]));
		}
		c.globalAlpha = p.only >= 0 && p.only !== k ? .15 : 1;
		c.fillStyle = p.colour[name];
		c.fill();
		c.globalAlpha = 1;
	});
	drawStepsAxis(c, f, 6);
	drawMarks(c, f, 'live: ' + bytes(p.plan.lower_bound_bytes));
}

/* All there is to see: every column. */
function whole() {
	setView(0, picture.plan.columns.length);
}

function draw() {
	$('whole').hidden = picture.from === 0 &&
		picture.to === Math.max(picture.plan.columns.length, 1);
	drawArena();
	drawLive();
}

/* ---- the pointer and the keys ---- */

/* The smallest rectangle at the place: others may lie around it. */
function rectAt(x, y) {
	let best = null;
	for (const r of picture.rects)
		if (x >= r.x - 1 && x <= r.x + r.w + 1 && y >= r.y - 1 &&
		    y <= r.y + r.h + 1 && (!best || r.w * r.h < best.w * best.h))
			best = r;
	return best;
}

function columnAt(x) {
	const p = picture, f = p.frame;
	const column = p.from +
		Math.floor((x - f.left) / f.width * (p.to - p.from));
	return x < f.left || column < p.from || column >= p.to ? -1 : column;
}

function showTip(title, pairs, kind, x, y) {
	const tip = $('tip'), list = make('dl', {});
	const name = make('b', {});
	if (kind)
		name.append(swatch(kind));
	name.append(title);
	for (const [key, text] of pairs)
		list.append(make('dt', {}, key), make('dd', {}, text));
	tip.replaceChildren(name, list);
	tip.hidden = false;
	const room = $('picture').clientWidth - tip.offsetWidth;
	const left = x + 16 <= room ? x + 16 : x - 16 - tip.offsetWidth;
	tip.style.left = Math.max(0, Math.min(left, room)) + 'px';
	tip.style.top = Math.max(0, y + 14) + 'px';
	$('said').textContent = title + ': ' +
		pairs.map(pair => pair.join(' ')).join(', ');
}

function swatch(name) {
	return make('span', {class: 'swatch',
		style: 'background: var(--' + name + ')'});
}

function showBuffer(b, x, y) {
	showTip(b.title, describe(picture.plan, b), b.class, x, y);
}

function showStep(s, x, y) {
	showTip('Step ' + s.number, [['operator', s.label],
		['ONNX node', s.node || '-'],
		['live', count(s.live_bytes) + ' bytes' +
			(s.loop ? ' of the loop\u2019s' : '')],
		['work', flops(s.flops) + (s.loop ? ' for each of ' +
			count(s.loop.parts) + ' parts' : '')],
		...s.marks.map(m => ['', m.text])], '', x, y);
}

/* Picks a buffer, with its description beside it. */
function pickBuffer(index) {
	const p = picture, b = p.plan.all[index];
	if (b.to <= p.from || b.from >= p.to)
		whole();
	p.picked = index;
	p.column = -1;
	draw();
	const r = p.rects.find(q => q.b === b);
	if (r)
		showBuffer(b, r.x + Math.min(r.w / 2, 60), r.y + r.h / 2);
}

function pickStep(s) {
	const p = picture;
	if (s.column < p.from || s.column >= p.to)
		whole();
	p.column = s.column;
	p.picked = -1;
	draw();
	showStep(s, xOf(p.frame, s.column + .5), p.frame.top);
}

function forget() {
	picture.picked = picture.column = -1;
	$('tip').hidden = true;
	draw();
}

function setView(from, to) {
	const n = Math.max(picture.plan.columns.length, 1);
	picture.from = Math.max(0, Math.min(from, n - 1));
	picture.to = Math.min(n, Math.max(to, picture.from + 1));
	$('tip').hidden = true;
	draw();
}

function point(e) {
	const box = $('picture').getBoundingClientRect();
	const x = e.clientX - box.left, y = e.clientY - box.top;
	const r = e.target === $('arena') ? rectAt(x, y) : null;
	const column = columnAt(x), s = picture.plan.columns[column];
	picture.picked = r ? r.b.index : -1;
	picture.column = column;
	draw();
	if (r)
		showBuffer(r.b, x, y);
	else if (s)
		showStep(s, x, y);
	else
		$('tip').hidden = true;
	return x;
}

/* A drag of the mouse over some columns magnifies them. */
function listenPointer(canvas) {
	let down = -1;
	canvas.addEventListener('pointermove', point);
	canvas.addEventListener('pointerleave', e => {
		if (e.pointerType === 'mouse')   /* a tap stays */
			forget();
	});
	canvas.addEventListener('pointerdown', e => {
		down = e.pointerType === 'mouse' ? columnAt(point(e)) : -1;
	});
	canvas.addEventListener('pointerup', e => {
		const up = columnAt(point(e)), from = Math.min(down, up);
		if (down >= 0 && up >= 0 && up !== down)
			setView(from, Math.max(down, up) + 1);
		down = -1;
	});
	canvas.addEventListener('dblclick', whole);
}

function onKey(e) {
	const p = picture, order = p.plan.order;
	const at = order.indexOf(p.picked), n = order.length;
	const to = {ArrowRight: at + 1, ArrowDown: at + 1,
		ArrowLeft: at < 0 ? n - 1 : at - 1,
		ArrowUp: at < 0 ? n - 1 : at - 1, Home: 0, End: n - 1}[e.key];
	if (to !== undefined && n)
		pickBuffer(order[(to + n) % n]);
	else if (e.key === 'Escape')
		forget();
	else
		return;
	e.preventDefault();
}
