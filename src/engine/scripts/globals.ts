/** The globals of scripts are protected: names that do not exist are errors, and nothing can be added or changed. */
import { native } from '../lua/arguments.ts'
import { LuaTable } from '../lua/table.ts'

const missing = native('__index', (args, machine) => {
  // The level of this function lies above that of the code that asked.
  machine.level--
  return machine.raise(`Script attempted to access nonexistent global variable '${machine.text(args.at(2))}'`)
})

const guard = new LuaTable()
guard.set('__index', missing)
guard.isReadonly = true

export function guardGlobals(globals: LuaTable): void {
  globals.metatable = guard
  globals.isReadonly = true
}
