import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IAvailability } from '../documents';
import { usePanel } from './panel-context';
import { targetWord } from './words';

/** The targets to choose from, and why the usual one was not taken. */
export function TargetChoice(props: {
  readonly disabled: boolean;
  /** Whether to say why the usual target was not taken. */
  readonly explained: boolean;
}): React.JSX.Element | null {
  const { deploy, trans } = usePanel();
  const id = React.useId();
  if (deploy.targets.length === 0) {
    return null;
  }
  return (
    <div className="jp-nbdeploy-TargetChoice">
      <label htmlFor={id}>{trans.__('Deploy to')}</label>
      <HTMLSelect
        id={id}
        value={deploy.target}
        disabled={props.disabled}
        onChange={event => {
          deploy.target = event.currentTarget.value;
        }}
      >
        {deploy.targets.map(({ available, name }) => (
          <option key={name} value={name}>
            {available
              ? targetWord(name, trans)
              : trans.__('%1 (not reachable)', targetWord(name, trans))}
          </option>
        ))}
      </HTMLSelect>
      {props.explained && deploy.unavailable && (
        <Unavailable target={deploy.unavailable} />
      )}
    </div>
  );
}

function Unavailable({
  target
}: {
  readonly target: IAvailability;
}): React.JSX.Element {
  const { deploy, trans } = usePanel();
  return (
    <div className="jp-nbdeploy-Notice" role="status">
      <p>{target.reason}</p>
      {target.hint && <p>{target.hint}</p>}
      {deploy.target === 'process' && (
        <p>
          {trans.__(
            'The service will run as a process on this machine, without a container.'
          )}
        </p>
      )}
      <button
        type="button"
        className="jp-nbdeploy-link"
        onClick={() => {
          deploy.refresh().catch(() => undefined);
        }}
      >
        {trans.__('Look again')}
      </button>
    </div>
  );
}
