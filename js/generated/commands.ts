// Written by js/scripts/generate.mjs from the command table. Never edited.
import type { Arg, Double, ExactlyOne, Int, Integer, Many, OneOf, Trim, WaitOptions, Word } from "../arguments.js";
import type { Reply } from "../resp.js";

/** The commands as methods: parameters and reply. `B` is what bulk strings come as. Several signatures stand in a tuple. */
export interface Commands<B = string> {
  /** Lists the categories of commands, or the commands of one. O(N) where N is the number of commands. `ACL CAT` */
  aclCat: (category?: Arg) => B[];
  /** Removes users and closes their connections. O(N) where N is the number of connections. `ACL DELUSER` */
  aclDeluser: (...usernames: Many[]) => number;
  /** Tells whether a user could run a command, without running it. O(N) where N is the number of the user's rules. `ACL DRYRUN` */
  aclDryrun: (username: Arg, command: Arg, ...args: Many[]) => "OK" | B;
  /** Makes a password that nobody guesses, in hexadecimal digits. O(1). `ACL GENPASS` */
  aclGenpass: (bits?: Integer) => B;
  /** Answers everything that is known of a user. O(N) where N is the number of the user's rules. `ACL GETUSER` */
  aclGetuser: (username: Arg) => Record<string, Reply> | null;
  /** Lists the users with their rules, as a file would hold them. O(N) where N is the number of users. `ACL LIST` */
  aclList: () => B[];
  /** Reads the users again from the file of users. O(N) where N is the number of users. `ACL LOAD` */
  aclLoad: () => "OK";
  /** Answers what was refused lately, newest first, or forgets it. O(N) where N is the number of entries. `ACL LOG` */
  aclLog: (operation?: Arg) => "OK" | Reply[];
  /** Writes the users into the file of users. O(N) where N is the number of users. `ACL SAVE` */
  aclSave: () => "OK";
  /** Makes a user, or changes one: by all of the rules given, in order, or by none. O(N) where N is the number of rules. `ACL SETUSER` */
  aclSetuser: (username: Arg, ...rules: Many[]) => "OK";
  /** Lists the names of the users. O(N) where N is the number of users. `ACL USERS` */
  aclUsers: () => B[];
  /** Answers which user the connection is; null for a client in this program that is none. O(1). `ACL WHOAMI` */
  aclWhoami: () => B | null;
  /** Adds bytes at the end of a string, which begins empty where there is no key; answers the new length. O(1) amortized, for the bytes appended. `APPEND` */
  append: (key: Arg, value: Arg) => number;
  /** Rewrites the append log: a snapshot takes the place of what it holds. O(1). `BGREWRITEAOF` */
  bgrewriteaof: () => string;
  /** Begins a snapshot, which is written while other commands run. O(1). `BGSAVE` */
  bgsave: (options?: BgsaveOptions) => string;
  /** Counts the bits that are set, in a whole string or in a range of bytes or bits. O(N) for N bytes counted. `BITCOUNT` */
  bitcount: (key: Arg, start?: Integer, end?: Integer, options?: BitcountOptions) => number;
  /** Reads, sets and adds to integers of any width at any bit of a string. O(1) for each operation. `BITFIELD` */
  bitfield: (key: Arg, ...operations: Many[]) => (number | null)[];
  /** Reads integers of any width at any bit of a string. O(1) for each operation. `BITFIELD_RO` */
  bitfield_ro: (key: Arg, ...operations: Many[]) => number[];
  /** Combines strings bit by bit, stores the result in a key and answers its length in bytes. O(N) for N bytes in all strings. `BITOP` */
  bitop: (operation: Word<"AND" | "OR" | "XOR" | "NOT">, destkey: Arg, ...keys: Many[]) => number;
  /** Answers the position of the first bit that is set or clear, in a whole string or in a range of bytes or bits. O(N) for N bytes searched. `BITPOS` */
  bitpos: (key: Arg, bit: Integer, start?: Integer, end?: Integer, options?: BitposOptions) => number;
  /** Answers the connection's name. O(1). `CLIENT GETNAME` */
  clientGetname: () => B | null;
  /** Answers which client gets this one's tracking messages: 0 for itself, -1 while it tracks nothing. O(1). `CLIENT GETREDIR` */
  clientGetredir: () => number;
  /** Answers the connection's number, which is never given twice. O(1). `CLIENT ID` */
  clientId: () => number;
  /** Describes this connection in one line. O(1). `CLIENT INFO` */
  clientInfo: () => B;
  /** Closes connections, by address or by filters that must all fit. O(N) where N is the number of connections. `CLIENT KILL` */
  clientKill: [
    (address: Arg) => "OK",
    (filters: ClientKillOptions) => number,
  ];
  /** Describes connections, one to a line. O(N) where N is the number of connections. `CLIENT LIST` */
  clientList: (options?: ClientListOptions) => B;
  /** Exempts the connection from being closed to save memory, or ends that. O(1). `CLIENT NO-EVICT` */
  clientNoEvict: (enabled: Word<"ON" | "OFF">) => "OK";
  /** Lets the connection's commands leave the time of last use of keys alone, or ends that. O(1). `CLIENT NO-TOUCH` */
  clientNoTouch: (enabled: Word<"ON" | "OFF">) => "OK";
  /** Holds back all commands, or those that write, for some milliseconds. O(1). `CLIENT PAUSE` */
  clientPause: (timeout: Integer, options?: ClientPauseOptions) => "OK";
  /** Notes which library speaks. O(1). `CLIENT SETINFO` */
  clientSetinfo: (attribute: Word<"LIB-NAME" | "LIB-VER">, value: Arg) => "OK";
  /** Names the connection. O(1). `CLIENT SETNAME` */
  clientSetname: (connectionName: Arg) => "OK";
  /** Tells how the connection tracks keys. O(1). `CLIENT TRACKINGINFO` */
  clientTrackinginfo: () => Record<string, Reply>;
  /** Ends the wait of another connection's command. O(log N) where N is the number of connections. `CLIENT UNBLOCK` */
  clientUnblock: (clientId: Integer, options?: ClientUnblockOptions) => number;
  /** Ends a pause. O(N) where N is the number of paused connections. `CLIENT UNPAUSE` */
  clientUnpause: () => "OK";
  /** Describes every command: arity, flags, keys. O(N) where N is the number of commands. `COMMAND` */
  command: () => Reply[];
  /** Counts the commands. O(1). `COMMAND COUNT` */
  commandCount: () => number;
  /** Answers what documentation says of commands: summary, cost, arguments. O(N) where N is the number of commands asked for. `COMMAND DOCS` */
  commandDocs: (...commandNames: Many[]) => Record<string, Reply>;
  /** Answers which arguments of a whole command are keys. O(N) where N is the number of arguments. `COMMAND GETKEYS` */
  commandGetkeys: (command: Arg, ...args: Many[]) => B[];
  /** Answers which arguments of a whole command are keys, and what it does to each. O(N) where N is the number of arguments. `COMMAND GETKEYSANDFLAGS` */
  commandGetkeysandflags: (command: Arg, ...args: Many[]) => Reply[];
  /** Describes the given commands: arity, flags, keys. O(N) where N is the number of commands asked for. `COMMAND INFO` */
  commandInfo: (...commandNames: Many[]) => Reply[];
  /** Lists the names of commands. O(N) where N is the number of commands. `COMMAND LIST` */
  commandList: (options?: CommandListOptions) => B[];
  /** Answers the parameters whose names match, with their values. O(N) where N is the number of given patterns. `CONFIG GET` */
  configGet: (...parameters: Many[]) => Record<string, B>;
  /** Sets the counters that INFO shows back to zero. O(1). `CONFIG RESETSTAT` */
  configResetstat: () => "OK";
  /** Writes the configuration into the file that it was read from. O(1). `CONFIG REWRITE` */
  configRewrite: () => "OK";
  /** Changes parameters: all of those given, or none. O(N) where N is the number of given parameters. `CONFIG SET` */
  configSet: [
    (data: Readonly<Record<string, Arg>> | readonly { parameter: Arg; value: Arg }[]) => "OK",
    (parameter: Arg, value: Arg, ...more: Arg[]) => "OK",
  ];
  /** Copies a key's value and expiry to another key. O(N) for N elements, O(1) for a string. `COPY` */
  copy: (source: Arg, destination: Arg, options?: CopyOptions) => number;
  /** Counts the keys of the database. O(1). `DBSIZE` */
  dbsize: () => number;
  /** Subtracts one from a counter, which starts at 0, and answers it. O(1). `DECR` */
  decr: (key: Arg) => Int;
  /** Subtracts an integer from a counter, which starts at 0, and answers it. O(1). `DECRBY` */
  decrby: (key: Arg, decrement: Integer) => Int;
  /** Deletes keys. O(N) for N keys; the memory of large values is given back in slices. `DEL` */
  del: (...keys: Many[]) => number;
  /** Deletes a key, on request only if the string it holds, or that string's digest, is or is not the given one. O(1), O(N) for the N bytes that are compared or digested. `DELEX` */
  delex: (key: Arg, options?: DelexOptions) => number;
  /** Answers the XXH3 digest of a string in hexadecimal. O(N) for N bytes. `DIGEST` */
  digest: (key: Arg) => B | null;
  /** Answers the value of a key in Redis' serialized form. O(N) for N bytes of the value. `DUMP` */
  dump: (key: Arg) => Uint8Array | null;
  /** Answers the given message. O(1). `ECHO` */
  echo: (message: Arg) => B;
  /** Counts how many of the named keys exist; a key named twice counts twice. O(N) for N keys. `EXISTS` */
  exists: (...keys: Many[]) => number;
  /** Lets a key expire after so many seconds. O(1). `EXPIRE` */
  expire: (key: Arg, seconds: Integer, options?: ExpireOptions) => number;
  /** Lets a key expire at an instant in seconds since 1970. O(1). `EXPIREAT` */
  expireat: (key: Arg, unixTimeSeconds: Integer, options?: ExpireatOptions) => number;
  /** Answers when a key expires, in seconds since 1970; -1 for never, -2 for no such key. O(1). `EXPIRETIME` */
  expiretime: (key: Arg) => number;
  /** Deletes all keys of all databases. O(N) for N keys in all databases. `FLUSHALL` */
  flushall: (options?: FlushallOptions) => "OK";
  /** Deletes all keys of the database. O(N) for N keys in the database. `FLUSHDB` */
  flushdb: (options?: FlushdbOptions) => "OK";
  /** Puts members at positions, adding those that are new; a condition narrows that. O(log N) for each member. `GEOADD` */
  geoadd: [
    (key: Arg, data: { longitude: Double; latitude: Double; member: Arg } | readonly { longitude: Double; latitude: Double; member: Arg }[], options?: GeoaddOptions) => number,
    (key: Arg, longitude: Double, latitude: Double, member: Arg, ...more: Arg[]) => number,
  ];
  /** Answers the distance between two members. O(1). `GEODIST` */
  geodist: (key: Arg, member1: Arg, member2: Arg, options?: GeodistOptions) => B | null;
  /** Answers the positions of members as standard geohashes. O(1) for each member. `GEOHASH` */
  geohash: (key: Arg, ...members: Many[]) => (B | null)[];
  /** Answers the positions of members. O(1) for each member. `GEOPOS` */
  geopos: (key: Arg, ...members: Many[]) => ([number, number] | null)[];
  /** Answers or stores the members within a distance of a position. O(N + log M) for N members in the square around the circle, M in all. `GEORADIUS` */
  georadius: (key: Arg, longitude: Double, latitude: Double, radius: Double, unit: Word<"M" | "KM" | "FT" | "MI">, options?: GeoradiusOptions) => Reply[] | number;
  /** Answers the members within a distance of a position. O(N + log M) for N members in the square around the circle, M in all. `GEORADIUS_RO` */
  georadius_ro: (key: Arg, longitude: Double, latitude: Double, radius: Double, unit: Word<"M" | "KM" | "FT" | "MI">, options?: Georadius_roOptions) => Reply[];
  /** Answers or stores the members within a distance of a member. O(N + log M) for N members in the square around the circle, M in all. `GEORADIUSBYMEMBER` */
  georadiusbymember: (key: Arg, member: Arg, radius: Double, unit: Word<"M" | "KM" | "FT" | "MI">, options?: GeoradiusbymemberOptions) => Reply[] | number;
  /** Answers the members within a distance of a member. O(N + log M) for N members in the square around the circle, M in all. `GEORADIUSBYMEMBER_RO` */
  georadiusbymember_ro: (key: Arg, member: Arg, radius: Double, unit: Word<"M" | "KM" | "FT" | "MI">, options?: Georadiusbymember_roOptions) => Reply[];
  /** Answers the members in a circle or a box around a member or a position. O(N + log M) for N members in the square around the area, M in all. `GEOSEARCH` */
  geosearch: (key: Arg, options: GeosearchOptions) => Reply[];
  /** Stores the members in a circle or a box around a member or a position, and answers how many they are. O(N + log M) for N members in the square around the area, M in all. `GEOSEARCHSTORE` */
  geosearchstore: (destination: Arg, source: Arg, options: GeosearchstoreOptions) => number;
  /** Answers the value of a string key. O(1). `GET` */
  get: (key: Arg) => B | null;
  /** Answers one bit of a string; bits past its end are 0. O(1). `GETBIT` */
  getbit: (key: Arg, offset: Integer) => number;
  /** Answers the value of a string key and deletes the key. O(1). `GETDEL` */
  getdel: (key: Arg) => B | null;
  /** Answers the value of a string key and sets or removes its expiry. O(1). `GETEX` */
  getex: (key: Arg, options?: GetexOptions) => B | null;
  /** Answers the bytes of a string from one position to another, both included; negative ones count from its end. O(N) for the N bytes answered. `GETRANGE` */
  getrange: (key: Arg, start: Integer, end: Integer) => B;
  /** Sets a key to a string and answers the string it held before. O(1). `GETSET` */
  getset: (key: Arg, value: Arg) => B | null;
  /** Removes fields of a hash, and the hash with its last one. O(1) per field. `HDEL` */
  hdel: (key: Arg, ...fields: Many[]) => number;
  /** Answers whether a hash has a field. O(1). `HEXISTS` */
  hexists: (key: Arg, field: Arg) => number;
  /** Lets fields expire after so many seconds. O(1) per field. `HEXPIRE` */
  hexpire: (key: Arg, seconds: Integer, fields: Many, options?: HexpireOptions) => number[];
  /** Lets fields expire at an instant in seconds since 1970. O(1) per field. `HEXPIREAT` */
  hexpireat: (key: Arg, unixTimeSeconds: Integer, fields: Many, options?: HexpireatOptions) => number[];
  /** Answers when fields expire, in seconds since 1970; -1 for never, -2 for no such field. O(1) per field. `HEXPIRETIME` */
  hexpiretime: (key: Arg, fields: Many) => number[];
  /** Answers the value of a field. O(1). `HGET` */
  hget: (key: Arg, field: Arg) => B | null;
  /** Answers all fields of a hash with their values. O(N) in the fields. `HGETALL` */
  hgetall: (key: Arg) => Record<string, B>;
  /** Answers the values of fields and removes the fields, and the hash with its last one. O(1) per field. `HGETDEL` */
  hgetdel: (key: Arg, fields: Many) => (B | null)[];
  /** Answers the values of fields and sets or takes off their expiry. O(1) per field. `HGETEX` */
  hgetex: (key: Arg, fields: Many, options?: HgetexOptions) => (B | null)[];
  /** Adds an integer to the value of a field; a missing one counts as 0. O(1). `HINCRBY` */
  hincrby: (key: Arg, field: Arg, increment: Integer) => Int;
  /** Adds a floating point number to the value of a field; a missing one counts as 0. O(1). `HINCRBYFLOAT` */
  hincrbyfloat: (key: Arg, field: Arg, increment: Double) => B;
  /** Answers the names of all fields of a hash. O(N) in the fields. `HKEYS` */
  hkeys: (key: Arg) => B[];
  /** Answers how many fields a hash has. O(1). `HLEN` */
  hlen: (key: Arg) => number;
  /** Answers the values of several fields. O(1) per field. `HMGET` */
  hmget: (key: Arg, ...fields: Many[]) => (B | null)[];
  /** Gives fields of a hash new values. O(1) per field. `HMSET` */
  hmset: [
    (key: Arg, data: Readonly<Record<string, Arg>> | readonly { field: Arg; value: Arg }[]) => "OK",
    (key: Arg, field: Arg, value: Arg, ...more: Arg[]) => "OK",
  ];
  /** Takes the expiry off fields. O(1) per field. `HPERSIST` */
  hpersist: (key: Arg, fields: Many) => number[];
  /** Lets fields expire after so many milliseconds. O(1) per field. `HPEXPIRE` */
  hpexpire: (key: Arg, milliseconds: Integer, fields: Many, options?: HpexpireOptions) => number[];
  /** Lets fields expire at an instant in milliseconds since 1970. O(1) per field. `HPEXPIREAT` */
  hpexpireat: (key: Arg, unixTimeMilliseconds: Integer, fields: Many, options?: HpexpireatOptions) => number[];
  /** Answers when fields expire, in milliseconds since 1970; -1 for never, -2 for no such field. O(1) per field. `HPEXPIRETIME` */
  hpexpiretime: (key: Arg, fields: Many) => number[];
  /** Answers in how many milliseconds fields expire; -1 for never, -2 for no such field. O(1) per field. `HPTTL` */
  hpttl: (key: Arg, fields: Many) => number[];
  /** Answers fields chosen at random; with a negative count a field may come up more than once. O(N) in the fields answered. `HRANDFIELD` */
  hrandfield: [
    (key: Arg) => B | null,
    (key: Arg, count: Integer, options: HrandfieldOptions & { withvalues: true }) => [B, B][],
    (key: Arg, count: Integer, options?: HrandfieldOptions & { withvalues?: false }) => B[],
    (key: Arg, count: Integer, options: HrandfieldOptions) => B[] | [B, B][],
  ];
  /** Walks through the fields of a hash, some at a time. O(1) per call, O(N) for a whole walk. `HSCAN` */
  hscan: (key: Arg, cursor: Arg, options?: HscanOptions) => [B, B[]];
  /** Gives fields of a hash new values and answers how many fields that created. O(1) per field. `HSET` */
  hset: [
    (key: Arg, data: Readonly<Record<string, Arg>> | readonly { field: Arg; value: Arg }[]) => number,
    (key: Arg, field: Arg, value: Arg, ...more: Arg[]) => number,
  ];
  /** Gives fields new values and an expiry; on request only if all or none of them are there. O(1) per field. `HSETEX` */
  hsetex: (key: Arg, data: Readonly<Record<string, Arg>> | readonly { field: Arg; value: Arg }[], options?: HsetexOptions) => number;
  /** Gives a field of a hash a value if there is no such field. O(1). `HSETNX` */
  hsetnx: (key: Arg, field: Arg, value: Arg) => number;
  /** Answers the length of a field's value. O(1). `HSTRLEN` */
  hstrlen: (key: Arg, field: Arg) => number;
  /** Answers in how many seconds fields expire; -1 for never, -2 for no such field. O(1) per field. `HTTL` */
  httl: (key: Arg, fields: Many) => number[];
  /** Answers the values of all fields of a hash. O(N) in the fields. `HVALS` */
  hvals: (key: Arg) => B[];
  /** Adds one to a counter, which starts at 0, and answers it. O(1). `INCR` */
  incr: (key: Arg) => Int;
  /** Adds an integer to a counter, which starts at 0, and answers it. O(1). `INCRBY` */
  incrby: (key: Arg, increment: Integer) => Int;
  /** Adds a floating point number to the one a key holds, 0 where there is none, and answers the sum as text. O(1). `INCRBYFLOAT` */
  incrbyfloat: (key: Arg, increment: Double) => B;
  /** Answers figures about the server, in sections. O(1). `INFO` */
  info: (...sections: Many[]) => B;
  /** Answers the names of all keys that match a pattern. O(N) for N keys in the database. `KEYS` */
  keys: (pattern: Arg) => B[];
  /** Answers when the last snapshot was written, in seconds since 1970. O(1). `LASTSAVE` */
  lastsave: () => number;
  /** Answers a report on what was slow, for people. O(1). `LATENCY DOCTOR` */
  latencyDoctor: () => B;
  /** Draws how long an event took over time. O(1). `LATENCY GRAPH` */
  latencyGraph: (event: Arg) => B;
  /** Answers how the times of commands are spread: of those that are named, or of all. O(N) where N is the number of commands with times. `LATENCY HISTOGRAM` */
  latencyHistogram: (...commands: Many[]) => Record<string, Reply>;
  /** Answers the times of an event, the oldest first. O(1). `LATENCY HISTORY` */
  latencyHistory: (event: Arg) => [number, number][];
  /** Answers the last and the longest time of every event. O(1). `LATENCY LATEST` */
  latencyLatest: () => Reply[];
  /** Forgets the times of the named events, or of all; answers how many events were forgotten. O(1). `LATENCY RESET` */
  latencyReset: (...events: Many[]) => number;
  /** Finds the longest common subsequence of two strings: itself, its length, or where its parts lie. O(N*M) for strings of N and M bytes. `LCS` */
  lcs: [
    (key1: Arg, key2: Arg, options: LcsOptions & { len: true }) => number,
    (key1: Arg, key2: Arg, options: LcsOptions & { idx: true }) => Record<string, Reply>,
    (key1: Arg, key2: Arg, options?: LcsOptions & { len?: false; idx?: false }) => B,
    (key1: Arg, key2: Arg, options: LcsOptions) => B | number | Record<string, Reply>,
  ];
  /** Answers the element at an index; negative indexes count from the tail. O(N) in the list's nodes up to the index, O(1) at both ends. `LINDEX` */
  lindex: (key: Arg, index: Integer) => B | null;
  /** Inserts an element before or after the first one that equals the pivot. O(N) in the elements up to the pivot. `LINSERT` */
  linsert: (key: Arg, where: Word<"BEFORE" | "AFTER">, pivot: Arg, element: Arg) => number;
  /** Answers how many elements a list has. O(1). `LLEN` */
  llen: (key: Arg) => number;
  /** Takes an element from one end of a list and adds it at an end of another, in one step. O(1). `LMOVE` */
  lmove: (source: Arg, destination: Arg, wherefrom: Word<"LEFT" | "RIGHT">, whereto: Word<"LEFT" | "RIGHT">) => B | null;
  /** Removes and answers elements of the first list that has any. O(N+M) for N keys and M elements answered. `LMPOP` */
  lmpop: (keys: Many, where: Word<"LEFT" | "RIGHT">, options?: LmpopOptions) => [B, B[]] | null;
  /** Draws something, and names the version. `LOLWUT` */
  lolwut: (options?: LolwutOptions) => B;
  /** Removes and answers the first element of a list, or as many as asked for. O(N) in the elements answered. `LPOP` */
  lpop: [
    (key: Arg) => B | null,
    (key: Arg, count: Integer) => B[] | null,
  ];
  /** Answers where in a list an element stands. O(N) in the elements compared. `LPOS` */
  lpos: [
    (key: Arg, element: Arg, options: LposOptions & { count: Integer }) => number[],
    (key: Arg, element: Arg, options?: LposOptions & { count?: undefined }) => number | null,
    (key: Arg, element: Arg, options: LposOptions) => number | null | number[],
  ];
  /** Adds elements at the head of a list, one after the other, and makes the list if there is none. O(1) per element. `LPUSH` */
  lpush: (key: Arg, ...elements: Many[]) => number;
  /** Adds elements at the head of a list that exists. O(1) per element. `LPUSHX` */
  lpushx: (key: Arg, ...elements: Many[]) => number;
  /** Answers the elements between two indexes, both included. O(S+N) with S nodes up to the range and N elements in it. `LRANGE` */
  lrange: (key: Arg, start: Integer, stop: Integer) => B[];
  /** Removes elements that equal a given one: the first `count`, the last `-count`, or with 0 all. O(N) in the list's length. `LREM` */
  lrem: (key: Arg, count: Integer, element: Arg) => number;
  /** Replaces the element at an index. O(N) in the list's nodes up to the index, O(1) at both ends. `LSET` */
  lset: (key: Arg, index: Integer, element: Arg) => "OK";
  /** Keeps the elements between two indexes, both included, and removes all others. O(N) in the elements removed. `LTRIM` */
  ltrim: (key: Arg, start: Integer, stop: Integer) => "OK";
  /** Answers a report on memory, for people. O(1). `MEMORY DOCTOR` */
  memoryDoctor: () => B;
  /** Answers the allocator's own figures: it keeps none. O(1). `MEMORY MALLOC-STATS` */
  memoryMallocStats: () => B;
  /** Frees all that waits to be freed in slices. O(N) where N is the number of items that wait to be freed. `MEMORY PURGE` */
  memoryPurge: () => "OK";
  /** Answers what memory is used for, in bytes and shares. O(N) where N is the number of connections and databases. `MEMORY STATS` */
  memoryStats: () => Record<string, Reply>;
  /** Answers how many bytes a key and its value occupy. O(N) where N is the number of samples. `MEMORY USAGE` */
  memoryUsage: (key: Arg, options?: MemoryUsageOptions) => number | null;
  /** Answers the values of several keys, null for each that is missing or no string. O(N) for N keys. `MGET` */
  mget: (...keys: Many[]) => (B | null)[];
  /** Moves a key to another database. O(1). `MOVE` */
  move: (key: Arg, db: Integer) => number;
  /** Sets several keys to a string each, whatever they held before. O(N) for N keys. `MSET` */
  mset: [
    (data: Readonly<Record<string, Arg>> | readonly { key: Arg; value: Arg }[]) => "OK",
    (key: Arg, value: Arg, ...more: Arg[]) => "OK",
  ];
  /** Sets several keys to a string each, with one expiry; on request only if all or none of them are there. O(N) for N keys. `MSETEX` */
  msetex: (data: Readonly<Record<string, Arg>> | readonly { key: Arg; value: Arg }[], options?: MsetexOptions) => number;
  /** Sets several keys to a string each, unless one of them is there already. O(N) for N keys. `MSETNX` */
  msetnx: [
    (data: Readonly<Record<string, Arg>> | readonly { key: Arg; value: Arg }[]) => number,
    (key: Arg, value: Arg, ...more: Arg[]) => number,
  ];
  /** Answers how a key's value is represented in memory. O(1). `OBJECT ENCODING` */
  objectEncoding: (key: Arg) => B | null;
  /** Answers how often a key is used, on a logarithmic scale, under an LFU policy. O(1). `OBJECT FREQ` */
  objectFreq: (key: Arg) => number | null;
  /** Answers for how many seconds a key has not been used. O(1). `OBJECT IDLETIME` */
  objectIdletime: (key: Arg) => number | null;
  /** Answers how many references to a key's value there are. O(1). `OBJECT REFCOUNT` */
  objectRefcount: (key: Arg) => number | null;
  /** Takes the expiry off a key. O(1). `PERSIST` */
  persist: (key: Arg) => number;
  /** Lets a key expire after so many milliseconds. O(1). `PEXPIRE` */
  pexpire: (key: Arg, milliseconds: Integer, options?: PexpireOptions) => number;
  /** Lets a key expire at an instant in milliseconds since 1970. O(1). `PEXPIREAT` */
  pexpireat: (key: Arg, unixTimeMilliseconds: Integer, options?: PexpireatOptions) => number;
  /** Answers when a key expires, in milliseconds since 1970; -1 for never, -2 for no such key. O(1). `PEXPIRETIME` */
  pexpiretime: (key: Arg) => number;
  /** Adds elements to a HyperLogLog, which is created when missing, and tells whether its estimate may have changed. O(1) for each element. `PFADD` */
  pfadd: (key: Arg, ...elements: Many[]) => number;
  /** Estimates how many different elements were added to one or any of several HyperLogLogs. O(1) with a small constant, O(N) with a large one for N keys. `PFCOUNT` */
  pfcount: (...keys: Many[]) => number;
  /** Makes a HyperLogLog the union of itself and others. O(N) with a large constant for N keys. `PFMERGE` */
  pfmerge: (destkey: Arg, ...sourcekeys: Many[]) => "OK";
  /** Answers PONG, or the given message. O(1). `PING` */
  ping: (message?: Arg) => string | B;
  /** Sets a key to a string that expires in so many milliseconds. O(1). `PSETEX` */
  psetex: (key: Arg, milliseconds: Integer, value: Arg) => "OK";
  /** Answers in how many milliseconds a key expires; -1 for never, -2 for no such key. O(1). `PTTL` */
  pttl: (key: Arg) => number;
  /** Sends a message to everybody who listens to a channel, and answers how many received it. O(N+M) where N is the number of receivers and M the number of patterns anybody listens to. `PUBLISH` */
  publish: (channel: Arg, message: Arg) => number;
  /** Lists the channels that somebody listens to by name. O(N) where N is the number of channels. `PUBSUB CHANNELS` */
  pubsubChannels: (pattern?: Arg) => B[];
  /** Counts the distinct patterns that anybody listens to. O(1). `PUBSUB NUMPAT` */
  pubsubNumpat: () => number;
  /** Counts, for each of the given channels, who listens to it by name. O(N) where N is the number of given channels. `PUBSUB NUMSUB` */
  pubsubNumsub: (...channels: Many[]) => Reply[];
  /** Lists the shard channels that somebody listens to. O(N) where N is the number of shard channels. `PUBSUB SHARDCHANNELS` */
  pubsubShardchannels: (pattern?: Arg) => B[];
  /** Counts, for each of the given shard channels, who listens to it. O(N) where N is the number of given shard channels. `PUBSUB SHARDNUMSUB` */
  pubsubShardnumsub: (...shardchannels: Many[]) => Reply[];
  /** Answers the name of a key chosen at random. O(1). `RANDOMKEY` */
  randomkey: () => B | null;
  /** Renames a key and replaces what the new name held. O(1). `RENAME` */
  rename: (key: Arg, newkey: Arg) => "OK";
  /** Renames a key if the new name is free. O(1). `RENAMENX` */
  renamenx: (key: Arg, newkey: Arg) => number;
  /** Makes a key from a value in Redis' serialized form. O(N) for N bytes of the value, O(N*log(M)) for a sorted set of M members. `RESTORE` */
  restore: (key: Arg, ttl: Integer, serializedValue: Arg, options?: RestoreOptions) => "OK";
  /** Tells the server's part in replication: it is a master. O(1). `ROLE` */
  role: () => Reply[];
  /** Removes and answers the last element of a list, or as many as asked for. O(N) in the elements answered. `RPOP` */
  rpop: [
    (key: Arg) => B | null,
    (key: Arg, count: Integer) => B[] | null,
  ];
  /** Takes the last element of a list and adds it at the head of another, in one step. O(1). `RPOPLPUSH` */
  rpoplpush: (source: Arg, destination: Arg) => B | null;
  /** Adds elements at the tail of a list and makes the list if there is none. O(1) per element. `RPUSH` */
  rpush: (key: Arg, ...elements: Many[]) => number;
  /** Adds elements at the tail of a list that exists. O(1) per element. `RPUSHX` */
  rpushx: (key: Arg, ...elements: Many[]) => number;
  /** Adds members to a set, which is created when missing. O(1) for each member. `SADD` */
  sadd: (key: Arg, ...members: Many[]) => number;
  /** Iterates over the names of the database's keys. O(1) for each call, O(N) for a whole iteration over N keys. `SCAN` */
  scan: (cursor: Arg, options?: ScanOptions) => [B, B[]];
  /** Answers the number of members of a set. O(1). `SCARD` */
  scard: (key: Arg) => number;
  /** Answers the members of the first set that none of the others has. O(N*M) for M sets and N members of the first. `SDIFF` */
  sdiff: (...keys: Many[]) => B[];
  /** Stores the members of the first set that none of the others has in a key and answers how many. O(N*M) for M sets and N members of the first. `SDIFFSTORE` */
  sdiffstore: (destination: Arg, ...keys: Many[]) => number;
  /** Chooses the database that the connection works on. O(1). `SELECT` */
  select: (index: Integer) => "OK";
  /** Sets a key to a string, whatever it held before; on request only if it is there or is not or holds what is expected, and with an expiry. O(1). `SET` */
  set: [
    (key: Arg, value: Arg, options: SetOptions & { get: true }) => B | null,
    (key: Arg, value: Arg, options?: SetOptions & { get?: false }) => "OK" | null,
    (key: Arg, value: Arg, options: SetOptions) => "OK" | null | B,
  ];
  /** Sets or clears one bit of a string, which grows to hold it, and answers what the bit was. O(1). `SETBIT` */
  setbit: (key: Arg, offset: Integer, value: Integer) => number;
  /** Sets a key to a string that expires in so many seconds. O(1). `SETEX` */
  setex: (key: Arg, seconds: Integer, value: Arg) => "OK";
  /** Sets a key to a string unless it is there already. O(1). `SETNX` */
  setnx: (key: Arg, value: Arg) => number;
  /** Writes bytes into a string at an offset, with zeros up to there where it is shorter; answers its length. O(N) for the N bytes written, and for the zeros in front of them. `SETRANGE` */
  setrange: (key: Arg, offset: Integer, value: Arg) => number;
  /** Answers the members that several sets have in common. O(N*M) for M sets and N members of the smallest. `SINTER` */
  sinter: (...keys: Many[]) => B[];
  /** Answers how many members several sets have in common. O(N*M) for M sets and N members of the smallest. `SINTERCARD` */
  sintercard: (keys: Many, options?: SintercardOptions) => number;
  /** Stores the members that several sets have in common in a key and answers how many. O(N*M) for M sets and N members of the smallest. `SINTERSTORE` */
  sinterstore: (destination: Arg, ...keys: Many[]) => number;
  /** Tells whether a value is a member of a set. O(1). `SISMEMBER` */
  sismember: (key: Arg, member: Arg) => number;
  /** Answers the last commands that took long, the latest first. O(N) where N is the number of entries answered. `SLOWLOG GET` */
  slowlogGet: (count?: Integer) => Reply[];
  /** Answers how many commands the log holds. O(1). `SLOWLOG LEN` */
  slowlogLen: () => number;
  /** Forgets the commands that took long. O(N) where N is the number of entries in the log. `SLOWLOG RESET` */
  slowlogReset: () => "OK";
  /** Answers all members of a set. O(N) for N members. `SMEMBERS` */
  smembers: (key: Arg) => B[];
  /** Tells of each of several values whether it is a member of a set. O(1) for each member. `SMISMEMBER` */
  smismember: (key: Arg, ...members: Many[]) => number[];
  /** Moves a member from one set to another. O(1). `SMOVE` */
  smove: (source: Arg, destination: Arg, member: Arg) => number;
  /** Answers or stores the elements of a list, set or sorted set in sorted order. O(N+M*log(M)) for N elements of which M are answered; O(N) when they are not sorted. `SORT` */
  sort: [
    (key: Arg, options: SortOptions & { store: Arg }) => number,
    (key: Arg, options?: SortOptions & { store?: undefined }) => (B | null)[],
    (key: Arg, options: SortOptions) => (B | null)[] | number,
  ];
  /** Answers the elements of a list, set or sorted set in sorted order. O(N+M*log(M)) for N elements of which M are answered; O(N) when they are not sorted. `SORT_RO` */
  sort_ro: (key: Arg, options?: Sort_roOptions) => (B | null)[];
  /** Takes one or several members, chosen at random, out of a set and answers them. O(1); with a count O(N) for N members popped. `SPOP` */
  spop: [
    (key: Arg) => B | null,
    (key: Arg, count: Integer) => B[],
  ];
  /** Sends a message to everybody who listens to a shard channel, and answers how many received it. O(N) where N is the number of receivers. `SPUBLISH` */
  spublish: (shardchannel: Arg, message: Arg) => number;
  /** Answers one or several members of a set, chosen at random; a negative count allows repetition. O(1); with a count O(N) for N members answered. `SRANDMEMBER` */
  srandmember: [
    (key: Arg) => B | null,
    (key: Arg, count: Integer) => B[],
  ];
  /** Removes members from a set. O(1) for each member. `SREM` */
  srem: (key: Arg, ...members: Many[]) => number;
  /** Iterates over the members of a set. O(1) for each call, O(N) for a whole iteration over N members. `SSCAN` */
  sscan: (key: Arg, cursor: Arg, options?: SscanOptions) => [B, B[]];
  /** Answers the length of a string in bytes, 0 where there is no key. O(1). `STRLEN` */
  strlen: (key: Arg) => number;
  /** The old name of GETRANGE. O(N) for the N bytes answered. `SUBSTR` */
  substr: (key: Arg, start: Integer, end: Integer) => B;
  /** Answers the members of any of several sets. O(N) for N members in all sets. `SUNION` */
  sunion: (...keys: Many[]) => B[];
  /** Stores the members of any of several sets in a key and answers how many. O(N) for N members in all sets. `SUNIONSTORE` */
  sunionstore: (destination: Arg, ...keys: Many[]) => number;
  /** Exchanges two databases. O(N) for N watched or waited-for keys. `SWAPDB` */
  swapdb: (index1: Integer, index2: Integer) => "OK";
  /** Answers the time: seconds since 1970, and microseconds of the second. O(1). `TIME` */
  time: () => [B, B];
  /** Marks keys as used now and counts those that exist. O(N) for N keys. `TOUCH` */
  touch: (...keys: Many[]) => number;
  /** Answers in how many seconds a key expires; -1 for never, -2 for no such key. O(1). `TTL` */
  ttl: (key: Arg) => number;
  /** Answers the type of the value that a key holds. O(1). `TYPE` */
  type: (key: Arg) => string;
  /** Deletes keys and gives their memory back later. O(N) for N keys; memory is given back in slices. `UNLINK` */
  unlink: (...keys: Many[]) => number;
  /** Forgets the watched keys. O(1). `UNWATCH` */
  unwatch: () => "OK";
  /** Makes the next EXEC depend on the given keys staying as they are. O(1) for every key. `WATCH` */
  watch: (...keys: Many[]) => "OK";
  /** Takes entries off a group's list of what is pending, as done with, and counts those that were on it. O(log N) for each id, N being what is pending. `XACK` */
  xack: (key: Arg, group: Arg, ...ids: Many[]) => number;
  /** Takes entries off a group's list of what is pending and deletes them, as far as other groups let go of them. O(1) for each id. `XACKDEL` */
  xackdel: (key: Arg, group: Arg, ids: Many, options?: XackdelOptions) => number[];
  /** Adds an entry of fields and values to a stream, under a new id, and trims the stream where asked to. O(1), and O(N) for N entries trimmed. `XADD` */
  xadd: [
    (key: Arg, id: Arg, data: Readonly<Record<string, Arg>> | readonly { field: Arg; value: Arg }[], options: XaddOptions & { nomkstream: boolean }) => B | null,
    (key: Arg, id: Arg, data: Readonly<Record<string, Arg>> | readonly { field: Arg; value: Arg }[], options?: XaddOptions) => B,
    (key: Arg, id: Arg, field: Arg, value: Arg, ...more: Arg[]) => B,
  ];
  /** Hands a consumer what others have left pending for too long, from an id on, as much as COUNT says. O(1) for a small COUNT. `XAUTOCLAIM` */
  xautoclaim: (key: Arg, group: Arg, consumer: Arg, minIdleTime: Arg, start: Arg, options?: XautoclaimOptions) => [B, ([B, B[]] | B)[], B[]];
  /** Hands a consumer these entries, where others have left them pending for too long. O(log N) for each id, N being what is pending. `XCLAIM` */
  xclaim: (key: Arg, group: Arg, consumer: Arg, minIdleTime: Arg, ids: Many, options?: XclaimOptions) => ([B, B[]] | B)[];
  /** Deletes entries and counts those that were there. O(1) for each id. `XDEL` */
  xdel: (key: Arg, ...ids: Many[]) => number;
  /** Deletes entries, and says of each whether it went: groups may keep what they hold, lose it, or hold the entry. O(1) for each id. `XDELEX` */
  xdelex: (key: Arg, ids: Many, options?: XdelexOptions) => number[];
  /** Makes a group that is given the entries after an id; `$` is the last one. O(1). `XGROUP CREATE` */
  xgroupCreate: (key: Arg, group: Arg, idSelector: Arg, options?: XgroupCreateOptions) => "OK";
  /** Makes a consumer in a group. O(1). `XGROUP CREATECONSUMER` */
  xgroupCreateconsumer: (key: Arg, group: Arg, consumer: Arg) => number;
  /** Deletes a consumer with what it has pending, and counts that. O(N) for N entries that it has pending. `XGROUP DELCONSUMER` */
  xgroupDelconsumer: (key: Arg, group: Arg, consumer: Arg) => number;
  /** Deletes a group with all that is pending in it. O(N) for N entries that are pending. `XGROUP DESTROY` */
  xgroupDestroy: (key: Arg, group: Arg) => number;
  /** Sets the id after which a group is given entries. O(1). `XGROUP SETID` */
  xgroupSetid: (key: Arg, group: Arg, idSelector: Arg, options?: XgroupSetidOptions) => "OK";
  /** Lists the consumers of a group. O(N) for N consumers. `XINFO CONSUMERS` */
  xinfoConsumers: (key: Arg, group: Arg) => Record<string, Reply>[];
  /** Lists the groups of a stream. O(N) for N groups. `XINFO GROUPS` */
  xinfoGroups: (key: Arg) => Record<string, Reply>[];
  /** Tells about a stream: its counters, its ends, and in full its entries, groups and what is pending. O(N) for N nodes of a hundred entries. `XINFO STREAM` */
  xinfoStream: (key: Arg, options?: XinfoStreamOptions) => Record<string, Reply>;
  /** Counts the entries. O(1). `XLEN` */
  xlen: (key: Arg) => number;
  /** Tells what is pending in a group: in short, or entry by entry. O(N) for N consumers in short, else for N entries looked at. `XPENDING` */
  xpending: [
    (key: Arg, group: Arg) => [number, B | null, B | null, [B, B][] | null],
    (key: Arg, group: Arg, start: Arg, end: Arg, count: Integer, consumer?: Arg, options?: XpendingOptions) => [B, B, number, number][],
  ];
  /** Answers the entries between two ids. O(N) for N entries answered. `XRANGE` */
  xrange: (key: Arg, start: Arg, end: Arg, options?: XrangeOptions) => [B, B[]][] | null;
  /** Answers the entries of several streams after an id each, and waits for one where asked to. O(N) for N entries answered. `XREAD` */
  xread: (streams: Readonly<Record<string, Arg>> | readonly { key: Arg; id: Arg }[], options?: XreadOptions) => Record<string, [B, B[]][]> | null;
  /** Answers entries as a consumer of a group: new ones, which are pending then, or those it has pending. O(N log M) for N entries answered, M being what is pending. `XREADGROUP` */
  xreadgroup: (group: Arg, consumer: Arg, streams: Readonly<Record<string, Arg>> | readonly { key: Arg; id: Arg }[], options?: XreadgroupOptions) => Record<string, [B, B[] | null][]> | null;
  /** Answers the entries between two ids, last one first. O(N) for N entries answered. `XREVRANGE` */
  xrevrange: (key: Arg, end: Arg, start: Arg, options?: XrevrangeOptions) => [B, B[]][] | null;
  /** Sets the id after which a stream's next one must come, and the counters kept beside it. O(1). `XSETID` */
  xsetid: (key: Arg, lastId: Arg, options?: XsetidOptions) => "OK";
  /** Deletes the oldest entries beyond a number, or before an id, and counts them. O(N) for N entries deleted. `XTRIM` */
  xtrim: (key: Arg, options: XtrimOptions) => number;
  /** Gives members their scores, adding those that are new; conditions and INCR narrow or turn that. O(log N) for each member. `ZADD` */
  zadd: [
    (key: Arg, data: { score: Double; member: Arg } | readonly { score: Double; member: Arg }[], options: ZaddOptions & { incr: true }) => number | null,
    (key: Arg, data: { score: Double; member: Arg } | readonly { score: Double; member: Arg }[], options?: ZaddOptions & { incr?: false }) => number,
    (key: Arg, data: { score: Double; member: Arg } | readonly { score: Double; member: Arg }[], options: ZaddOptions) => number | null,
    (key: Arg, score: Double, member: Arg, ...more: Arg[]) => number,
  ];
  /** Counts the members. O(1). `ZCARD` */
  zcard: (key: Arg) => number;
  /** Counts the members with scores in a range. O(log N). `ZCOUNT` */
  zcount: (key: Arg, min: Double, max: Double) => number;
  /** Answers the entries of the first set whose members are in none of the others. O(N K + M log M), N being the members of the first of K inputs, M those in the reply. `ZDIFF` */
  zdiff: [
    (keys: Many, options: ZdiffOptions & { withscores: true }) => [B, number][],
    (keys: Many, options?: ZdiffOptions & { withscores?: false }) => B[],
    (keys: Many, options: ZdiffOptions) => B[] | [B, number][],
  ];
  /** Stores the entries of the first set whose members are in none of the others. O(N K + M log M), N being the members of the first of K inputs, M those stored. `ZDIFFSTORE` */
  zdiffstore: (destination: Arg, keys: Many) => number;
  /** Adds to the score of a member, which starts from 0. O(log N). `ZINCRBY` */
  zincrby: (key: Arg, increment: Integer, member: Arg) => number;
  /** Answers the members that several sets share, their scores put together. O(N K + M log M), N being the members of the smallest of K inputs, M those in the reply. `ZINTER` */
  zinter: [
    (keys: Many, options: ZinterOptions & { withscores: true }) => [B, number][],
    (keys: Many, options?: ZinterOptions & { withscores?: false }) => B[],
    (keys: Many, options: ZinterOptions) => B[] | [B, number][],
  ];
  /** Counts the members that several sets share, up to a limit. O(N K), N being the members of the smallest of K inputs. `ZINTERCARD` */
  zintercard: (keys: Many, options?: ZintercardOptions) => number;
  /** Stores the members that several sets share, their scores put together. O(N K + M log M), N being the members of the smallest of K inputs, M those stored. `ZINTERSTORE` */
  zinterstore: (destination: Arg, keys: Many, options?: ZinterstoreOptions) => number;
  /** Counts the members between two members, all scores being equal. O(log N). `ZLEXCOUNT` */
  zlexcount: (key: Arg, min: Arg, max: Arg) => number;
  /** Takes entries out of the first of several sorted sets that is not empty. O(K + M log N), K being the keys and M the entries taken out. `ZMPOP` */
  zmpop: (keys: Many, where: Word<"MIN" | "MAX">, options?: ZmpopOptions) => [B, [B, number][]] | null;
  /** Answers the scores of several members. O(1) for each member. `ZMSCORE` */
  zmscore: (key: Arg, ...members: Many[]) => (number | null)[];
  /** Takes out the entries with the highest scores and answers them. O(M log N), M being the entries taken out. `ZPOPMAX` */
  zpopmax: [
    (key: Arg) => [B, number] | [],
    (key: Arg, count: Integer) => [B, number][],
  ];
  /** Takes out the entries with the lowest scores and answers them. O(M log N), M being the entries taken out. `ZPOPMIN` */
  zpopmin: [
    (key: Arg) => [B, number] | [],
    (key: Arg, count: Integer) => [B, number][],
  ];
  /** Answers members chosen at random; with a negative count the same one may come again. O(M log N), M being the members in the reply. `ZRANDMEMBER` */
  zrandmember: [
    (key: Arg) => B | null,
    (key: Arg, count: Integer, options: ZrandmemberOptions & { withscores: true }) => [B, number][],
    (key: Arg, count: Integer, options?: ZrandmemberOptions & { withscores?: false }) => B[],
    (key: Arg, count: Integer, options: ZrandmemberOptions) => B[] | [B, number][],
  ];
  /** Answers the entries in a range of ranks, scores or members. O(log N + M), M being the entries in the reply. `ZRANGE` */
  zrange: [
    (key: Arg, start: Arg, stop: Arg, options: ZrangeOptions & { withscores: true }) => [B, number][],
    (key: Arg, start: Arg, stop: Arg, options?: ZrangeOptions & { withscores?: false }) => B[],
    (key: Arg, start: Arg, stop: Arg, options: ZrangeOptions) => B[] | [B, number][],
  ];
  /** Answers the members between two members, all scores being equal. O(log N + M), M being the members in the reply. `ZRANGEBYLEX` */
  zrangebylex: (key: Arg, min: Arg, max: Arg, options?: ZrangebylexOptions) => B[];
  /** Answers the entries with scores in a range, lowest first. O(log N + M), M being the entries in the reply. `ZRANGEBYSCORE` */
  zrangebyscore: [
    (key: Arg, min: Double, max: Double, options: ZrangebyscoreOptions & { withscores: true }) => [B, number][],
    (key: Arg, min: Double, max: Double, options?: ZrangebyscoreOptions & { withscores?: false }) => B[],
    (key: Arg, min: Double, max: Double, options: ZrangebyscoreOptions) => B[] | [B, number][],
  ];
  /** Stores the entries in a range of another sorted set. O(log N + M), M being the entries stored. `ZRANGESTORE` */
  zrangestore: (dst: Arg, src: Arg, min: Arg, max: Arg, options?: ZrangestoreOptions) => number;
  /** Answers how many members stand before this one, lowest score first. O(log N). `ZRANK` */
  zrank: [
    (key: Arg, member: Arg, options: ZrankOptions & { withscore: true }) => [number, number] | null,
    (key: Arg, member: Arg, options?: ZrankOptions & { withscore?: false }) => number | null,
    (key: Arg, member: Arg, options: ZrankOptions) => number | null | [number, number],
  ];
  /** Takes members out and counts those that were there. O(log N) for each member. `ZREM` */
  zrem: (key: Arg, ...members: Many[]) => number;
  /** Takes out the members between two members, all scores being equal. O(M log N), M being the members taken out. `ZREMRANGEBYLEX` */
  zremrangebylex: (key: Arg, min: Arg, max: Arg) => number;
  /** Takes out the members in a range of ranks. O(M log N), M being the members taken out. `ZREMRANGEBYRANK` */
  zremrangebyrank: (key: Arg, start: Integer, stop: Integer) => number;
  /** Takes out the members with scores in a range. O(M log N), M being the members taken out. `ZREMRANGEBYSCORE` */
  zremrangebyscore: (key: Arg, min: Double, max: Double) => number;
  /** Answers the entries in a range of ranks, highest score first. O(log N + M), M being the entries in the reply. `ZREVRANGE` */
  zrevrange: [
    (key: Arg, start: Integer, stop: Integer, options: ZrevrangeOptions & { withscores: true }) => [B, number][],
    (key: Arg, start: Integer, stop: Integer, options?: ZrevrangeOptions & { withscores?: false }) => B[],
    (key: Arg, start: Integer, stop: Integer, options: ZrevrangeOptions) => B[] | [B, number][],
  ];
  /** Answers the members between two members from the last one down, all scores being equal. O(log N + M), M being the members in the reply. `ZREVRANGEBYLEX` */
  zrevrangebylex: (key: Arg, max: Arg, min: Arg, options?: ZrevrangebylexOptions) => B[];
  /** Answers the entries with scores in a range, highest first. O(log N + M), M being the entries in the reply. `ZREVRANGEBYSCORE` */
  zrevrangebyscore: [
    (key: Arg, max: Double, min: Double, options: ZrevrangebyscoreOptions & { withscores: true }) => [B, number][],
    (key: Arg, max: Double, min: Double, options?: ZrevrangebyscoreOptions & { withscores?: false }) => B[],
    (key: Arg, max: Double, min: Double, options: ZrevrangebyscoreOptions) => B[] | [B, number][],
  ];
  /** Answers how many members stand before this one, highest score first. O(log N). `ZREVRANK` */
  zrevrank: [
    (key: Arg, member: Arg, options: ZrevrankOptions & { withscore: true }) => [number, number] | null,
    (key: Arg, member: Arg, options?: ZrevrankOptions & { withscore?: false }) => number | null,
    (key: Arg, member: Arg, options: ZrevrankOptions) => number | null | [number, number],
  ];
  /** Walks through a sorted set in steps; what is there throughout is met. O(1) a call, O(N) for all of it. `ZSCAN` */
  zscan: (key: Arg, cursor: Arg, options?: ZscanOptions) => [B, B[]];
  /** Answers the score of a member. O(1). `ZSCORE` */
  zscore: (key: Arg, member: Arg) => number | null;
  /** Answers the members of any of several sets, their scores put together. O(N + M log M), N being the members of all inputs and M those in the reply. `ZUNION` */
  zunion: [
    (keys: Many, options: ZunionOptions & { withscores: true }) => [B, number][],
    (keys: Many, options?: ZunionOptions & { withscores?: false }) => B[],
    (keys: Many, options: ZunionOptions) => B[] | [B, number][],
  ];
  /** Stores the members of any of several sets, their scores put together. O(N + M log M), N being the members of all inputs and M those stored. `ZUNIONSTORE` */
  zunionstore: (destination: Arg, keys: Many, options?: ZunionstoreOptions) => number;
}

