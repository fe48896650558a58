import type { ReadonlyJSONObject } from '@lumino/coreutils';

import type { IEndpoint } from '../documents';
import { curlOf } from '../models/curl';
import { exampleOf } from '../models/example';
import { signatureOf } from '../models/signature';

function endpoint(
  properties: ReadonlyJSONObject,
  result: ReadonlyJSONObject | null = null,
  definitions: ReadonlyJSONObject = {}
): IEndpoint {
  const parameters = { type: 'object', properties, $defs: definitions };
  return { name: 'decide', path: '/decide', cell: 'c', parameters, result };
}

describe('signatureOf', () => {
  it('names classes as Python does', () => {
    const decide = endpoint(
      { applicant: { $ref: '#/$defs/Applicant' } },
      { type: 'object', title: 'Decision' }
    );
    expect(signatureOf(decide)).toBe(
      'decide(applicant: Applicant) -> Decision'
    );
  });

  it('writes plain types, lists, choices and defaults', () => {
    const decide = endpoint({
      rate: { type: 'number', default: 0.5 },
      names: { type: 'array', items: { type: 'string' } },
      mode: { enum: ['a', 'b'] },
      limit: { anyOf: [{ type: 'integer' }, { type: 'null' }], default: null },
      strict: { type: 'boolean', default: true },
      anything: {}
    });
    expect(signatureOf(decide)).toBe(
      'decide(rate: float = 0.5, names: list[str], mode: Literal["a", "b"], ' +
        'limit: int | None = None, strict: bool = True, anything)'
    );
  });
});

describe('exampleOf', () => {
  it('follows references and prefers given examples', () => {
    const decide = endpoint(
      { applicant: { $ref: '#/$defs/Applicant' }, rate: { default: 0.5 } },
      null,
      {
        Applicant: {
          type: 'object',
          properties: { age: { examples: [41] }, name: { type: 'string' } }
        }
      }
    );
    expect(exampleOf(decide)).toEqual({
      applicant: { age: 41, name: '' },
      rate: 0.5
    });
  });

  it('ends where a class holds itself', () => {
    const tree = {
      type: 'object',
      properties: { child: { $ref: '#/$defs/Tree' } }
    };
    expect(exampleOf(endpoint(tree.properties, null, { Tree: tree }))).toEqual(
      expect.objectContaining({ child: expect.anything() })
    );
  });
});

describe('curlOf', () => {
  it('survives quotes in the body', () => {
    const line = curlOf('http://h:1', endpoint({ who: { default: "O'Hara" } }));
    expect(line).toBe(
      "curl 'http://h:1/decide' -H 'Content-Type: application/json' " +
        "-d '{\"who\":\"O'\\''Hara\"}'"
    );
  });
});
