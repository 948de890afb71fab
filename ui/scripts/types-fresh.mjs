// Fails when the committed client types are not what the API document generates.
import { execFileSync } from 'node:child_process';
import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'bonghwa-types-'));
const fresh = join(dir, 'schema.gen.ts');
try {
  execFileSync('npx', ['openapi-typescript', '../docs/api/openapi.yaml', '-o', fresh], { cwd: root, stdio: 'pipe' });
  if (readFileSync(fresh, 'utf8') !== readFileSync(join(root, 'src/api/schema.gen.ts'), 'utf8')) {
    console.error('src/api/schema.gen.ts is stale: run `npm run types` and commit it');
    process.exitCode = 1;
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
