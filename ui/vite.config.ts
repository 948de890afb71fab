import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// In development the pages come from Vite and everything else from a running binary.
const backend = process.env.BONGHWA_URL ?? 'http://127.0.0.1:9090';

export default defineConfig({
  plugins: [react()],
  // Relative to the page's `base` element, which names the prefix under which the server is reached.
  base: './',
  build: {
    target: 'es2022',
    // Nothing inline: the pages are served under a policy that allows scripts from this origin only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    manifest: true,
  },
  server: {
    proxy: { '/api': { target: backend, changeOrigin: true }, '/-': { target: backend, changeOrigin: true } },
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
