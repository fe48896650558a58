import * as React from 'react';

import type { IDiagnostic } from '../documents';
import { errorIcon, warningIcon } from './icons';
import { usePanel } from './panel-context';

/** The sign of an error or a warning, with its word for those who don't see it. */
export function SeverityIcon(props: {
  readonly severity: IDiagnostic['severity'];
}): React.JSX.Element {
  const { trans } = usePanel();
  const isError = props.severity === 'error';
  const Icon = isError ? errorIcon : warningIcon;
  const label = isError ? trans.__('Error') : trans.__('Warning');
  return (
    <span
      className="jp-nbdeploy-Severity"
      data-nbdeploy-severity={props.severity}
      role="img"
      aria-label={label}
      title={label}
    >
      <Icon.react tag="span" className="jp-nbdeploy-icon" />
    </span>
  );
}
