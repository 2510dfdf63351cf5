export { Deployments } from './deployments.ts';
export { canaryTarget, chooseTarget } from './targets.ts';
export type { TargetView } from './targets.ts';
export type { Middleware, PasswordKind } from './middleware.ts';
export type { PortListener } from './listeners.ts';
export { RouteBook } from './route-book.ts';
export type { BookChange, ReadService } from './route-book.ts';
export { RouteTable } from './table.ts';
export type {
  BackendWish,
  BalanceMethod,
  Match,
  NoMatch,
  Problem,
  Route,
  RouteQuery,
  Router,
  RouteTls,
  RuleTrace,
  ServiceRouting,
  Target,
  TlsTerms,
} from './types.ts';
