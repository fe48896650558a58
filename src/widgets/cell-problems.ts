import { UUID } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';

import type { IDiagnostic } from '../documents';
import { drawProblem, type IProblemActions } from './problem-element';

/** A cell's problems as text, in rows of their own below the cell's input. */
export class CellProblems extends Widget {
  constructor(private readonly _actions: IProblemActions) {
    super();
    const { trans } = _actions;
    this.addClass('jp-nbdeploy-CellProblems');
    this._list.className = 'jp-nbdeploy-list';
    this._list.setAttribute('aria-label', trans.__('Problems of this cell'));
    this.node.append(this._list);
  }

  /** The ids of the rows, for the element that they describe. */
  get rowIds(): string {
    return [...this._list.children].map(({ id }) => id).join(' ');
  }

  /** Show other problems; the same ones stay as they are, and so does the focus. */
  setProblems(diagnostics: readonly IDiagnostic[]): void {
    const shown = JSON.stringify(diagnostics);
    if (shown === this._shown) {
      return;
    }
    this._shown = shown;
    const focused = this.node.contains(document.activeElement);
    this._list.replaceChildren(
      ...diagnostics.map(diagnostic => {
        const item = document.createElement('li');
        item.id = `nbdeploy-problem-${UUID.uuid4()}`;
        item.append(drawProblem(diagnostic, this._actions));
        return item;
      })
    );
    if (focused) {
      this._list.querySelector('button')?.focus();
    }
  }

  private _shown = '';
  private readonly _list = document.createElement('ul');
}
