import { checkIcon, copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { usePanel } from './panel-context';

const SHOWN_MS = 1500;

/** Puts a text on the clipboard and says that it did. */
export function CopyButton(props: {
  readonly text: string;
  readonly label: string;
}): React.JSX.Element {
  const { trans } = usePanel();
  const [copied, setCopied] = React.useState(false);
  React.useEffect(() => {
    if (!copied) {
      return undefined;
    }
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const label = copied ? trans.__('Copied') : props.label;
  const Icon = copied ? checkIcon : copyIcon;
  return (
    <button
      type="button"
      className="jp-nbdeploy-iconButton"
      aria-label={label}
      title={label}
      onClick={() => {
        void navigator.clipboard
          .writeText(props.text)
          .then(() => setCopied(true));
      }}
    >
      <Icon.react tag="span" className="jp-nbdeploy-icon" />
    </button>
  );
}
