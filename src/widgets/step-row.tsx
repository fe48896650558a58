import * as React from 'react';

import type { IStep } from '../documents';
import { amountOf, secondsOf, useElapsed } from './amounts';
import { usePanel } from './panel-context';
import { StateIcon } from './state-icon';
import { stepStateWords, stepWords } from './words';

/** One step: its state, how far it is and how long it takes. */
export function StepRow({ step }: { readonly step: IStep }): React.JSX.Element {
  const { trans } = usePanel();
  const seconds = useElapsed(step);
  const running = step.state === 'running';
  const name = stepWords(trans)[step.name];
  return (
    <li
      className="jp-nbdeploy-Step"
      data-nbdeploy-step={step.name}
      data-nbdeploy-state={step.state}
    >
      <StateIcon state={step.state} label={stepStateWords(trans)[step.state]} />
      <span className="jp-nbdeploy-Step-name">{name}</span>
      <span className="jp-nbdeploy-quiet">{running ? amountOf(step) : ''}</span>
      <span className="jp-nbdeploy-Step-seconds">
        {seconds === null ? '' : trans.__('%1 s', secondsOf(seconds))}
      </span>
      {running && (
        <progress
          className="jp-nbdeploy-Step-progress"
          aria-label={name}
          max={step.total > 0 ? step.total : undefined}
          value={step.total > 0 ? step.done : undefined}
        />
      )}
    </li>
  );
}
