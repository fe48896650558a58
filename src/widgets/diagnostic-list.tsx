import * as React from 'react';

import type { IDiagnostic } from '../documents';
import { findCell } from '../models/cells';
import { usePanel } from './panel-context';
import { SeverityIcon } from './severity-icon';

/** Diagnostics with their places and, where we can mend them, a button that does. */
export function DiagnosticList(props: {
  readonly diagnostics: readonly IDiagnostic[];
}): React.JSX.Element | null {
  if (props.diagnostics.length === 0) {
    return null;
  }
  return (
    <ul className="jp-nbdeploy-list">
      {props.diagnostics.map((diagnostic, index) => (
        <li key={index} className="jp-nbdeploy-Diagnostic">
          <DiagnosticRow diagnostic={diagnostic} />
        </li>
      ))}
    </ul>
  );
}

function DiagnosticRow({
  diagnostic
}: {
  readonly diagnostic: IDiagnostic;
}): React.JSX.Element {
  const { mark, reveal } = usePanel();
  const { cell, fix, line } = diagnostic;
  const marks = fix?.kind === 'mark' ? fix.marks : undefined;
  return (
    <>
      <button
        type="button"
        className="jp-nbdeploy-row jp-nbdeploy-Diagnostic-text"
        disabled={!cell}
        onClick={() => cell && reveal(cell, line)}
      >
        <SeverityIcon severity={diagnostic.severity} />
        <span>
          {diagnostic.message} <Place diagnostic={diagnostic} />
        </span>
      </button>
      {fix && marks && (
        <button
          type="button"
          className="jp-nbdeploy-button jp-nbdeploy-Diagnostic-fix"
          onClick={() => mark(marks)}
        >
          {fix.title}
        </button>
      )}
      {fix && !marks && (
        <p className="jp-nbdeploy-Diagnostic-fix">{fix.title}</p>
      )}
    </>
  );
}

function Place({
  diagnostic: { cell, code, line }
}: {
  readonly diagnostic: IDiagnostic;
}): React.JSX.Element {
  const { notebook, trans } = usePanel();
  const model = notebook.panel?.model;
  const place = cell && model ? findCell(model, cell) : null;
  const where = !place
    ? ''
    : line === null
      ? trans.__('cell %1', place.index + 1)
      : trans.__('cell %1, line %2', place.index + 1, line);
  return (
    <span className="jp-nbdeploy-quiet">
      {where ? trans.__('%1 · %2', where, code) : code}
    </span>
  );
}