/** The commands that may wait, which only the portable client has. */
export interface Waiting<B = string> {
  /** Does what LMOVE does; waits while the source is empty. O(1). `BLMOVE` */
  blmove: (source: Arg, destination: Arg, wherefrom: Word<"LEFT" | "RIGHT">, whereto: Word<"LEFT" | "RIGHT">, timeout: Double, options?: WaitOptions) => B | null;
  /** Does what LMPOP does; waits while all lists are empty. O(N+M) for N keys and M elements answered. `BLMPOP` */
  blmpop: (timeout: Double, keys: Many, where: Word<"LEFT" | "RIGHT">, options?: BlmpopOptions & WaitOptions) => [B, B[]] | null;
  /** Removes and answers the first element of the first list that has one; waits while all are empty. O(N) in the keys. `BLPOP` */
  blpop: (keys: Many, timeout: Double, options?: WaitOptions) => [B, B] | null;
  /** Removes and answers the last element of the first list that has one; waits while all are empty. O(N) in the keys. `BRPOP` */
  brpop: (keys: Many, timeout: Double, options?: WaitOptions) => [B, B] | null;
  /** Does what RPOPLPUSH does; waits while the source is empty. O(1). `BRPOPLPUSH` */
  brpoplpush: (source: Arg, destination: Arg, timeout: Double, options?: WaitOptions) => B | null;
  /** Takes entries out of the first of several sorted sets that is not empty; waits for one. O(K + M log N), K being the keys and M the entries taken out. `BZMPOP` */
  bzmpop: (timeout: Double, keys: Many, where: Word<"MIN" | "MAX">, options?: BzmpopOptions & WaitOptions) => [B, [B, number][]] | null;
  /** Takes out the entry with the highest score of the first sorted set that has one; waits for one. O(log N). `BZPOPMAX` */
  bzpopmax: (keys: Many, timeout: Double, options?: WaitOptions) => [B, B, number] | null;
  /** Takes out the entry with the lowest score of the first sorted set that has one; waits for one. O(log N). `BZPOPMIN` */
  bzpopmin: (keys: Many, timeout: Double, options?: WaitOptions) => [B, B, number] | null;
  /** Writes a snapshot, and answers when it is durable. O(N) where N is the number of keys in all databases. `SAVE` */
  save: (options?: WaitOptions) => "OK";
  /** Waits until so many replicas have the connection's writes, or the time is up; answers how many have. O(1). `WAIT` */
  wait: (numreplicas: Integer, timeout: Integer, options?: WaitOptions) => number;
  /** Waits until the connection's writes are in the append-only files of this server and of so many replicas, or the time is up; answers in how many of each they are. O(1). `WAITAOF` */
  waitaof: (numlocal: Integer, numreplicas: Integer, timeout: Integer, options?: WaitOptions) => [number, number];
  /** Answers the entries of several streams after an id each, and waits for one where asked to. O(N) for N entries answered. `XREAD` */
  xread: (streams: Readonly<Record<string, Arg>> | readonly { key: Arg; id: Arg }[], options?: XreadOptions & { block?: Integer } & WaitOptions) => Record<string, [B, B[]][]> | null;
  /** Answers entries as a consumer of a group: new ones, which are pending then, or those it has pending. O(N log M) for N entries answered, M being what is pending. `XREADGROUP` */
  xreadgroup: (group: Arg, consumer: Arg, streams: Readonly<Record<string, Arg>> | readonly { key: Arg; id: Arg }[], options?: XreadgroupOptions & { block?: Integer } & WaitOptions) => Record<string, [B, B[] | null][]> | null;
}

