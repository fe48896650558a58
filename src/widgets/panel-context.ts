import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IFix } from '../documents';
import type {
  IAnalysisModel,
  ICurrentNotebook,
  IDeployModel,
  IDeploymentsModel
} from '../tokens';

/** What every part of the panel reads and calls. */
export interface IPanelContext {
  readonly notebook: ICurrentNotebook;
  readonly analysis: IAnalysisModel;
  readonly deploy: IDeployModel;
  readonly deployments: IDeploymentsModel;
  readonly trans: TranslationBundle;
  /** Show a cell of the current notebook, with the cursor on a line of it. */
  readonly reveal: (cell: string, line?: number | null) => void;
  /** Write what a fix says into the current notebook. */
  readonly mend: (fix: IFix) => void;
  /** Ship a name no longer. */
  readonly unship: (name: string) => void;
  /** Save the current notebook and deploy it. */
  readonly start: () => void;
}

const Context = React.createContext<IPanelContext | null>(null);

/** Hands the models to all parts of the panel. */
export const PanelProvider = Context.Provider;

/** Return what the panel was given. */
export function usePanel(): IPanelContext {
  const context = React.useContext(Context);
  if (!context) {
    throw new Error('A part of the panel stands outside of it.');
  }
  return context;
}
