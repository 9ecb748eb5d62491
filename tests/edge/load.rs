//! Commands that need memory, in words with places to be filled in; and who is to blame when one ends the process.

use cachelet::bytes::Rng;
use std::cell::RefCell;

/// How many lines at the start of [`LINES`] fill memory.
const GROWING: usize = 12;

/// `<l>` is one of five keys for lists, `<s300>` one of 300 for strings; `<v>` is a value, mostly small, `<n>` a number, `<m>` a member;
/// `<m*>` are up to 500 members, `<p*>` pairs of score and member, `<f*>` of field and value, `<g*>` places on the globe.
const LINES: &str = "\
SET <s300> <v>
SET <s300> <v>
RPUSH <l> <m*>
SADD <e> <m*>
SADD <i> <i*>
ZADD <z> <p*>
HSET <h> <f*>
XADD <x> * <f*>
SET <n100000> yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
SETEX <n100000> 10 <v>
APPEND <s20> <v>
GEOADD <g> <g*>
SET <n100000> <n>
GETSET <s20> <v>
SETRANGE <s20> <n3000000> <v>
SETBIT <b> <n30000000> 1
BITFIELD <b> SET u8 <n16000000> 255
BITFIELD <b> GET u8 0 OVERFLOW SAT INCRBY u16 #<n> 10
BITOP OR <b> <b> <s20>
BITOP NOT <b> <s20>
GETRANGE <s20> 0 -1
GETDEL <s20>
GETEX <s20> EX 100
INCR <n100000>
INCRBYFLOAT <n100000> 1.5
MSET <n100000> <v> <n100000> 1 <n100000> 2 <n100000> 3 <n100000> 4
MGET <s300> <s300> <s300> <s300> <s300> <s300> <s300> <s300>
LCS <s300> <s300>
LCS <s300> <s300> IDX
LPUSH <l> <v>
LINSERT <l> BEFORE <m> <v>
LSET <l> 0 <v>
LREM <l> 0 <m>
LTRIM <l> 0 <n>
LPOP <l> <n100000>
LMOVE <l> <l> LEFT RIGHT
RPOPLPUSH <l> <l>
LMPOP 2 <l> <l> LEFT COUNT <n>
LPOS <l> <m> COUNT 0
LRANGE <l> 0 -1
SADD <i> <n100000> <n100000> <n100000000> <n100000>
SREM <e> <m*>
SMOVE <e> <e> <m>
SPOP <e> <n100000>
SPOP <e>
SRANDMEMBER <e> -<n200000>
SRANDMEMBER <e> <n200000>
SMEMBERS <e>
SUNION <e> <e>
SINTER <e> <e>
SDIFF <e> <e> <i>
SUNIONSTORE <e> <e> <e>
SINTERSTORE <e> <e> <e>
SDIFFSTORE <i> <i> <i>
SUNIONSTORE <i> <i> <i>
SINTERCARD 2 <e> <e>
SMISMEMBER <e> <m*>
SSCAN <e> 0 COUNT 1000000
ZINCRBY <z> 1 <m>
ZRANGE <z> 0 -1 WITHSCORES
ZRANGEBYSCORE <z> -inf +inf
ZRANGESTORE <z> <z> 0 -1
ZREVRANGE <z> 0 <n>
ZUNION 2 <z> <z> WITHSCORES
ZINTER 2 <z> <e>
ZDIFF 2 <z> <z>
ZUNIONSTORE <z> 2 <z> <z>
ZINTERSTORE <z> 2 <z> <z>
ZDIFFSTORE <z> 2 <z> <e>
ZINTERCARD 2 <z> <z>
ZPOPMIN <z> <n100000>
ZMPOP 2 <z> <z> MAX COUNT <n100000>
ZREMRANGEBYRANK <z> 0 <n>
ZREM <z> <m*>
ZRANDMEMBER <z> -<n200000> WITHSCORES
ZSCAN <z> 0 COUNT 1000000
ZMSCORE <z> <m*>
HSETNX <h> <v> <v>
HINCRBY <h> <m> 1
HDEL <h> <m*>
HGETALL <h>
HKEYS <h>
HMGET <h> <m*>
HSCAN <h> 0 COUNT 100000
HRANDFIELD <h> -<n200000> WITHVALUES
HEXPIRE <h> 100 FIELDS 2 <m> <m>
HPERSIST <h> FIELDS 1 <m>
HPEXPIRE <h> 5 FIELDS 2 <m> <m>
XADD <x> MAXLEN ~ 1000 * f <v>
XADD <x> * f <v> g <v>
XRANGE <x> - +
XREVRANGE <x> + - COUNT 100
XREAD STREAMS <x> 0
XGROUP CREATE <x> g 0
XREADGROUP GROUP g c<n> STREAMS <x> >
XREADGROUP GROUP g c1 STREAMS <x> 0
XAUTOCLAIM <x> g c<n> 0 0 COUNT 100000
XPENDING <x> g - + 100000
XINFO STREAM <x> FULL COUNT 0
XTRIM <x> MAXLEN 100
XSETID <x> 99999999999999-1
PFADD <p> <m*>
PFMERGE <p> <p> <p>
PFCOUNT <p> <p>
GEOSEARCH <g> FROMLONLAT 10 10 BYRADIUS 20000 km WITHCOORD WITHDIST
GEOSEARCH <g> FROMLONLAT 10 10 BYRADIUS 20000 km ASC COUNT 1000
GEOSEARCHSTORE <g> <g> FROMLONLAT 10 10 BYRADIUS 20000 km
GEORADIUS <g> 10 10 20000 km STORE <g>
GEOHASH <g> <m*>
SORT <l> ALPHA
SORT <l> ALPHA STORE <l>
SORT <e> ALPHA DESC LIMIT 0 100000
SORT <l> ALPHA GET s* GET #
SORT <e> BY nosort GET s1 STORE <l>
SORT <l> BY s* ALPHA STORE <l>
SORT_RO <e> ALPHA GET h1->*
COPY <s300> <s300> REPLACE
COPY <z> <z> REPLACE
COPY <h> <h> REPLACE
COPY <e> <e> REPLACE
COPY <l> <l> REPLACE
COPY <x> <x> REPLACE
COPY <x> <x> DB 1
DUMP <s300>
DUMP <z>
DUMP <e>
DUMP <h>
DUMP <x>
RENAME <l> <l>
RENAME <s300> <s300>
MOVE <s300> 1
SWAPDB 2 3
SELECT 0
EXPIRE <n100000> 100
PEXPIRE <s300> 5
PERSIST <n100000>
DEL <s300> <l>
UNLINK <z> <h>
TOUCH <s300> <s300>
KEYS *
SCAN 0 COUNT 1000000
RANDOMKEY
OBJECT ENCODING <s20>
OBJECT FREQ <s20>
MEMORY USAGE <z>
MEMORY USAGE <l> SAMPLES 0
DEBUG STRINGMATCH-LEN a b
PUBLISH c<n4> <v>
SPUBLISH c<n4> <v>
SUBSCRIBE c<n>
PSUBSCRIBE c<n>*
CLIENT LIST
CLIENT SETNAME <m>
CLIENT NO-TOUCH OFF
CLIENT TRACKING ON
CLIENT GETREDIR
WATCH <s300> <l>
UNWATCH
INFO everything
COMMAND DOCS
COMMAND
CONFIG GET *
SLOWLOG GET 100
LATENCY HISTOGRAM
ACL LOG
ACL SETUSER u<n> ON >p ~k<n>*
ECHO <v>
PING <v>
BGSAVE
BGREWRITEAOF
WAITAOF 0 0 1
OBJECT HELP
HELLO 3
HELLO 2
BLPOP <l> <l> 0.01
BZPOPMIN <z> 0.01
XREAD BLOCK 5 STREAMS <x> $
";

