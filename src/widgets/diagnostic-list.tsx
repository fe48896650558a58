import * as React from 'react';

import type { IDiagnostic, IFix } from '../documents';
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
  const { reveal } = usePanel();
  const { cell, line } = diagnostic;
  const fixes = [diagnostic.fix, diagnostic.other_fix];
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
      {fixes.map((fix, index) => fix && <Fix key={index} fix={fix} />)}
    </>
  );
}

/** A button where we can mend it, else what people can do. */
function Fix({ fix }: { readonly fix: IFix }): React.JSX.Element {
  const { mark, ship } = usePanel();
  const { kind, marks, values } = fix;
  const apply =
    kind === 'mark' && marks
      ? () => mark(marks)
      : kind === 'value' && values
        ? () => ship(values)
        : null;
  if (!apply) {
    return <p className="jp-nbdeploy-Diagnostic-fix">{fix.title}</p>;
  }
  return (
    <button
      type="button"
      className="jp-nbdeploy-button jp-nbdeploy-Diagnostic-fix"
      onClick={apply}
    >
      {fix.title}
    </button>
  );
}
