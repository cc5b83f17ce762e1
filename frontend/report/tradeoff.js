/*
 * What the search for a smaller arena found, where there was one:
 * data.techniques, [{name, saved_bytes, flops}], what each technique saved and
 * cost; data.sweep, [{ram_bytes, extra_flops}], the curve.
 */
function figures(section, titles, rows) {
	const row = (tag, cells) => make('tr', {}, ...cells.map((text, i) =>
		make(tag, {class: i === 1 || i === 2 && /\d$/.test(text) ? 'n' : ''},
			text)));
	section.querySelector('table').append(
		make('thead', {}, row('th', titles)),
		make('tbody', {}, ...rows.map(cells => row('td', cells))));
	section.hidden = false;
}

function techniques(list) {
	if (list.length)
		figures($('techniques'), ['technique', 'bytes saved', 'flops more'],
			list.map(t => [t.name, count(t.saved_bytes),
				count(t.flops)]));
}

/* What the arena needs more without each technique, before any budget. */
function savings(list) {
	if (list.length)
		figures($('savings'), ['technique', 'bytes saved', 'what it does'],
			list.map(t => [t.name, count(t.saved_bytes), t.does]));
}

/* How to see what was not asked for. */
function hints() {
	const list = [];
	if (!data.savings)
		list.push('--explain shows what each technique saves');
	if (!data.sweep && data.loss !== 'none')
		list.push('--sweep shows the curve of RAM against operations');
	$('hints').textContent = list.length ? list.join('; ') + '.' : '';
}

function svg(tag, attributes, ...children) {
	const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
	for (const name in attributes)
		e.setAttribute(name, attributes[name]);
	e.append(...children);
	return e;
}

/* A staircase: between two points the next smaller arena is what there is. */
function tradeoff(points, here) {
	if (points.length < 2)
		return;
	const list = points.slice().sort((a, b) => a.ram_bytes - b.ram_bytes);
	const left = 70, top = 14, width = 620, height = 220;
	const most = Math.max(here.ram_bytes,
		list[list.length - 1].ram_bytes);
	const extra = Math.max(...[...list, here].map(p =>
		p.extra_flops), 1);
	const x = p => left + p.ram_bytes / most * width;
	const y = p => top + (1 - p.extra_flops / extra) * height;
	const line = list.map((p, i) => (i ? 'H' + x(p) + 'V' + y(p)
		: 'M' + x(p) + ' ' + y(p))).join('');
	const picture = svg('svg', {viewBox: '0 0 710 280', role: 'img',
		'aria-label': 'Operations against RAM'});
	for (const t of ticks(most, 6, true).filter(t => t))
		picture.append(svg('text', {x: x({ram_bytes: t}),
			y: top + height + 18, 'text-anchor': 'middle'}, bytes(t)));
	for (const t of ticks(extra, 4, false))
		picture.append(svg('text', {x: left - 8, y: 4 +
			y({extra_flops: t}), 'text-anchor': 'end'}, flops(t)));
	picture.append(svg('path', {d: 'M' + left + ' ' + top + 'v' + height +
		'h' + width, fill: 'none', stroke: 'var(--line)'}),
	svg('path', {d: line, fill: 'none', stroke: 'var(--accent)',
		'stroke-width': 2}));
	for (const p of [...list, here])
		picture.append(svg('circle', {cx: x(p), cy: y(p),
			r: p === here ? 7 : 4, fill: p === here
				? 'var(--gradients)' : 'var(--accent)'},
		svg('title', {}, count(p.ram_bytes) + ' bytes, ' +
			flops(p.extra_flops) + ' more than if nothing is computed twice')));
	$('curve').append(picture);
	$('tradeoff').hidden = false;
}
