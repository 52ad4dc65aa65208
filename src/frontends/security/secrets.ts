/**
 * A command in words that may be shown to others (MONITOR, SLOWLOG): passwords are left out, as Redis does (R19).
 */
const REDACTED = Buffer.from('(redacted)')
const SECRET_SETTINGS = new Set([
  'requirepass',
  'masterauth',
  'masteruser',
  'tls-key-file-pass',
  'tls-client-key-file-pass',
])

/** The words of the command as it was sent; `name` is 'container|sub' for a subcommand, `args` are without it. */
export function showableWords(name: string, args: readonly Buffer[]): Buffer[] {
  const words = name.split('|').map((word) => Buffer.from(word))
  if (name === 'auth') return [...words, ...args.map(() => REDACTED)]
  if (name === 'hello' || name === 'migrate') return [...words, ...fromAuth(args)]
  if (name === 'acl|setuser') return [...words, ...args.map((arg, i) => (i === 0 ? arg : REDACTED))]
  if (name === 'config|set') return [...words, ...configSet(args)]
  return [...words, ...args]
}

/**
 * HELLO 3 AUTH user password, MIGRATE … AUTH password KEYS …: nothing behind the first word that may be meant is shown,
 * since another option's value can be called AUTH, too.
 */
function fromAuth(args: readonly Buffer[]): Buffer[] {
  const at = args.findIndex((arg) => /^auth2?$/i.test(arg.toString('latin1')))
  return args.map((arg, i) => (at >= 0 && i > at ? REDACTED : arg))
}

function configSet(args: readonly Buffer[]): Buffer[] {
  return args.map((arg, i) => {
    const setting = i % 2 === 1 ? (args[i - 1] as Buffer).toString('latin1').toLowerCase() : ''
    return SECRET_SETTINGS.has(setting) ? REDACTED : arg
  })
}
