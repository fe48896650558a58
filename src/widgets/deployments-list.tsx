import { Dialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import type { IDeployment } from '../documents';
import { type IPanelContext, usePanel } from './panel-context';
import { Section } from './section';
import { useSignal } from './use-signal';
import { deploymentWords, targetWord } from './words';

/** The deployments of all notebooks. */
export function DeploymentsList(): React.JSX.Element {
  const { deployments, trans } = usePanel();
  useSignal(deployments.changed);
  const all = [...deployments.deployments].sort(byState);
  return (
    <Section title={trans.__('Deployments')} count={all.length}>
      {deployments.error && (
        <p className="jp-nbdeploy-hint" role="alert">
          {deployments.error}
        </p>
      )}
      {all.length === 0 && !deployments.error && (
        <p className="jp-nbdeploy-hint">
          {trans.__('Nothing is deployed yet.')}
        </p>
      )}
      <ul className="jp-nbdeploy-list">
        {all.map(deployment => (
          <DeploymentItem
            key={`${deployment.target}/${deployment.name}`}
            deployment={deployment}
          />
        ))}
      </ul>
    </Section>
  );
}

/** What runs comes first, in the order of the names. */
function byState(one: IDeployment, other: IDeployment): number {
  return Number(one.state === 'stopped') - Number(other.state === 'stopped');
}

function DeploymentItem({
  deployment
}: {
  readonly deployment: IDeployment;
}): React.JSX.Element {
  const { trans } = usePanel();
  const { message, name, state, target, url, version } = deployment;
  return (
    <li className="jp-nbdeploy-Deployment" data-nbdeploy-state={state}>
      <div className="jp-nbdeploy-Deployment-heading">
        <strong className="jp-nbdeploy-ellipsis" title={deployment.notebook}>
          {name}
        </strong>
        <span className="jp-nbdeploy-Deployment-state">
          {deploymentWords(trans)[state]}
        </span>
      </div>
      {url && state !== 'stopped' && (
        <a
          className="jp-nbdeploy-ellipsis"
          href={url}
          target="_blank"
          rel="noreferrer"
        >
          {url}
        </a>
      )}
      {message && <p className="jp-nbdeploy-hint">{message}</p>}
      <div className="jp-nbdeploy-Deployment-foot">
        <span className="jp-nbdeploy-quiet">
          {version === null
            ? targetWord(target, trans)
            : trans.__('Version %1, %2', version, targetWord(target, trans))}
        </span>
        <Actions deployment={deployment} />
      </div>
    </li>
  );
}

function Actions({
  deployment
}: {
  readonly deployment: IDeployment;
}): React.JSX.Element {
  const panel = usePanel();
  const { name, state, versions } = deployment;
  return (
    <span className="jp-nbdeploy-Deployment-actions">
      {versions.length > 1 && state !== 'stopped' && (
        <button
          type="button"
          className="jp-nbdeploy-button"
          onClick={() => void confirmRollback(panel, name)}
        >
          {panel.trans.__('Roll back')}
        </button>
      )}
      {state !== 'stopped' && (
        <button
          type="button"
          className="jp-nbdeploy-button"
          onClick={() => void confirmStop(panel, name)}
        >
          {panel.trans.__('Stop')}
        </button>
      )}
    </span>
  );
}

async function confirmStop(
  { deployments, trans }: IPanelContext,
  name: string
): Promise<void> {
  const { button } = await showDialog({
    title: trans.__('Stop “%1”?', name),
    body: trans.__('Callers get no answer any more. Its versions are kept.'),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Stop') })
    ]
  });
  if (button.accept) {
    await deployments.stop(name);
  }
}

async function confirmRollback(
  { deployments, trans }: IPanelContext,
  name: string
): Promise<void> {
  const { button } = await showDialog({
    title: trans.__('Roll “%1” back?', name),
    body: trans.__('The version before the live one becomes live again.'),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Roll back') })
    ]
  });
  if (button.accept) {
    await deployments.rollback(name);
  }
}
