// Where two servers that are both right may answer differently, and where ours differs on purpose: the one table that the
// comparison of generated commands goes by. `reason` is for people; the intended differences also stand in the README.

/** Marks the arguments of OBJECT ENCODING where a SORT went before. */
export const AFTER_SORT = "\x00after SORT";

/** Sorted sets named zl hold one score only, see the generator. */
const hasMixedScores = (argv) => {
  const lex = /lex/i.test(argv[0]) || argv.some((arg) => arg.toUpperCase() === "BYLEX");
  return lex && !argv[/store/i.test(argv[0]) ? 2 : 1]?.startsWith("zl");
};

/** How replies of a command compare when their bytes differ. Named by declared command; a rule is one of
 * RULES in compare.mjs; `ours` and `theirs` are what the replies look like; after a row with `parts` the data differ. */
export const FREE = [
  { commands: ["smembers", "sinter", "sunion", "sdiff", "keys", "hkeys", "hvals", "pubsub|channels", "pubsub|shardchannels"], rule: "set", reason: "a hash table's order is its own" },
  { commands: ["hgetall"], rule: "pairs", reason: "a hash table's order is its own" },
  { commands: ["scan", "sscan"], rule: "scan", reason: "cursors are opaque; a complete answer holds the same elements" },
  { commands: ["hscan", "zscan"], rule: "scanpairs", reason: "cursors are opaque; a complete answer holds the same pairs" },
  { commands: ["spop", "srandmember", "hrandfield", "zrandmember", "randomkey"], rule: "shape", reason: "chosen by chance: type and count compare" },
  { commands: ["sort", "sort_ro"], rule: "set", reason: "elements of a set that nothing sorts, or that sort alike, keep the table's order" },
  { commands: ["scan", "sscan", "hscan", "zscan"], when: (argv) => !argv.slice(1, 3).includes("0"), rule: "type", reason: "a cursor that no scan gave out means nothing" },
  { commands: ["object|refcount"], ours: /^:1/, theirs: /^:2/, reason: "a queued command holds the value it gave too" },
  { commands: ["xread", "xreadgroup"], when: (argv) => /^(swapdb|exec)$/i.test(argv[0]), ours: /^[*%]/, theirs: /^[*%]/, parts: true, reason: "how much of what one command brings is there when those who wait are served" },
  { commands: ["ttl", "pttl", "expiretime", "pexpiretime", "object|idletime"], rule: "near", reason: "two clocks: up to three seconds apart" },
  { commands: ["xpending", "xautoclaim"], rule: "shape", reason: "how long a message is idle is told by two clocks" },
  { commands: ["dbsize"], rule: "count", reason: "a key that is due counts until something meets it" },
  { commands: ["dump"], rule: "shape", reason: "a hash table's order is its own; at the end of a sequence every payload is restored and read" },
  { commands: ["sort", "sort_ro"], when: (argv) => argv.some((arg) => arg.toUpperCase() === "BY"), rule: "shape", reason: "a part of a set that nothing sorts" },
  { commands: ["unsubscribe", "punsubscribe", "sunsubscribe"], rule: "shape", reason: "channels are left in a hash table's order" },
  { commands: ["publish"], rule: "pmessage", reason: "patterns are matched in a hash table's order" },
  { commands: ["hello"], rule: "type", reason: "ids of connections and the server's name" },
];

