/** Patches of prototypes from outside, for planted mistakes: each returns what puts the old member back. */

/** Replaces a method. */
export function patch<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(target, name)
  if (descriptor === undefined) throw new TypeError(`Nothing to patch: ${String(name)}`)
  Object.defineProperty(target, name, { ...descriptor, value: make(descriptor.value as T[K]) })
  return () => Object.defineProperty(target, name, descriptor)
}

/** Replaces a getter. */
export function patchGetter<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: (self: T) => T[K]) => (this: T) => T[K],
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(target, name)
  const original = descriptor?.get
  if (descriptor === undefined || original === undefined) throw new TypeError(`No getter: ${String(name)}`)
  Object.defineProperty(target, name, { ...descriptor, get: make((self) => original.call(self) as T[K]) })
  return () => Object.defineProperty(target, name, descriptor)
}
