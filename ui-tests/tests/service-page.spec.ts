import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from '@playwright/test';

import { notebookOf } from '../pages/notebooks';
import servers from '../servers';

const PORT = Math.max(...Object.values(servers).map(({ port }) => port)) + 1;
const URL = `http://127.0.0.1:${PORT}`;
const CELL = `
from datetime import date
from enum import Enum

class Colour(Enum):
    RED = "red"
    BLUE = "blue"

def next_id(n: int) -> int:
    return n + 1

def told(colour: Colour, image: bytes, day: date | None = None) -> str:
    return f"{colour.value} {len(image)} {day}"
`;

test.describe('the page of a service', () => {
  let service: ChildProcess;

  test.beforeAll(async ({ request }) => {
    const folder = mkdtempSync(join(tmpdir(), 'nbdeploy-page-'));
    const notebook = notebookOf(CELL);
    notebook.cells[0].metadata.tags = ['production'];
    writeFileSync(join(folder, 'page.ipynb'), JSON.stringify(notebook));
    service = spawn('nbdeploy', ['run', 'page.ipynb', '--port', `${PORT}`], {
      cwd: folder,
      stdio: 'ignore'
    });
    await expect(async () => {
      expect((await request.get(`${URL}/readyz`)).ok()).toBe(true);
    }).toPass({ timeout: 60_000 });
  });

  test.afterAll(() => {
    service.kill('SIGTERM');
  });

  test('sends and shows whole numbers of any size as they are', async ({
    page
  }) => {
    await page.goto(`${URL}/docs`);
    const endpoint = page.locator('section', { hasText: 'POST /next_id' });
    await expect(endpoint).toContainText('{"n":0}'); // what to begin with
    await endpoint.getByLabel('n').fill('9007199254740993');
    await endpoint.getByRole('button', { name: 'Call' }).click();
    await expect(endpoint.locator('output')).toContainText('9007199254740994');
    await expect(endpoint).toContainText('{"n":9007199254740993}');
  });

  test('takes choices, bytes and days without the quotes of JSON', async ({
    page
  }) => {
    await page.goto(`${URL}/docs`);
    const endpoint = page.locator('section', { hasText: 'POST /told' });
    await endpoint.getByLabel('colour').selectOption('blue');
    await endpoint.getByLabel('image').fill('aGk=');
    await endpoint.getByRole('button', { name: 'Call' }).click();
    await expect(endpoint.locator('output')).toContainText('blue 2 None');
    await endpoint.getByLabel('day').fill('2026-01-02');
    await endpoint.getByRole('button', { name: 'Call' }).click();
    await expect(endpoint.locator('output')).toContainText('2 2026-01-02');
    await endpoint.getByLabel('Choose a file').setInputFiles({
      name: 'three.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from([0, 128, 255])
    });
    await expect(endpoint.getByLabel('image')).toHaveValue('AID/');
    await endpoint.getByRole('button', { name: 'Call' }).click();
    await expect(endpoint.locator('output')).toContainText('blue 3 2026');
  });
});
