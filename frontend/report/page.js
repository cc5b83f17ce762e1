/* The page: what it is about, and the function that is shown. */
const bufferRows = {sort: 2, down: true, rows: FIRST_ROWS};
const stepRows = {sort: -1, down: false, rows: FIRST_ROWS};

function facts() {
	const plan = plans[0];
	const again = plan.rows.filter(s => s.recomputes.length && !s.inner);
	const extra = plan.recomputed_flops;
	const ratio = plan.lower_bound_bytes
		? plan.arena_bytes / plan.lower_bound_bytes : 1;
	const list = [
		['RAM', data.arena_bytes + data.state_bytes, 'arena + state'],
		['Arena', data.arena_bytes, 'while a function runs'],
		['State', data.state_bytes, 'always: what is trained'],
		['Constants', data.const_bytes, 'may stay in flash'],
		...data.flash ? [['Code', data.flash.code_bytes,
			'flash: compiled by LLVM']] : [],
		['Lower bound', plan.lower_bound_bytes, 'live bytes; arena is ' +
			ratio.toFixed(3) + '\u00d7'],
	].map(([name, n, note]) => [name, bytes(n),
		(n >= 1024 ? count(n) + ' B, ' : '') + note]);
	list.push(['Work', flops(plan.flops), 'a ' + plan.name + ' call, ' +
		count(plan.steps.length) + ' steps']);
	list.push(['Recomputed', extra ? flops(extra) : 'nothing', extra
		? percent(extra, plan.flops - extra) + ' more, in ' +
		again.length + (again.length === 1 ? ' step' : ' steps')
		: 'every value once']);
	for (const [name, text, note] of list)
		$('facts').append(make('div', {}, make('dt', {}, name),
			make('dd', {}, text, make('small', {}, note))));
	$('about').textContent = 'Memory of the emitted C for target ' +
		data.target + ', batch ' + data.batch +
		(data.loss === 'none' ? '' : ', loss ' + data.loss +
		', optimizer ' + data.optimizer) + '.';
}

function legend(plan) {
	const used = new Set(plan.buffers.map(b => b.kind));
	$('legend').replaceChildren();
	classes.forEach((name, k) => {
		if (!used.has(k))
			return;
		const b = make('button', {type: 'button', 'aria-pressed':
			String(picture.only === k)}, swatch(name), name);
		b.addEventListener('click', () => {
			picture.only = picture.only === k ? -1 : k;
			legend(plan);
			draw();
		});
		$('legend').append(b);
	});
	if (plan.rows.some(s => s.recomputes.length))
		$('legend').append(make('span', {class: 'key'}, swatch('again'),
			'below: computed again'));
	if (plan.steps.some(s => s.inner))
		$('legend').append(make('span', {class: 'key'},
			'\u2514 \u00d7 n \u2518 a loop over n parts of the batch'));
}

function show(plan) {
	picture.plan = plan;
	picture.picked = picture.column = picture.only = -1;
	bufferRows.rows = stepRows.rows = FIRST_ROWS;
	$('function-about').textContent = bytes(plan.arena_bytes) +
		' arena, ' + count(plan.buffers.length) + ' buffers, ' +
		count(plan.steps.length) + ' steps, ' + flops(plan.flops);
	for (const drawing of document.querySelectorAll('.still > *'))
		drawing.hidden = drawing.dataset.function !== plan.name;
	legend(plan);
	whole();
	peakTable(plan);
	buffersTable(plan, bufferRows);
	stepsTable(plan, stepRows);
}

function functions() {
	plans.forEach((plan, i) => {
		const input = make('input', {type: 'radio', name: 'function',
			value: plan.name});
		input.checked = i === 0;
		input.addEventListener('change', () => show(plan));
		$('functions').append(make('label', {}, input, plan.name));
	});
}

readColours();
facts();
functions();
listenPointer($('arena'));
listenPointer($('live'));
$('arena').addEventListener('keydown', onKey);
$('arena').addEventListener('blur', forget);
$('whole').addEventListener('click', whole);
$('search').addEventListener('input', () => {
	stepRows.rows = FIRST_ROWS;
	stepsTable(picture.plan, stepRows);
});
techniques(data.techniques || []);
savings(data.savings || []);
thin(data.thin || []);
thinTotal(data.thin_total || []);
$('tradeoff').hidden = !data.sweep;
hints();
show(plans[0]);
new ResizeObserver(draw).observe($('picture'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
	readColours();
	draw();
});
