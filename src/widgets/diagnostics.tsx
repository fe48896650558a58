import * as React from 'react';

import { DiagnosticList } from './diagnostic-list';
import { usePanel } from './panel-context';
import { Section } from './section';
import { useSignal } from './use-signal';

/** What analysis found wrong in the notebook. */
export function Diagnostics(): React.JSX.Element {
  const { analysis, notebook, trans } = usePanel();
  useSignal(analysis.changed);
  const diagnostics = analysis.analysis?.diagnostics ?? [];
  const silent = analysis.analysis !== null && notebook.markedCells.length > 0;
  return (
    <Section title={trans.__('Problems')} count={diagnostics.length}>
      {analysis.error && (
        <p className="jp-nbdeploy-hint" role="status">
          {trans.__('The notebook could not be checked: %1', analysis.error)}
        </p>
      )}
      {diagnostics.length === 0 && silent && !analysis.error && (
        <p className="jp-nbdeploy-hint">{trans.__('None found.')}</p>
      )}
      <DiagnosticList diagnostics={diagnostics} />
    </Section>
  );
}
