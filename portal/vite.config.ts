// Builds into dist/, which the gateway embeds and serves at `/` under a policy that allows its own files only.
import { defineConfig } from 'vitest/config'

const GATEWAY = 'http://127.0.0.1:8000'

export default defineConfig({
  // Vite would put small files into the page as `data:` addresses, which the policy refuses.
  build: {
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // Libraries mark files as theirs for the browser; here everything is.
      onLog: (level, log, report) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && report(level, log),
    },
  },
  // `npm run dev` speaks to the installation that `make up` started..
  server: { proxy: { '/readyz': GATEWAY, '/api': GATEWAY } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'] },
})
