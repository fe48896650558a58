import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { TRANSLATION_DOMAIN } from '../tokens';
import { NotebookBadges } from '../widgets/notebook-badges';
import { roleWords } from '../widgets/words';
import { decorateNotebooks } from './notebook-decorations';

/** The bar and the word on each marked cell. */
export const badgesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy-ext:badges',
  description: 'Shows the role of marked cells in the notebook.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator, ISettingRegistry],
  activate: (
    _app: JupyterFrontEnd,
    tracker: INotebookTracker,
    translator: ITranslator | null,
    registry: ISettingRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load(TRANSLATION_DOMAIN);
    const words = roleWords(trans);
    decorateNotebooks(
      tracker,
      { registry, plugin: badgesPlugin.id, key: 'showBadges' },
      ({ content }) => new NotebookBadges(content, words)
    );
  }
};
