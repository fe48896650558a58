import { expect } from '@jupyterlab/galata';
import type { Locator, Page } from '@playwright/test';

export type Word = 'Production' | 'Test' | 'Monitor' | 'Parameters';

/** The open notebook, with the gestures that people mark cells with. */
export class NotebookPage {
  readonly cells: Locator;

  constructor(readonly page: Page) {
    this.cells = page.locator(
      '.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell'
    );
  }

  cell(index: number): Locator {
    return this.cells.nth(index);
  }

  badge(index: number): Locator {
    return this.cell(index).locator('.jp-nbdeploy-Badge');
  }

  /** The rows below a cell's input that tell its problems. */
  problems(index: number): Locator {
    return this.cell(index).locator('.jp-nbdeploy-Problem');
  }

  /** The underlined parts of a cell's code. */
  marks(index: number): Locator {
    return this.cell(index).locator('.jp-nbdeploy-Mark');
  }

  /** Put the cursor at the end of a cell's code. */
  async edit(index: number): Promise<void> {
    await this.cell(index).locator('.cm-content').click();
    await this.page.keyboard.press('Control+End');
  }

  /** Right-click a cell; the prompt is the part that no editor covers. */
  async openMenu(index: number): Promise<void> {
    const cell = this.cell(index);
    await cell.scrollIntoViewIfNeeded();
    await cell.locator('.jp-InputPrompt').click({ button: 'right' });
  }

  menuItem(label: string): Locator {
    return this.page.locator('.lm-Menu-item', { hasText: label });
  }

  async mark(index: number, word: Word): Promise<void> {
    await this.openMenu(index);
    await this.menuItem(`Mark as ${word} Cell`).click();
    await expect(this.badge(index)).toHaveText(word);
  }

  async clear(index: number): Promise<void> {
    await this.openMenu(index);
    await this.menuItem('Clear Mark').click();
    await expect(this.badge(index)).toHaveCount(0);
  }

  /** Select the cells from `first` to `last` as people do: click, then shift-click. */
  async select(first: number, last: number): Promise<void> {
    await this.cell(first).locator('.jp-InputPrompt').click();
    await this.cell(last)
      .locator('.jp-InputPrompt')
      .click({ modifiers: ['Shift'] });
  }

  /** Undo the last operation on cells. */
  async undo(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.page.keyboard.press('z');
  }

  /** The tags of all cells, as the shared document has them. */
  async tags(): Promise<(string[] | undefined)[]> {
    return await this.page.evaluate(() => {
      const { shell } = window.jupyterapp as unknown as IShellHolder;
      const { cells } = shell.currentWidget.model;
      return [...cells].map(cell => cell.sharedModel.getMetadata('tags'));
    });
  }
}

interface IShellHolder {
  shell: {
    currentWidget: {
      model: {
        cells: Iterable<{
          sharedModel: { getMetadata(key: string): string[] | undefined };
        }>;
      };
    };
  };
}
