import * as React from 'react';

import { type IJob, isActive } from '../documents';
import type { IJobModel } from '../tokens';
import { JobFault } from './job-fault';
import { JobLog } from './job-log';
import { JobResult } from './job-result';
import { usePanel } from './panel-context';
import { StepRow } from './step-row';
import { useSignal } from './use-signal';
import { jobWords, stepWords } from './words';

/** One deploy: its steps, its log, and how it ended. */
export function JobView(props: {
  readonly model: IJobModel;
}): React.JSX.Element {
  const { trans } = usePanel();
  useSignal(props.model.changed);
  const { job, log } = props.model;
  return (
    <div className="jp-nbdeploy-Job" data-nbdeploy-state={job.state}>
      <div className="jp-nbdeploy-Job-heading">
        <strong>{jobWords(trans)[job.state]}</strong>
        {isActive(job) && <Cancel model={props.model} />}
      </div>
      <Announcement job={job} />
      {job.error && <JobFault job={job} fault={job.error} />}
      <JobResult job={job} />
      <ol className="jp-nbdeploy-list" aria-label={trans.__('Steps')}>
        {job.steps.map(step => (
          <StepRow key={step.name} step={step} />
        ))}
      </ol>
      <JobLog lines={log} open={isActive(job)} />
    </div>
  );
}

/** Says each step once to screen readers: the steps' own rows change too often. */
function Announcement({ job }: { readonly job: IJob }): React.JSX.Element {
  const { trans } = usePanel();
  const step = job.steps.find(({ state }) => state === 'running');
  const text =
    isActive(job) && step
      ? trans.__('Step %1 is running', stepWords(trans)[step.name])
      : jobWords(trans)[job.state];
  return (
    <div className="jp-nbdeploy-unseen" aria-live="polite" role="status">
      {text}
    </div>
  );
}

function Cancel(props: { readonly model: IJobModel }): React.JSX.Element {
  const { trans } = usePanel();
  const [asked, setAsked] = React.useState(false);
  return (
    <button
      type="button"
      className="jp-nbdeploy-button"
      disabled={asked}
      onClick={() => {
        setAsked(true);
        props.model.cancel().catch(() => setAsked(false));
      }}
    >
      {asked ? trans.__('Cancelling…') : trans.__('Cancel')}
    </button>
  );
}
