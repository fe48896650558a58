import {
  checkIcon,
  circleEmptyIcon,
  closeIcon,
  type LabIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IStep } from '../documents';
import { blockedIcon, ringIcon } from './icons';

const ICONS: Record<IStep['state'], LabIcon> = {
  pending: circleEmptyIcon,
  running: ringIcon,
  done: checkIcon,
  failed: closeIcon,
  cancelled: blockedIcon
};

/** The sign of a state, with its word for those who don't see it. */
export function StateIcon(props: {
  readonly state: IStep['state'];
  readonly label: string;
}): React.JSX.Element {
  const Icon = ICONS[props.state];
  return (
    <span
      className="jp-nbdeploy-State"
      data-nbdeploy-state={props.state}
      role="img"
      aria-label={props.label}
      title={props.label}
    >
      <Icon.react tag="span" className="jp-nbdeploy-icon" />
    </span>
  );
}
