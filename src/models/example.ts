import type { ReadonlyJSONObject, ReadonlyJSONValue } from '@lumino/coreutils';

import type { IEndpoint } from '../documents';
import { asSchema } from './json-schema';

// Schemas may refer to themselves; deeper examples help nobody.
const MAX_DEPTH = 6;

const PLAIN: Readonly<Record<string, ReadonlyJSONValue>> = {
  integer: 0,
  number: 0,
  string: '',
  boolean: false
};

/** Return a body that the endpoint takes: examples and defaults, else plain values. */
export function exampleOf(endpoint: IEndpoint): ReadonlyJSONObject {
  const root = asSchema(endpoint.parameters);
  return asSchema(exampleValue(root, root, 0));
}

/** Return an example value of `schema`, whose references are looked up in `root`. */
function exampleValue(
  schema: ReadonlyJSONObject,
  root: ReadonlyJSONObject,
  depth: number
): ReadonlyJSONValue {
  const given = givenExample(schema);
  if (given !== undefined) {
    return given;
  }
  if (depth > MAX_DEPTH) {
    return null;
  }
  const inner = schema['$ref']
    ? lookUp(schema['$ref'], root)
    : firstChoice(schema);
  return inner
    ? exampleValue(inner, root, depth + 1)
    : structureExample(schema, root, depth);
}

function givenExample(
  schema: ReadonlyJSONObject
): ReadonlyJSONValue | undefined {
  const lists = [schema['examples'], schema['enum']];
  const first = lists.find(list => Array.isArray(list) && list.length > 0);
  return (
    schema['default'] ??
    schema['const'] ??
    (first as readonly ReadonlyJSONValue[] | undefined)?.[0]
  );
}

function firstChoice(schema: ReadonlyJSONObject): ReadonlyJSONObject | null {
  const choices = schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf'];
  return Array.isArray(choices) && choices.length > 0
    ? asSchema(choices[0] as ReadonlyJSONValue)
    : null;
}

function structureExample(
  schema: ReadonlyJSONObject,
  root: ReadonlyJSONObject,
  depth: number
): ReadonlyJSONValue {
  if (schema['type'] === 'array') {
    return [exampleValue(asSchema(schema['items']), root, depth + 1)];
  }
  if (schema['properties']) {
    const entries = Object.entries(asSchema(schema['properties']));
    return Object.fromEntries(
      entries.map(([name, value]) => [
        name,
        exampleValue(asSchema(value), root, depth + 1)
      ])
    );
  }
  return PLAIN[String(schema['type'])] ?? {};
}

function lookUp(
  reference: ReadonlyJSONValue,
  root: ReadonlyJSONObject
): ReadonlyJSONObject {
  const steps = String(reference).split('/').slice(1);
  return steps.reduce<ReadonlyJSONObject>(
    (schema, step) => asSchema(schema[step]),
    root
  );
}
