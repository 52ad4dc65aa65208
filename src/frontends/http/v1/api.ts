/**
 * What a route of the native API is: one row, which registers it, says which parameters it knows, and describes it in
 * /openapi.json. Nothing else lists the routes.
 */
import type { ErrorCode } from '../../../protocol/errors.ts'
import type { Call } from './call.ts'

/** A JSON Schema (2020-12), as OpenAPI 3.1 has it. */
export type Schema = { readonly [keyword: string]: unknown }

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly description: string
  readonly schema: Schema
}

/** A body or a reply: schemas by media type. `example` is also run by the tests. */
export interface Content {
  readonly description: string
  readonly media: Readonly<Record<string, Schema>>
  readonly example?: unknown
}

export type Method = 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE'

export interface ApiRoute {
  readonly method: Method
  /** '{name}' stands for a parameter; '{key}' at the end for everything that is left. */
  readonly path: string
  /** Unique; generators of clients make function names of it. */
  readonly id: string
  readonly summary: string
  readonly description: string
  readonly tag: 'keys' | 'transactions' | 'watch' | 'cluster' | 'commands' | 'about'
  readonly parameters: readonly Parameter[]
  readonly body: Content | null
  /** By status. */
  readonly replies: Readonly<Record<number, Content>>
  /** What it may refuse with, besides what every route may. */
  readonly problems: readonly ErrorCode[]
  /** How many bytes its body may have; 0: it takes none. */
  readonly bodyBytes: number
  readonly handle: (call: Call) => void
}

/** The parameters of a row that stand in the query. */
export function queryNames(route: ApiRoute): ReadonlySet<string> {
  return new Set(route.parameters.filter((row) => row.in === 'query').map((row) => row.name))
}
