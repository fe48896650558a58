import * as React from 'react';

import type { IFault } from '../documents';

/** The sentence of a fault and what to do about it. */
export function FaultText(props: {
  readonly fault: IFault;
}): React.JSX.Element {
  const { hint, message } = props.fault;
  return (
    <div className="jp-nbdeploy-Notice jp-mod-error" role="alert">
      <p>{message}</p>
      {hint && <p>{hint}</p>}
    </div>
  );
}
