// Fails the build when what the first page loads (its script, what that imports statically, its styles) is over budget.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET = 400 * 1024;
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));
const files = new Set();

function visit(key) {
  const chunk = manifest[key];
  if (files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const css of chunk.css ?? []) files.add(css);
  for (const next of chunk.imports ?? []) visit(next);
}
for (const [key, chunk] of Object.entries(manifest)) if (chunk.isEntry) visit(key);

let total = 0;
for (const file of files) total += gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
const kib = (total / 1024).toFixed(1);
console.log(`first load: ${kib} KiB gzip in ${files.size} files (budget ${BUDGET / 1024} KiB)`);
if (/<script(?![^>]*\ssrc=)/.test(readFileSync(new URL('index.html', dist), 'utf8'))) {
  console.error('index.html carries an inline script');
  process.exit(1);
}
if (total > BUDGET) {
  console.error('first load is over budget');
  process.exit(1);
}