/** Options of BGSAVE. */
export type BgsaveOptions = { schedule?: boolean };

/** Options of BITCOUNT. */
export type BitcountOptions = OneOf<{ byte: boolean; bit: boolean }>;

/** Options of BITPOS. */
export type BitposOptions = OneOf<{ byte: boolean; bit: boolean }>;

/** Options of BLMPOP. */
export type BlmpopOptions = { count?: Integer };

/** Options of BZMPOP. */
export type BzmpopOptions = { count?: Integer };

/** Options of CLIENT KILL. */
export type ClientKillOptions = { id?: Integer; type?: Arg; user?: Arg; addr?: Arg; laddr?: Arg; skipme?: Word<"YES" | "NO">; maxage?: Integer };

/** Options of CLIENT LIST. */
export type ClientListOptions = { type?: Word<"NORMAL" | "MASTER" | "REPLICA" | "PUBSUB">; id?: Integer | readonly Integer[] };

/** Options of CLIENT PAUSE. */
export type ClientPauseOptions = OneOf<{ write: boolean; all: boolean }>;

/** Options of CLIENT UNBLOCK. */
export type ClientUnblockOptions = OneOf<{ timeout: boolean; error: boolean }>;

/** Options of COMMAND LIST. */
export type CommandListOptions = { filterby?: readonly [Word<"MODULE">, Arg] | readonly [Word<"ACLCAT">, Arg] | readonly [Word<"PATTERN">, Arg] };

