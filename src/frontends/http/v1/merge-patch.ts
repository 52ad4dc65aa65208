/** JSON Merge Patch (RFC 7396): objects are merged member by member, null removes, everything else replaces. */

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** How deep a patch may be nested. */
export const PATCH_DEPTH = 100

/** The document after the patch. The caller bounds the depth of both by `isTooDeep`. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch
  const merged = new Map<string, Json>(isObject(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, mergePatch(merged.get(name) ?? null, value))
  }
  // fromEntries defines members: one named __proto__ stays a member.
  return Object.fromEntries(merged)
}

/** Is `value` nested deeper than `levels`? */
export function isTooDeep(value: Json, levels = PATCH_DEPTH): boolean {
  if (value === null || typeof value !== 'object') return false
  return levels === 0 || Object.values(value).some((inner) => isTooDeep(inner, levels - 1))
}

function isObject(value: Json): value is { readonly [name: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

export type { Json }
