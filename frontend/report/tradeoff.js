/*
 * What the search for a smaller arena found, where there was one:
 * data.techniques, [{name, saved_bytes, flops}], what each technique saved and
 * cost; the curve is in the page as a picture.
 */
function figures(section, titles, rows) {
	const row = (tag, cells) => make('tr', {}, ...cells.map((text, i) =>
		make(tag, {class: /\d$/.test(rows[0][i]) ? 'n' : ''}, text)));
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

/* Whose optimizer state is a low rank's or a sketch's. */
function thin(list) {
	if (list.length)
		figures($('thin'), ['parameter', 'kept as', 'bytes of state saved', 'gradient'],
			list.map(p => p.why ? [p.parameter, 'whole', p.why, '']
				: [p.parameter, p.rank ? `rank ${p.rank}`
					: `sketch of ${p.sketch_width} rows`,
					count(p.saved_bytes), p.gradient]));
}

/* What each of both options saves: of gradients and the optimizer's state by class. */
function thinTotal(list) {
	if (list.length)
		figures($('thin-total'), ['option', 'bytes of gradients saved',
			'of the optimizer\'s state', 'of arena and state', 'flops more'],
			list.map(t => [t.of === 'all' ? 'together' : `--${t.of}`,
				count(t.gradient_bytes_saved), count(t.optimizer_bytes_saved),
				count(t.saved_bytes), count(t.flops)]));
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