/** Options of COPY. */
export type CopyOptions = { db?: Integer; replace?: boolean };

/** Options of DELEX. */
export type DelexOptions = OneOf<{ ifeq: Arg; ifne: Arg; ifdeq: Arg; ifdne: Arg }>;

/** Options of EXPIRE. */
export type ExpireOptions = OneOf<{ nx: boolean; xx: boolean; gt: boolean; lt: boolean }>;

/** Options of EXPIREAT. */
export type ExpireatOptions = OneOf<{ nx: boolean; xx: boolean; gt: boolean; lt: boolean }>;

/** Options of FLUSHALL. */
export type FlushallOptions = OneOf<{ async: boolean; sync: boolean }>;

/** Options of FLUSHDB. */
export type FlushdbOptions = OneOf<{ async: boolean; sync: boolean }>;

/** Options of GEOADD. */
export type GeoaddOptions = { ch?: boolean } & OneOf<{ nx: boolean; xx: boolean }>;

/** Options of GEODIST. */
export type GeodistOptions = OneOf<{ m: boolean; km: boolean; ft: boolean; mi: boolean }>;

/** Options of GEORADIUS. */
export type GeoradiusOptions = { withcoord?: boolean; withdist?: boolean; withhash?: boolean; count?: Integer; any?: boolean } & OneOf<{ asc: boolean; desc: boolean }> & OneOf<{ store: Arg; storedist: Arg }>;

