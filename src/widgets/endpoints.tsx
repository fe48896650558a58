import * as React from 'react';

import { signatureOf } from '../models/signature';
import { usePanel } from './panel-context';
import { Section } from './section';
import { useSignal } from './use-signal';

/** The functions that the service will offer. */
export function Endpoints(): React.JSX.Element {
  const { analysis, reveal, trans } = usePanel();
  useSignal(analysis.changed);
  const endpoints = analysis.analysis?.endpoints ?? [];
  return (
    <Section title={trans.__('Endpoints')} count={endpoints.length}>
      {endpoints.length === 0 && (
        <p className="jp-nbdeploy-hint">
          {trans.__('A public function in a production cell becomes one.')}
        </p>
      )}
      <ul className="jp-nbdeploy-list">
        {endpoints.map(endpoint => (
          <li key={endpoint.path}>
            <button
              type="button"
              className="jp-nbdeploy-row jp-nbdeploy-Endpoint"
              onClick={() => reveal(endpoint.cell)}
            >
              <code className="jp-nbdeploy-Endpoint-signature">
                {signatureOf(endpoint)}
              </code>
              <code className="jp-nbdeploy-Endpoint-path">
                {['POST', endpoint.path].join(' ')}
              </code>
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}
