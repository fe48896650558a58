import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { ServerAPI } from '../api/server-api';
import { AnalysisModel } from '../models/analysis';
import { CurrentNotebook } from '../models/current-notebook';
import { DeployModel } from '../models/deploy';
import { DeploymentsModel } from '../models/deployments';
import {
  IAnalysisModel,
  ICurrentNotebook,
  IDeployModel,
  IDeploymentsModel
} from '../tokens';

/** Provides the notebook that everything else looks at. */
export const notebookPlugin: JupyterFrontEndPlugin<ICurrentNotebook> = {
  id: 'nbdeploy-ext:notebook',
  description: 'Follows the current notebook and its marked cells.',
  autoStart: true,
  requires: [INotebookTracker],
  provides: ICurrentNotebook,
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker) =>
    new CurrentNotebook(tracker, app.serviceManager.contents)
};

/** Provides what the server sees in that notebook. */
export const analysisPlugin: JupyterFrontEndPlugin<IAnalysisModel> = {
  id: 'nbdeploy-ext:analysis',
  description: 'Analyses the current notebook while people type.',
  autoStart: true,
  requires: [ICurrentNotebook],
  provides: IAnalysisModel,
  activate: (app: JupyterFrontEnd, notebook: ICurrentNotebook) =>
    new AnalysisModel(
      notebook,
      new ServerAPI(app.serviceManager.serverSettings)
    )
};

/** Provides deploys and their jobs, those of before a reload included. */
export const deployPlugin: JupyterFrontEndPlugin<IDeployModel> = {
  id: 'nbdeploy-ext:deploy',
  description: 'Deploys notebooks and follows their jobs.',
  autoStart: true,
  optional: [ISettingRegistry],
  provides: IDeployModel,
  activate: (app: JupyterFrontEnd, settings: ISettingRegistry | null) => {
    const { contents, serverSettings } = app.serviceManager;
    const model = new DeployModel(new ServerAPI(serverSettings), contents);
    void prepare(model, settings);
    return model;
  }
};

/** Provides the list of deployments. */
export const deploymentsPlugin: JupyterFrontEndPlugin<IDeploymentsModel> = {
  id: 'nbdeploy-ext:deployments',
  description: 'Lists the deployments of all notebooks.',
  autoStart: true,
  provides: IDeploymentsModel,
  activate: (app: JupyterFrontEnd) =>
    new DeploymentsModel(new ServerAPI(app.serviceManager.serverSettings))
};

async function prepare(
  model: DeployModel,
  registry: ISettingRegistry | null
): Promise<void> {
  const settings = await registry?.load(deployPlugin.id).catch(() => null);
  const update = (): void => {
    const target = settings?.composite['defaultTarget'];
    model.defaultTarget = typeof target === 'string' ? target : '';
    // A server that does not answer is told of once, by the server plugin.
    model.refresh().catch(() => undefined);
  };
  settings?.changed.connect(update, model);
  update();
  await model.findJobs().catch(() => undefined);
}