/** Options of GEORADIUS_RO. */
export type Georadius_roOptions = { withcoord?: boolean; withdist?: boolean; withhash?: boolean; count?: Integer; any?: boolean } & OneOf<{ asc: boolean; desc: boolean }>;

/** Options of GEORADIUSBYMEMBER. */
export type GeoradiusbymemberOptions = { withcoord?: boolean; withdist?: boolean; withhash?: boolean; count?: Integer; any?: boolean } & OneOf<{ asc: boolean; desc: boolean }> & OneOf<{ store: Arg; storedist: Arg }>;

/** Options of GEORADIUSBYMEMBER_RO. */
export type Georadiusbymember_roOptions = { withcoord?: boolean; withdist?: boolean; withhash?: boolean; count?: Integer; any?: boolean } & OneOf<{ asc: boolean; desc: boolean }>;

/** Options of GEOSEARCH. */
export type GeosearchOptions = { count?: Integer; any?: boolean; withcoord?: boolean; withdist?: boolean; withhash?: boolean } & ExactlyOne<{ frommember: Arg; fromlonlat: readonly [longitude: Double, latitude: Double] }> & ExactlyOne<{ byradius: readonly [radius: Double, unit: Word<"M" | "KM" | "FT" | "MI">]; bybox: readonly [width: Double, height: Double, unit: Word<"M" | "KM" | "FT" | "MI">] }> & OneOf<{ asc: boolean; desc: boolean }>;

