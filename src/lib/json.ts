/** JSON that came from outside: an object, or null when the text is none. The caller checks the fields it uses. */
export function parseJsonObject<T extends object>(text: string): Partial<T> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Partial<T>) : null
  } catch {
    return null
  }
}
