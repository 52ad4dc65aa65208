/**
 * The tree of a parsed program. Names are resolved: a local variable knows its slot and whether an inner function holds
 * on to it; an upvalue its place among those of its function.
 */

export interface Local {
  readonly name: string
  readonly slot: number
  /** An inner function uses it: it lives in a cell of its own. */
  isCaptured: boolean
}

/** Where a function finds one of its upvalues when it is made: in the maker's slots or among the maker's upvalues. */
export interface Upvalue {
  readonly name: string
  readonly isLocal: boolean
  readonly index: number
}

/** `depth`: how deep the tree below is, for the bound of the JavaScript stack. */
interface Node {
  readonly line: number
  readonly depth: number
}

export type Arithmetic = '+' | '-' | '*' | '/' | '%' | '^'
export type Comparison = '==' | '~=' | '<' | '<=' | '>' | '>='

export type ExpressionShape =
  | { readonly kind: 'constant'; readonly value: undefined | boolean | number | string }
  | { readonly kind: 'local'; readonly local: Local }
  | { readonly kind: 'upvalue'; readonly index: number; readonly name: string }
  | { readonly kind: 'global'; readonly name: string }
  | { readonly kind: 'varargs' }
  | { readonly kind: 'index'; readonly object: Expression; readonly key: Expression }
  | { readonly kind: 'call'; readonly callee: Expression; readonly args: readonly Expression[] }
  | {
      readonly kind: 'method'
      readonly object: Expression
      readonly name: string
      readonly args: readonly Expression[]
    }
  | { readonly kind: 'function'; readonly body: FunctionBody }
  | {
      readonly kind: 'binary'
      readonly operator: Arithmetic | Comparison
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'concat'; readonly parts: readonly Expression[] }
  | { readonly kind: 'unary'; readonly operator: '-' | 'not' | '#'; readonly operand: Expression }
  | { readonly kind: 'paren'; readonly inner: Expression }
  | { readonly kind: 'table'; readonly items: readonly TableItem[] }

export type Expression = Node & ExpressionShape

/** An item without a key follows those before it. */
export interface TableItem {
  readonly key: Expression | null
  readonly value: Expression
}

export type StatementShape =
  | { readonly kind: 'local'; readonly locals: readonly Local[]; readonly values: readonly Expression[] }
  | {
      readonly kind: 'assign'
      readonly targets: readonly Expression[]
      readonly values: readonly Expression[]
    }
  | { readonly kind: 'localFunction'; readonly local: Local; readonly value: Expression }
  | { readonly kind: 'call'; readonly call: Expression }
  | { readonly kind: 'do'; readonly body: Block }
  | { readonly kind: 'while'; readonly condition: Expression; readonly body: Block }
  | { readonly kind: 'repeat'; readonly condition: Expression; readonly body: Block }
  | {
      readonly kind: 'if'
      readonly branches: readonly { readonly condition: Expression; readonly body: Block }[]
      readonly otherwise: Block | null
    }
  | {
      readonly kind: 'numericFor'
      readonly local: Local
      readonly from: Expression
      readonly to: Expression
      readonly step: Expression | null
      readonly body: Block
    }
  | {
      readonly kind: 'genericFor'
      readonly locals: readonly Local[]
      readonly values: readonly Expression[]
      readonly body: Block
    }
  | { readonly kind: 'return'; readonly values: readonly Expression[] }
  | { readonly kind: 'break' }

export type Statement = Node & StatementShape

export interface Block {
  readonly statements: readonly Statement[]
  /** Steps that one pass through it counts for, inner blocks aside. */
  readonly cost: number
  readonly depth: number
}

export interface FunctionBody {
  readonly line: number
  readonly parameters: readonly Local[]
  readonly isVariadic: boolean
  readonly upvalues: readonly Upvalue[]
  readonly slotCount: number
  readonly body: Block
}
