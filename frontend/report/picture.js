/*
 * The arena over time, and the live bytes below it, on two canvases with one
 * time axis. A canvas and not elements: thousands of buffers stay quick. Which
 * buffer is under the pointer is looked up in the array of rectangles.
 */
const picture = {
	plan: null, from: 0, to: 1,     /* the steps in view: from <= step < to */
	rects: [],                      /* of the buffers in view, as drawn */
	picked: -1, step: -1, only: -1, /* a buffer, a step, a class; -1: none */
	colour: {},
};

function readColours() {
	const style = getComputedStyle(document.documentElement);
	for (const name of [...classes, 'card', 'ink', 'soft', 'grid', 'free',
		'accent'])
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

function xOf(f, step) {
	const p = picture;
	return f.left + (step - p.from) / (p.to - p.from) * f.width;
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

function drawStepsAxis(c, f) {
	const p = picture, n = p.to - p.from;
	c.textAlign = 'center';
	c.textBaseline = 'top';
	c.fillStyle = p.colour.soft;
	for (const x of ticks(n - 1, Math.max(2, f.width / 70), false))
		c.fillText((x ? '' : 'step ') + (p.from + Math.round(x)),
			Math.max(xOf(f, p.from + x + .5), f.left + 14),
			f.top + f.height + 6);
}

function drawMarks(c, f, label) {
	const p = picture, peak = p.plan.peak_step;
	const at = (step, colour, dash) => {
		if (step < p.from || step >= p.to)
			return;
		const x = Math.round(xOf(f, step + .5)) + .5;
		c.strokeStyle = colour;
		c.setLineDash(dash);
		c.beginPath();
		c.moveTo(x, f.top - 4);
		c.lineTo(x, f.top + f.height);
		c.stroke();
		c.setLineDash([]);
	};
	if (p.step >= 0)
		at(p.step, p.colour.accent, []);
	at(peak, p.colour.ink, [5, 3]);
	if (peak < p.from || peak >= p.to)
		return;
	const half = c.measureText(label).width / 2;
	c.textAlign = 'center';
	c.textBaseline = 'bottom';
	c.fillStyle = p.colour.ink;
	c.fillText(label, Math.min(Math.max(xOf(f, peak + .5), f.left + half),
		f.left + f.width - half), f.top - 5);
}

/* What the buffer takes in one of its windows. */
function rectangle(f, b, w) {
	const top = Math.max(picture.plan.arena_bytes, 1);
	const x0 = xOf(f, Math.max(w.first, picture.from));
	const x1 = xOf(f, Math.min(w.last + 1, picture.to));
	const y0 = f.top + f.height * (1 - (b.offset + w.high) / top);
	const y1 = f.top + f.height * (1 - (b.offset + w.low) / top);
	return {b, x: x0, y: y0, w: Math.max(x1 - x0, 1),
		h: Math.max(y1 - y0, 1)};
}

function drawName(c, r) {
	if (r.w < 40 || r.h < 15)
		return;
	const room = Math.floor((r.w - 8) / 6.9), name = r.b.title;
	c.fillStyle = '#101418';
	c.fillText(name.length <= room ? name
		: '\u2026' + name.slice(name.length - room + 1),
		r.x + 4, r.y + Math.min(r.h / 2, 12));
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
	const f = p.frame = frame(width, height, 26);
	c.fillStyle = p.colour.free;
	c.fillRect(f.left, f.top, f.width, f.height);
	drawBytesAxis(c, f, Math.max(p.plan.arena_bytes, 1), f.height / 40);
	c.textAlign = 'left';
	c.textBaseline = 'middle';
	const shown = p.plan.buffers.filter(b => b.bytes && b.first < p.to &&
		b.last >= p.from);
	p.rects = shown.flatMap(b => b.windows.filter(w => w.first < p.to &&
		w.last >= p.from).map(w => rectangle(f, b, w)));
	p.rects.forEach(r => drawRect(c, r));
	c.lineWidth = 2.5;
	c.strokeStyle = p.colour.ink;
	for (const r of p.rects.filter(x => x.b.index === p.picked))
		c.strokeRect(r.x, r.y, r.w, r.h);
	c.lineWidth = 1;
	drawStepsAxis(c, f);
	drawMarks(c, f, 'peak: step ' + p.plan.peak_step);
	$('arena').dataset.rectangles = shown.length;
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
			below[i] += live[p.from + i];
			c.lineTo(xOf(f, p.from + i + 1), y(below[i]));
			c.lineTo(xOf(f, p.from + i), y(below[i]));
		}
		c.globalAlpha = p.only >= 0 && p.only !== k ? .15 : 1;
		c.fillStyle = p.colour[name];
		c.fill();
		c.globalAlpha = 1;
	});
	drawStepsAxis(c, f);
	drawMarks(c, f, 'live: ' + bytes(p.plan.lower_bound_bytes));
}

