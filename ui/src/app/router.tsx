import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { BASE } from '../api/base';
import { ContainersPage } from '../pages/containers/ContainersPage';
import { NotFound } from './NotFound';
import { PageError } from './PageError';
import { parseSearch, stringifySearch, type Search } from './search';
import { Shell } from './Shell';

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  validateSearch: (s: Search): Search => s,
});

const home = createRoute({ getParentRoute: () => root, path: '/', component: ContainersPage });

const container = createRoute({
  getParentRoute: () => root,
  path: '/containers/$id',
  component: lazyRouteComponent(() => import('../pages/container/ContainerPage'), 'ContainerPage'),
});

const logs = createRoute({
  getParentRoute: () => root,
  path: '/logs',
  component: lazyRouteComponent(() => import('../pages/logs/LogsPage'), 'LogsPage'),
});

const nodes = createRoute({
  getParentRoute: () => root,
  path: '/nodes',
  component: lazyRouteComponent(() => import('../pages/node/NodesPage'), 'NodesPage'),
});

const node = createRoute({
  getParentRoute: () => root,
  path: '/nodes/$name',
  component: lazyRouteComponent(() => import('../pages/node/NodePage'), 'NodePage'),
});

const explore = createRoute({
  getParentRoute: () => root,
  path: '/explore',
  component: lazyRouteComponent(() => import('../pages/explore/ExplorePage'), 'ExplorePage'),
});

const alerts = createRoute({
  getParentRoute: () => root,
  path: '/alerts',
  component: lazyRouteComponent(() => import('../pages/alerts/AlertsPage'), 'AlertsPage'),
});

const rules = createRoute({
  getParentRoute: () => root,
  path: '/rules',
  component: lazyRouteComponent(() => import('../pages/rules/RulesPage'), 'RulesPage'),
});

const cardinality = createRoute({
  getParentRoute: () => root,
  path: '/cardinality',
  component: lazyRouteComponent(() => import('../pages/cardinality/CardinalityPage'), 'CardinalityPage'),
});

const status = createRoute({
  getParentRoute: () => root,
  path: '/status',
  component: lazyRouteComponent(() => import('../pages/status/StatusPage'), 'StatusPage'),
});

/** Bookmarks and message templates made for Prometheus open the page that answers the same question. */
function oldQueryPage(path: '/graph' | '/query') {
  return createRoute({
    getParentRoute: () => root,
    path,
    beforeLoad: ({ search }) => {
      const s = search as Search;
      const view = s['g0.tab'] === '0' || s['g0.tab'] === 'graph' ? 'graph' : 'table';
      const span = s['g0.range_input'];
      const from = span && /^[0-9smhdw]+$/.test(span) ? `now-${span}` : undefined;
      redirect({ to: '/explore', search: { q: s['g0.expr'], view, from }, replace: true, throw: true });
    },
  });
}

function oldStatusPage(path: '/targets' | '/config' | '/flags' | '/service-discovery' | '/tsdb-status', tab: string) {
  return createRoute({
    getParentRoute: () => root,
    path,
    beforeLoad: () => redirect({ to: '/status', search: { tab }, replace: true, throw: true }),
  });
}

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    container,
    logs,
    nodes,
    node,
    explore,
    alerts,
    rules,
    cardinality,
    status,
    oldQueryPage('/graph'),
    oldQueryPage('/query'),
    oldStatusPage('/targets', 'targets'),
    oldStatusPage('/service-discovery', 'discovery'),
    oldStatusPage('/config', 'config'),
    oldStatusPage('/flags', 'flags'),
    oldStatusPage('/tsdb-status', 'storage'),
  ]),
  basepath: BASE || '/',
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultErrorComponent: PageError,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