/** Options of GEOSEARCHSTORE. */
export type GeosearchstoreOptions = { count?: Integer; any?: boolean; storedist?: boolean } & ExactlyOne<{ frommember: Arg; fromlonlat: readonly [longitude: Double, latitude: Double] }> & ExactlyOne<{ byradius: readonly [radius: Double, unit: Word<"M" | "KM" | "FT" | "MI">]; bybox: readonly [width: Double, height: Double, unit: Word<"M" | "KM" | "FT" | "MI">] }> & OneOf<{ asc: boolean; desc: boolean }>;

/** Options of GETEX. */
export type GetexOptions = OneOf<{ ex: Integer; px: Integer; exat: Integer; pxat: Integer; persist: boolean }>;

/** Options of HEXPIRE. */
export type HexpireOptions = OneOf<{ nx: boolean; xx: boolean; gt: boolean; lt: boolean }>;

/** Options of HEXPIREAT. */
export type HexpireatOptions = OneOf<{ nx: boolean; xx: boolean; gt: boolean; lt: boolean }>;

/** Options of HGETEX. */
export type HgetexOptions = OneOf<{ ex: Integer; px: Integer; exat: Integer; pxat: Integer; persist: boolean }>;

/** Options of HPEXPIRE. */
export type HpexpireOptions = OneOf<{ nx: boolean; xx: boolean; gt: boolean; lt: boolean }>;

