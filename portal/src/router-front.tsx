// Addresses of the portal for whoever is not signed in, and what all of them hang on.
import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, lazyRouteComponent, Outlet } from '@tanstack/react-router'
import { signInSearch } from './lib/searches'

export const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({ component: Outlet })

const status = createRoute({
  getParentRoute: () => root,
  path: '/status',
  component: lazyRouteComponent(() => import('./routes/status'), 'StatusPage'),
})

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/signin',
  validateSearch: signInSearch,
  component: lazyRouteComponent(() => import('./routes/sign-in'), 'SignInPage'),
})

const provider = createRoute({
  getParentRoute: () => root,
  path: '/signin/provider',
  component: lazyRouteComponent(() => import('./routes/provider'), 'ProviderPage'),
})

const signUp = createRoute({
  getParentRoute: () => root,
  path: '/signup',
  component: lazyRouteComponent(() => import('./routes/sign-up'), 'SignUpPage'),
})

const verify = createRoute({
  getParentRoute: () => root,
  path: '/verify',
  component: lazyRouteComponent(() => import('./routes/verify'), 'VerifyPage'),
})

const forgot = createRoute({
  getParentRoute: () => root,
  path: '/forgot',
  component: lazyRouteComponent(() => import('./routes/forgot'), 'ForgotPage'),
})

const reset = createRoute({
  getParentRoute: () => root,
  path: '/reset',
  component: lazyRouteComponent(() => import('./routes/reset'), 'ResetPage'),
})

const accept = createRoute({
  getParentRoute: () => root,
  path: '/accept',
  component: lazyRouteComponent(() => import('./routes/accept'), 'AcceptPage'),
})

export const front = [status, signIn, provider, signUp, verify, forgot, reset, accept]
