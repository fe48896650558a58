import * as React from 'react';

import { findCell } from '../models/cells';
import { usePanel } from './panel-context';

/** Where something is, as people count: `cell 4, line 2`, and its code where it has one. */
export function Place(props: {
  readonly cell: string | null;
  readonly line: number | null;
  readonly code?: string;
}): React.JSX.Element {
  const { notebook, trans } = usePanel();
  const { cell, code, line } = props;
  const model = notebook.panel?.model;
  const place = cell && model ? findCell(model, cell) : null;
  const where = !place
    ? ''
    : line === null
      ? trans.__('cell %1', place.index + 1)
      : trans.__('cell %1, line %2', place.index + 1, line);
  return (
    <span className="jp-nbdeploy-quiet">
      {[where, code].filter(Boolean).join(' · ')}
    </span>
  );
}
