// Containers of the tests, through the engine's own client.
import { execFileSync } from 'node:child_process';

function docker(...args) {
  return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 }).trim();
}

/** The image to run: the one given, or any busybox that the engine has. */
function findImage() {
  if (process.env.BONGHWA_TEST_IMAGE) return process.env.BONGHWA_TEST_IMAGE;
  const images = docker('images', '--format', '{{.Repository}}:{{.Tag}}').split('\n');
  return images.find((i) => i.includes('busybox')) ?? null;
}

/** Why no containers can be started, or `null`. */
export function missingEngine() {
  try {
    docker('version', '--format', '{{.Server.Version}}');
  } catch {
    return 'skipped: a Docker engine is missing';
  }
  return findImage() === null ? 'skipped: a busybox image is missing' : null;
}

export function run(name, args, script) {
  return docker('run', '-d', '--name', name, ...args, findImage(), 'sh', '-c', script);
}

export function remove(name) {
  try {
    docker('rm', '-f', name);
  } catch {
    // It may never have started.
  }
}
