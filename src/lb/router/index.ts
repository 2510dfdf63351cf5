export { RouteBook } from './route-book.ts';
export { RouteTable } from './table.ts';
export type {
  BalanceMethod,
  Match,
  NoMatch,
  Problem,
  Route,
  RouteQuery,
  Router,
  RuleTrace,
} from './types.ts';
