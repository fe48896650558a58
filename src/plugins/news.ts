import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { Event } from '@jupyterlab/services';

import { IDeployModel, IDeploymentsModel } from '../tokens';

const JOB_SCHEMA = 'https://events.nbdeploy.org/job/v1';
const DEPLOYMENTS_SCHEMA = 'https://events.nbdeploy.org/deployments/v1';

/** Looks again when the server says that something happened. */
export const newsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy-ext:news',
  description: 'Follows the news of the server: jobs and deployments.',
  autoStart: true,
  requires: [IDeployModel, IDeploymentsModel],
  activate: (
    app: JupyterFrontEnd,
    deploy: IDeployModel,
    deployments: IDeploymentsModel
  ) => {
    // News are nudges only: what happened is asked for.
    const onEvent = (_: unknown, event: Event.Emission): void => {
      if (event.schema_id === JOB_SCHEMA) {
        deploy.findJobs().catch(() => undefined);
      } else if (event.schema_id === DEPLOYMENTS_SCHEMA) {
        deployments.refresh().catch(() => undefined);
      }
    };
    app.serviceManager.events.stream.connect(onEvent, app);
  }
};
