import * as React from 'react';

import type { IValue } from '../documents';
import { usePanel } from './panel-context';
import { Section } from './section';
import { useSignal } from './use-signal';

/** The objects that ship as data; nothing where the notebook ships none. */
export function Values(): React.JSX.Element | null {
  const { analysis, trans } = usePanel();
  useSignal(analysis.changed);
  const values = analysis.analysis?.values ?? [];
  if (values.length === 0) {
    return null;
  }
  return (
    <Section title={trans.__('Values')} count={values.length}>
      <ul className="jp-nbdeploy-list">
        {values.map(value => (
          <li key={value.name} className="jp-nbdeploy-Value">
            <ValueRow value={value} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function ValueRow({ value }: { readonly value: IValue }): React.JSX.Element {
  const { reveal, trans, unship } = usePanel();
  const told =
    value.type === null
      ? trans.__('saved with the next deploy')
      : `${value.type}, ${sizeOf(value.bytes ?? 0)}`;
  return (
    <>
      <button
        type="button"
        className="jp-nbdeploy-row"
        onClick={() => reveal(value.cell)}
      >
        <code>{value.name}</code>
        <span className="jp-nbdeploy-hint">
          {value.stale ? trans.__('%1, older than its cell', told) : told}
        </span>
      </button>
      <button
        type="button"
        className="jp-nbdeploy-button"
        title={trans.__('Do not ship %1 as data', value.name)}
        onClick={() => unship(value.name)}
      >
        {trans.__('Remove')}
      </button>
    </>
  );
}

/** Write a size in bytes with a unit that people read. */
function sizeOf(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const step = Math.min(
    units.length - 1,
    Math.floor(Math.log10(Math.max(bytes, 1)) / 3)
  );
  const scaled = bytes / 1000 ** step;
  return `${step === 0 ? scaled : scaled.toFixed(1)} ${units[step]}`;
}
