import * as React from 'react';

import {
  blockingDiagnostics,
  failedTests,
  type IFault,
  type IJob
} from '../documents';
import { FaultText } from './fault-text';
import { usePanel } from './panel-context';

/** Why a job failed; tests and problems that are listed below it are only counted. */
export function JobFault(props: {
  readonly job: IJob;
  readonly fault: IFault;
}): React.JSX.Element {
  const { trans } = usePanel();
  const tests = failedTests(props.job).length;
  const problems = blockingDiagnostics(props.job).length;
  const count = (message: string): IFault => ({
    ...props.fault,
    message,
    hint: ''
  });
  if (tests > 0) {
    const message = trans._n(
      'One test failed, so nothing was started.',
      '%1 tests failed, so nothing was started.',
      tests
    );
    return <FaultText fault={count(message)} />;
  }
  if (problems > 0) {
    const message = trans._n(
      'One problem stops the deploy.',
      '%1 problems stop the deploy.',
      problems
    );
    return <FaultText fault={count(message)} />;
  }
  return <FaultText fault={props.fault} />;
}
