/**
 * The Redis version whose commands and replies the RESP door speaks; clients and scripts decide by it what they may
 * send.
 */
export const REDIS_VERSION = '7.4.0'
