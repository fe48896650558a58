import * as React from 'react';

import { type Role, ROLES } from '../documents';
import type { IMarkedCell } from '../tokens';
import { usePanel } from './panel-context';
import { Section } from './section';
import { useSignal } from './use-signal';
import { roleWords } from './words';

/** The marked cells by role; a click goes to the cell. */
export function MarkedCells(): React.JSX.Element {
  const { notebook, trans } = usePanel();
  useSignal(notebook.edited);
  useSignal(notebook.changed);
  const cells = notebook.markedCells;
  return (
    <Section title={trans.__('Marked cells')} count={cells.length}>
      {cells.length === 0 && (
        <p className="jp-nbdeploy-hint">
          {trans.__(
            'Right-click a cell and choose “Mark as Production Cell” to say what is to be deployed.'
          )}
        </p>
      )}
      {ROLES.map(role => (
        <RoleCells
          key={role}
          role={role}
          cells={cells.filter(cell => cell.role === role)}
        />
      ))}
    </Section>
  );
}

function RoleCells(props: {
  readonly role: Role;
  readonly cells: readonly IMarkedCell[];
}): React.JSX.Element | null {
  const { reveal, trans } = usePanel();
  if (props.cells.length === 0) {
    return null;
  }
  return (
    <div className="jp-nbdeploy-RoleCells" data-nbdeploy-role={props.role}>
      <span className="jp-nbdeploy-Role">{roleWords(trans)[props.role]}</span>
      <ul className="jp-nbdeploy-list">
        {props.cells.map(({ id, index, title }) => (
          <li key={id}>
            <button
              type="button"
              className="jp-nbdeploy-row"
              title={title}
              onClick={() => reveal(id)}
            >
              <span className="jp-nbdeploy-place">{index + 1}</span>
              <code className="jp-nbdeploy-ellipsis">
                {title || trans.__('Empty cell')}
              </code>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
