import * as React from 'react';

import { failedTests, type IJob, type ITestOutcome } from '../documents';
import { curlOf } from '../models/curl';
import { CopyButton } from './copy-button';
import { DiagnosticList } from './diagnostic-list';
import { usePanel } from './panel-context';
import { Place } from './place';
import { SeverityIcon } from './severity-icon';

/** What came out: the address, or the problems and tests that stood in the way. */
export function JobResult({
  job
}: {
  readonly job: IJob;
}): React.JSX.Element | null {
  const { result } = job;
  if (!result) {
    return null;
  }
  return (
    <>
      {job.state === 'succeeded' && result.url && <Address url={result.url} />}
      <FailedTests tests={failedTests(job)} />
      <DiagnosticList diagnostics={result.diagnostics ?? []} />
    </>
  );
}

function Address({ url }: { readonly url: string }): React.JSX.Element {
  const { analysis, trans } = usePanel();
  const endpoint = analysis.analysis?.endpoints[0];
  const curl = endpoint ? curlOf(url, endpoint) : '';
  return (
    <>
      <div className="jp-nbdeploy-Address">
        <a href={url} target="_blank" rel="noreferrer">
          {url}
        </a>
        <CopyButton text={url} label={trans.__('Copy the address')} />
      </div>
      {curl && (
        <div className="jp-nbdeploy-Address">
          <code title={curl}>{curl}</code>
          <CopyButton text={curl} label={trans.__('Copy the command')} />
        </div>
      )}
    </>
  );
}

function FailedTests(props: {
  readonly tests: readonly ITestOutcome[];
}): React.JSX.Element | null {
  const { reveal } = usePanel();
  if (props.tests.length === 0) {
    return null;
  }
  return (
    <ul className="jp-nbdeploy-list">
      {props.tests.map(({ cell, line, message, name }) => (
        <li key={`${cell}/${name}`}>
          <button
            type="button"
            className="jp-nbdeploy-row jp-nbdeploy-Diagnostic-text"
            onClick={() => reveal(cell, line)}
          >
            <SeverityIcon severity="error" />
            <span>
              <code>{name}</code> <Place cell={cell} line={line} />
              <span className="jp-nbdeploy-TestMessage">{message}</span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
