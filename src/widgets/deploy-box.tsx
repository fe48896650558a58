import * as React from 'react';

import { isActive } from '../documents';
import { FaultText } from './fault-text';
import { JobView } from './job-view';
import { usePanel } from './panel-context';
import { TargetChoice } from './target-choice';
import { useSignal } from './use-signal';

/** Where to, the button, and the newest deploy of this notebook. */
export function DeployBox(): React.JSX.Element {
  const { deploy, notebook, start, trans } = usePanel();
  useSignal(deploy.changed);
  useSignal(notebook.changed);
  const { path } = notebook;
  const fault = deploy.faultFor(path);
  const job = deploy.jobFor(path);
  const busy = deploy.starting || (job !== null && isActive(job.job));
  return (
    <div className="jp-nbdeploy-DeployBox">
      <p className="jp-nbdeploy-DeployBox-notebook" title={path}>
        {path ? fileName(path) : trans.__('No notebook is open')}
      </p>
      <TargetChoice disabled={busy} explained={!fault} />
      <button
        type="button"
        className="jp-nbdeploy-button jp-mod-primary"
        disabled={!path || busy}
        aria-busy={busy}
        onClick={start}
      >
        {busy ? trans.__('Deploying…') : trans.__('Deploy')}
      </button>
      {fault && <FaultText fault={fault} />}
      {job && (busy || !fault) && <JobView key={job.job.id} model={job} />}
    </div>
  );
}

function fileName(path: string): string {
  return path.split('/').pop() ?? path;
}
