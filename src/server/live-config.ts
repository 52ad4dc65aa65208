/**
 * What of a configuration can change while the node runs (SIGHUP): secrets, certificates, the log level. Everything is
 * read again from where it came from; one mistake anywhere and nothing changes. What cannot change is named.
 */
import type { Credentials } from '../frontends/security/credentials.ts'
import type { Logger } from '../lib/logger.ts'
import type { NodeConfig } from './config.ts'
import { type SettingName, settingRows } from './config-settings.ts'
import type { LogLevel } from './logging.ts'
import type { NodeTls } from './tls/node-tls.ts'

const SECRETS = ['password', 'previousPassword', 'clusterSecret', 'previousClusterSecret'] as const
const TLS_FILES = ['tlsCert', 'tlsKey', 'tlsKeyPassphrase', 'tlsCa', 'tlsCrl'] as const

export interface LiveParts {
  readonly logger: Logger
  readonly setLogLevel: (level: LogLevel) => void
  readonly tls: NodeTls | null
  /** Null until the doors are open. */
  readonly credentials: () => Credentials | null
  /** The configuration as its sources say now; throws with what is wrong. */
  readonly read: () => NodeConfig
}

export class LiveConfig {
  readonly #parts: LiveParts
  /** As it is in force. */
  #config: NodeConfig

  constructor(config: NodeConfig, parts: LiveParts) {
    this.#config = config
    this.#parts = parts
  }

  get config(): NodeConfig {
    return this.#config
  }

  /** The present secret between nodes, then the one that is still accepted; none = no secret. */
  readonly clusterSecrets = (): readonly string[] => {
    const { clusterSecret, previousClusterSecret } = this.#config
    if (clusterSecret === '') return []
    return previousClusterSecret === '' ? [clusterSecret] : [clusterSecret, previousClusterSecret]
  }

  /** Never throws: what is wrong is logged, and everything stays as it was. */
  reload(): void {
    const { logger, read } = this.#parts
    try {
      this.#apply(read())
    } catch (error) {
      logger.error('Reload: nothing was changed', { error: (error as Error).message })
    }
  }

  #apply(next: NodeConfig): void {
    const { logger, tls, credentials, setLogLevel } = this.#parts
    const before = this.#config
    const changed = changedSettings(before, next)
    // TLS cannot be turned on or off: the ports are open as they are.
    const canRenew = tls !== null && next.tlsCert !== ''
    const names: readonly SettingName[] = [...SECRETS, 'logLevel', ...(canRenew ? TLS_FILES : [])]
    if ((before.clusterSecret === '') !== (next.clusterSecret === '')) {
      throw new Error('A cluster secret cannot be added or taken away while the node runs: restart it')
    }
    // First what can fail.
    const isRenewed = canRenew && tls.renew(next)
    this.#config = { ...before, ...Object.fromEntries(names.map((name) => [name, next[name]])) }
    credentials()?.change(next.password, next.previousPassword)
    setLogLevel(next.logLevel)
    const live = changed.filter((name) => names.includes(name))
    const fixed = changed.filter((name) => !names.includes(name))
    tell(logger, { live, fixed, isRenewed })
  }
}

function tell(
  logger: Logger,
  { live, fixed, isRenewed }: { live: SettingName[]; fixed: SettingName[]; isRenewed: boolean },
): void {
  const changed = [...live.map(flagOf), ...(isRenewed ? ['certificate'] : [])]
  if (fixed.length > 0) {
    logger.warn('Reload: these settings change only with a restart', { settings: fixed.map(flagOf) })
  }
  if (changed.length > 0) logger.info('Reload: changed', { changed })
  else if (fixed.length === 0) logger.info('Reload: nothing has changed')
}

function changedSettings(before: NodeConfig, next: NodeConfig): SettingName[] {
  const isSame = (name: SettingName): boolean => JSON.stringify(before[name]) === JSON.stringify(next[name])
  return settingRows().flatMap(([name]) => (isSame(name) ? [] : [name]))
}

function flagOf(name: SettingName): string {
  const row = settingRows().find(([other]) => other === name)
  return `--${row?.[1].flag ?? name}`
}
