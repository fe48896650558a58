import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { revealCell } from '../models/cells';
import { applyFix } from '../models/fixes';
import { removeValue } from '../models/values';
import {
  CommandIDs,
  IAnalysisModel,
  ICurrentNotebook,
  IDeployModel,
  IDeploymentsModel,
  PANEL_ID,
  TRANSLATION_DOMAIN
} from '../tokens';
import { NbdeployPanel } from '../widgets/panel';

const NO_ARGS = { type: 'object', properties: {} };
const RANK = 850;

/** The panel in the left sidebar and the command that opens it. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy-ext:panel',
  description: 'The nbdeploy panel in the left sidebar.',
  autoStart: true,
  requires: [ICurrentNotebook, IAnalysisModel, IDeployModel, IDeploymentsModel],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    notebook: ICurrentNotebook,
    analysis: IAnalysisModel,
    deploy: IDeployModel,
    deployments: IDeploymentsModel,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load(TRANSLATION_DOMAIN);
    const panel = new NbdeployPanel({
      notebook,
      analysis,
      deploy,
      deployments,
      trans,
      reveal: (cell, line) => {
        if (notebook.panel) {
          app.shell.activateById(notebook.panel.id);
          void revealCell(notebook.panel, cell, line);
        }
      },
      mend: fix => {
        if (notebook.panel?.model) {
          applyFix(notebook.panel.model, fix);
        }
      },
      unship: name => {
        if (notebook.panel?.model) {
          removeValue(notebook.panel.model, name);
        }
      },
      start: () => void app.commands.execute(CommandIDs.deployNotebook)
    });
    app.shell.add(panel, 'left', { rank: RANK });
    restorer?.add(panel, PANEL_ID);

    app.commands.addCommand(CommandIDs.openPanel, {
      label: trans.__('Show Notebook Deployment'),
      describedBy: { args: NO_ARGS },
      execute: () => app.shell.activateById(PANEL_ID)
    });
    palette?.addItem({
      command: CommandIDs.openPanel,
      category: trans.__('Notebook Deployment')
    });
  }
};