/// A value: mostly short, now and then of some hundred kilobytes.
pub fn value(rng: &mut Rng) -> Vec<u8> {
    let most = [50, 500, 5000, 60_000, 400_000][rng.below(5)];
    let letter = b'a' + rng.below(26) as u8;
    vec![letter; 1 + rng.below(most)]
}

fn member(rng: &mut Rng) -> Vec<u8> {
    let long = if rng.below(50) == 0 { rng.below(300) } else { 0 };
    format!("m{}{}", "x".repeat(long), rng.below(60_000)).into_bytes()
}

fn fill(place: &str, rng: &mut Rng, words: &mut Vec<Vec<u8>>) {
    if let Some(kind) = place.strip_suffix('*') {
        for _ in 0..1 + rng.below(500) {
            match kind {
                "m" => words.push(member(rng)),
                "i" => words.push(rng.below(1_000_000).to_string().into_bytes()),
                "p" => words.extend([rng.below(1000).to_string().into_bytes(), member(rng)]),
                "f" => words.extend([member(rng), member(rng)]),
                _ => words.extend([
                    (rng.below(360) as i32 - 180).to_string().into_bytes(),
                    (rng.below(160) as i32 - 80).to_string().into_bytes(),
                    member(rng),
                ]),
            }
        }
        return;
    }
    let (kind, most) = (&place[..1], place[1..].parse().unwrap_or(0));
    words.push(match kind {
        "v" => value(rng),
        "m" => member(rng),
        "n" if most != 100_000 => rng.below(if most > 0 { most } else { 1000 }).to_string().into_bytes(),
        _ => format!("{kind}{}", rng.below(if most > 0 { most } else { 5 })).into_bytes(),
    });
}

