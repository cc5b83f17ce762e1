/* Tables: the peak, the buffers, the schedule. */
const FIRST_ROWS = 25;

/*
 * A table of rows that can be sorted: columns are {title, cell(row), key(row)
 * for sorting, number: right-aligned, wide: left out on small screens}.
 */
function fillTable(table, columns, rows, state, picked) {
	const head = make('tr', {}), body = make('tbody', {});
	const key = columns[state.sort] && columns[state.sort].key;
	const sorted = key ? rows.slice().sort((a, b) => {
		const x = key(a), y = key(b);
		return x === y ? (a.rank ?? a.index) - (b.rank ?? b.index)
			: (x < y) === Boolean(state.down) ? 1 : -1;
	}) : rows;
	const look = c => [c.number ? 'n' : '', c.wide ? 'wide' : '']
		.join(' ').trim();
	columns.forEach((c, i) => {
		const th = make('th', {class: look(c), scope: 'col'});
		if (c.key) {
			const b = make('button', {type: 'button'}, c.title);
			b.addEventListener('click', () => {
				state.down = state.sort === i ? !state.down
					: Boolean(c.number);
				state.sort = i;
				fillTable(table, columns, rows, state, picked);
			});
			th.append(b);
		} else {
			th.append(c.title);
		}
		if (state.sort === i)
			th.setAttribute('aria-sort',
				state.down ? 'descending' : 'ascending');
		head.append(th);
	});
	for (const row of sorted.slice(0, state.rows)) {
		const tr = make('tr', {});
		for (const c of columns)
			tr.append(make('td', {class: look(c)},
				...[c.cell(row)].flat()));
		body.append(tr);
	}
	table.replaceChildren(make('thead', {}, head), body);
	moreRows(table, rows.length, state,
		() => fillTable(table, columns, rows, state, picked));
}

function moreRows(table, n, state, again) {
	const old = table.parentNode.parentNode.querySelector('.more');
	if (old)
		old.remove();
	if (n <= state.rows)
		return;
	const b = make('button', {type: 'button', class: 'more'},
		'Show all ' + count(n));
	b.addEventListener('click', () => {
		state.rows = Infinity;
		again();
	});
	table.parentNode.after(b);
}

/* A name that, pressed, is shown in the picture. */
function link(text, action) {
	const b = make('button', {type: 'button', class: 'link'},
		breakable(text || '-'));
	b.addEventListener('click', () => {
		$('h-picture').scrollIntoView({block: 'start'});
		action();
	});
	return b;
}

function buffersTable(plan, state) {
	const columns = [
		{title: 'buffer', key: b => b.title,
			cell: b => [swatch(b.class),
				link(b.title, () => pickBuffer(b.index))]},
		{title: 'class', key: b => b.class, cell: b => b.class,
			wide: true},
		{title: 'bytes', key: b => b.bytes, cell: b => count(b.bytes),
			number: true},
		{title: 'offset', key: b => b.offset,
			cell: b => count(b.offset), number: true, wide: true},
		{title: 'steps', key: b => b.from,
			cell: b => (b.loop ? b.loop.index + '.' : '') + b.first +
				'\u2013' + b.last, number: true},
		{title: 'ONNX node', key: b => b.node, cell: b => breakable(b.node || '-'),
			wide: true},
		{title: 'operator', key: b => b.op,
			cell: b => b.op || 'given by the caller', wide: true},
	];
	fillTable($('buffers'), columns, plan.all, state);
}

function badges(step) {
	return step.marks.map(m => make('span',
		{class: 'badge ' + m.kind}, breakable(m.text)));
}

function stepsTable(plan, state) {
	const words = $('search').value.toLowerCase().split(/\s+/);
	const rows = plan.rows.filter(s => words.every(w =>
		s.text.includes(w)));
	const columns = [
		{title: 'step', key: s => s.rank, cell: s => s.number,
			number: true},
		{title: 'ONNX node', key: s => s.node,
			cell: s => link(s.node, () => pickStep(s))},
		{title: 'operator', key: s => s.label, cell: s => [make('span', {class: 'label'},
				breakable(s.label)),
				...badges(s)]},
		{title: 'live bytes', key: s => s.live_bytes,
			cell: s => count(s.live_bytes), number: true},
		{title: 'flops', key: s => s.flops * (s.loop ? s.loop.parts : 1),
			cell: s => (s.loop ? count(s.loop.parts) + '\u2009\u00d7\u2009'
				: '') + count(s.flops),
			number: true, wide: true},
	];
	$('found').textContent = count(rows.length) + ' of ' +
		count(plan.rows.length) + ' steps';
	fillTable($('steps'), columns, rows, state);
}

/* ---- the peak ---- */

/* What RAM is for while the function is at its peak. */
function peakRows(plan) {
	const rows = classes.map(name =>
		({name, bytes: plan.peak[name], note: 'arena', colour: name}));
	rows.push({name: 'gaps', note: 'arena: between buffers',
		bytes: plan.arena_bytes - plan.lower_bound_bytes});
	let rest = data.state_bytes;
	for (const name in data.state) {
		rows.push({name, bytes: data.state[name],
			note: 'state: always', colour: name});
		rest -= data.state[name];
	}
	rows.push({name: 'gaps', bytes: rest, note: 'state: alignment'});
	return rows.filter(r => r.bytes);
}

function peakTable(plan) {
	const rows = peakRows(plan), body = make('tbody', {});
	const all = rows.reduce((sum, r) => sum + r.bytes, 0);
	for (const r of rows) {
		const share = make('span', {style: 'width:' +
			100 * r.bytes / all + '%; background: var(--' +
			(r.colour || 'line') + ')'});
		body.append(make('tr', {}, make('td', {}, r.name),
			make('td', {class: 'wide'}, r.note),
			make('td', {class: 'n'}, count(r.bytes)),
			make('td', {class: 'n'}, percent(r.bytes, all)),
			make('td', {class: 'share'}, share)));
	}
	body.append(make('tr', {class: 'sum'}, make('td', {}, 'RAM'),
		make('td', {class: 'wide'}, 'arena + state'),
		make('td', {class: 'n'}, count(all)),
		make('td', {class: 'n'}, bytes(all)), make('td', {})));
	$('peak').replaceChildren(make('thead', {}, make('tr', {},
		make('th', {}, 'what'), make('th', {class: 'wide'}, 'where'),
		make('th', {class: 'n'}, 'bytes'), make('th', {class: 'n'}, 'share'),
		make('th', {})),
	), body);
	const s = plan.steps[plan.peak_step];
	$('peak-about').textContent = s ? 'The most bytes live at step ' +
		plan.peak_step + ' of ' + plan.steps.length + ': ' + s.label +
		(s.node ? ' of ' + s.node : '') + '.' : 'Nothing is computed.';
}
