// The badge of a cell: which step it belongs to, and how that fares. Plain DOM, because there may be hundreds; it is
// rebuilt only when what it shows has changed.

import type { TranslationBundle } from '@jupyterlab/translation';
import type { Diagnostic } from '../api';
import type { ICellPlace } from '../model/graph';
import { mark, Status, word } from '../model/words';

export interface IBadge {
  place: ICellPlace | null;
  /** Whether the cell's own tags say so; otherwise it follows from the cells above, or from headings. */
  own: boolean;
  /** How the cell's step fares; `here`: this very cell runs, or has failed. */
  status: Status | null;
  here: boolean;
  diagnostics: Diagnostic[];
}

const BADGE = 'nb2flow-Badge';

/** Show `badge` at the top of a cell's node; null takes it away. */
export function draw(node: HTMLElement, badge: IBadge | null, trans: TranslationBundle): void {
  const old = node.querySelector<HTMLElement>(`:scope > .${BADGE}`);
  if (old?.querySelector('input')) {
    return; // a name is being typed
  }
  const key = badge && (badge.place || badge.diagnostics.length) ? JSON.stringify(badge) : '';
  if ((old?.dataset.key ?? '') === key) {
    return;
  }
  old?.remove();
  node.classList.toggle('nb2flow-mod-skipped', badge?.place?.kind === 'skip');
  if (badge && key) {
    const made = build(badge, trans);
    made.dataset.key = key;
    node.append(made); // the cell's layout counts its children; the style sheet puts the badge on top
  }
}

function build({ place, own, status, here, diagnostics }: IBadge, trans: TranslationBundle): HTMLElement {
  const row = element('div', BADGE);
  if (place) {
    row.dataset.kind = place.kind;
    row.dataset.hue = String(place.hue);
    row.classList.toggle('nb2flow-mod-first', place.first);
    row.classList.toggle('nb2flow-mod-guessed', !own);
    const button = element('button', `${BADGE}-name`) as HTMLButtonElement;
    button.type = 'button';
    button.tabIndex = -1;
    const name = words(place, trans);
    button.textContent = name;
    button.title = own
      ? trans.__('%1: click to change', name)
      : trans.__('%1, by the cells or headings above: click to change', name);
    button.setAttribute('aria-label', button.title);
    row.append(button);
  }
  if (status) {
    const fares = element('span', `${BADGE}-status`);
    fares.dataset.status = status;
    fares.classList.toggle('nb2flow-mod-here', here);
    fares.textContent = `${mark(status)} ${word(status, trans)}`;
    row.append(fares);
  }
  for (const severity of ['error', 'warning'] as const) {
    const found = diagnostics.filter(d => d.severity === severity);
    if (found.length) {
      const problem = element('button', `${BADGE}-problem`) as HTMLButtonElement;
      problem.type = 'button';
      problem.tabIndex = -1;
      problem.dataset.severity = severity;
      problem.textContent = found.map(d => d.code).join(' ');
      problem.title = found.map(d => [d.message, d.hint].filter(Boolean).join('\n')).join('\n\n');
      problem.setAttribute('aria-label', `${problem.textContent}: ${problem.title}`);
      row.append(problem);
    }
  }
  return row;
}

/** The words on a badge. */
export function words(place: ICellPlace, trans: TranslationBundle): string {
  switch (place.kind) {
    case 'step':
      return place.name;
    case 'setup':
      return trans.__('set-up');
    case 'parameters':
      return trans.__('parameters');
    default:
      return trans.__('skipped');
  }
}

/** Turn the badge of a cell into a field with `initial` in it; resolves to what was typed, or null when given up. */
export function ask(node: HTMLElement, initial: string, trans: TranslationBundle): Promise<string | null> {
  let row = node.querySelector<HTMLElement>(`:scope > .${BADGE}`);
  if (!row) {
    row = element('div', BADGE);
    node.append(row);
  }
  const input = document.createElement('input');
  input.className = `${BADGE}-input`;
  input.value = initial;
  input.spellcheck = false;
  input.setAttribute('aria-label', trans.__('Name of the step'));
  input.dataset.lmSuppressShortcuts = 'true';
  row.dataset.key = '\u0000';
  row.replaceChildren(input);
  input.focus();
  input.select();
  return new Promise(resolve => {
    const end = (value: string | null): void => {
      input.onblur = null;
      input.remove();
      resolve(value);
    };
    input.onblur = () => end(input.value);
    input.onkeydown = event => {
      event.stopPropagation();
      if (event.key === 'Enter') {
        event.preventDefault();
        end(input.value);
      } else if (event.key === 'Escape') {
        event.preventDefault();
        end(null);
      }
    };
  });
}

function element(tag: string, className: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}
