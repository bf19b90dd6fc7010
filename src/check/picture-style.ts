/** Of the page; rows are `rowPixels` high, columns as wide as the script says. */
export const rowPixels = 36;
export const firstColumnPixels = 40;
/** For the name of a lane. */
const namePixels = 128;

export const style = `
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --faint: #667; --line: #d5d9e0; --bar: #dfe6f3;
  --placed: #cfe8d5; --fault: #ffd7d2; --fault-line: #b3261e; --order: #1f7a3d; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --ink: #e6e9ee; --faint: #9aa3b0; --line: #363c45;
  --bar: #2b3546; --placed: #1f4630; --fault: #5c1f1b; --fault-line: #ff8a80; --order: #6fd08c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 90rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
p { margin: .5rem 0; max-width: 60rem; overflow-wrap: anywhere; }
.why { border-left: .3rem solid var(--fault-line); padding-left: .8rem; }
.controls { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0 .5rem; }
.controls button { font: inherit; min-width: 2.75rem; min-height: 2.75rem; padding: 0 .8rem; color: inherit;
  background: var(--bar); border: 1px solid var(--line); border-radius: .4rem; }
.timeline { --column: ${firstColumnPixels}px; margin: 0; overflow-x: auto; border: 1px solid var(--line); border-radius: .4rem; }
.track { position: relative; width: calc(${namePixels}px + (var(--columns) + 2) * var(--column)); }
.lane { position: relative; height: calc(var(--rows) * ${rowPixels}px); border-bottom: 1px solid var(--line); }
.client { position: sticky; left: 0; z-index: 3; display: block; width: ${namePixels}px; height: 100%; padding: .4rem .5rem;
  overflow: hidden; white-space: nowrap; text-overflow: ellipsis; background: var(--ground); border-right: 1px solid var(--line);
  font-size: .85rem; }
.bar { position: absolute; z-index: 1; left: calc(${namePixels}px + var(--start) * var(--column)); top: calc(var(--row) * ${rowPixels}px + 4px);
  width: max(.5rem, calc(var(--span) * var(--column))); height: ${rowPixels - 8}px; padding: 0 .25rem; overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; text-align: left; font: .8rem/1.2 ui-monospace, monospace; color: inherit;
  background: var(--bar); border: 1px solid var(--faint); border-radius: .25rem; }
.bar.placed { background: var(--placed); border-color: var(--order); }
.bar.unknown { border-right: 0; border-left-style: dashed; mask-image: linear-gradient(to right, #000 55%, transparent); }
.bar.culprit { background: var(--fault); border: 2px solid var(--fault-line); font-weight: 700; z-index: 2; }
.bar:hover, .bar:focus { overflow: visible; width: auto; min-width: max(.5rem, calc(var(--span) * var(--column))); z-index: 4;
  mask-image: none; outline: 2px solid var(--ink); }
.bar b { color: var(--order); margin-right: .25rem; }
.order { position: absolute; left: ${namePixels}px; top: 0; height: 100%; width: calc(var(--columns) * var(--column));
  pointer-events: none; z-index: 1; overflow: visible; }
.order polyline { fill: none; stroke: var(--order); stroke-width: 1.5; stroke-dasharray: 2 4; opacity: .7;
  vector-effect: non-scaling-stroke; }
.details { display: block; min-height: 4.5rem; padding: .6rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.legend { color: var(--faint); font-size: .9rem; }
`;

export const script = `
'use strict';
const timeline = document.querySelector('.timeline');
const culprit = document.querySelector('.culprit');
const details = document.querySelector('.details');
let column = ${firstColumnPixels};
const zoom = (wanted, place) => {
  const at = place === undefined ? timeline.clientWidth / 2 : place;
  const moment = (timeline.scrollLeft + at) / column;
  column = Math.min(400, Math.max(1, wanted));
  timeline.style.setProperty('--column', column + 'px');
  timeline.scrollLeft = moment * column - at;
};
const show = () => { timeline.scrollLeft = culprit.offsetLeft + culprit.offsetWidth / 2 - timeline.clientWidth / 2; };
const actions = {
  in: () => zoom(column * 1.5),
  out: () => zoom(column / 1.5),
  fault: () => { zoom(${firstColumnPixels}); show(); culprit.focus({ preventScroll: true }); },
  all: () => zoom((timeline.clientWidth - ${namePixels}) / (Number(timeline.dataset.columns) + 2)),
};
for (const button of document.querySelectorAll('[data-action]')) {
  button.addEventListener('click', () => actions[button.dataset.action]());
}
timeline.addEventListener('wheel', (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoom(column * (event.deltaY < 0 ? 1.2 : 1 / 1.2), event.clientX - timeline.getBoundingClientRect().left);
}, { passive: false });
const tell = (event) => {
  const bar = event.target.closest('.bar');
  if (bar !== null) details.textContent = bar.title;
};
timeline.addEventListener('pointerover', tell);
timeline.addEventListener('focusin', tell);
show();
`;
