import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

/** The panel in the left sidebar. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy-ext:panel',
  description: 'The nbdeploy panel in the left sidebar.',
  autoStart: true,
  activate: (_app: JupyterFrontEnd): void => undefined
};
