import * as React from 'react';

import type { IDiagnostic, IFix } from '../documents';
import { isApplicable } from '../models/fixes';
import { fixesOf } from '../models/problems';
import { usePanel } from './panel-context';
import { Place } from './place';
import { SeverityIcon } from './severity-icon';

// More rows than anybody reads would make typing slow.
const SHOWN = 100;

/** Diagnostics with their places and, where we can mend them, a button that does. */
export function DiagnosticList(props: {
  readonly diagnostics: readonly IDiagnostic[];
}): React.JSX.Element | null {
  const { trans } = usePanel();
  const more = props.diagnostics.length - SHOWN;
  if (props.diagnostics.length === 0) {
    return null;
  }
  return (
    <>
      <ul className="jp-nbdeploy-list">
        {props.diagnostics.slice(0, SHOWN).map((diagnostic, index) => (
          <li key={index} className="jp-nbdeploy-Diagnostic">
            <DiagnosticRow diagnostic={diagnostic} />
          </li>
        ))}
      </ul>
      {more > 0 && (
        <p className="jp-nbdeploy-hint">
          {trans._n('And %1 more.', 'And %1 more.', more)}
        </p>
      )}
    </>
  );
}

function DiagnosticRow({
  diagnostic
}: {
  readonly diagnostic: IDiagnostic;
}): React.JSX.Element {
  const { reveal } = usePanel();
  const { cell, line } = diagnostic;
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
      {fixesOf(diagnostic).map((fix, index) => (
        <Fix key={index} fix={fix} />
      ))}
    </>
  );
}

/** A button where we can mend it, else what people can do. */
function Fix({ fix }: { readonly fix: IFix }): React.JSX.Element {
  const { mend } = usePanel();
  if (!isApplicable(fix)) {
    return <p className="jp-nbdeploy-Diagnostic-fix">{fix.title}</p>;
  }
  return (
    <button
      type="button"
      className="jp-nbdeploy-button jp-nbdeploy-Diagnostic-fix"
      onClick={() => mend(fix)}
    >
      {fix.title}
    </button>
  );
}
