import * as React from 'react';

import { usePanel } from './panel-context';

const FOLLOW_PX = 24;

/** The log, which follows its end unless people scroll up to read. */
export function JobLog(props: {
  readonly lines: readonly string[];
  readonly open: boolean;
}): React.JSX.Element | null {
  const { trans } = usePanel();
  const box = React.useRef<HTMLPreElement>(null);
  const following = React.useRef(true);
  React.useEffect(() => {
    if (box.current && following.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [props.lines]);
  if (props.lines.length === 0) {
    return null;
  }
  return (
    <details className="jp-nbdeploy-Log" open={props.open}>
      <summary>{trans.__('Log')}</summary>
      <pre
        ref={box}
        tabIndex={0}
        aria-label={trans.__('Log of the deploy')}
        onScroll={({
          currentTarget: { clientHeight, scrollHeight, scrollTop }
        }) => {
          const below = scrollHeight - scrollTop - clientHeight;
          following.current = below < FOLLOW_PX;
        }}
      >
        {props.lines.join('\n')}
      </pre>
    </details>
  );
}
