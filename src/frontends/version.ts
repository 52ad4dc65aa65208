/** What clients are told of the Redis version that the RESP door speaks; scripts are told the same. */
export { REDIS_VERSION } from '../protocol/redis-version.ts'
