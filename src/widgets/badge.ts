import { Widget } from '@lumino/widgets';

import type { Role } from '../documents';

/** The role's word, in a row of its own above the cell's input. */
export class Badge extends Widget {
  constructor(words: Record<Role, string>) {
    super();
    this._words = words;
    this.addClass('jp-nbdeploy-Badge');
    this._label.className = 'jp-nbdeploy-Badge-label';
    this.node.appendChild(this._label);
  }

  /** Show another role. */
  setRole(role: Role): void {
    this.node.dataset['nbdeployRole'] = role;
    this._label.textContent = this._words[role];
  }

  private readonly _words: Record<Role, string>;
  private readonly _label = document.createElement('span');
}
