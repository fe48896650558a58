import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { TRANSLATION_DOMAIN } from '../tokens';
import { NotebookBadges } from '../widgets/notebook-badges';
import { roleWords } from '../widgets/words';

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
    const badges = new Map<NotebookPanel, NotebookBadges>();
    let shown = true;

    const show = (panel: NotebookPanel): void => {
      if (shown && !badges.has(panel)) {
        badges.set(panel, new NotebookBadges(panel.content, words));
        panel.disposed.connect(() => badges.delete(panel), badges);
      }
    };
    const update = (visible: boolean): void => {
      shown = visible;
      if (shown) {
        tracker.forEach(show);
        return;
      }
      badges.forEach(badge => badge.dispose());
      badges.clear();
    };

    tracker.widgetAdded.connect((_, panel) => show(panel), badges);
    update(true);
    void registry?.load(badgesPlugin.id).then(settings => {
      const read = (): void =>
        update(settings.composite['showBadges'] !== false);
      settings.changed.connect(read, badges);
      read();
    });
  }
};
