//! Commands of every family that writes, made from a seed, and what a keyspace looks like as one number.

use cachelet::bytes::number::I64_TEXT;
use cachelet::bytes::{hash_bytes, Rng};
use cachelet::engine::Engine;
use cachelet::keyspace::ValueRef;
use cachelet::rdb;
use cachelet::resp::{Args, Span};
use cachelet::structures::listpack::Item;

/// Splits a line into words.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// Runs a command; its reply.
pub fn call(engine: &mut Engine, session: u32, argv: &[Vec<u8>]) -> Vec<u8> {
    let bytes = argv.concat();
    let mut start = 0;
    let spans: Vec<Span> = argv
        .iter()
        .map(|arg| {
            let span = Span { start, len: arg.len() as u32 };
            start += span.len;
            span
        })
        .collect();
    let mut out = Vec::new();
    engine.call(session, Args::new(&bytes, &spans), &mut out);
    out
}

/// What a keyspace held: for every key, and for every field of a hash, a hash of all it is, and when it expires.
pub type State = Vec<(u64, i64)>;

/// The state of all databases.
pub fn state(engine: &Engine) -> State {
    let space = &engine.keyspace;
    let mut state = State::new();
    for db in 0..space.databases() {
        for entry in space.database(db).iter() {
            let until = entry.expire_at().unwrap_or(i64::MAX);
            let mut name = format!("{db} {until} ").into_bytes();
            name.extend_from_slice(entry.key());
            let mut add =
                |what: &[u8], at: i64| state.push((hash_bytes(11, &[name.as_slice(), b"=", what].concat()), at));
            match entry.value() {
                ValueRef::Hash(hash) => {
                    for (field, value, expiry) in hash.all_entries() {
                        let at = expiry.unwrap_or(i64::MAX);
                        let text = |item: Item| item.bytes(&mut [0; I64_TEXT]).to_vec();
                        let what = [&text(field)[..], b" ", &text(value), b" ", at.to_string().as_bytes()].concat();
                        add(&what, at.min(until));
                    }
                }
                // A large set has no order.
                ValueRef::Set(set) => set.iter().for_each(|member| add(&member.to_vec(), until)),
                // One that has become small again is read back in the small form, as redis-server does it.
                ValueRef::SortedSet(set) => set.iter().for_each(|(member, score)| {
                    add(&[&member.to_vec()[..], &score.to_bits().to_le_bytes()].concat(), until);
                }),
                value => add(&rdb::dump(value), until),
            }
        }
    }
    state
}

/// The state as a number, whatever the order, without what has expired by `now`.
pub fn digest(state: &State, now: i64) -> u64 {
    state.iter().filter(|&&(_, at)| at > now).fold(0, |sum, &(hash, _)| sum.wrapping_add(hash))
}

/// See the module.
pub struct History {
    rng: Rng,
    depth: usize,
}

/// `k` is a key, `v` a value, `n` a small number, `f` a fraction.
const TEMPLATES: &[&str] = &[
    "SET k v",
    "SET k v PX 300",
    "SET k n",
    "SET k v KEEPTTL",
    "SETRANGE k n v",
    "APPEND k v",
    "INCR k",
    "INCRBYFLOAT k f",
    "GETDEL k",
    "GETEX k PX 40",
    "MSET k v k v",
    "SETBIT k n 1",
    "BITFIELD k INCRBY u8 n 7",
    "BITOP OR k k k",
    "LPUSH k v v",
    "RPUSH k v",
    "LPOP k n",
    "RPOP k",
    "LSET k 0 v",
    "LINSERT k BEFORE v v",
    "LREM k 0 v",
    "LTRIM k 0 n",
    "LMOVE k k LEFT RIGHT",
    "RPOPLPUSH k k",
    "LMPOP 2 k k LEFT COUNT 2",
    "HSET k v v v n",
    "HSET k v n",
    "HDEL k v",
    "HINCRBY k v n",
    "HINCRBYFLOAT k v f",
    "HPEXPIRE k 40 FIELDS 1 v",
    "HPERSIST k FIELDS 1 v",
    "HGETDEL k FIELDS 1 v",
    "SADD k v v n",
    "SREM k v",
    "SPOP k",
    "SPOP k 2",
    "SMOVE k k v",
    "SUNIONSTORE k k k",
    "SDIFFSTORE k k k",
    "ZADD k n v n v",
    "ZINCRBY k f v",
    "ZREM k v",
    "ZPOPMIN k",
    "ZPOPMAX k 2",
    "ZREMRANGEBYRANK k 0 n",
    "ZUNIONSTORE k 2 k k",
    "ZRANGESTORE k k 0 n",
    "GEOADD k 13.3 38.1 v",
    "XADD k * v v",
    "XADD k MAXLEN ~ 3 * v n",
    "XTRIM k MAXLEN 2",
    "XGROUP CREATE k v 0 MKSTREAM",
    "XREADGROUP GROUP v v COUNT 2 STREAMS k >",
    "XSETID k 9999999999999-1",
    "PFADD k v v n",
    "PFMERGE k k k",
    "DEL k",
    "UNLINK k k",
    "EXPIRE k 1",
    "PEXPIRE k 40",
    "PERSIST k",
    "RENAME k k",
    "RENAMENX k k",
    "COPY k k REPLACE",
    "MOVE k 1",
    "SORT k ALPHA STORE k",
    "SELECT 0",
    "SELECT 1",
    "TOUCH k",
    "GET k",
    "HGETALL k",
    "SMEMBERS k",
    "FLUSHDB",
    "SWAPDB 0 1",
    "CONFIG SET appendonly yes",
    "CONFIG SET appendonly no",
    "DEBUG JMAP",
];

/// Those that change all or switch the log come seldom.
const SELDOM: usize = 5;

impl History {
    pub fn new(seed: u64) -> Self {
        History { rng: Rng::new(seed ^ 0x4157), depth: 0 }
    }

    /// The next command. Now and then a transaction opens, and ends some commands later.
    pub fn next(&mut self) -> Vec<Vec<u8>> {
        if self.depth > 0 {
            self.depth -= 1;
            if self.depth == 0 {
                return words("EXEC");
            }
        } else if self.rng.below(15) == 0 {
            self.depth = 2 + self.rng.below(4);
            return words("MULTI");
        }
        // A log that is switched within a transaction cuts it in two.
        let seldom = self.depth == 0 && self.rng.below(25) == 0;
        let common = TEMPLATES.len() - SELDOM;
        let at = if seldom { common + self.rng.below(SELDOM) } else { self.rng.below(common) };
        let words = TEMPLATES[at].split(' ').collect::<Vec<_>>();
        words.into_iter().map(|word| self.word(word)).collect()
    }

    fn word(&mut self, word: &str) -> Vec<u8> {
        match word {
            "k" => format!("key{}", self.rng.below(9)).into_bytes(),
            "v" => match self.rng.below(12) {
                0 => vec![0, 255, b'\r', b'\n'],
                1 => Vec::new(),
                2 => vec![b'x'; 100 + self.rng.below(1500)],
                _ => format!("value{}", self.rng.below(5)).into_bytes(),
            },
            "n" => self.rng.below(20).to_string().into_bytes(),
            "f" => format!("{}.{}", self.rng.below(9), self.rng.below(99)).into_bytes(),
            other => other.as_bytes().to_vec(),
        }
    }
}
