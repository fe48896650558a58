import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

interface ISectionProps {
  readonly title: string;
  /** Shown beside the title where there is something to count. */
  readonly count?: number;
  readonly children: React.ReactNode;
}

/** A part of the panel that people can fold. */
export function Section(props: ISectionProps): React.JSX.Element {
  const [open, setOpen] = React.useState(true);
  const id = React.useId();
  const Caret = open ? caretDownIcon : caretRightIcon;
  return (
    <section className="jp-nbdeploy-Section" aria-labelledby={`${id}-title`}>
      <h3 className="jp-nbdeploy-Section-heading">
        <button
          type="button"
          className="jp-nbdeploy-Section-toggle"
          aria-expanded={open}
          aria-controls={id}
          onClick={() => setOpen(!open)}
        >
          <Caret.react tag="span" className="jp-nbdeploy-icon" />
          <span id={`${id}-title`}>{props.title}</span>
          {props.count ? (
            <span className="jp-nbdeploy-Section-count">{props.count}</span>
          ) : null}
        </button>
      </h3>
      <div id={id} className="jp-nbdeploy-Section-body" hidden={!open}>
        {props.children}
      </div>
    </section>
  );
}