fn line(template: &str, rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    for word in template.split(' ') {
        match word.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?))) {
            Some((before, (place, after))) => {
                let from = words.len();
                fill(place, rng, &mut words);
                if !before.is_empty() || !after.is_empty() {
                    let text = [before.as_bytes(), &words[from], after.as_bytes()].concat();
                    words[from] = text;
                }
            }
            None => words.push(word.as_bytes().to_vec()),
        }
    }
    words
}

/// Some command.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    let lines: Vec<&str> = LINES.lines().collect();
    // Half of them fill memory.
    let most = if rng.below(2) == 0 { lines.len() } else { GROWING };
    let template = lines[rng.below(most)];
    line(template, rng)
}

/// A DUMP of some key.
pub fn dump(rng: &mut Rng) -> Vec<Vec<u8>> {
    line(["DUMP <s300>", "DUMP <l>", "DUMP <e>", "DUMP <h>", "DUMP <z>", "DUMP <x>", "DUMP <b>"][rng.below(7)], rng)
}

/// A command that makes room.
pub fn removal(rng: &mut Rng) -> Vec<Vec<u8>> {
    line(["DEL <s300> <l>", "UNLINK <e> <h>", "DEL <n100000>", "LPOP <l> 1000", "ZPOPMIN <z> 100"][rng.below(5)], rng)
}

thread_local! {
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Notes what is run next.
pub fn say(seed: u64, words: &[Vec<u8>]) {
    let shown = words.iter().take(8).map(|word| String::from_utf8_lossy(&word[..word.len().min(24)]));
    let text = format!("seed {seed}: {} ({} words)", shown.collect::<Vec<_>>().join(" "), words.len());
    SAID.set(text);
}

extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

const SIGABRT: i32 = 6;

extern "C" fn aborted(_: i32) {
    crate::arena::without(|| {
        let trace = std::backtrace::Backtrace::force_capture();
        eprintln!("memory ended under {}\n{trace}", SAID.with_borrow(Clone::clone));
    });
}

/// Has an abort say what was running, and what panics say so on a memory that does not end.
pub fn watch() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        crate::arena::without(|| {
            eprintln!("under {}", SAID.with_borrow(Clone::clone));
            hook(info);
        });
    }));
    // SAFETY: the process is at its end; what the handler does could at worst end it otherwise.
    unsafe { signal(SIGABRT, aborted) };
}
