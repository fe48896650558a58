import type { ICellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import type {
  IAnalysis,
  IAvailability,
  IDeployment,
  IFault,
  IJob,
  Role
} from './documents';

/** The translation domain of every text that this extension shows. */
export const TRANSLATION_DOMAIN = 'nbdeploy_ext';

/** The widget id of the panel in the left sidebar. */
export const PANEL_ID = 'nbdeploy-panel';

/** The commands of this extension. */
export namespace CommandIDs {
  export const markProduction = 'nbdeploy:mark-production';
  export const markTest = 'nbdeploy:mark-test';
  export const markMonitor = 'nbdeploy:mark-monitor';
  export const markParameters = 'nbdeploy:mark-parameters';
  export const clearMark = 'nbdeploy:clear-mark';
  export const deployNotebook = 'nbdeploy:deploy-notebook';
  export const openPanel = 'nbdeploy:open-panel';
  export const nextProblem = 'nbdeploy:next-problem';
  export const previousProblem = 'nbdeploy:previous-problem';
}

/** A cell that has a role; `title` is its first telling line of source. */
export interface IMarkedCell {
  readonly id: string;
  readonly index: number;
  readonly role: Role;
  readonly title: string;
}

/** The notebook that the panel looks at. */
export interface ICurrentNotebook {
  /** The notebook's document, or null when none is open. */
  readonly panel: NotebookPanel | null;
  /** The path as the server knows it, without a drive; empty with no notebook. */
  readonly path: string;
  readonly markedCells: readonly IMarkedCell[];
  /** Another notebook, or another path for it. */
  readonly changed: ISignal<ICurrentNotebook, void>;
  /** A cell's source, role or place. */
  readonly edited: ISignal<ICurrentNotebook, void>;
}

/** What the server sees in the current notebook. */
export interface IAnalysisModel {
  readonly notebook: ICurrentNotebook;
  /** The newest answer for this notebook, or null before the first. */
  readonly analysis: IAnalysis | null;
  /** Why there is no newer answer. */
  readonly error: string;
  readonly changed: ISignal<IAnalysisModel, void>;
  /** Whether the answer speaks of the cell's text as it stands now. */
  isAbout(cell: ICellModel): boolean;
}

/** A job that we watch. */
export interface IJobModel {
  readonly job: IJob;
  readonly log: readonly string[];
  readonly changed: ISignal<IJobModel, void>;
  /** Ask the server to take the work back. */
  cancel(): Promise<void>;
}

/** Where and how the current notebook deploys. */
export interface IDeployModel {
  readonly targets: readonly IAvailability[];
  /** The chosen target's name. */
  target: string;
  /** Why the default target was not preselected, or null where it was. */
  readonly unavailable: IAvailability | null;
  /** A click's work before the server has answered with a job. */
  readonly starting: boolean;
  readonly changed: ISignal<IDeployModel, void>;
  /** What kept the last click on a notebook's Deploy from starting a job. */
  faultFor(path: string): IFault | null;
  /** The job to show for a notebook: its running or its newest one. */
  jobFor(path: string): IJobModel | null;
  /** Save the notebook and deploy it; shows the deploy that runs already. */
  deploy(panel: NotebookPanel): Promise<void>;
  /** Ask again whether the targets can be used. */
  refresh(): Promise<void>;
  /** Take up jobs that this browser does not know yet. */
  findJobs(): Promise<void>;
}

/** The deployments of all notebooks. */
export interface IDeploymentsModel {
  readonly deployments: readonly IDeployment[];
  readonly error: string;
  readonly changed: ISignal<IDeploymentsModel, void>;
  stop(name: string): Promise<void>;
  rollback(name: string): Promise<void>;
  refresh(): Promise<void>;
}

/** The token of the notebook that the panel looks at. */
export const ICurrentNotebook = new Token<ICurrentNotebook>(
  'nbdeploy-ext:ICurrentNotebook',
  'The notebook that nbdeploy looks at, and its marked cells.'
);

/** The token of the analysis. */
export const IAnalysisModel = new Token<IAnalysisModel>(
  'nbdeploy-ext:IAnalysisModel',
  'What the server sees in the current notebook.'
);

/** The token of the deploy model. */
export const IDeployModel = new Token<IDeployModel>(
  'nbdeploy-ext:IDeployModel',
  'Deploys notebooks and follows their jobs.'
);

/** The token of the deployments. */
export const IDeploymentsModel = new Token<IDeploymentsModel>(
  'nbdeploy-ext:IDeploymentsModel',
  'The deployments of all notebooks.'
);