/** Options of HPEXPIREAT. */
export type HpexpireatOptions = OneOf<{ nx: boolean; xx: boolean; gt: boolean; lt: boolean }>;

/** Options of HRANDFIELD. */
export type HrandfieldOptions = { withvalues?: boolean };

/** Options of HSCAN. */
export type HscanOptions = { match?: Arg; count?: Integer; novalues?: boolean };

/** Options of HSETEX. */
export type HsetexOptions = OneOf<{ fnx: boolean; fxx: boolean }> & OneOf<{ ex: Integer; px: Integer; exat: Integer; pxat: Integer; keepttl: boolean }>;

/** Options of LCS. */
export type LcsOptions = { len?: boolean; idx?: boolean; minmatchlen?: Integer; withmatchlen?: boolean };

/** Options of LMPOP. */
export type LmpopOptions = { count?: Integer };

/** Options of LOLWUT. */
export type LolwutOptions = { version?: Integer };

/** Options of LPOS. */
export type LposOptions = { rank?: Integer; count?: Integer; maxlen?: Integer };

/** Options of MEMORY USAGE. */
export type MemoryUsageOptions = { samples?: Integer };

/** Options of MSETEX. */
export type MsetexOptions = OneOf<{ nx: boolean; xx: boolean }> & OneOf<{ ex: Integer; px: Integer; exat: Integer; pxat: Integer; keepttl: boolean }>;

/** Options of PEXPIRE. */
export type PexpireOptions = OneOf<{ nx: boolean; xx: boolean; gt: boolean; lt: boolean }>;

/** Options of PEXPIREAT. */
export type PexpireatOptions = OneOf<{ nx: boolean; xx: boolean; gt: boolean; lt: boolean }>;

/** Options of RESTORE. */
export type RestoreOptions = { replace?: boolean; absttl?: boolean; idletime?: Integer; freq?: Integer };

/** Options of SCAN. */
export type ScanOptions = { match?: Arg; count?: Integer; type?: Arg };

/** Options of SET. */
export type SetOptions = { get?: boolean } & OneOf<{ nx: boolean; xx: boolean; ifeq: Arg; ifne: Arg; ifdeq: Arg; ifdne: Arg }> & OneOf<{ ex: Integer; px: Integer; exat: Integer; pxat: Integer; keepttl: boolean }>;

/** Options of SINTERCARD. */
export type SintercardOptions = { limit?: Integer };

/** Options of SORT. */
export type SortOptions = { by?: Arg; limit?: readonly [offset: Integer, count: Integer]; get?: Arg | readonly Arg[]; alpha?: boolean; store?: Arg } & OneOf<{ asc: boolean; desc: boolean }>;

/** Options of SORT_RO. */
export type Sort_roOptions = { by?: Arg; limit?: readonly [offset: Integer, count: Integer]; get?: Arg | readonly Arg[]; alpha?: boolean } & OneOf<{ asc: boolean; desc: boolean }>;

/** Options of SSCAN. */
export type SscanOptions = { match?: Arg; count?: Integer };

/** Options of XACKDEL. */
export type XackdelOptions = OneOf<{ keepref: boolean; delref: boolean; acked: boolean }>;

/** Options of XADD. */
export type XaddOptions = { nomkstream?: boolean; limit?: Integer } & OneOf<{ maxlen: Trim<Integer>; minid: Trim<Arg> }>;

/** Options of XAUTOCLAIM. */
export type XautoclaimOptions = { count?: Integer; justid?: boolean };

/** Options of XCLAIM. */
export type XclaimOptions = { idle?: Integer; time?: Integer; retrycount?: Integer; force?: boolean; justid?: boolean; lastid?: Arg };

/** Options of XDELEX. */
export type XdelexOptions = OneOf<{ keepref: boolean; delref: boolean; acked: boolean }>;

/** Options of XGROUP CREATE. */
export type XgroupCreateOptions = { mkstream?: boolean; entriesread?: Integer };

/** Options of XGROUP SETID. */
export type XgroupSetidOptions = { entriesread?: Integer };

/** Options of XINFO STREAM. */
export type XinfoStreamOptions = { full?: boolean; count?: Integer };

/** Options of XPENDING. */
export type XpendingOptions = { idle?: Integer };

/** Options of XRANGE. */
export type XrangeOptions = { count?: Integer };

/** Options of XREAD. */
export type XreadOptions = { count?: Integer };

/** Options of XREADGROUP. */
export type XreadgroupOptions = { count?: Integer; noack?: boolean };

/** Options of XREVRANGE. */
export type XrevrangeOptions = { count?: Integer };

/** Options of XSETID. */
export type XsetidOptions = { entriesadded?: Integer; maxdeletedid?: Arg };

/** Options of XTRIM. */
export type XtrimOptions = { limit?: Integer } & ExactlyOne<{ maxlen: Trim<Integer>; minid: Trim<Arg> }>;

