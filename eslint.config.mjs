import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import { defineConfig } from 'eslint/config';
import importPlugin from 'eslint-plugin-import';
import prettierRecommended from 'eslint-plugin-prettier/recommended';
import globals from 'globals';
import tseslint from 'typescript-eslint';

// What each layer must not import: the direction is index, plugins, widgets,
// models, api, and at the bottom tokens and documents.
const LAYERS = {
  './src/widgets': ['./src/plugins', './src/api', './src/index.ts'],
  './src/models': ['./src/plugins', './src/widgets', './src/index.ts'],
  './src/api': ['./src/plugins', './src/widgets', './src/models'],
  './src/tokens.ts': [
    './src/plugins',
    './src/widgets',
    './src/models',
    './src/api'
  ],
  './src/documents.ts': [
    './src/plugins',
    './src/widgets',
    './src/models',
    './src/api',
    './src/tokens.ts'
  ],
  './src/index.ts': ['./src/widgets', './src/models', './src/api']
};

const asErrors = configs =>
  configs.map(config => ({
    ...config,
    rules: Object.fromEntries(
      Object.entries(config.rules ?? {}).map(([rule, level]) => [
        rule,
        Array.isArray(level) ? ['error', ...level.slice(1)] : 'error'
      ])
    )
  }));

export default defineConfig([
  {
    ignores: [
      '**/node_modules',
      '**/lib',
      'coverage',
      'nbdeploy_ext',
      'tests',
      'docs',
      'benchmarks',
      'examples',
      'scripts',
      '.venv',
      'ui-tests/test-results',
      'ui-tests/playwright-report'
    ]
  },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strict, tseslint.configs.stylistic],
    languageOptions: {
      globals: globals.browser,
      parserOptions: {
        project: ['./tsconfig.test.json', './ui-tests/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports' }
      ],
      '@typescript-eslint/explicit-function-return-type': [
        'error',
        { allowExpressions: true }
      ],
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: true }
        }
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      // A namespace of constants is how the ecosystem writes its command ids.
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }
      ],
      eqeqeq: 'error',
      'max-lines': [
        'error',
        { max: 250, skipBlankLines: true, skipComments: true }
      ],
      'prefer-arrow-callback': 'error'
    }
  },
  {
    plugins: { jupyter },
    extends: [asErrors(jupyter.configs.recommended)]
  },
  {
    // Our own modules are one small chunk, and all of them start at once.
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    rules: {
      'jupyter/prefer-lazy-imports': [
        'error',
        { ignoreImports: ['./*', '../*'] }
      ]
    }
  },
  {
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    plugins: { import: importPlugin },
    settings: {
      'import/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx'] },
      'import/resolver': { node: { extensions: ['.ts', '.tsx'] } }
    },
    rules: {
      'import/no-cycle': ['error', { ignoreExternal: true }],
      'import/no-restricted-paths': [
        'error',
        {
          basePath: import.meta.dirname,
          zones: Object.entries(LAYERS).map(([target, from]) => ({
            target,
            from
          }))
        }
      ]
    }
  },
  {
    files: ['src/models/**', 'src/api/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: ['react', '@lumino/widgets', '@jupyterlab/ui-components'] }
      ]
    }
  },
  {
    files: ['src/__tests__/**', 'ui-tests/**'],
    rules: {
      '@typescript-eslint/explicit-function-return-type': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'jupyter/no-untranslated-string': 'off'
    }
  },
  {
    files: ['*.js', 'ui-tests/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: globals.node, sourceType: 'commonjs' },
    rules: { '@typescript-eslint/no-require-imports': 'off' }
  },
  prettierRecommended,
  // The last one switches it off, but braces are part of our taste.
  { rules: { curly: ['error', 'all'] } }
]);
