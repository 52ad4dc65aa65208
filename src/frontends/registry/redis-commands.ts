/**
 * The commands of Redis 7.2 that Kvorum refuses, and why: the text that clients get, and the rows of
 * docs/compatibility.md. A refusal names what to do instead; these commands are in no list that clients ask for,
 * because a client that finds a command there counts on it.
 */
export interface RefusedCommands {
  /** What they are about, as a heading. */
  readonly topic: string
  /** Lower case, separated by spaces. */
  readonly names: string
  /** The error without its prefix and the command's name; `literal` = the whole error as clients know it. */
  readonly reason: string
  readonly literal?: string
}

const ONLY_STRINGS = 'is not supported yet: values are strings (and bitmaps) here'
const NO_FUNCTIONS = 'is not supported yet: send the script with EVAL, or load it with SCRIPT LOAD'
const RAFT = "is not used here: replication is Raft; see 'kvorum node --help'"
const DURABLE = 'is not used here: every acknowledged write is on the disks of a majority already'
const ONE_GROUP = 'is not used here: one group holds all keys, and every node takes every command'
const NO_MODULES = 'is not used here: there are no modules to load'
const ONE_USER = "is not supported yet: there is one user, 'default'; its password is a setting of the node"

export const refusedCommands: readonly RefusedCommands[] = [
  {
    topic: 'Lists',
    names:
      'blmove blmpop blpop brpop brpoplpush lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset ' +
      'ltrim rpop rpoplpush rpush rpushx sort sort_ro',
    reason: ONLY_STRINGS,
  },
  {
    topic: 'Hashes',
    names:
      'hdel hexists hget hgetall hincrby hincrbyfloat hkeys hlen hmget hmset ' +
      'hrandfield hscan hset hsetnx hstrlen hvals',
    reason: ONLY_STRINGS,
  },
  {
    topic: 'Sets',
    names:
      'sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers smismember smove spop ' +
      'srandmember srem sscan sunion sunionstore',
    reason: ONLY_STRINGS,
  },
  {
    topic: 'Sorted sets',
    names:
      'bzmpop bzpopmax bzpopmin zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount ' +
      'zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem ' +
      'zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank ' +
      'zscan zscore zunion zunionstore',
    reason: ONLY_STRINGS,
  },
  {
    topic: 'Streams',
    names:
      'xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange xsetid xtrim',
    reason: ONLY_STRINGS,
  },
  {
    topic: 'Geo and HyperLogLog',
    names:
      'geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch ' +
      'geosearchstore pfadd pfcount pfdebug pfmerge pfselftest',
    reason: ONLY_STRINGS,
  },
  {
    topic: 'Functions',
    names: 'fcall fcall_ro function',
    reason: NO_FUNCTIONS,
  },
  {
    topic: 'Replication',
    names: 'replicaof slaveof sync psync replconf failover migrate restore-asking',
    reason: RAFT,
  },
  { topic: 'Persistence', names: 'save bgsave bgrewriteaof', reason: DURABLE },
  {
    topic: 'Redis Cluster and Sentinel',
    names: 'cluster asking',
    reason: ONE_GROUP,
    literal: 'ERR This instance has cluster support disabled',
  },
  {
    topic: 'Redis Cluster and Sentinel',
    names: 'sentinel',
    reason: 'must fail on a data port: clients take a node that answers it for a Sentinel',
    literal: 'ERR this is no Sentinel: every node takes every command and forwards it to the leader',
  },
  { topic: 'Modules', names: 'module|load module|loadex module|unload', reason: NO_MODULES },
  {
    topic: 'Access control',
    names: 'acl|deluser acl|dryrun acl|load acl|log acl|save acl|setuser',
    reason: ONE_USER,
  },
]

/** The error for a refused command of that row. */
export function refusalText(name: string, { reason, literal }: RefusedCommands): string {
  return literal ?? `ERR ${name.replace('|', ' ').toUpperCase()} ${reason}`
}
