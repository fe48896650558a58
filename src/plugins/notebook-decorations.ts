import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IDisposable } from '@lumino/disposable';

/** A setting that switches something on and off. */
export interface ISwitch {
  readonly registry: ISettingRegistry | null;
  readonly plugin: string;
  readonly key: string;
}

/** Decorate every notebook, those that open later too, as long as the setting says so. */
export function decorateNotebooks(
  tracker: INotebookTracker,
  { key, plugin, registry }: ISwitch,
  decorate: (panel: NotebookPanel) => IDisposable
): void {
  const shown = new Map<NotebookPanel, IDisposable>();
  let isOn = true;

  const show = (panel: NotebookPanel): void => {
    if (isOn && !shown.has(panel)) {
      shown.set(panel, decorate(panel));
      panel.disposed.connect(() => shown.delete(panel), shown);
    }
  };
  const update = (on: boolean): void => {
    isOn = on;
    if (isOn) {
      tracker.forEach(show);
      return;
    }
    shown.forEach(decoration => decoration.dispose());
    shown.clear();
  };

  tracker.widgetAdded.connect((_, panel) => show(panel), shown);
  update(true);
  void registry?.load(plugin).then(settings => {
    const read = (): void => update(settings.composite[key] !== false);
    settings.changed.connect(read, shown);
    read();
  });
}