function draw() {
	$('whole').hidden = picture.from === 0 &&
		picture.to === Math.max(picture.plan.steps.length, 1);
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

function stepAt(x) {
	const p = picture, f = p.frame;
	const step = p.from +
		Math.floor((x - f.left) / f.width * (p.to - p.from));
	return x < f.left || step < p.from || step >= p.to ? -1 : step;
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
	showTip(b.name, describe(picture.plan, b), b.class, x, y);
}

function showStep(step, x, y) {
	const s = picture.plan.steps[step];
	showTip('Step ' + step, [['operator', s.label],
		['ONNX node', s.node || '-'],
		['live', count(s.live_bytes) + ' bytes'],
		...s.marks.map(m => ['', m.text])], '', x, y);
}

/* Picks a buffer, with its description beside it. */
function pickBuffer(index) {
	const p = picture, b = p.plan.buffers[index];
	if (b.last < p.from || b.first >= p.to)
		setView(0, p.plan.steps.length);
	p.picked = index;
	p.step = -1;
	draw();
	const r = p.rects.find(q => q.b === b);
	if (r)
		showBuffer(b, r.x + Math.min(r.w / 2, 60), r.y + r.h / 2);
}

function pickStep(step) {
	const p = picture;
	if (step < p.from || step >= p.to)
		setView(0, p.plan.steps.length);
	p.step = step;
	p.picked = -1;
	draw();
	showStep(step, xOf(p.frame, step + .5), p.frame.top);
}

function forget() {
	picture.picked = picture.step = -1;
	$('tip').hidden = true;
	draw();
}

function setView(from, to) {
	const n = Math.max(picture.plan.steps.length, 1);
	picture.from = Math.max(0, Math.min(from, n - 1));
	picture.to = Math.min(n, Math.max(to, picture.from + 1));
	$('tip').hidden = true;
	draw();
}

function point(e) {
	const box = $('picture').getBoundingClientRect();
	const x = e.clientX - box.left, y = e.clientY - box.top;
	const r = e.target === $('arena') ? rectAt(x, y) : null;
	const step = stepAt(x);
	picture.picked = r ? r.b.index : -1;
	picture.step = step;
	draw();
	if (r)
		showBuffer(r.b, x, y);
	else if (step >= 0 && step < picture.plan.steps.length)
		showStep(step, x, y);
	else
		$('tip').hidden = true;
	return x;
}

/* A drag of the mouse over some steps magnifies them. */
function listenPointer(canvas) {
	let down = -1;
	canvas.addEventListener('pointermove', point);
	canvas.addEventListener('pointerleave', e => {
		if (e.pointerType === 'mouse')   /* a tap stays */
			forget();
	});
	canvas.addEventListener('pointerdown', e => {
		down = e.pointerType === 'mouse' ? stepAt(point(e)) : -1;
	});
	canvas.addEventListener('pointerup', e => {
		const up = stepAt(point(e)), from = Math.min(down, up);
		if (down >= 0 && up >= 0 && up !== down)
			setView(from, Math.max(down, up) + 1);
		down = -1;
	});
	canvas.addEventListener('dblclick',
		() => setView(0, picture.plan.steps.length));
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
