import type { TranslationBundle } from '@jupyterlab/translation';

import type { IDiagnostic, IFix } from '../documents';
import { isApplicable } from '../models/fixes';
import { fixesOf } from '../models/problems';
import { errorIcon, warningIcon } from './icons';

/** What a problem's buttons do, and the words on them. */
export interface IProblemActions {
  readonly trans: TranslationBundle;
  readonly mend: (fix: IFix) => void;
  /** Go to the problem's place; left out where people are there already. */
  readonly reveal?: (diagnostic: IDiagnostic) => void;
}

/** Draw a problem: its sign, message and code, and what can be done about it. */
export function drawProblem(
  diagnostic: IDiagnostic,
  actions: IProblemActions
): HTMLElement {
  const node = document.createElement('div');
  node.className = 'jp-nbdeploy-Problem';
  const fixes = document.createElement('div');
  fixes.className = 'jp-nbdeploy-Problem-fixes';
  fixes.append(...fixesOf(diagnostic).map(fix => drawFix(fix, actions)));
  node.append(
    drawSeverity(diagnostic, actions.trans),
    drawMessage(diagnostic, actions),
    fixes
  );
  return node;
}

function drawSeverity(
  { severity }: IDiagnostic,
  trans: TranslationBundle
): HTMLElement {
  const isError = severity === 'error';
  const node = document.createElement('span');
  node.className = 'jp-nbdeploy-Severity';
  node.dataset['nbdeploySeverity'] = severity;
  node.setAttribute('role', 'img');
  const word = isError ? trans.__('Error') : trans.__('Warning');
  node.setAttribute('aria-label', word);
  node.title = word;
  const icon = isError ? errorIcon : warningIcon;
  node.append(icon.element({ tag: 'span', className: 'jp-nbdeploy-icon' }));
  return node;
}

function drawMessage(
  diagnostic: IDiagnostic,
  { reveal, trans }: IProblemActions
): HTMLElement {
  const { code, line, message } = diagnostic;
  const node = reveal ? drawButton(() => reveal(diagnostic)) : drawText();
  node.classList.add('jp-nbdeploy-Problem-message');
  const place = document.createElement('span');
  place.className = 'jp-nbdeploy-quiet';
  const where = reveal && line !== null ? trans.__('line %1', line) : '';
  place.textContent = [where, code].filter(Boolean).join(' · ');
  node.append(message, ' ', place);
  return node;
}

/** A button where we can mend it, else what people can do. */
function drawFix(fix: IFix, { mend }: IProblemActions): HTMLElement {
  const node = isApplicable(fix) ? drawButton(() => mend(fix)) : drawText();
  node.classList.add(
    isApplicable(fix) ? 'jp-nbdeploy-button' : 'jp-nbdeploy-hint'
  );
  node.append(fix.title);
  return node;
}

function drawText(): HTMLElement {
  return document.createElement('span');
}

function drawButton(onClick: () => void): HTMLElement {
  const button = document.createElement('button');
  button.type = 'button';
  // In command mode the notebook takes Enter and the space bar for itself.
  button.dataset['lmSuppressShortcuts'] = 'true';
  button.addEventListener('click', onClick);
  return button;
}
