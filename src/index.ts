import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { badgesPlugin } from './plugins/badges';
import { marksPlugin } from './plugins/marks';
import {
  analysisPlugin,
  deploymentsPlugin,
  deployPlugin,
  notebookPlugin
} from './plugins/models';
import { panelPlugin } from './plugins/panel';

/** Every plugin of the extension. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  marksPlugin,
  badgesPlugin,
  notebookPlugin,
  analysisPlugin,
  deployPlugin,
  deploymentsPlugin,
  panelPlugin
];

export default plugins;
