import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { IJupyterLabPageFixture } from '@jupyterlab/galata';

import { exampleNotebook } from './notebooks';

/** What we ask the service and the kernel. */
export const PATIENT = {
  worst_radius: 17.53,
  worst_texture: 28.17,
  worst_smoothness: 0.1437,
  worst_concave_points: 0.1541
};

const WORDS = {
  production: 'Production',
  test: 'Test',
  monitor: 'Monitor',
  parameters: 'Parameters'
} as const;

const ASK = [
  'import dataclasses, json',
  `print(json.dumps(dataclasses.asdict(diagnose(**${JSON.stringify(PATIENT)}))))`
].join('\n');

/** Where each role belongs in the example, as its author marked it. */
export function exampleMarks(): [number, (typeof WORDS)[keyof typeof WORDS]][] {
  const { marked } = exampleNotebook();
  return marked.cells.flatMap((cell, index) =>
    (cell.metadata.tags ?? []).flatMap(tag =>
      tag in WORDS
        ? [[index, WORDS[tag as keyof typeof WORDS]] as [number, 'Test']]
        : []
    )
  );
}

/** Put the example on the server, with no marks and one more cell that asks the kernel. */
export async function uploadExample(
  page: IJupyterLabPageFixture,
  folder: string,
  name: string
): Promise<{ asking: number }> {
  const { bare } = exampleNotebook();
  const asking = bare.cells.length;
  bare.cells.push({
    cell_type: 'code',
    id: 'ask-the-kernel',
    metadata: {},
    source: ASK,
    outputs: [],
    execution_count: null
  });
  const example = join(__dirname, '../../examples/breast-cancer');
  const toml = readFileSync(join(example, 'nbdeploy.toml'), 'utf8').replace(
    /^name = .*/m,
    `name = "${name}"`
  );
  const path = `${folder}/breast_cancer.ipynb`;
  await page.contents.uploadContent(JSON.stringify(bare), 'text', path);
  await page.contents.uploadContent(toml, 'text', `${folder}/nbdeploy.toml`);
  return { asking };
}
