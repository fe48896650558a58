import * as React from 'react';

import type { IDiagnostic } from '../documents';
import { usePanel } from './panel-context';
import { Place } from './place';
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
          {diagnostic.message}{' '}
          <Place cell={cell} line={line} code={diagnostic.code} />
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