/** Differences we want, from the redis-server 7.0 that is asked. */
export const INTENDED = [
  { commands: ["object|encoding"], rule: "encoding", reason: "7.2 and later keep short lists and sets as listpacks" },
  { commands: ["xinfo|stream", "xinfo|consumers"], rule: "type", reason: "7.2 and later tell when a consumer was active; radix tree nodes are counted otherwise" },
  { commands: ["xinfo|groups"], rule: "groups", reason: "7.4 counts what a group has read otherwise where it was told a number, and XCLAIM and XAUTOCLAIM make their consumer even where they claim nothing" },
  { commands: ["xgroup|createconsumer"], ours: /^:0/, theirs: /^:1/, reason: "XCLAIM and XAUTOCLAIM make their consumer even where they claim nothing, from 7.2 on" },
  { commands: ["xread"], when: (argv) => argv.includes("+"), ours: /^/, theirs: /^-ERR Invalid stream ID/, parts: true, reason: "7.4 takes + for the last entry" },
  { commands: ["xreadgroup"], ours: /^-ERR The \+ ID is meaningless/, theirs: /^-ERR Invalid stream ID/, reason: "7.4 knows + as an ID" },
  { commands: ["xreadgroup"], ours: /^-(NOGROUP|WRONGTYPE)/, theirs: /^-(UNBLOCKED|NOGROUP the consumer group this client was blocked on)/, reason: "7.2 and later run a command that waited again, and say what is wrong then" },
  { commands: ["xread", "xreadgroup"], ours: /^[*%-]/, theirs: /\*0\r\n$/, parts: true, reason: "7.2 and later go on waiting where what came was trimmed at once" },
  { commands: ["object|refcount"], ours: /^:2147483647/, theirs: /^:1\r/, reason: "a small integer counts as shared however it came to be" },
  { commands: ["xread", "xreadgroup"], ours: null, theirs: /\*0\r\n$/, parts: true, reason: "7.2 and later go on waiting where what came was trimmed at once" },
  { commands: ["hello"], ours: /^-ERR (Client names|Syntax error)/, theirs: /^-WRONGPASS/, reason: "7.2 and later read all options of HELLO before they act on one" },
  { commands: ["xsetid"], ours: /^-ERR The ID specified in XSETID is smaller than current max_deleted/, theirs: /^([+]OK|-ERR The ID specified)/, parts: true, reason: "7.2 and later keep the last ID above every deleted one" },
  { commands: ["object|encoding"], when: (argv) => argv.includes(AFTER_SORT), ours: /listpack/, theirs: /skiplist/, reason: "SORT reads a small sorted set without making it a large one" },
  { commands: ["lpos"], ours: /^-ERR value is out of range, value must between/, theirs: /^/, reason: "7.2 and later refuse a rank that cannot be negated" },
  { commands: ["lrem"], ours: /^-ERR value is out of range, value must between/, theirs: /^(:|-WRONGTYPE)/, parts: true, reason: "7.2 and later refuse a count that cannot be negated" },
  { commands: ["object|encoding"], ours: /skiplist/, theirs: /listpack/, reason: "7.2 and later choose a new sorted set's encoding by the number of arguments" },
  { commands: ["zlexcount", "zrangebylex", "zrevrangebylex", "zrange"], when: hasMixedScores, rule: "type", reason: "ranges by member are not defined where scores differ" },
  { commands: ["zremrangebylex", "zrangestore"], when: hasMixedScores, rule: "type", parts: true, reason: "ranges by member are not defined where scores differ" },
  { commands: ["scan", "sscan", "hscan", "zscan"], ours: /^-ERR invalid cursor/, theirs: /^/, reason: "7.4 refuses a cursor that is negative, empty or not a number, before it looks at anything else" },
  { commands: ["bitcount", "bitpos"], ours: /^-ERR/, theirs: /^:(0|-1)\r|^-WRONGTYPE/, reason: "7.2 and later check the arguments before they look for the key" },
  { commands: ["zrank", "zrevrank"], ours: /^-ERR syntax error/, theirs: /^-ERR wrong number/, reason: "7.2 and later take WITHSCORE" },
  { commands: ["zrank", "zrevrank"], when: (argv) => argv.length === 4, ours: /^[+]QUEUED|^-ERR Can't execute/, theirs: /^-ERR wrong number/, parts: true, reason: "7.2 and later take WITHSCORE" },
  { commands: ["xread", "xreadgroup"], ours: /^-ERR Unbalanced 'xread/, theirs: /^-ERR Unbalanced XREAD list/, reason: "7.2 and later name the command" },
  { commands: ["blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop"], ours: /^-ERR timeout is out of range/, theirs: /^-ERR timeout is negative/, reason: "7.2 and later do not overflow" },
  { commands: ["blpop", "brpop", "blmpop", "bzpopmin", "bzpopmax", "bzmpop"], ours: /^-WRONGTYPE/, theirs: /^[*]/, parts: true, reason: "7.2 and later run a command that waited again from its first key" },
  { commands: ["xread", "xreadgroup"], ours: /^-WRONGTYPE/, theirs: /^[*%]/, parts: true, reason: "7.2 and later run a command that waited again from its first key" },
  { commands: ["blpop", "brpop", "blmpop", "bzpopmin", "bzpopmax", "bzmpop"], when: (argv) => !/^b/i.test(argv[0]), ours: /^[*]/, theirs: /^[*]/, parts: true, reason: "7.2 and later run a command that waited again from its first key" },
  { commands: ["xread", "xreadgroup"], ours: /^-WRONGTYPE/, theirs: null, parts: true, reason: "7.2 and later run a command that waited again from its first key" },
  { commands: ["blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop"], when: (argv) => !/^b/i.test(argv[0]), ours: /^/, theirs: null, parts: true, reason: "a key that another type's value is replaced in wakes those who wait for it" },
  { commands: ["xread", "xreadgroup"], ours: /^-ERR timeout is out of range/, theirs: /^/, reason: "7.2 and later do not overflow" },
  { commands: ["xread", "xreadgroup"], ours: /^-ERR timeout is out of range/, theirs: null, parts: true, reason: "7.2 and later do not overflow" },
  { commands: ["sort", "sort_ro"], ours: /^/, theirs: /^-ERR One or more scores can't be converted/, parts: true, reason: "SORT of 7.0 can fail by what an earlier command left in errno" },
];

/** Commands that are not generated. */
export const LEFT_OUT = [
  { match: /\|help$/, reason: "texts of another version; compared with the declarations instead" },
  { match: /^(acl|config|latency|slowlog|memory|command|debug|client)(\||$)/, reason: "they tell of the server itself; transcripts compare them" },
  { match: /^(info|time|role|lolwut|shutdown|monitor|wait|waitaof|lastsave|save|bgsave|bgrewriteaof|reset|quit|auth|restore-asking|pfselftest|pfdebug)$/, reason: "they tell of the server itself, or end the connection; transcripts compare them" },
  { match: /^(object|xgroup|xinfo|pubsub)$/, reason: "a container; its subcommands are generated" },
  { match: /^object\|freq$/, reason: "needs an LFU policy" },
  { match: /^(multi|exec|discard|watch|subscribe|psubscribe|ssubscribe)$/, reason: "generated by the run itself, which knows the connections" },
];

/** Options that are not sent. */
export const LEFT_OUT_TOKENS = [{ token: "STOREDIST", reason: "our trigonometry is the same on every machine, and the last digit of a distance that is kept can differ; transcripts compare it" }];
