import { explanation, operationText, outcomeText, shownValue, timesText } from './describe-entry.js';
import type { History } from './history.js';
import type { Violation } from './linearizable.js';
import { pictureLayout, type PictureBar, type PictureLayout } from './picture-layout.js';
import { rowPixels, script, style } from './picture-style.js';

export interface PictureOptions {
  /** About how many operations called before the answer at fault are shown; default 200. Infinity shows the whole key. */
  readonly around?: number;
}

const defaultAround = 200;
const longestLabel = 20;
const longestDetail = 400;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand between tags and in quoted attributes. */
const escaped = (text: string): string =>
  text.toWellFormed().replace(/[&<>"']/g, (character) => entities[character] ?? '');

/**
 * One HTML page that shows why a history is not linearizable: what the clients called on the key at fault as bars in time, the
 * longest legal prefix numbered in its order, and the answer that cannot follow. It needs nothing beside itself.
 * @throws RangeError if `around` is not a number from 1
 */
export function violationPicture(
  history: History,
  violation: Violation,
  options: PictureOptions = {},
): string {
  const { around = defaultAround } = options;
  if (!(around >= 1)) throw new RangeError(`around is ${around}; it must be a number from 1`);
  const layout = pictureLayout(history, violation, around);
  const title = `Key ${shownValue(violation.key)} is not linearizable`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p class="why">${escaped(explanation(violation))}</p>
<div class="controls" role="group" aria-label="View">
<button type="button" data-action="out" aria-label="Zoom out" title="Zoom out">−</button>
<button type="button" data-action="in" aria-label="Zoom in" title="Zoom in">+</button>
<button type="button" data-action="fault">To the fault</button>
<button type="button" data-action="all">Whole width</button>
</div>
${timeline(layout)}
<output class="details" aria-live="polite">Point at an operation, or move to one with the Tab key, to read all of it.</output>
${legend(layout)}
</main>
<script>${script}</script>
</body>
</html>
`;
}

function timeline({ lanes, bars, columns }: PictureLayout): string {
  const laneMarkup = lanes.map(({ client, rows }, index) => {
    const own = bars.filter(({ lane }) => lane === index).map(barMarkup);
    const name = escaped(client);
    return `<div class="lane" role="group" aria-label="client ${name}" style="--rows:${rows}"><span class="client" title="client ${name}">client ${name}</span>
${own.join('\n')}
</div>`;
  });
  return `<figure class="timeline" data-columns="${columns}" style="--columns:${columns}" aria-label="Operations of each client in time">
<div class="track">
${laneMarkup.join('\n')}
${orderLine(lanes, bars, columns)}
</div>
</figure>`;
}

function barMarkup(bar: PictureBar): string {
  const { entry, row, start, end, place, isCulprit } = bar;
  const classes = ['bar'];
  if (place !== undefined) classes.push('placed');
  if (entry.end.kind === 'unknown') classes.push('unknown');
  if (isCulprit) classes.push('culprit');
  const mark = isCulprit ? '✗ ' : '';
  const number = place === undefined ? '' : `<b>${place.number}</b>`;
  const label = `${mark}${operationText(entry, longestLabel)} → ${outcomeText(entry, longestLabel)}`;
  const details = escaped(detailsOf(bar));
  const position = `--start:${start};--span:${end - start};--row:${row}`;
  return `<button type="button" class="${classes.join(' ')}" style="${position}" title="${details}" aria-label="${details}">${number}${escaped(label)}</button>`;
}

function detailsOf({ entry, place, isCulprit }: PictureBar): string {
  const called = `client ${entry.client}: ${operationText(entry, longestDetail)}`;
  const lines = [called, `→ ${outcomeText(entry, longestDetail)}`, `time ${timesText(entry)}`];
  if (place !== undefined) lines.push(`number ${place.number} in the longest legal order`);
  if (isCulprit) lines.push('this answer cannot follow');
  return lines.join('\n');
}

/** From each operation of the prefix to the next, at the moments they take effect. */
function orderLine(lanes: PictureLayout['lanes'], bars: readonly PictureBar[], columns: number): string {
  const tops: number[] = [];
  let rows = 0;
  for (const lane of lanes) {
    tops.push(rows);
    rows += lane.rows;
  }
  const points = bars
    .flatMap(({ lane, row, place }) =>
      place === undefined ? [] : [{ ...place, y: (tops[lane] ?? 0) + row + 0.5 }],
    )
    .sort((one, other) => one.number - other.number)
    .map(({ column, y }) => `${column + 0.3},${y * rowPixels}`);
  return `<svg class="order" viewBox="0 0 ${columns} ${rows * rowPixels}" preserveAspectRatio="none" aria-hidden="true"><polyline points="${points.join(' ')}"/></svg>`;
}

function legend({ omitted }: PictureLayout): string {
  const left = omitted === 0 ? '' : ` ${omitted} more operations on this key are too far away to be shown.`;
  return `<p class="legend">Time runs to the right, one step for every call and every answer, whatever their distance. Numbers and the dotted line
give the longest legal order: everything answered before the answer at fault (✗), and what had to run for it. Bars that fade have an unknown
outcome: they may take effect at any later time, or never.${left}</p>`;
}
