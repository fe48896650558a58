import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import {
  CommandIDs,
  ICurrentNotebook,
  IDeployModel,
  PANEL_ID,
  TRANSLATION_DOMAIN
} from '../tokens';
import { nbdeployIcon } from '../widgets/icons';

const NO_ARGS = { type: 'object', properties: {} };

/** The command behind every Deploy button. */
export const deployCommandPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy-ext:deploy-command',
  description: 'Deploys the current notebook.',
  autoStart: true,
  requires: [ICurrentNotebook, IDeployModel],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    notebook: ICurrentNotebook,
    deploy: IDeployModel,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load(TRANSLATION_DOMAIN);
    const command = CommandIDs.deployNotebook;
    app.commands.addCommand(command, {
      label: trans.__('Deploy'),
      caption: trans.__('Save this notebook and deploy its marked cells'),
      icon: nbdeployIcon,
      describedBy: { args: NO_ARGS },
      // Also while a deploy runs: the panel then shows it and says so.
      isEnabled: () => notebook.panel !== null && !deploy.starting,
      execute: async () => {
        app.shell.activateById(PANEL_ID);
        if (notebook.panel) {
          await deploy.deploy(notebook.panel);
        }
      }
    });
    palette?.addItem({ command, category: trans.__('Notebook Deployment') });

    const notify = (): void => app.commands.notifyCommandChanged(command);
    notebook.changed.connect(notify, app);
    deploy.changed.connect(notify, app);
  }
};
