/**
 * Settings that belong to the cluster, not to a node: replicated state, because clients that fail over expect the next
 * node to go on as the last one did. One that was never set has no value: each node's own configuration holds.
 */
import type { ByteReader } from '../lib/byte-reader.ts'
import type { ByteWriter } from '../lib/byte-writer.ts'
import { formatNoticeClasses, parseNoticeClasses } from './notice-classes.ts'

/** Gives the form in which a value is kept, or null when it is not valid. */
type Canonical = (value: string) => string | null

/** Every replicated setting by its name in Redis. */
const settingForms = {
  'notify-keyspace-events': (value) => {
    const classes = parseNoticeClasses(value)
    return classes === null ? null : formatNoticeClasses(classes)
  },
} as const satisfies Record<string, Canonical>

export type SettingName = keyof typeof settingForms

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingForms, name)
}

/** The form in which `value` is kept, or null when it is not valid. */
export function canonicalSetting(name: SettingName, value: string): string | null {
  return settingForms[name](value)
}

/** The values that were set. */
export class Settings {
  readonly #values = new Map<SettingName, string>()

  /** Null when it was never set. */
  get(name: SettingName): string | null {
    return this.#values.get(name) ?? null
  }

  set(name: SettingName, value: string): void {
    this.#values.set(name, value)
  }

  /** In the order of their names, so that all replicas save the same bytes. */
  save(writer: ByteWriter): void {
    writer.u32(this.#values.size)
    for (const name of [...this.#values.keys()].sort()) {
      writer.text(name)
      writer.text(this.get(name) ?? '')
    }
  }

  /** Null: the state is of a version that had no settings. */
  load(reader: ByteReader | null): void {
    this.#values.clear()
    if (reader === null) return
    for (let left = reader.u32(); left > 0; left--) {
      const name = reader.text()
      const value = reader.text()
      if (isSettingName(name)) this.#values.set(name, value)
    }
  }
}