/** Options of ZADD. */
export type ZaddOptions = { ch?: boolean; incr?: boolean } & OneOf<{ nx: boolean; xx: boolean }> & OneOf<{ gt: boolean; lt: boolean }>;

/** Options of ZDIFF. */
export type ZdiffOptions = { withscores?: boolean };

/** Options of ZINTER. */
export type ZinterOptions = { weights?: Double | readonly Double[]; aggregate?: Word<"SUM" | "MIN" | "MAX">; withscores?: boolean };

/** Options of ZINTERCARD. */
export type ZintercardOptions = { limit?: Integer };

/** Options of ZINTERSTORE. */
export type ZinterstoreOptions = { weights?: Double | readonly Double[]; aggregate?: Word<"SUM" | "MIN" | "MAX"> };

/** Options of ZMPOP. */
export type ZmpopOptions = { count?: Integer };

/** Options of ZRANDMEMBER. */
export type ZrandmemberOptions = { withscores?: boolean };

/** Options of ZRANGE. */
export type ZrangeOptions = { rev?: boolean; limit?: readonly [offset: Integer, count: Integer]; withscores?: boolean } & OneOf<{ byscore: boolean; bylex: boolean }>;

/** Options of ZRANGEBYLEX. */
export type ZrangebylexOptions = { limit?: readonly [offset: Integer, count: Integer] };

/** Options of ZRANGEBYSCORE. */
export type ZrangebyscoreOptions = { withscores?: boolean; limit?: readonly [offset: Integer, count: Integer] };

/** Options of ZRANGESTORE. */
export type ZrangestoreOptions = { rev?: boolean; limit?: readonly [offset: Integer, count: Integer] } & OneOf<{ byscore: boolean; bylex: boolean }>;

/** Options of ZRANK. */
export type ZrankOptions = { withscore?: boolean };

/** Options of ZREVRANGE. */
export type ZrevrangeOptions = { withscores?: boolean };

/** Options of ZREVRANGEBYLEX. */
export type ZrevrangebylexOptions = { limit?: readonly [offset: Integer, count: Integer] };

/** Options of ZREVRANGEBYSCORE. */
export type ZrevrangebyscoreOptions = { withscores?: boolean; limit?: readonly [offset: Integer, count: Integer] };

/** Options of ZREVRANK. */
export type ZrevrankOptions = { withscore?: boolean };

/** Options of ZSCAN. */
export type ZscanOptions = { match?: Arg; count?: Integer };

/** Options of ZUNION. */
export type ZunionOptions = { weights?: Double | readonly Double[]; aggregate?: Word<"SUM" | "MIN" | "MAX">; withscores?: boolean };

/** Options of ZUNIONSTORE. */
export type ZunionstoreOptions = { weights?: Double | readonly Double[]; aggregate?: Word<"SUM" | "MIN" | "MAX"> };

/** A line per command: its name (behind a ! when it answers bytes), and how its arguments are laid out where that is more than one after another. */
export const COMMANDS = `acl|cat ?
acl|deluser *
acl|dryrun . . *
acl|genpass ?
acl|getuser
acl|list
acl|load
acl|log ?
acl|save
acl|setuser . *
acl|users
acl|whoami
append
bgrewriteaof
bgsave schedule
bitcount . ? ? byte bit
bitfield . *
bitfield_ro . *
bitop . . *
bitpos . . ? ? byte bit
client|getname
client|getredir
client|id
client|info
client|kill ? id- type- user- addr- laddr- skipme- maxage-
client|list type- id*
client|no-evict
client|no-touch
client|pause . write all
client|setinfo
client|setname
client|trackinginfo
client|unblock . timeout error
client|unpause
command
command|count
command|docs *
command|getkeys . *
command|getkeysandflags . *
command|info *
command|list filterby*
config|get *
config|resetstat
config|rewrite
config|set :parameter,value
copy . . db- replace
dbsize
decr
decrby
del *
delex . ifeq- ifne- ifdeq- ifdne-
digest
!dump
echo
exists *
expire . . nx xx gt lt
expireat . . nx xx gt lt
expiretime
flushall async sync
flushdb async sync
geoadd . nx xx ch ;longitude,latitude,member
geodist . . . m km ft mi
geohash . *
geopos . *
georadius . . . . . withcoord withdist withhash count- any asc desc store- storedist-
georadius_ro . . . . . withcoord withdist withhash count- any asc desc
georadiusbymember . . . . withcoord withdist withhash count- any asc desc store- storedist-
georadiusbymember_ro . . . . withcoord withdist withhash count- any asc desc
geosearch . frommember- fromlonlat* byradius* bybox* asc desc count- any withcoord withdist withhash
geosearchstore . . frommember- fromlonlat* byradius* bybox* asc desc count- any storedist
get
getbit
getdel
getex . ex- px- exat- pxat- persist
getrange
getset
hdel . *
hexists
hexpire . . nx xx gt lt =FIELDS #
hexpireat . . nx xx gt lt =FIELDS #
hexpiretime . =FIELDS #
hget
hgetall
hgetdel . =FIELDS #
hgetex . ex- px- exat- pxat- persist =FIELDS #
hincrby
hincrbyfloat
hkeys
hlen
hmget . *
hmset . :field,value
hpersist . =FIELDS #
hpexpire . . nx xx gt lt =FIELDS #
hpexpireat . . nx xx gt lt =FIELDS #
hpexpiretime . =FIELDS #
hpttl . =FIELDS #
hrandfield . ? withvalues
hscan . . match- count- novalues
hset . :field,value
hsetex . fnx fxx ex- px- exat- pxat- keepttl =FIELDS #field,value
hsetnx
hstrlen
httl . =FIELDS #
hvals
incr
incrby
incrbyfloat
info *
keys
lastsave
latency|doctor
latency|graph
latency|histogram *
latency|history
latency|latest
latency|reset *
lcs . . len idx minmatchlen- withmatchlen
lindex
linsert
llen
lmove
lmpop # . count-
lolwut version-
lpop . ?
lpos . . rank- count- maxlen-
lpush . *
lpushx . *
lrange
lrem
lset
ltrim
memory|doctor
memory|malloc-stats
memory|purge
memory|stats
memory|usage . samples-
mget *
move
mset :key,value
msetex #key,value nx xx ex- px- exat- pxat- keepttl
msetnx :key,value
object|encoding
object|freq
object|idletime
object|refcount
persist
pexpire . . nx xx gt lt
pexpireat . . nx xx gt lt
pexpiretime
pfadd . *
pfcount *
pfmerge . *
ping ?
psetex
pttl
publish
pubsub|channels ?
pubsub|numpat
pubsub|numsub *
pubsub|shardchannels ?
pubsub|shardnumsub *
randomkey
rename
renamenx
restore . . . replace absttl idletime- freq-
role
rpop . ?
rpoplpush
rpush . *
rpushx . *
sadd . *
scan . match- count- type-
scard
sdiff *
sdiffstore . *
select
set . . nx xx ifeq- ifne- ifdeq- ifdne- get ex- px- exat- pxat- keepttl
setbit
setex
setnx
setrange
sinter *
sintercard # limit-
sinterstore . *
sismember
slowlog|get ?
slowlog|len
slowlog|reset
smembers
smismember . *
smove
sort . by- limit* get+ asc desc alpha store-
sort_ro . by- limit* get+ asc desc alpha
spop . ?
spublish
srandmember . ?
srem . *
sscan . . match- count-
strlen
substr
sunion *
sunionstore . *
swapdb
time
touch *
ttl
type
unlink *
unwatch
watch *
xack . . *
xackdel . . keepref delref acked =IDS #
xadd . nomkstream maxlen* minid* limit- . :field,value
xautoclaim . . . . . count- justid
xclaim . . . . @ idle- time- retrycount- force justid lastid-
xdel . *
xdelex . keepref delref acked =IDS #
xgroup|create . . . mkstream entriesread-
xgroup|createconsumer
xgroup|delconsumer
xgroup|destroy
xgroup|setid . . . entriesread-
xinfo|consumers
xinfo|groups
xinfo|stream . full count-
xlen
xpending . . idle- ? ? ? ?
xrange . . . count-
xread count- =STREAMS %key,id
xreadgroup =GROUP . . count- noack =STREAMS %key,id
xrevrange . . . count-
xsetid . . entriesadded- maxdeletedid-
xtrim . maxlen* minid* limit-
zadd . nx xx gt lt ch incr ;score,member
zcard
zcount
zdiff # withscores
zdiffstore . #
zincrby
zinter # weights* aggregate- withscores
zintercard # limit-
zinterstore . # weights* aggregate-
zlexcount
zmpop # . count-
zmscore . *
zpopmax . ?
zpopmin . ?
zrandmember . ? withscores
zrange . . . byscore bylex rev limit* withscores
zrangebylex . . . limit*
zrangebyscore . . . withscores limit*
zrangestore . . . . byscore bylex rev limit*
zrank . . withscore
zrem . *
zremrangebylex
zremrangebyrank
zremrangebyscore
zrevrange . . . withscores
zrevrangebylex . . . limit*
zrevrangebyscore . . . withscores limit*
zrevrank . . withscore
zscan . . match- count-
zscore
zunion # weights* aggregate- withscores
zunionstore . # weights* aggregate-`;

/** The same for the commands that may wait. */
export const WAITING = `blmove
blmpop . # . count-
blpop @ .
brpop @ .
brpoplpush
bzmpop . # . count-
bzpopmax @ .
bzpopmin @ .
save
wait
waitaof
xread count- block- =STREAMS %key,id
xreadgroup =GROUP . . count- block- noack =STREAMS %key,id`;
